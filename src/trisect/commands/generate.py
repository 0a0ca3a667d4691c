"""trisect generate: a data set from a world."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from trisect import checks
from trisect.commands.arguments import pairs, parser_for, plain_value
from trisect.data.description import describe


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
        progress=RateLines("rows"),
    )
    print(describe(args.out, data))


class RateLines:
    """Prints how far a count has come, how fast, and the time left, at most every five seconds.

    What the first call counts was done before: it tells nothing of the speed.

    Args:
        what: is counted, in the plural.
        clock: tells the time in seconds.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic):
        self.what, self.clock = what, clock
        self.first: int | None = None
        self.began = self.shown = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if self.first is None:
            self.first, self.began = done, now
            if 0 < done < total:
                print(f"{self.what}: {done:,} of {total:,} are there, going on", file=sys.stderr)
        made, seconds = done - self.first, max(now - self.began, 1e-9)
        if made == 0 or (now - self.shown < 5 and done < total):
            return
        rate = made / seconds
        text = f"{self.what}: {done:,} of {total:,}, {rate:,.0f} per second, {(total - done) / rate:.0f} s left"
        print(text, file=sys.stderr)
        self.shown = now
