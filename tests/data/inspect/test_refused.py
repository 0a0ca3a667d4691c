"""Every refusal of training is quoted by the one error that is about it, or is an error of its own."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.inspect.findings import Finding
from trisect.data.inspect.refused import no_steps, standing_still, with_refusals, without_pairs
from trisect.data.recording import Recording
from trisect.refusals import Refusal
from trisect.variables import anonymous

PAIR = Refusal(("a", "b"), "the targets of 'a' and 'b'", "different", "0 steps in which they differ", "join them")
ALONE = Refusal(("a",), "the interventions on 'a'", "at least 5", "2", "record more")
WHOLE = Refusal((), "the steps", "at least 10", "3", "record more")


def finding(code: str, *variables: str, level: str = "error") -> Finding:
    return Finding(level, code, "what", "evidence", "so", "advice", variables)


def recording(num: int, starts: list[int]) -> Recording:
    vectors, targets = np.zeros((num, 2), np.float32), np.zeros((num, 1), bool)
    return Recording(vectors, targets, anonymous(["a"]), episode_starts=np.array(starts))


@pytest.mark.parametrize(
    ("about", "refusal"),
    [
        (finding("equal-targets", "a", "b", "c"), PAIR),
        (finding("complementary-targets", "b", "a"), PAIR),
        (finding("too-few-interventions", "a"), ALONE),
        (finding("too-few-steps-without", "a"), ALONE),
        (finding("always-intervened", "c", "a"), ALONE),
    ],
)
def test_the_error_about_a_refusal_quotes_it_and_nothing_else_changes(about: Finding, refusal: Refusal) -> None:
    other = finding("few-interventions", "a", "b", level="warning")
    first, second = with_refusals([other, about], [refusal])
    assert first == other
    assert second.consequence == f"so; training refuses: {refusal.head}"
    assert (second.code, second.variables, second.advice) == (about.code, about.variables, "advice")


@pytest.mark.parametrize(
    ("findings", "refusal"),
    [
        ([finding("equal-targets", "a", "b", level="warning")], PAIR),
        ([finding("equal-targets", "a", "c")], PAIR),
        ([finding("always-intervened", "a", "b")], PAIR),
        ([finding("equal-targets", "a", "b")], ALONE),
        ([finding("too-few-interventions", "b")], ALONE),
        ([finding("too-few-interventions", "a")], WHOLE),
        ([], WHOLE),
    ],
)
def test_a_refusal_that_no_error_is_about_is_an_error_of_its_own(findings: list[Finding], refusal: Refusal) -> None:
    *unchanged, new = with_refusals(findings, [refusal])
    assert unchanged == findings
    assert (new.level, new.code, new.variables, new.advice) == ("error", "refused", refusal.variables, refusal.todo)
    assert new.what == f"{refusal.what} must be {refusal.must}" and new.evidence == f"got {refusal.got}"
    assert new.consequence == f"no method can learn from them, and training refuses: {refusal.head}"


def test_of_several_refusals_about_one_error_the_first_is_quoted() -> None:
    other = Refusal(("b", "c"), "the targets of 'b' and 'c'", "different", "0 steps in which they differ", "join them")
    (only,) = with_refusals([finding("equal-targets", "a", "b", "c")], [PAIR, other])
    assert only.consequence == f"so; training refuses: {PAIR.head}"


def test_splits_without_a_pair_of_frames() -> None:
    assert without_pairs("train", recording(4, [0, 1, 2])) is None
    train, val = without_pairs("train", recording(3, [0, 1, 2])), without_pairs("val", recording(1, [0]))
    assert train is not None and val is not None
    assert str(train) == (
        "the longest episode of split 'train' must be of at least 2 frames, as models learn from pairs of them; "
        "got 1 frame in 3 episodes; record longer episodes"
    )
    assert str(val).endswith("got 1 frame in 1 episode; record longer episodes, or hold out more of the recording")
    error = no_steps(val)
    assert (error.level, error.code, error.advice) == ("error", "no-steps", val.todo)
    assert error.consequence == f"there are no steps to learn from, and training refuses: {val.head}"


@pytest.mark.parametrize(("shape", "thing"), [((7, 3), "vectors"), ((7, 8, 8, 3), "frames")])
def test_observations_that_stand_still(shape: tuple[int, ...], thing: str) -> None:
    refusal = standing_still(np.zeros(shape))
    assert refusal.head == f"the {thing} of split 'train' must be different in some rows; got the same in all 7 rows"
