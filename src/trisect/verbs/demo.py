"""trisect demo: a world, a model, a report."""

from __future__ import annotations

from pathlib import Path

from trisect import checks
from trisect.verbs import generate
from trisect.verbs.arguments import parser_for


def run(arguments: list[str]) -> None:
    """Generate, train and evaluate what is not done yet."""
    from trisect.recipes import DEMOS, evaluate, train

    parser = parser_for("demo", "A world, a model, a report, in minutes on a laptop.")
    parser.add_argument("world", nargs="?", default=next(iter(DEMOS)), choices=tuple(DEMOS))
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder to make (default demo)")
    parser.add_argument("--frames", type=int, default=None, help="frames of the training split")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    from trisect.data.store import load

    demo = DEMOS[args.world]
    frames = demo.num_frames if args.frames is None else args.frames
    data = args.out / "data"
    if not data.exists():
        generate.run([args.world, "--frames", str(frames), "--seed", str(args.seed), "--out", str(data)])
    found = load(data)
    world = str(found.source.get("world", {}).get("name")).replace("_", "-")
    got = f"{len(found.recording('train'))} frames of {world}, seed {found.source.get('seed')}"
    must = f"{frames} frames of {args.world}, seed {args.seed}"
    checks.require(got == must, f"the data in {data}", must, got, "choose another --out")
    trained = train(demo.recipe(args.seed), data, args.out / "run", resume=True)
    report = evaluate(trained)
    print("\n" + report["paragraph"])
    print(f"\nreport: {args.out / 'run' / 'report.html'}")
