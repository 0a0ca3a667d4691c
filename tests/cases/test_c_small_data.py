"""Few windows, single windows and data without variation: trained finitely, or refused before the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.data import Dataset
from trisect.models.causal_model import CausalModel
from trisect.recipes import Recipe, citris_nf, citris_vae, closed_form
from trisect.runs.run import Run

from .fixtures import boxes_data, moving, moving_data, splits, tiny, tiny_run

RECIPES: dict[str, Recipe] = {"closed form": closed_form(), "nf": citris_nf(), "vae": citris_vae()}
every_method = pytest.mark.parametrize("method", RECIPES)


def with_batches(recipe: Recipe, size: int) -> Recipe:
    """A tiny recipe with another batch size in all its stages."""
    small = tiny(recipe)
    names = [name for name in ("batch_size", "flow_batch_size") if hasattr(small, name)]
    return replace(small, **dict.fromkeys(names, size))


def all_finite(run: Run) -> bool:
    return all(value.isfinite().all() for value in run.model.state_dict().values())


@pytest.mark.parametrize("method", ["nf", "vae"])
def test_fewer_windows_than_a_batch_reduce_the_batch_with_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    data = splits(moving(61, rate=0.4), 5)
    assert len(data.recording("train").windows(2)) == 50
    recipe = with_batches(RECIPES[method], 512)
    run = trisect.train(recipe, data, tmp_path / "run", progress=False, despite_errors=True)
    assert "batch size 512 reduced to 50, the number of windows" in caplog.text
    assert all_finite(run) and next(iter(run.history.values()))["steps"] == 6


@pytest.mark.parametrize("method", ["nf", "vae"])
def test_a_remainder_of_one_window_does_no_harm(tmp_path: Path, method: str) -> None:
    """33 windows and batches of 32: no batch is left with a single window."""
    data = splits(moving(44, rate=0.5), 5)
    assert len(data.recording("train").windows(2)) == 33
    recipe = with_batches(RECIPES[method], 32)
    run = trisect.train(recipe, data, tmp_path / "run", progress=False, despite_errors=True)
    assert all_finite(run)


@every_method
def test_batches_of_one_window_are_refused(method: str) -> None:
    with pytest.raises(ValueError, match="the batch_size of a recipe must be an integer of at least 2; got 1"):
        with_batches(RECIPES[method], 1)


@every_method
def test_a_single_pair_is_refused_before_anything_is_written(tmp_path: Path, method: str) -> None:
    one = boxes_data().recording("train").rows(0, 2)
    with pytest.raises(ValueError, match="must be .*; got"):
        tiny_run(tmp_path / "run", Dataset({"train": one, "val": one}), RECIPES[method], despite_errors=True)
    assert not (tmp_path / "run").exists()


def test_a_model_that_starts_from_one_window_has_finite_weights(tmp_path: Path) -> None:
    """Layers that standardise their first batch have no deviation to divide by."""
    recipe = citris_nf()
    recipe = replace(recipe, flow=replace(recipe.flow, start="random"))
    model = tiny_run(tmp_path / "run", moving_data(), recipe).model
    assert isinstance(model, CausalModel)
    for module in model.flow.modules():
        if hasattr(module, "initialised"):
            module.initialised.fill_(False)
    model.flow.initialise(torch.randn(1, 3, generator=torch.Generator().manual_seed(0)))
    assert all(value.isfinite().all() for value in model.state_dict().values())


@every_method
def test_frames_that_never_change_are_refused_with_the_reason(tmp_path: Path, method: str) -> None:
    still = Dataset(
        {n: replace(r, observations=np.full_like(r.observations, 7)) for n, r in boxes_data().items()}  # type: ignore[type-var]
    )
    with pytest.raises(ValueError, match="(all frames are the same|the same in all 600 rows).*check the recording"):
        tiny_run(tmp_path / "run", still, RECIPES[method])
    assert not (tmp_path / "run").exists()


@every_method
def test_one_constant_dimension_among_others_does_no_harm(tmp_path: Path, method: str) -> None:
    data = Dataset({n: with_constant(r) for n, r in moving_data().items()})
    run = tiny_run(tmp_path / "run", data, RECIPES[method])
    observations = data["test"].observations
    z = run.model.encode(observations)
    assert all_finite(run) and z.isfinite().all()
    decoded = run.model.decode(z)
    assert decoded.isfinite().all() and decoded.shape == observations.shape


def with_constant(recording: trisect.data.Recording) -> trisect.data.Recording:
    """The recording with a fourth number that is always 3."""
    always = np.full((len(recording), 1), 3, np.float32)
    return replace(recording, observations=np.concatenate([recording.observations, always], axis=1))
