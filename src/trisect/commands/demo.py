"""trisect demo: generates data from a world, trains a model on them and writes a report."""

from __future__ import annotations

from pathlib import Path

from trisect import checks
from trisect.commands import generate
from trisect.commands.arguments import parser_for

DEMOS = {"pong": 100_000, "ball-in-boxes": 40_000}
"""World -> frames of its training split; the first world is the default."""


def run(arguments: list[str]) -> None:
    """Generate data, train citris-nf and evaluate; finished steps are not repeated."""
    from trisect.methods.citris_nf import citris_nf
    from trisect.runs.scoring import evaluate
    from trisect.runs.train import train

    what = "Generate data from a world, train a model on them and write a report, in minutes on a laptop."
    parser = parser_for("demo", what)
    default = next(iter(DEMOS))
    parser.add_argument("world", nargs="?", default=default, help=f"{' or '.join(DEMOS)} (default {default})")
    out = "folder for data, model and report (default demo)"
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="FOLDER", help=out)
    frames_help = ", ".join(f"{number} for {name}" for name, number in DEMOS.items())
    parser.add_argument("--frames", type=int, default=None, help=f"number of training frames (default {frames_help})")
    parser.add_argument("--seed", type=int, default=0, help="seed of the data and of the training (default 0)")
    args = parser.parse_args(arguments)
    from trisect.data.store import load

    with checks.usage():
        name = checks.one_of(args.world.replace("_", "-"), DEMOS, "the world of a demo")
    frames = DEMOS[name] if args.frames is None else args.frames
    data = args.out / "data"
    if not data.exists():
        generate.run([name, "--frames", str(frames), "--seed", str(args.seed), "--out", str(data)])
    loaded = load(data)
    world = str(loaded.source.get("world", {}).get("name")).replace("_", "-")
    got = f"{len(loaded.recording('train'))} frames of {world}, seed {loaded.source.get('seed')}"
    must = f"{frames} frames of {name}, seed {args.seed}"
    checks.require(got == must, f"the data in {data}", must, got, "choose another --out")
    trained = train(citris_nf(seed=args.seed), data, args.out / "run", resume=True)
    report = evaluate(trained)
    print("\n" + report["paragraph"])
    print(f"\nreport: {args.out / 'run' / 'report.html'}")
