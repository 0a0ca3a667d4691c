"""One world learned from pixels, with an external encoder, from embeddings and from keypoints.

    python benchmarks/representations.py [--frames 20000] [--recipe closed-form]

The world is Ball-in-Boxes (ball_b and ball_y are intervened on, ball_x is not). Prints an R2 matrix for each input,
with slots as rows. Pixels: the recipe's autoencoder. External encoder: the position of the red ball in the frame.
Embeddings: 64 outputs of a fixed random two-layer network of the state, two constant and two nearly constant
dimensions. Keypoints: 16 b + x, y, and two dimensions of noise.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import trisect
from trisect.data import Dataset, Recording, from_arrays, simulate
from trisect.recipes import RECIPES
from trisect.worlds import make


class Place(nn.Module):
    """The position of the red ball."""

    def forward(self, frames: Tensor) -> Tensor:
        red = (frames[:, 0] - frames[:, 1]).clamp(min=0)
        grid, mass = torch.linspace(-1, 1, frames.shape[-1]), red.sum((1, 2)).clamp(min=1e-6)
        return torch.stack([(red.sum(1) * grid).sum(1) / mass, (red.sum(2) * grid).sum(1) / mass], 1)


def keypoints(factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Position of the ball and two dimensions of noise."""
    return np.column_stack([16 * factors[:, 0] + factors[:, 1], factors[:, 2], rng.normal(size=(len(factors), 2))])


def embeddings(factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fixed random network's 64 outputs, and four dimensions without information."""
    state = (factors - factors.mean(0)) / factors.std(0)
    hidden = np.tanh(state @ rng.normal(size=(3, 128)) / np.sqrt(3) + rng.uniform(-1, 1, 128))
    idle = [np.full((len(factors), 2), 3.0), 1 + 1e-4 * rng.normal(size=(len(factors), 2))]
    return np.concatenate([hidden @ rng.normal(size=(128, 64)) / np.sqrt(128), *idle], axis=1)


def data_of(observations: np.ndarray, recording: Recording) -> Dataset:
    """A data set with the recording's targets and truth."""
    arrays: dict[str, Any] = {"factors": recording.factors, "episode_starts": recording.starts}
    return from_arrays(observations, recording.targets, recording.variables, alignment="effect", **arrays)


def show(name: str, data: Dataset, recipe: str, num_latents: int | None, **functions: Any) -> None:
    """Train a recipe, and print its cost and scores."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        settings = RECIPES[recipe](num_latents=num_latents)
        run = trisect.train(settings, data, Path(folder) / "run", progress=False, **functions)
        report = trisect.evaluate(run, data, quick=True)
    seconds, num = time.process_time() - began, run.model.representation.num_latents
    print(f"{name}: {num} latents, {seconds:.0f} CPU-seconds; columns {', '.join(report['r2']['columns'])}")
    for row, scores in zip(report["r2"]["rows"], report["r2"]["matrix"]):
        print(f"  {row:8s}" + "".join(f"{score:7.2f}" for score in scores), flush=True)


def main() -> None:
    """Train and score on every input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="closed-form")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    recording = simulate(make("ball_in_boxes"), args.frames, rng, 100)
    assert recording.factors is not None
    pixels = data_of(recording.observations, recording)
    show("keypoints", data_of(keypoints(recording.factors, rng), recording), args.recipe, None)
    embedded = data_of(embeddings(recording.factors, np.random.default_rng(5)), recording)
    show("embeddings", embedded, args.recipe, 4)
    show("embeddings, components by default", embedded, args.recipe, None)
    show("external encoder", pixels, args.recipe, None, encoder=Place())
    show("pixels", pixels, args.recipe, None)


if __name__ == "__main__":
    main()
