"""Checks with `trisect.inspect` whether data are suitable for training, before anything is written."""

from __future__ import annotations

import logging
from typing import Any

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.inspect import inspect

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
