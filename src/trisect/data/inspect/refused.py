"""The refusals of training among the findings: every one is an error that quotes the sentence of the refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trisect.data.inspect.findings import Finding
from trisect.data.recording import Recording
from trisect.refusals import Refusal

QUOTE = "training refuses:"
ALONE = ("too-few-interventions", "too-few-steps-without", "always-intervened")
TOGETHER = ("equal-targets", "complementary-targets")
"""Codes of errors about one variable, and about several, that a refusal may be about."""


def with_refusals(findings: Sequence[Finding], refused: Sequence[Refusal]) -> list[Finding]:
    """The findings, of which the errors about a refusal quote it, and an error for each refusal without one.

    Args:
        findings: on the targets.
        refused: refusals of training on the same targets.
    """
    result = list(findings)
    for refusal in refused:
        about = [place for place, each in enumerate(result) if _is_about(each, refusal)]
        if not about:
            result.append(_finding(refusal))
        elif QUOTE not in result[about[0]].consequence:  # of a group of equal columns, the first pair is enough
            so = f"{result[about[0]].consequence}; {QUOTE} {refusal.head}"
            result[about[0]] = replace(result[about[0]], consequence=so)
    return result


def _is_about(finding: Finding, refusal: Refusal) -> bool:
    """Whether a finding is an error about the variables of a refusal, and about as many."""
    alone = len(refusal.variables) == 1
    return (
        finding.level == "error"
        and bool(refusal.variables)
        and {*refusal.variables} <= {*finding.variables}
        and finding.code in (ALONE if alone else TOGETHER)
    )


def _finding(refusal: Refusal, code: str = "refused", so: str = "no method can learn from them") -> Finding:
    what, so = f"{refusal.what} must be {refusal.must}", f"{so}, and {QUOTE} {refusal.head}"
    return Finding("error", code, what, f"got {refusal.got}", so, refusal.todo, refusal.variables)


def without_pairs(split: str, recording: Recording) -> Refusal | None:
    """The refusal of a split of which no episode has two frames; None otherwise."""
    longest, number = int(recording.episode_lengths.max()), recording.num_episodes
    if longest > 1:
        return None
    what, must = f"the longest episode of split '{split}'", "of at least 2 frames, as models learn from pairs of them"
    got = f"{longest} frame in {number} {'episode' if number == 1 else 'episodes'}"
    todo = "record longer episodes" if split == "train" else "record longer episodes, or hold out more of the recording"
    return Refusal((), what, must, got, todo)


def standing_still(observations: np.ndarray) -> Refusal:
    """The refusal of observations that are the same in every row."""
    what = f"the {'vectors' if observations.ndim == 2 else 'frames'} of split 'train'"
    got, todo = f"the same in all {len(observations)} rows", "check the recording, or pass the right array"
    return Refusal((), what, "different in some rows", got, todo)


def no_steps(refusal: Refusal) -> Finding:
    """The error about a split without a pair of frames."""
    return _finding(refusal, "no-steps", "there are no steps to learn from")
