"""trisect generate: a data set from a world."""

from __future__ import annotations

from pathlib import Path

from trisect import checks
from trisect.commands.arguments import at_least, pairs, parser_for, plain_value
from trisect.commands.rate_lines import RateLines
from trisect.data.description import describe


def run(arguments: list[str]) -> None:
    """Generate a data set and describe it."""
    from trisect.worlds import available

    parser = parser_for("generate", "Generate a data set from a simulated world.")
    names = ", ".join(name.replace("_", "-") for name in available())
    parser.add_argument("world", help=f"world to simulate: {names}")
    parser.add_argument("--frames", type=at_least(2), default=40_000, help="number of training frames (default 40000)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the world's randomness (default 0)")
    parser.add_argument("--episode-length", type=at_least(2), default=100, help="frames per episode (default 100)")
    workers = "number of processes (default 1); the result does not depend on it"
    parser.add_argument("--workers", type=at_least(1), default=1, help=workers)
    setting = "a setting of the world, such as num_variables=2 for linear; repeatable"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=setting)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the data set to make")
    args = parser.parse_args(arguments)
    from trisect.data.generate import generate
    from trisect.worlds import make

    settings = {name: plain_value(value) for name, value in pairs(args.set, "--set").items()}
    with checks.usage():
        world = make(args.world, **settings)
    data = generate(
        world,
        args.out,
        num_frames=args.frames,
        seed=args.seed,
        episode_length=args.episode_length,
        workers=args.workers,
        progress=RateLines("rows"),
    )
    print(describe(args.out, data))
