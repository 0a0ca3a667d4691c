"""Peak memory of generating, converting and training on 20,000 frames of 64x64x3, each in a separate process.

    python benchmarks/memory.py

The bound is 1.5 times the size of the uint8 training frames plus 600 MB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trisect.interventions import Intervention, SingleTargets, TargetPolicy
from trisect.variables import Categorical, Continuous, VariableSpace
from trisect.worlds.base import World, random_uniform

FRAMES, SIDE = 20_000, 64
BOUND_MB = 1.5 * FRAMES * SIDE * SIDE * 3 / 2**20 + 600
KEYS = ("ball_b", "ball_x", "ball_y")


class Squares(World):
    """A square at (x, y) in one of two colours, on a texture; with Ball-in-Boxes' names, which `convert` knows."""

    name: ClassVar[str] = "squares"
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self.variables = VariableSpace(
            [Categorical("ball_b", 2), Continuous("ball_x", 3.5, 12.5), Continuous("ball_y", 3.5, 28.5)]
        )
        self.interventions = dict(zip(KEYS, (Intervention.PERFECT, Intervention.NONE, Intervention.PERFECT)))
        self.temporal_graph = np.eye(3, dtype=bool)
        self.instantaneous_graph = np.zeros((3, 3), dtype=bool)
        self.observation_shape = (SIDE, SIDE, 3)

    def policy(self) -> TargetPolicy:
        return SingleTargets(2, none_probability=0.5)

    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        return self.independent(num, rng)

    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        x, y = random_uniform(rng, num, 3.5, 12.5), random_uniform(rng, num, 3.5, 28.5)
        return np.stack([rng.integers(2, size=num), x, y], axis=1).astype(np.float64)

    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        fresh = self.independent(len(factors), rng)
        walk = factors + np.array([0.0, 1.0, 1.0]) * rng.standard_normal(factors.shape)
        moved = np.clip(walk, [0, 3.5, 3.5], [1, 12.5, 28.5])
        return np.where(targets, fresh, moved)

    def render(self, factors: np.ndarray) -> np.ndarray:
        grid = np.arange(SIDE)
        column = np.abs(grid - 4 * factors[:, 1:2]) < 6
        row = np.abs(grid - 2 * factors[:, 2:3]) < 6
        square = row[:, :, None] & column[:, None, :]
        texture = (grid[:, None] * 7 + grid * 13) % 64
        frames = np.repeat(np.where(square, 255, texture)[..., None], 3, axis=-1).astype(np.uint8)
        frames[..., 2] = np.where(square & (factors[:, 0] > 0.5)[:, None, None], 0, frames[..., 2])
        return frames

    def settings(self) -> dict[str, Any]:
        return {}


def generate_part(folder: Path) -> None:
    """Generate the data set."""
    from trisect.data.generate import generate

    generate(Squares(), folder / "generated", num_frames=FRAMES, seed=0)


def publish_part(folder: Path) -> None:
    """Write the recordings as the published code does; not measured against the bound."""
    import trisect

    (folder / "published").mkdir()
    data = trisect.load(folder / "generated")
    for name in ("train", "val", "test"):
        recording = data.recording(name)
        np.savez_compressed(
            folder / "published" / f"{name}.npz",
            images=recording.observations,
            latents=recording.factors,
            targets=recording.targets[1:].astype(np.float32),
            keys=np.array(KEYS),
        )


def convert_part(folder: Path) -> None:
    """Convert the published files."""
    from trisect.data.convert import convert

    convert(folder / "published", folder / "converted")


def train_part(folder: Path) -> None:
    """Train both stages for some steps."""
    import trisect

    recipe = trisect.recipes.citris_nf()
    recipe = replace(
        recipe,
        autoencoder_training=replace(recipe.autoencoder_training, steps=100, validate_every=50),
        flow_training=replace(recipe.flow_training, steps=100, validate_every=50),
    )
    trisect.train(recipe, folder / "generated", folder / "run", progress=False)


PARTS = {"generate": generate_part, "publish": publish_part, "convert": convert_part, "train": train_part}


def main() -> None:
    """Run every part in a separate process and print its peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        PARTS[args.part](args.folder)
        print(f"{args.part}: peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MB")
        return
    print(f"bound {BOUND_MB:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            subprocess.run([sys.executable, __file__, "--part", part, "--folder", folder], check=True)


if __name__ == "__main__":
    main()
