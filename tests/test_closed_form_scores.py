"""Scores of a closed form that knows the answer, of one that mixes two variables, and of one that refuses."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def scores(benchmark_module) -> ModuleType:
    return benchmark_module("closed_form_scores")


@pytest.fixture
def world(scores) -> Any:
    return scores.SensorWorld(kind="shift", num_variables=3, num_nuisance=2, seed=1)


def knowing(scores: ModuleType, world: Any, mixing: np.ndarray) -> Any:
    """A closed form whose slots hold the true variables, mixed."""
    known = scores.record(world, 1000, 9)
    reading = np.linalg.lstsq(known.after, known.values, rcond=None)[0] @ mixing

    def identify(before, after, targets, initial, names) -> Any:
        found = SimpleNamespace(slots=np.arange(3), statements=None)
        found.transform = lambda rows: rows @ reading
        return found

    return identify


def test_what_the_slots_hold(scores, world, monkeypatch) -> None:
    monkeypatch.setattr(scores, "identify", knowing(scores, world, np.eye(3)))
    result = scores.scores_of(world, 2000)
    assert (result["rows"], result["sample"], result["world"]["seed"], result["error"]) == (2000, 0, 1, None)
    assert min(result["own"]) > 0.999 and min(result["all"]) > 0.99
    assert max(result["beyond"]) < 0.02 and max(result["plain"]) < 0.5
    assert result["sizes"] == [1, 1, 1] and result["statements"] is None
    assert scores.verdicts(result) == ["-"] * 3
    others = np.array(result["r2"])[~np.eye(3, dtype=bool)].reshape(3, 2).max(axis=1)
    assert result["plain"] == others.tolist()
    assert json.loads(json.dumps(result)) == result


def test_a_slot_that_mixes_two_variables_leaks(scores, world, monkeypatch) -> None:
    mixing = np.array([[0.8, 0.0, 0.0], [0.6, 1.0, 0.0], [0.0, 0.0, 1.0]])
    monkeypatch.setattr(scores, "identify", knowing(scores, world, mixing))
    result = scores.scores_of(world, 2000)
    assert result["own"][0] < 0.9 < 0.999 < min(result["own"][1:])
    assert result["beyond"][0] > 0.1 > 0.02 > max(result["beyond"][1:])
    assert result["conditional"][0] > 0.9 > 0.5 > result["beyond"][0]


def test_what_no_slot_holds_may_still_be_in_the_observations(scores, world, monkeypatch) -> None:
    mixing = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    monkeypatch.setattr(scores, "identify", knowing(scores, world, mixing))
    result = scores.scores_of(world, 2000)
    assert result["own"][0] < 0.5 and result["all"][0] > 0.99 and result["plain"][0] > 0.99


def test_samples_share_no_rows_and_are_scored_on_others(scores, world, monkeypatch) -> None:
    monkeypatch.setattr(scores, "outcome", lambda training, fresh: {"records": (training.after, fresh.after)})
    records = [scores.scores_of(world, 6000, sample=sample)["records"] for sample in (0, 1)]
    assert len({record[0, 0] for pair in records for record in pair}) == 4
    assert [(len(training), len(fresh)) for training, fresh in records] == [(6000, scores.SCORING_ROWS)] * 2


def test_a_refusal_is_kept_with_its_sentence(scores, world, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("too short")

    monkeypatch.setattr(scores, "identify", refuse)
    result = scores.scores_of(world, 400)
    assert result["error"] == "too short" and len(result["interventions"]) == 3 and "own" not in result
    assert scores.verdicts(result) == ["refused"] * 3


def test_a_stored_result_is_not_made_again(scores, tmp_path) -> None:
    made: list[int] = []

    def run() -> dict[str, list[float]]:
        made.append(1)
        return {"own": [1.0]}

    assert scores.stored(tmp_path / "deep" / "a.json", run) == scores.stored(tmp_path / "deep" / "a.json", run)
    assert made == [1] and [each.name for each in (tmp_path / "deep").iterdir()] == ["a.json"]
