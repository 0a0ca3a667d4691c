from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from trisect.runs.description import read_cost, read_facts, read_record, read_shape
from trisect.variables import Continuous, VariableSpace

FILE = Path("run.json")
SPACE = VariableSpace([Continuous("x"), Continuous("y")])
DATA = {"path": "data", "hash": "0", "shape": [8, 8, 3], "targeted": ["x"], "variables": SPACE.to_json()}


def facts(**changes: Any) -> Any:
    return read_facts({"data": {**DATA, **changes}}, FILE)


def test_facts_are_read() -> None:
    assert (facts().path, facts().shape, facts().targeted) == (Path("data"), (8, 8, 3), ("x",))
    assert facts(path=None).path is None and facts().findings == () and facts().reused is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": 3}, "'path' in run.json must be a text; got 3"),
        ({"path": "a\0b"}, "'path' in run.json must be a text; got "),
        ({"hash": None}, "'hash' in run.json must be a text; got None"),
        ({"shape": [10**7, 10**7, 3]}, r"must be at most 1048576 along each axis; got \(10000000, 10000000, 3\)"),
        ({"shape": [8, 8]}, r"must be \(height, width, channels\) or \(dims,\); got \(8, 8\)"),
        ({"shape": [True]}, "the shape of observations in run.json must be an integer of at least 1; got True"),
        ({"shape": "8"}, "'shape' in run.json must be a list; got '8'"),
        ({"targeted": "x"}, "'targeted' in run.json must be a list; got 'x'"),
        ({"targeted": ["x", "x"]}, "'targeted' in run.json must be all different; got x more than once"),
        ({"targeted": ["z"]}, "a targeted variable in run.json must be one of x, y; got 'z'"),
    ],
)
def test_a_wrong_fact_is_named(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        facts(**changes)


@pytest.mark.parametrize("findings", ["x", [1], {"a": 1}])
def test_findings_are_a_list_of_objects(findings) -> None:
    with pytest.raises(ValueError, match="'findings' in run.json must be (a list|an object); got "):
        read_facts({"data": DATA, "findings": findings}, FILE)


def test_shapes_of_vectors_are_read() -> None:
    assert read_shape([5], FILE) == (5,)


def test_costs_are_read() -> None:
    cost = read_cost({"cpu_seconds": 1.5, "wall_seconds": 2, "peak_memory_mb": math.nan}, FILE)
    assert (cost.cpu_seconds, cost.wall_seconds) == (1.5, 2) and math.isnan(cost.peak_memory_mb)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"cpu_seconds": "1"}, r"'cpu_seconds' in run.json must be a number in \[0, 1e\+12\]; got '1'"),
        ({"cpu_seconds": -1}, r"must be a number in \[0, 1e\+12\]; got -1"),
        ({"gpu_seconds": 1}, "a key of 'cost' in run.json must be one of .*; got 'gpu_seconds'; did you mean"),
        ([], r"'cost' in run.json must be an object; got \[\]"),
    ],
)
def test_a_wrong_cost_is_named(cost, message) -> None:
    with pytest.raises(ValueError, match=message):
        read_record({"cost": cost, "history": {}}, FILE)


def test_a_history_is_an_object_of_stages() -> None:
    cost = {"cpu_seconds": 1.0}
    assert read_record({"cost": cost, "history": {"flow": {}}, "make": {"num_splits": 1}}, FILE)[2] == {"num_splits": 1}
    for wrong in ({"history": []}, {"history": {"flow": 3}}, {"history": {}, "make": 3}):
        with pytest.raises(ValueError, match="'(history|make)' in run.json must be an object; got "):
            read_record({"cost": cost, **wrong}, FILE)
