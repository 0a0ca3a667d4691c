"""Frames per CPU-second of generating worlds.

    python benchmarks/worlds.py                      # 50,000 frames of each world with 2-D frames, best of 3
    python benchmarks/worlds.py causal3dident --undrawn       # only the steps, without drawing frames

Two numbers: in memory (simulated and drawn), and into a data folder (also written and hashed, one process). CPU time is
that of the process, including system time; set OMP_NUM_THREADS=1 for a single core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trisect.data.chunks import roll_out
from trisect.data.generate import generate, simulate
from trisect.worlds import make


def frames_per_second(make_frames: Callable[[], object], num_frames: int, repeats: int) -> float:
    """Frames per CPU-second, the best of some repeats."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        make_frames()
        seconds.append(time.process_time() - start)
    return num_frames / min(seconds)


def measure(name: str, num_frames: int, repeats: int) -> None:
    """Print both numbers of a world."""
    world = make(name)
    in_memory = frames_per_second(lambda: simulate(world, num_frames, np.random.default_rng(0)), num_frames, repeats)
    with tempfile.TemporaryDirectory() as folder:
        names = iter(range(repeats))

        def write() -> None:
            generate(world, Path(folder) / str(next(names)), num_frames=num_frames, seed=0, splits={})

        on_disk = frames_per_second(write, num_frames, repeats)
    shape = "x".join(map(str, world.observation_shape))
    print(f"{name} {shape}: {in_memory:,.0f} frames per CPU-second in memory, {on_disk:,.0f} into a folder")


def measure_steps(name: str, num_steps: int, repeats: int) -> None:
    """Print the steps per CPU-second of a world with targets but without drawing, in episodes of 100."""
    world = make(name)
    speed = frames_per_second(
        lambda: roll_out(world, num_steps // 100, 100, np.random.default_rng(0)), num_steps, repeats
    )
    print(f"{name}: {speed:,.0f} steps per CPU-second")


def main() -> None:
    """Measure the named worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", default=["ball_in_boxes", "pong"])
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--undrawn", action="store_true", help="measure only the steps, without drawing")
    args = parser.parse_args()
    for name in args.worlds:
        (measure_steps if args.undrawn else measure)(name, args.frames, args.repeats)


if __name__ == "__main__":
    main()
