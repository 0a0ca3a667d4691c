"""What no training can use is refused before the work, by the name of the variable; units do not matter."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.data import Dataset, Recording
from trisect.recipes import Recipe, citris_nf, closed_form
from trisect.runs.run import Run

from .fixtures import boxes_data, moving_data, tiny, tiny_run

IDENTIFIED: dict[str, Recipe] = {"closed form": closed_form(), "nf": citris_nf()}
"""Methods that start from the closed form."""
identified = pytest.mark.parametrize("method", IDENTIFIED)


def changed(data: Dataset, change: Callable[[Recording], Recording]) -> Dataset:
    """The data set with the same change of every split."""
    return Dataset({name: change(data.recording(name)) for name in data})


def refused(data: Dataset, out: Path, recipe: Recipe, message: str, **options: bool) -> None:
    """Check that training is refused with the message, and before anything is written."""
    with pytest.raises(ValueError, match=message):
        tiny_run(out, data, recipe, **options)
    assert not out.exists()


@identified
@pytest.mark.parametrize("despite_errors", [False, True])
def test_too_few_interventions_are_refused_by_name_before_the_work(
    tmp_path: Path, method: str, despite_errors: bool
) -> None:
    """Four interventions on x: the autoencoder is not trained first."""
    data = boxes_data()
    train = data.recording("train")
    targets = train.targets.copy()
    targets[np.flatnonzero(targets[:, 1])[4:], 1] = False
    data = Dataset({**data, "train": replace(train, targets=targets)})
    options = {"despite_errors": despite_errors}
    refused(data, tmp_path / "run", IDENTIFIED[method], "'?x'? .*at least .*got 4", **options)
    errors = trisect.inspect(data).at("error")
    assert [error.variables for error in errors] == [("x",)], "the inspection has the same rule"


@identified
def test_a_column_that_is_always_1_is_refused_by_name_before_the_work(tmp_path: Path, method: str) -> None:
    def always(recording: Recording) -> Recording:
        targets = recording.targets.copy()
        targets[:, 0] = True
        return replace(recording, targets=targets)

    data = changed(boxes_data(), always)
    refused(data, tmp_path / "run", IDENTIFIED[method], r"\bb\b", despite_errors=True)


@identified
def test_frames_that_never_change_are_refused_even_with_ignored_errors(tmp_path: Path, method: str) -> None:
    data = changed(boxes_data(), lambda r: replace(r, observations=np.full_like(r.observations, 7)))
    refused(data, tmp_path / "run", IDENTIFIED[method], "never change|the same|constant", despite_errors=True)


def test_episodes_of_one_frame_are_refused_for_the_right_reason(tmp_path: Path) -> None:
    data = changed(boxes_data(), lambda r: replace(r, episode_starts=np.arange(len(r))))
    refused(data, tmp_path / "run", closed_form(), "episode")


def test_held_out_data_without_a_pair_are_refused_by_the_name_of_the_split(tmp_path: Path) -> None:
    data = boxes_data()
    data = Dataset({**data, "val": data.recording("val").rows(0, 1)})
    refused(data, tmp_path / "run", closed_form(), r"\bval\b")


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_flow_learns_the_same_in_any_unit(tmp_path: Path, unit: float) -> None:
    data = moving_data(2000, rate=0.2)
    other = changed(data, lambda r: replace(r, observations=(r.observations * unit).astype(np.float32)))
    runs = [
        trisect.train(tiny(citris_nf(), 100), each, tmp_path / str(number), progress=False)
        for number, each in enumerate((data, other))
    ]
    latents = [run.model.encode(each["test"].observations) for run, each in zip(runs, (data, other))]
    for one, two in zip(*(z.numpy().T for z in latents)):
        assert abs(np.corrcoef(one, two)[0, 1]) > 0.99, "the same latents, up to sign and scale"


def test_the_seed_of_a_run_reaches_all_its_parts() -> None:
    assert citris_nf(seed=5).closed_form.seed == closed_form(seed=5).closed_form.seed == 5
    assert replace(citris_nf(), seed=4).closed_form.seed == 4


def test_a_model_works_in_double_precision(small_nf_run: Run) -> None:
    frames, model = boxes_data()["test"].observations, small_nf_run.model
    z = model.encode(frames)
    try:
        doubled = model.double().encode(frames)
        assert torch.allclose(doubled.float(), z, atol=1e-3) and model.decode(doubled).isfinite().all()
    finally:
        model.float()


def test_making_latents_anew_is_logged_like_reusing_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tiny_run(tmp_path / "run", recipe=citris_nf())
    assert any("latents of 600 frames" in record.getMessage() for record in caplog.records)
