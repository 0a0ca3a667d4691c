"""What the data cannot show is said where the verdicts are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trisect

from .fixtures import moving, splits, tiny_run


def test_variables_that_cannot_be_told_apart_are_named_beside_the_verdicts(tmp_path: Path) -> None:
    """The targets of y follow from those of b and x: the first paragraph calls none of them identified unmarked."""
    whole = moving(1500, 3, rate=0.2)
    targets = whole.targets.copy()
    targets[:, 2] = targets[:, 0] | targets[:, 1]
    data = splits(replace(whole, targets=targets), 200)
    report = trisect.evaluate(tiny_run(tmp_path / "run", data, despite_errors=True), data, quick=True)
    assert "cannot be separated" in report["paragraph"] or "follow from" in report["paragraph"]
