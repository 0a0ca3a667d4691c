"""Frames per CPU-second of the 3-D scene, by shape and by rays per pixel.

    python benchmarks/scene.py                       # 200 frames of 64x64 of each shape, best of 3

Every factor changes in every frame. CPU time is that of the process, without compilation and building of the shapes.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from trisect.worlds.scene3d import SHAPES, Scene


def measure(scene: Scene, num_frames: int, repeats: int) -> float:
    """The best of some repeats, in frames per CPU-second."""
    rng = np.random.default_rng(0)
    positions = rng.uniform(-2, 2, (num_frames, 3))
    rotations, hues = rng.uniform(0, 2 * math.pi, (2, num_frames, 3))
    angles = rng.uniform(0, 2 * math.pi, num_frames)
    shapes = np.arange(num_frames) % len(scene.shapes)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        scene.render(positions, rotations, angles, hues, shapes)
        seconds.append(time.process_time() - start)
    return num_frames / min(seconds)


def main() -> None:
    """Measure every shape alone, and all shapes together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--rays", type=int, nargs="+", default=[4, 16])
    args = parser.parse_args()
    for shapes in (*([name] for name in SHAPES), SHAPES):
        figures = []
        for rays in args.rays:
            scene = Scene(shapes, args.resolution, rays)
            measure(scene, 1, 1)
            figures.append(f"{measure(scene, args.frames, args.repeats):,.0f} at {rays} rays")
        print(f"{shapes[0] if len(shapes) == 1 else 'all shapes'}: {', '.join(figures)} per pixel")


if __name__ == "__main__":
    main()
