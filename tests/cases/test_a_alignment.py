"""Which row of the targets belongs to which frame: never guessed, stated once, and checked against the frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.data import Recording, SequenceLoader

from .fixtures import arrays, break_npz, save_npz, two_boxes

BOXES = two_boxes(600)
PADDING = np.ones((1, 2), bool)
CONVENTIONS = {
    "one row less than frames": (BOXES.causes, None),
    "a meaningless first row": (np.concatenate([PADDING, BOXES.causes]), "effect"),
    "a meaningless last row": (np.concatenate([BOXES.causes, PADDING]), "cause"),
}


def pairs(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The frames and targets of all pairs of consecutive frames."""
    batches = list(SequenceLoader(recording, recording.variables.names, batch_size=100).sequential(1000))
    assert len(batches) == 1
    return batches[0].observations.numpy(), batches[0].targets.numpy()


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("door", ["file", "arrays"])
def test_three_conventions_give_identical_pairs_once_declared(tmp_path: Path, convention: str, door: str) -> None:
    targets, alignment = CONVENTIONS[convention]
    if door == "file":
        folder = save_npz(tmp_path / "in", **arrays(BOXES, targets=targets))
        data = trisect.convert(folder, tmp_path / "out", alignment=alignment)
    else:
        data = trisect.from_arrays(BOXES.frames, targets, BOXES.names, alignment=alignment, fractions={"val": 0.0001})
    train = data.recording("train")
    frames, rows = pairs(train.rows(0, 590))
    expected_frames, expected_rows = pairs(Recording(BOXES.frames, BOXES.targets, BOXES.space).rows(0, 590))
    assert np.array_equal(frames, expected_frames) and np.array_equal(rows, expected_rows)


@pytest.mark.parametrize("door", ["file", "arrays"])
def test_as_many_rows_as_frames_are_refused_until_the_alignment_is_named(tmp_path: Path, door: str) -> None:
    boxes = two_boxes(60)

    def open_it() -> object:
        if door == "file":
            return trisect.convert(break_npz(tmp_path / "in", "targets as long as the frames"), tmp_path / "out")
        return trisect.from_arrays(boxes.frames, boxes.targets, boxes.names)

    with pytest.raises(ValueError, match="got 60 rows for 60 frames; if row t produced frame t.1 pass alignment='cau"):
        open_it()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("declared", "moved"), [("effect", -1), ("cause", 1)])
def test_a_wrong_alignment_is_an_error_of_the_inspection_and_refused_by_training(
    tmp_path: Path, declared: str, moved: int
) -> None:
    """Rows that fit the frames better one row earlier or later, as if the other convention had been declared."""
    right = BOXES.targets if declared == "cause" else np.concatenate([BOXES.causes, PADDING])
    data = trisect.from_arrays(BOXES.frames, right, BOXES.names, alignment=declared)
    errors = trisect.inspect(data).at("error")
    sign = "-" if moved > 0 else "+"
    assert [error.code for error in errors] == ["shifted"]
    assert errors[0].what == f"the effect of row t of the targets shows in frame t{sign}1, not in frame t"
    with pytest.raises(ValueError, match=rf"the effect of row t of the targets shows in frame t\{sign}1"):
        trisect.train(trisect.recipes.closed_form(), data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_the_right_alignment_raises_no_alarm() -> None:
    inspection = trisect.inspect(trisect.from_arrays(BOXES.frames, BOXES.causes, BOXES.names))
    assert not inspection.at("error") and not inspection.at("warning")
    assert "aligned" in [finding.code for finding in inspection.findings]


@pytest.mark.parametrize(("kind", "rows"), [("targets five rows short", 55), ("targets three rows long", 63)])
def test_another_number_of_rows_is_refused_with_both_lengths_and_the_rule(tmp_path: Path, kind: str, rows: int) -> None:
    rule = "must be 59 rows, one less than frames, where row t produced frame t.1"
    with pytest.raises(ValueError, match=f"{rule}; got {rows} rows for 60 frames"):
        trisect.convert(break_npz(tmp_path / "in", kind), tmp_path / "out")


@pytest.mark.parametrize("rows", [595, 603])
@pytest.mark.parametrize("alignment", [None, "cause", "effect"])
def test_arrays_of_another_number_of_rows_are_refused_whatever_is_declared(rows: int, alignment: str | None) -> None:
    targets = np.resize(BOXES.targets, (rows, 2))
    with pytest.raises(ValueError, match=f"one less than frames.*got {rows} rows for 600 frames"):
        trisect.from_arrays(BOXES.frames, targets, BOXES.names, alignment=alignment)
    with pytest.raises(ValueError, match=f"one row per frame, 600, where row t .* produce frame t; got {rows} rows"):
        Recording(BOXES.frames, targets, BOXES.space)
