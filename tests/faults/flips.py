"""One flipped bit in one file of a folder, which is then used as a user would use it."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.attacks import Attack, is_sentence, told
from tests.faults.verbs import TRAINED, Stage

import trisect
from trisect.runs.causal_encoder import METHOD as CAUSAL_ENCODER


@dataclass(frozen=True)
class Kind:
    """A kind of folder.

    Attributes:
        name: the name in the table.
        folder: makes the folder, or finds it.
        use: uses a copy of it; returns ``value``, ``refusal`` or ``crash``.
    """

    name: str
    folder: Callable[[], Path]
    use: Callable[[Path], dict[str, Any]]


KINDS = (
    *("data of frames", "data of vectors", *(f"run of {name}" for name in TRAINED)),
    *("unfinished generate", *(f"unfinished train {name}" for name in TRAINED), "export", "shipped model"),
)


def kinds(stage: Stage) -> dict[str, Kind]:
    """All kinds of folders, by name."""
    return {kind.name: kind for kind in _kinds(stage)}


def _kinds(stage: Stage) -> Iterator[Kind]:
    use = stage.processes.use
    yield Kind("data of frames", lambda: stage.frames, lambda folder: use("data", folder))
    yield Kind("data of vectors", lambda: stage.vectors, lambda folder: use("data", folder))
    for name in TRAINED:
        how = "causal_encoder" if name == CAUSAL_ENCODER else "run"
        yield Kind(
            f"run of {name}",
            lambda name=name: stage.run(name),  # type: ignore[misc]
            lambda folder, how=how: use(how, folder, stage.frames),  # type: ignore[misc]
        )
    for verb in ("generate", *(f"train {name}" for name in TRAINED)):
        yield Kind(
            f"unfinished {verb}",
            lambda verb=verb: unfinished(stage, verb),  # type: ignore[misc]
            lambda folder, verb=verb: repeated(stage, verb, folder),  # type: ignore[misc]
        )
    yield Kind("export", stage.export, lambda folder: use("export", folder, stage.frames))
    yield Kind("shipped model", lambda: shipped(stage), lambda folder: use("pretrained", folder, stage.frames))


def shipped(stage: Stage) -> Path:
    """A copy of a shipped model."""
    folder = stage.base / "shipped"
    if not folder.exists():
        shutil.copytree(Path(trisect.__file__).parent / "models/shipped_models/pong", folder)
    return folder


def unfinished(stage: Stage, name: str) -> Path:
    """The folder around what a verb leaves when it is killed shortly before it ends."""
    base, verb = stage.base / f"unfinished-{name.replace(' ', '-')}", stage.verbs[name]
    if not base.exists():
        base.mkdir()
        calls = stage.whole(verb).calls
        kill = {"at": round(0.8 * len(calls)), "after": False, "file": str(stage.base / "calls"), "below": str(base)}
        stage.processes.run(verb.arguments(base / "out"), kill=kill)
    return base


def repeated(stage: Stage, name: str, base: Path) -> dict[str, Any]:
    """Repeat the verb, and use what it made."""
    verb = stage.verbs[name]
    ended = stage.processes.run([*verb.arguments(base / "out"), *verb.again])
    if ended.rc:
        said = "refusal" if ended.rc == 1 and is_sentence(ended, name) else "crash"
        return {said: told(ended)}
    how, *more = verb.use
    result: dict[str, Any] = stage.processes.use(str(how), base / "out", *more)
    return result


def flips(stage: Stage, kind: Kind, count: int, seed: int) -> Iterator[Attack]:
    """Flip random bits, one at a time."""
    rng, folder = random.Random(f"{seed} {kind.name}"), kind.folder()
    files = [file for file in sorted(folder.rglob("*")) if _is_attacked(file, folder)]
    expected: list[Any] = []

    def value() -> Any:
        if not expected:
            with _copy(folder) as copy:
                expected.append(kind.use(copy).get("value"))
            assert expected[0] is not None
        return expected[0]

    for number in range(count):
        file = rng.choice(files)
        place, bit = rng.randrange(file.stat().st_size), rng.randrange(8)
        name = file.relative_to(folder)

        def run(name: Path = name, place: int = place, bit: int = bit) -> str:
            whole = value()
            with _copy(folder) as copy:
                _flip(copy / name, place, bit)
                return _verified(stage, copy, str(name)) or _used(kind.use(copy), whole)

        yield Attack("flipped bit", kind.name, f"{number}: {name}, byte {place}, bit {bit}", run)


def _is_attacked(file: Path, folder: Path) -> bool:
    """Whether a file matters: neither empty nor a lock, a log or a page."""
    return file.is_file() and file.stat().st_size > 0 and not file.name.startswith(".") and file.suffix != ".md"


def _verified(stage: Stage, folder: Path, name: str) -> str:
    """What is wrong with `trisect.verify` of a folder with one damaged file."""
    answer = stage.processes.use("verify", folder)
    if "crash" in answer:
        return f"lost: verify ended in {answer['crash'][-300:]}"
    return "" if name in answer["damaged"] or _has_no_digest(name) else "silent: verify did not name the file"


def _has_no_digest(name: str) -> bool:
    """Files of unfinished work that are checked only when it goes on."""
    return ".partial/" in name


def _used(found: dict[str, Any], whole: Any) -> str:
    """What is wrong with the use of a folder with one damaged file."""
    if "crash" in found:
        return f"lost: no sentence, {str(found['crash'])[-400:]}"
    if "value" in found:
        return "" if found["value"] == whole else "silent: another result"
    return "" if "\n" not in found["refusal"] and len(found["refusal"]) < 1000 else f"lost: {found['refusal'][:300]}"


@contextmanager
def _copy(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="copy-") as base:
        yield shutil.copytree(folder, Path(base) / folder.name)


def _flip(file: Path, place: int, bit: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ (1 << bit)]))
