"""Targets that identify less than their columns promise, or that are no targets at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.data import Dataset, Recording
from trisect.recipes import citris_nf, citris_vae, closed_form
from trisect.variables import Continuous, VariableSpace, anonymous

from .fixtures import arrays, moving, save_npz, splits, tiny_run, two_boxes, with_value

THREE = moving(2000, 3, rate=0.2)
HELD_OUT = 300
RECIPES = {"closed form": closed_form(), "nf": citris_nf(), "vae": citris_vae()}


def with_targets(*columns: np.ndarray) -> Dataset:
    """The recording of three variables with other target columns, in splits."""
    return splits(replace(THREE, targets=np.stack(columns, axis=1)), HELD_OUT)


def test_a_variable_without_interventions_is_kept_named_and_scored_apart(tmp_path: Path) -> None:
    _, x, y = THREE.targets.T
    data = with_targets(np.zeros_like(x), x, y)
    note = next(finding for finding in trisect.inspect(data).findings if "no step intervenes on b" in finding.what)
    assert note.level == "note" and note.consequence.endswith("is not identifiable from interventions")
    report = trisect.evaluate(tiny_run(tmp_path / "run", data), data, quick=True)
    assert report["variables"] == ["b", "x", "y"] and report["targeted"] == ["x", "y"]
    r2 = report["r2"]
    assert r2["rows"] == ["x", "y", "noise"] and r2["columns"] == ["b", "x", "y"]
    matrix = np.array(r2["matrix"])
    assert matrix[0, 1] > 0.95 and matrix[1, 2] > 0.95 and matrix[2, 0] > 0.95, "matched by name, not by position"
    assert r2["diag"] == pytest.approx((matrix[0, 1] + matrix[1, 2]) / 2)
    assert r2["diag_all"] == pytest.approx((matrix[0, 1] + matrix[1, 2] + matrix[2, 0]) / 3)
    assert report["verdicts"]["b"] == "never intervened on"
    assert "not identifiable from interventions: b." in report["paragraph"]


@pytest.mark.parametrize("declared", [False, True])
def test_a_column_of_zeros_in_a_file_stays_a_variable(tmp_path: Path, declared: bool) -> None:
    boxes = two_boxes(200, 3)
    targets = boxes.causes.copy()
    targets[:, 0] = False
    options = {"variables": anonymous(boxes.names)} if declared else {}
    folder = save_npz(tmp_path / "in", **arrays(boxes, targets=targets))
    data = trisect.convert(folder, tmp_path / "out", **options)
    assert data.variables.names == ("b", "x", "y") and data.targeted == ("x", "y")


B, X = THREE.targets[:, 0], THREE.targets[:, 1]


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ((B, B, X), "always intervened on together: b, x"),
        ((B, ~B, X), "intervenes either on b or on x, never on both or neither"),
        ((B, X, B | X), "follow from the others: b, x, y"),
    ],
    ids=["equal", "complement", "either of two"],
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_variables_that_cannot_be_told_apart_are_named_before_training(
    tmp_path: Path, columns: tuple[np.ndarray, ...], what: str, recipe: str
) -> None:
    data = with_targets(*columns)
    assert [what in error.what for error in trisect.inspect(data).at("error")] == [True]
    with pytest.raises(ValueError, match=r"follow from the others: b, x, y|targets of 'b' and 'x' must be neither"):
        tiny_run(tmp_path / "run", data, RECIPES[recipe])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("columns", [(B, B, X), (B, ~B, X)], ids=["equal", "complement"])
def test_nothing_trains_on_targets_that_are_always_equal_or_always_opposite(
    tmp_path: Path, columns: tuple[np.ndarray, ...]
) -> None:
    with pytest.raises(ValueError, match="'b' and 'x' must be neither always equal nor always opposite; .*; join them"):
        tiny_run(tmp_path / "run", with_targets(*columns), despite_errors=True)


def test_results_on_variables_that_cannot_be_told_apart_are_marked(tmp_path: Path) -> None:
    data = with_targets(B, X, B | X)
    report = trisect.evaluate(tiny_run(tmp_path / "run", data, despite_errors=True), data, quick=True)
    marks = [warning for warning in report["warnings"] if "follow from the others: b, x, y" in warning]
    assert len(marks) == 1 and "scores that distinguish them are meaningless" in marks[0]
    assert "follow from the others: b, x, y" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("value", [0.7, 2.0, -1.0, np.nan])
@pytest.mark.parametrize("door", ["file", "arrays", "recording"])
def test_targets_other_than_0_and_1_are_refused_with_their_position(tmp_path: Path, value: float, door: str) -> None:
    boxes = two_boxes(60)
    wrong = with_value(boxes.causes, (7, 1), value)
    doors = {
        "file": lambda: trisect.convert(save_npz(tmp_path / "in", **arrays(boxes, targets=wrong)), tmp_path / "out"),
        "arrays": lambda: trisect.from_arrays(boxes.frames, wrong, boxes.names),
        "recording": lambda: Recording(boxes.frames[1:], wrong, boxes.space),
    }
    with pytest.raises(ValueError, match=rf"the targets .*must be 0 or 1; got {value} at row 7, column 1"):
        doors[door]()


def test_variables_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    boxes = two_boxes(200, 3)
    stored = arrays(boxes, keys_targets=None, keys=np.array(boxes.names), latents=boxes.factors)
    order = ("y", "b", "x")
    space = VariableSpace([Continuous(name, 0, 1) for name in order])
    train = trisect.convert(save_npz(tmp_path / "in", **stored), tmp_path / "out", variables=space).recording("train")
    for position, name in enumerate(order):
        column = boxes.names.index(name)
        assert np.array_equal(train.targets[:, position], boxes.targets[:, column])
        assert train.factors is not None and np.allclose(train.factors[:, position], boxes.factors[:, column])


def test_fewer_names_than_columns_are_refused_with_those_that_do_not_match(tmp_path: Path) -> None:
    boxes = two_boxes(60, 3)
    folder = save_npz(tmp_path / "in", **arrays(boxes))
    with pytest.raises(ValueError, match="must be named y, b; got b, x, y; not in both: x"):
        trisect.convert(folder, tmp_path / "out", variables=anonymous(["y", "b"]))


@pytest.mark.slow
def test_test_data_with_permuted_columns_give_the_same_scores(tmp_path: Path) -> None:
    data = splits(THREE, HELD_OUT)
    run, order = tiny_run(tmp_path / "run", data), [2, 0, 1]
    space = VariableSpace([THREE.variables.factors[column] for column in order])
    changed = replace(THREE, targets=THREE.targets[:, order], factors=THREE.factors[:, order], variables=space)
    permuted = splits(changed, HELD_OUT)
    reports = [trisect.evaluate(run, each, quick=True) for each in (data, permuted)]
    for name in ("x", "y", "b"):
        own = [_score(report["r2"], name) for report in reports]
        assert own[0] == pytest.approx(own[1], abs=0.01) and own[0] > 0.95
    assert reports[1]["r2"]["columns"] == ["y", "b", "x"]


def _score(r2: dict, name: str) -> float:
    return float(r2["matrix"][r2["rows"].index(name)][r2["columns"].index(name)])


def test_splits_of_different_orders_are_refused() -> None:
    data = splits(THREE, HELD_OUT)
    space = VariableSpace(THREE.variables.factors[::-1])
    other = replace(
        data.recording("test"),
        targets=data.recording("test").targets[:, ::-1],
        factors=THREE.factors[-HELD_OUT:, ::-1],
        variables=space,
    )
    with pytest.raises(ValueError, match="variables of split 'test' must be those of split 'train'.*the same order"):
        Dataset({**data, "test": other})
