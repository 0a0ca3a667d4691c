"""Files without what training needs, or with it under another name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.methods.table import PRESETS

from .fixtures import arrays, break_npz, save_npz, two_boxes

BOXES = two_boxes(200)


def test_a_file_of_observations_alone_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing targets; .*cannot be identified from observations alone: record wh"):
        trisect.convert(break_npz(tmp_path / "in", "no targets"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_without_any_intervention_is_converted_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trisect.convert(break_npz(tmp_path / "in", "targets of zeros"), tmp_path / "out")
    assert "no variable is ever intervened on, so none can be identified" in caplog.text


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("despite_errors", [False, True])
def test_nothing_is_trained_on_targets_that_are_all_zero(tmp_path: Path, preset: str, despite_errors: bool) -> None:
    data = trisect.from_arrays(BOXES.frames, np.zeros_like(BOXES.causes), BOXES.names)
    assert [finding.level for finding in trisect.inspect(data).findings if "intervene" in finding.what] == ["error"]
    with pytest.raises(ValueError, match="interventions; got targets that are all 0; record which variable was interv"):
        trisect.train(PRESETS[preset](), data, tmp_path / "run", progress=False, despite_errors=despite_errors)
    assert not (tmp_path / "run").exists()


def test_other_names_are_listed_with_the_expected_ones_and_how_to_map_them(tmp_path: Path) -> None:
    folder = save_npz(tmp_path / "in", frames=BOXES.frames, moves=BOXES.causes)
    with pytest.raises(ValueError) as caught:
        trisect.convert(folder, tmp_path / "out")
    message = str(caught.value)
    assert "got frames, moves; missing images, targets" in message, "what was found and what is missing"
    assert "must be named images, targets, keys (and, optionally, latents, keys_targets, actions)" in message
    assert "names={'images': its name in the file" in message


def test_names_that_are_mapped_are_read(tmp_path: Path) -> None:
    folder = save_npz(tmp_path / "in", frames=BOXES.frames, actions=BOXES.causes, who=np.array(BOXES.names))
    names = {"images": "frames", "targets": "actions", "keys_targets": "who"}
    train = trisect.convert(folder, tmp_path / "out", names=names).recording("train")
    assert np.array_equal(train.observations, BOXES.frames) and np.array_equal(train.targets, BOXES.targets)


def test_arrays_that_are_expected_are_read(tmp_path: Path) -> None:
    train = trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES)), tmp_path / "out").recording("train")
    assert np.array_equal(train.targets, BOXES.targets) and train.variables.names == BOXES.names
