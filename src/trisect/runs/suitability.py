"""Whether data are fit to train on: what `trisect.inspect` finds, before anything is written."""

from __future__ import annotations

import logging
from typing import Any

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.inspect import inspect

logger = logging.getLogger(__name__)


def findings_on(data: Dataset, *, despite_errors: bool) -> list[dict[str, Any]]:
    """The findings on the training recording in plain types; warnings, and errors that are overruled, are logged.

    Args:
        data: has a training recording.
        despite_errors: go on where the inspection finds errors.

    Raises:
        ValueError: it finds errors, and ``despite_errors`` is False.
    """
    found = inspect(data)
    errors = found.at("error")
    got = "; ".join(f"{finding.what} ({finding.advice})" for finding in errors)
    todo = "correct the data, or pass despite_errors=True (--despite-errors)"
    checks.require(despite_errors or not errors, "the data to train on", "without errors (trisect inspect)", got, todo)
    for finding in (*errors, *found.at("warning")):
        logger.warning("%s", finding)
    return [finding.to_json() for finding in found.findings]
