"""Checks whether data are suitable for training, before anything is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.inspect import inspect
from trisect.data.inspect.refused import without_pairs
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows
from trisect.refusals import WITHOUT_TARGETS, require_identifiable

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


def require_trainable(splits: Mapping[str, Recording], targeted: tuple[str, ...]) -> None:
    """Refuse data that no recipe can be trained on, even with ``despite_errors``, before anything is written.

    Args:
        splits: "train" and "val" -> the recording.
        targeted: names of the targeted variables.

    Raises:
        ValueError: a split has no pair of consecutive frames; nothing was intervened on; or the targets do not identify
            the variables (`trisect.refusals.require_identifiable`).
    """
    lacking = [without_pairs(name, recording) for name, recording in splits.items()]
    for refusal in (*lacking, WITHOUT_TARGETS if not targeted else None):
        if refusal is not None:
            raise ValueError(str(refusal))
    _, targets = transition_rows(splits["train"], targeted)
    require_identifiable(targets, targeted)
