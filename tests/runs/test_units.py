"""Vectors and latents in any units give the same result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.scored import r2_of

import trisect
from trisect.data.dataset import Dataset
from trisect.data.generate import simulate
from trisect.methods.recipe import Recipe
from trisect.recipes import citris_nf_vectors, citris_vae, closed_form
from trisect.worlds import make

SCALES = (1e-4, 1.0, 1e4)


def linear(scale: float = 1.0, offset: float = 0.0, sizes: tuple[int, ...] = (8000, 1000, 3000)) -> Dataset:
    """The linear world, its vectors multiplied by a number, with another one added."""
    world, rng = make("linear", seed=0), np.random.default_rng(1)
    recordings = {name: simulate(world, size, rng) for name, size in zip(("train", "val", "test"), sizes)}
    return Dataset(
        {
            name: replace(each, observations=(each.observations * scale + offset).astype(np.float32))
            for name, each in recordings.items()
        }
    )


def r2(recipe: Recipe, data: Dataset, folder: Path, **options) -> float:
    """The mean score of the variables in their own slots, after a short run."""
    run = trisect.train(recipe, data, folder, progress=False, **options)
    again = trisect.load_run(folder, **options)
    test = data.recording("test")
    assert torch.equal(again.model.encode(test.observations[:5]), run.model.encode(test.observations[:5]))
    return r2_of(run.model, test).diag


def short(recipe: Recipe, steps: int) -> Recipe:
    return replace(recipe, flow_training=replace(recipe.flow_training, steps=steps, logger=None))  # type: ignore[attr-defined]


def test_the_closed_form_gives_the_same_scores_in_any_units(tmp_path) -> None:
    scores = [r2(closed_form(), linear(scale), tmp_path / f"{scale}") for scale in SCALES]
    assert min(scores) > 0.98 and max(scores) - min(scores) < 0.01, scores


@pytest.mark.slow
def test_the_flow_gives_the_same_scores_in_any_units(tmp_path) -> None:
    recipe = short(citris_nf_vectors(), 100)
    scores = [r2(recipe, linear(scale), tmp_path / f"{scale}") for scale in SCALES]
    assert min(scores) > 0.97 and max(scores) - min(scores) < 0.01, scores


def test_dimensions_in_different_units_are_identified(tmp_path) -> None:
    data, units = linear(), np.float32(10.0 ** np.linspace(-4, 4, 8))
    mixed = {name: replace(each, observations=each.observations * units) for name, each in data.items()}
    assert r2(closed_form(), Dataset(mixed), tmp_path / "run") > 0.98


def test_vectors_far_from_zero_are_identified_and_restored(tmp_path) -> None:
    data = linear(offset=1e4)
    assert r2(closed_form(), data, tmp_path / "run") > 0.98
    model, vectors = trisect.load_run(tmp_path / "run").model, data["test"].observations[:9]
    assert np.allclose(model.decode(model.encode(vectors)).detach(), vectors, atol=0.01)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_latents_of_an_external_encoder_may_be_in_any_units(scale: float, tmp_path) -> None:
    def encoder(vectors: torch.Tensor) -> torch.Tensor:
        return scale * vectors

    assert r2(closed_form(), linear(), tmp_path / "run", encoder=encoder) > 0.98


def test_vectors_of_about_unit_scale_are_used_as_they_are(tmp_path) -> None:
    run = trisect.train(closed_form(), linear(sizes=(1000, 200, 200)), tmp_path / "run", progress=False)
    assert type(run.model.representation).__name__ == "VectorRepresentation"


@pytest.mark.slow
def test_citris_vae_trains_alike_in_any_units(tmp_path) -> None:
    base = citris_vae(num_latents=8)
    recipe = replace(base, variational_training=replace(base.variational_training, steps=60, logger=None))
    losses = []
    for scale in SCALES:
        run = trisect.train(recipe, linear(scale, sizes=(1000, 200, 200)), tmp_path / f"{scale}", progress=False)
        losses.append(run.history["vae"]["best_score"])
    assert np.allclose(losses, losses[1], rtol=1e-3), losses
