"""The verbs under attack: what each is asked to do, on small data, and how a user would use what it made."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.faults.processes import Ended, Processes
from tests.faults.uses import TABLE
from tests.methods.test_laws import recipe_of, small

from trisect.methods.table import METHODS
from trisect.runs.causal_encoder import METHOD as CAUSAL_ENCODER
from trisect.runs.causal_encoder import CausalEncoderRecipe

TRAINED = (*METHODS, CAUSAL_ENCODER)
VERBS = (
    *("generate", "generate, 2 workers", "convert", "convert, one file", *(f"train {name}" for name in TRAINED)),
    *("evaluate", "latents", "export"),
)


@dataclass(frozen=True)
class Verb:
    """A command that makes a folder.

    Attributes:
        name: the name in the table.
        arguments: its arguments, given the folder to make.
        use: function of `tests.faults.uses` that uses the folder, and its further arguments.
        inputs: files and folders that it reads.
        begin_with: folder that is copied to the place of the output before it starts; None: there is nothing.
        again: arguments to be added when it is repeated.
        timed_by: what moments are measured by: the CPU time of the process, or the wall clock if it has workers.
    """

    name: str
    arguments: Callable[[Path], list[str | Path]]
    use: tuple[str | Path, ...]
    inputs: tuple[Path, ...] = ()
    begin_with: Path | None = None
    again: tuple[str, ...] = ()
    timed_by: str = "cpu"


@dataclass(frozen=True)
class Whole:
    """What an undisturbed call made.

    Attributes:
        kept: file -> digest of its content, apart from costs.
        value: what its use gives.
        cpu, wall: seconds that the call took.
        calls: names of the calls of the file system that count, in order.
        sizes: sizes of the files in bytes.
    """

    kept: dict[str, str]
    value: str
    cpu: float
    wall: float
    calls: tuple[str, ...]
    sizes: tuple[int, ...]


class Stage:
    """Inputs of all verbs, in a folder that every user may read.

    Args:
        base: an empty folder.
        processes: where commands run.
    """

    def __init__(self, base: Path, processes: Processes):
        self.base, self.processes = base, processes
        base.chmod(0o755)
        self._whole: dict[str, Whole] = {}
        self.verbs = {verb.name: verb for verb in self._verbs()}

    def made(self, name: str, *arguments: str | Path) -> Path:
        """The folder of this name, which the arguments make if it is not there."""
        folder = self.base / name
        if not folder.exists():
            ended = self.processes.run([*arguments, folder])
            assert ended.rc == 0, (arguments, ended.err)
        return folder

    @property
    def frames(self) -> Path:
        """A data set of frames."""
        return self.made("frames", "generate", "ball-in-boxes", *FRAMES, "--out")

    @property
    def vectors(self) -> Path:
        """A data set of vectors, with two chunks in its first split."""
        return self.made("vectors", "generate", "linear", *VECTORS, "--out")

    def run(self, name: str) -> Path:
        """A finished run, or causal encoder."""
        return self.made(name, *self._training(name), "--out")

    def export(self) -> Path:
        """An exported model."""
        return self.made("export", "export", self.run("citris-nf"), "--out")

    def _training(self, name: str) -> list[str | Path]:
        config = self.base / f"{name}.json"
        if not config.exists():
            recipe = small(CausalEncoderRecipe(seed=3)) if name == CAUSAL_ENCODER else recipe_of(METHODS[name])
            settings = {key: value for key, value in recipe.to_json().items() if key != "method"}
            config.write_text(json.dumps(settings))
        return ["train", name, "--config", config, "--data", self.frames, "--quiet"]

    def npz(self) -> Path:
        """A folder of .npz files."""
        folder = self.base / "npz"
        if not folder.exists():
            folder.mkdir()
            rng = np.random.default_rng(0)
            for split, size in {"train": 300, "val": 60, "test": 60}.items():
                frames, targets = rng.integers(0, 255, (size, 8, 8, 3), dtype=np.uint8), rng.random((size, 2)) < 0.3
                np.savez(folder / f"{split}.npz", images=frames, targets=targets, keys=np.array(["a", "b"]))
        return folder

    def _verbs(self) -> Iterator[Verb]:
        generate: list[str | Path] = ["generate", "linear", *VECTORS, "--out"]
        yield Verb("generate", lambda out: [*generate, out], ("data",))
        yield Verb("generate, 2 workers", lambda out: [*generate, out, "--workers", "2"], ("data",), timed_by="wall")
        for name, files in (("convert", self.npz()), ("convert, one file", self.npz() / "train.npz")):
            yield Verb(name, lambda out, files=files: ["convert", files, *NPZ, "--out", out], ("data",), (files,))  # type: ignore[misc]
        for method in TRAINED:
            arguments, use = self._training(method), "causal_encoder" if method == CAUSAL_ENCODER else "run"
            yield Verb(
                f"train {method}",
                lambda out, arguments=arguments: [*arguments, "--out", out],  # type: ignore[misc]
                (use, self.frames),
                (self.frames,),
                again=("--resume",),
            )
        run = self.run("citris-nf")
        yield Verb("evaluate", lambda out: ["evaluate", out, "--quick"], ("report",), (self.frames,), begin_with=run)
        yield Verb("latents", lambda out: ["latents", run, "--out", out / TABLE], ("table",), (run, self.frames))
        yield Verb("export", lambda out: ["export", run, "--out", out], ("export", self.frames), (run,))

    def whole(self, verb: Verb) -> Whole:
        """What the verb makes undisturbed."""
        if verb.name not in self._whole:
            with self.trial(verb) as trial:
                calls = self.base / f"calls-{verb.name.replace(' ', '-')}"
                calls.unlink(missing_ok=True)
                ended = trial.run(kill={"at": 0, "after": False, "file": str(calls), "below": str(trial.folder)})
                assert ended.rc == 0, ended.err
                value = trial.use()
                assert "value" in value, value
                kept, names = self.processes.use("kept", trial.out), tuple(calls.read_text().split())
                sizes = {file.stat().st_size for file in trial.out.rglob("*") if file.is_file()}
                self._whole[verb.name] = Whole(kept, value["value"], ended.cpu, ended.wall, names, tuple(sorted(sizes)))
        return self._whole[verb.name]

    @contextmanager
    def trial(self, verb: Verb) -> Iterator[Trial]:
        """A place for one attack on a verb."""
        folder = Path(tempfile.mkdtemp(dir=self.base, prefix="trial-"))
        folder.chmod(0o755)
        try:
            trial = Trial(self, verb, folder)
            if verb.begin_with is not None:
                shutil.copytree(verb.begin_with, trial.out)
            yield trial
        finally:
            shutil.rmtree(folder, ignore_errors=True)


VECTORS = ("--frames", "2500", "--episode-length", "50", "--seed", "3")
FRAMES = ("--frames", "300", "--episode-length", "50", "--seed", "3")
NPZ = ("--channels", "last", "--levels", "0..255", "--alignment", "effect")


@dataclass(frozen=True)
class Trial:
    """One attack: a folder that holds nothing but the output.

    Attributes:
        stage: the inputs.
        verb: the verb.
        folder: the folder around the output.
    """

    stage: Stage
    verb: Verb
    folder: Path

    @property
    def out(self) -> Path:
        """The folder that the verb makes."""
        return self.folder / "out"

    def run(self, again: bool = False, **options: Any) -> Ended:
        """Call the verb, or call it again."""
        arguments = [*self.verb.arguments(self.out), *(self.verb.again if again else ())]
        return self.stage.processes.run(arguments, **options)

    def use(self) -> Any:
        """Use what is there as a user would."""
        name, *more = self.verb.use
        return self.stage.processes.use(str(name), self.out, *more)

    def left_over(self) -> list[str]:
        """Files and folders beside and in the output that an undisturbed call does not leave."""
        beside = [path.name for path in self.folder.iterdir() if path != self.out]
        hidden = [str(path.relative_to(self.folder)) for path in self.out.rglob(".*")]
        return sorted(beside + hidden)
