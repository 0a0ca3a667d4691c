"""trisect generate: a data set from a world."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from trisect import checks
from trisect.data.description import describe
from trisect.verbs.arguments import pairs, parser_for, plain_value


def run(arguments: list[str]) -> None:
    """Generate a data set and say what it holds."""
    from trisect.worlds import available

    parser = parser_for("generate", "Generate a data set from a world.")
    parser.add_argument("world", help=", ".join(name.replace("_", "-") for name in available()))
    parser.add_argument("--frames", type=int, default=40_000, help="frames of the training split (default 40000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--episode-length", type=int, default=100, help="frames per episode (default 100)")
    parser.add_argument("--workers", type=int, default=1, help="processes; the bytes do not depend on it")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the world")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    args = parser.parse_args(arguments)
    from trisect.data.generate import generate
    from trisect.worlds import make

    settings = {name: plain_value(value) for name, value in pairs(args.set, "--set").items()}
    with checks.usage():
        world = make(args.world.replace("-", "_"), **settings)
    data = generate(
        world,
        args.out,
        num_frames=args.frames,
        seed=args.seed,
        episode_length=args.episode_length,
        workers=args.workers,
        progress=_Bar("frames"),
    )
    print(describe(args.out, data))


class _Bar:
    """Prints how far a count has come, at most every five seconds."""

    def __init__(self, what: str):
        self.what, self.clock = what, time.monotonic
        self.began = self.last = self.clock()

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if now - self.last < 5 and done < total:
            return
        left = (now - self.began) / max(done, 1) * (total - done)
        print(f"{self.what}: {done} of {total}, {left:.0f} s left", file=sys.stderr)
        self.last = now
