"""trisect demo: a world, a model, a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trisect import checks
from trisect.commands import generate
from trisect.commands.arguments import parser_for

if TYPE_CHECKING:
    from trisect.methods.recipe import Recipe


@dataclass(frozen=True)
class Demo:
    """What ``trisect demo WORLD`` runs.

    Attributes:
        num_frames: of the training split.
        recipe: seed -> recipe.
    """

    num_frames: int
    recipe: Callable[[int], Recipe]


def demos() -> dict[str, Demo]:
    """World -> its demo; the first one is the default."""
    from trisect.methods.citris_nf import citris_nf

    return {
        "pong": Demo(100_000, lambda seed: citris_nf(num_latents=16, seed=seed)),
        "ball-in-boxes": Demo(40_000, lambda seed: citris_nf(seed=seed)),
    }


def run(arguments: list[str]) -> None:
    """Generate, train and evaluate what is not done yet."""
    from trisect.runs.scoring import evaluate
    from trisect.runs.train import train

    known = demos()
    parser = parser_for("demo", "A world, a model, a report, in minutes on a laptop.")
    parser.add_argument("world", nargs="?", default=next(iter(known)), help=f"one of {', '.join(known)}")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder to make (default demo)")
    parser.add_argument("--frames", type=int, default=None, help="frames of the training split")
    parser.add_argument("--seed", type=int, default=0, help="of the data and of the training (default 0)")
    args = parser.parse_args(arguments)
    from trisect.data.store import load

    with checks.usage():
        name = checks.one_of(args.world.replace("_", "-"), known, "the world of a demo")
    demo = known[name]
    frames = demo.num_frames if args.frames is None else args.frames
    data = args.out / "data"
    if not data.exists():
        generate.run([name, "--frames", str(frames), "--seed", str(args.seed), "--out", str(data)])
    found = load(data)
    world = str(found.source.get("world", {}).get("name")).replace("_", "-")
    got = f"{len(found.recording('train'))} frames of {world}, seed {found.source.get('seed')}"
    must = f"{frames} frames of {name}, seed {args.seed}"
    checks.require(got == must, f"the data in {data}", must, got, "choose another --out")
    trained = train(demo.recipe(args.seed), data, args.out / "run", resume=True)
    report = evaluate(trained)
    print("\n" + report["paragraph"])
    print(f"\nreport: {args.out / 'run' / 'report.html'}")
