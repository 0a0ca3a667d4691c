"""What counts as wrong or needless when the closed form's statements are compared with known answers."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest

from trisect.models.closed_form.statement import Statement


@pytest.fixture
def calibration(benchmark_module) -> ModuleType:
    return benchmark_module("calibration")


@pytest.fixture
def closed_form_scores(benchmark_module) -> ModuleType:
    return benchmark_module("closed_form_scores")


def result(verdict: str | None, own: float, false: bool = False, low: float = 0.9) -> dict:
    """One column whose observations contain .96 of its variable."""
    statement = {"verdict": verdict, "low": low}
    return {
        "error": None,
        "interventions": [9],
        "false": [false],
        "own": [own],
        "all": [0.96],
        "beyond": [0.0],
        "statements": [statement] if verdict else None,
    }


@pytest.mark.parametrize(
    ("verdict", "own", "false", "is_wrong", "is_needless"),
    [
        ("found", 0.95, False, False, False),
        ("found", 0.79, False, True, False),
        ("found", 0.95, True, True, False),
        ("cannot tell", 0.95, False, False, True),
        ("not there", 0.95, False, False, True),
        ("cannot tell", 0.92, False, False, True),
        ("cannot tell", 0.9, False, False, False),
        ("cannot tell", 0.95, True, False, False),
        ("not there", 0.1, True, False, False),
        (None, 0.79, False, True, False),
    ],
)
def test_wrong_and_needless(calibration, verdict, own, false, is_wrong, is_needless):
    (said,) = calibration.said("world", result(verdict, own, false))
    assert (said.is_wrong, said.is_needless) == (is_wrong, is_needless)


def test_an_interval_is_missed_from_above_only(calibration):
    missed = [calibration.said("world", result("found", own, low=0.9))[0].misses for own in (0.8, 0.87, 0.96)]
    assert missed == [True, False, False]
    assert not calibration.said("world", result(None, 0.1))[0].misses


def test_a_refusal_is_no_claim(calibration):
    (said,) = calibration.said("world", {"error": "too short", "interventions": [9], "false": [False]})
    assert (said.verdict, said.is_wrong, said.is_needless) == ("refused", False, False)


def test_a_hundred_worlds_each_with_its_own_seed(calibration):
    cases = list(calibration.cases(0, list(calibration.GROUPS)))
    other = list(calibration.cases(1, list(calibration.GROUPS)))
    assert len(cases) == 100
    assert len({case.world.seed for case in cases + other}) == 200
    assert [case for case in cases if case.name.startswith("weak")] == list(calibration.cases(0, ["weak"]))
    assert {case.world.kind for case in cases} == set(calibration.KINDS)


def test_nothing_is_there_in_any_null(calibration):
    for way, case in calibration.nulls(0):
        assert case.world.strength == 0 or case.world.fault == "shuffled", way


def test_statements_follow_the_columns(closed_form_scores):
    stated = tuple(Statement(name, "found", 0.9, 0.8, 1.0, 3.0, 0.001, 40) for name in ("b", "a"))
    found = SimpleNamespace(statements=stated)
    assert [each["variable"] for each in closed_form_scores.statements(found, ["a", "b"])] == ["a", "b"]
    assert closed_form_scores.statements(SimpleNamespace(), ["a"]) is None
    assert closed_form_scores.verdicts({"error": "no", "interventions": [3, 4]}) == ["refused", "refused"]


def test_worlds_whose_answer_would_not_be_known_are_left_out(calibration):
    """A shift of two variables moves one sum of them; a log of levels that comes late still says something true."""
    drawn = [case for base in range(8) for case in calibration.cases(base, ["coupled", "late"])]
    coupled = [case.world for case in drawn if case.world.fault == "coupled"]
    late = [case.world for case in drawn if case.world.fault == "late"]
    assert {world.kind for world in coupled} == {"grow", "shrink", "fix", "rule"}
    assert len(late) == 48 and "held" not in {world.policy for world in late}


def test_a_line_counts_what_was_said(calibration):
    def said(verdict: str, own: float, false: bool = False, leak: float = 0.0):
        return calibration.Said("world", verdict, own, 0.9, false, 0.95, leak)

    all_said = [
        said("found", 0.88),
        said("found", 0.85, leak=0.3),
        said("found", 0.78),
        said("found", 0.95, false=True, leak=0.9),
        said("cannot tell", 0.87),
        said("not there", 0.1),
        said("refused", 0.1),
    ]
    cells = [cell.strip() for cell in calibration.line("some", all_said).strip("|").split("|")]
    assert cells == [
        "some",
        "4 / 1 / 1 / 1",
        "2/4 (50.0%)",
        "1",
        "3, 1",
        "1/3 (33.3%)",
        "2/3 (66.7%)",
        "1/3 (33.3%)",
    ]
