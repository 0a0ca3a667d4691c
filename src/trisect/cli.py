"""The command line: every verb is a thin layer over the Python interface. Nothing heavy loads before it is needed."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from trisect import __version__, checks

VERBS: dict[str, str] = {
    "demo": "a world, a model, a report, in minutes on a laptop",
    "generate": "generate a data set from a world",
    "convert": "convert a folder of published files into a data set",
    "train": "train a recipe on a data set",
    "evaluate": "score a run and write its report",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0, 1 for a failure said in one sentence, 2 for wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="trisect", description="Learn causal variables from frames and actions.")
    parser.add_argument("--version", action="version", version=f"trisect {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb, what in VERBS.items():
        verbs.add_parser(verb, help=what, add_help=False)
    if not given or given[0] in ("-h", "--help", "--version"):
        parser.parse_args(given or ["--help"])
        return 0
    return _run(given[0], given[1:])


def _run(verb: str, rest: list[str]) -> int:
    # The networks are small: a second thread spins more than it helps. Set OMP_NUM_THREADS to have more.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with checks.usage():
            checks.one_of(verb, VERBS, "the verb after 'trisect'")
        runners: dict[str, Callable[[list[str]], None]] = {
            "demo": _demo,
            "generate": _generate,
            "convert": _convert,
            "train": _train,
            "evaluate": _evaluate,
        }
        runners[verb](rest)
    except (ValueError, TypeError, OSError, FloatingPointError) as error:
        print(f"trisect {verb}: {error}", file=sys.stderr)
        return 2 if isinstance(error, checks.UsageError) else 1
    except KeyboardInterrupt:
        print(f"trisect {verb}: interrupted; the same command with --resume goes on where it can", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, with the closest flag, instead of printing the usage."""

    def error(self, message: str) -> NoReturn:
        known = [flag for action in self._actions for flag in action.option_strings]
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            flag = unknown.split()[0].split("=")[0]
            hint = checks.did_you_mean(flag, known) or f"see {self.prog} --help"
            raise checks.UsageError(checks.sentence("a flag", "one of the command's", flag, hint))
        raise checks.UsageError(f"{message}; see {self.prog} --help")


def _parser(verb: str) -> argparse.ArgumentParser:
    return _Parser(prog=f"trisect {verb}", description=VERBS[verb], allow_abbrev=False)


def _world_name(text: str) -> str:
    return text.replace("-", "_")


def _generate(rest: list[str]) -> None:
    parser = _parser("generate")
    parser.add_argument("world", help="ball-in-boxes or linear")
    parser.add_argument("--frames", type=int, default=40_000, help="frames of the training split (default 40000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--episode-length", type=int, default=100, help="frames per episode (default 100)")
    parser.add_argument("--workers", type=int, default=1, help="processes; the bytes do not depend on it")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the world")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    args = parser.parse_args(rest)
    from trisect.data.generate import generate
    from trisect.worlds import make

    with checks.usage():
        world = make(_world_name(args.world), **dict(_setting(text) for text in args.set))
    data = generate(
        world,
        args.out,
        num_frames=args.frames,
        seed=args.seed,
        episode_length=args.episode_length,
        workers=args.workers,
        progress=_Bar("frames"),
    )
    print(_describe(args.out, data))


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    checks.require(bool(equals), "a --set argument", "NAME=VALUE", repr(text))
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _convert(rest: list[str]) -> None:
    parser = _parser("convert")
    parser.add_argument("folder", type=Path, help="folder with train.npz, val.npz, ..., or one .npz file")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    args = parser.parse_args(rest)
    from trisect.data.convert import convert

    print(_describe(args.out, convert(args.folder, args.out)))


def _describe(path: Path, data: Any) -> str:
    """What lies in a data set, in a few lines."""
    lines = [f"{path}: observations {data.observation_shape}, targeted {', '.join(data.targeted) or 'none'}"]
    lines += [f"  variable {line}" for line in data.variables.describe()]
    for name, split in data.items():
        counts = "" if not hasattr(split, "targets") else _counts(split)
        lines.append(f"  split {name}: {len(split)} rows{counts}")
    return "\n".join(lines)


