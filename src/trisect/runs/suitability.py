"""Checks with `trisect.inspect` whether data are suitable for training, before anything is written."""

from __future__ import annotations

import itertools
import logging
from typing import Any

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.inspect import inspect
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows

logger = logging.getLogger(__name__)


def findings_on(data: Dataset, *, despite_errors: bool) -> list[dict[str, Any]]:
    """The findings on the training recording in plain types; warnings and ignored errors are logged.

    Args:
        data: data set with a training recording.
        despite_errors: ignore errors that the inspection finds.

    Raises:
        ValueError: the inspection finds errors, and ``despite_errors`` is False.
    """
    inspection = inspect(data)
    errors = inspection.at("error")
    got = "; ".join(f"{finding.what} ({finding.advice})" for finding in errors)
    todo = "correct the data, or pass despite_errors=True (--despite-errors)"
    checks.require(despite_errors or not errors, "the data to train on", "without errors (trisect inspect)", got, todo)
    for finding in (*errors, *inspection.at("warning")):
        logger.warning("%s", finding)
    return [finding.to_json() for finding in inspection.findings]


def require_apart(recording: Recording, targeted: tuple[str, ...]) -> None:
    """Refuse data that no recipe can be trained on, even with ``despite_errors``, before anything is written.

    Args:
        recording: the training recording.
        targeted: names of the targeted variables.

    Raises:
        ValueError: nothing was intervened on, or two targets are always equal or always opposite.
    """
    what, todo = "the training recording", "record which variable was intervened on in each step"
    checks.require(len(targeted) > 0, what, "one with interventions", "targets that are all 0", todo)
    _, targets = transition_rows(recording, targeted)
    columns = dict(zip(targeted, targets.T))
    for first, second in itertools.combinations(targeted, 2):
        differ = int((columns[first] != columns[second]).sum())
        what = f"the targets of '{first}' and '{second}'"
        todo = "join them into one variable, or intervene on them separately"
        got = f"{differ} of {len(targets)} steps in which they differ"
        checks.require(0 < differ < len(targets), what, "neither always equal nor always opposite", got, todo)