def _counts(recording: Any) -> str:
    totals = recording.targets.sum(axis=0)
    seen = [f"{name} {int(n)}" for name, n in zip(recording.variables.names, totals) if n]
    return f", {recording.num_episodes} episodes; interventions: {', '.join(seen) or 'none'}"


def _train(rest: list[str]) -> None:
    from trisect.recipes import RECIPES, train
    from trisect.training.recipe_flags import recipe_from_flags

    if not rest or rest[0] in ("-h", "--help"):
        print(
            f"usage: trisect train RECIPE --data FOLDER --out FOLDER [--resume] [--quiet] [--FIELD VALUE ...]\n"
            f"recipes: {', '.join(RECIPES)}; trisect train RECIPE --help lists every field"
        )
        return
    with checks.usage():
        name = checks.one_of(rest[0], RECIPES, "the recipe to train")
    recipe, options = recipe_from_flags(name, RECIPES[name](), rest[1:])
    resume, progress, own = options["resume"], not options["quiet"], _own_functions(options)
    run = train(recipe, options["data"], options["out"], resume=resume, progress=progress, **own)
    again = "".join(f" --{name} {path}" for name, path in own.items())
    print(
        f"{run.folder}: {recipe.method} trained in {run.cost.cpu_seconds:.0f} CPU-seconds; now: trisect evaluate "
        f"{run.folder}{again}"
    )


def _own_functions(options: dict[str, Any]) -> dict[str, Any]:
    """The class paths of an encoder and a decoder, which may lie in the working directory; nothing if not given."""
    own = {name: options[name] for name in ("encoder", "decoder") if options.get(name) is not None}
    if own and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return own


def _evaluate(rest: list[str]) -> None:
    parser = _parser("evaluate")
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--data", type=Path, default=None, help="data set; by default the one it was trained on")
    parser.add_argument("--quick", action="store_true", help="leave out the long probe")
    for name in ("encoder", "decoder"):
        parser.add_argument(f"--{name}", help=f"package.module:Name of the {name} that the run was trained with")
    args = parser.parse_args(rest)
    from trisect.recipes import evaluate

    report = evaluate(args.run, args.data, quick=args.quick, **_own_functions(vars(args)))
    print(report["paragraph"])
    print(f"report: {args.run / 'report.html'}")


def _demo(rest: list[str]) -> None:
    parser = _parser("demo")
    parser.add_argument("world", nargs="?", default="ball-in-boxes", choices=["ball-in-boxes"])
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder to make (default demo)")
    parser.add_argument("--frames", type=int, default=40_000, help="frames of the training split (default 40000)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(rest)
    from trisect.data.store import load
    from trisect.recipes import citris_nf, evaluate, train

    data = args.out / "data"
    if not data.exists():
        _generate([args.world, "--frames", str(args.frames), "--seed", str(args.seed), "--out", str(data)])
    found = load(data)
    got = f"{len(found.recording('train'))} and {found.source.get('seed')}"
    what, must = f"frames and seed of {data}", f"{args.frames} and {args.seed}"
    checks.require(got == must, what, must, got, "choose another --out")
    run = train(citris_nf(seed=args.seed), data, args.out / "run", resume=True)
    report = evaluate(run)
    print("\n" + report["paragraph"])
    print(f"\nreport: {args.out / 'run' / 'report.html'}")


class _Bar:
    """Prints how far a count has come, at most every five seconds."""

    def __init__(self, what: str):
        import time

        self.what, self.clock = what, time.monotonic
        self.began = self.last = self.clock()

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if now - self.last < 5 and done < total:
            return
        left = (now - self.began) / max(done, 1) * (total - done)
        print(f"{self.what}: {done} of {total}, {left:.0f} s left", file=sys.stderr)
        self.last = now


if __name__ == "__main__":
    sys.exit(main())
