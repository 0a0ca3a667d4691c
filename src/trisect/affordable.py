"""Affordable features: how many features of the past a regression can use, given the number of its rows.

Every output of a regression estimates one weight per feature. With `ROWS_PER_FEATURE` rows for each weight, the error
of the weights adds about 1 / `ROWS_PER_FEATURE` to the variance of the residual; with as many features as rows, the
residual is 0 and shows nothing. Inspection and the closed form use this one rule.
"""

from __future__ import annotations

from trisect import checks

ROWS_PER_FEATURE = 6
"""Rows that the regression needs for each feature."""
MOST_FEATURES = 750
"""Largest number of features, whatever the number of rows: more cost time and hardly predict better."""


def affordable_features(num_rows: int) -> int:
    """Number of features that a regression on so many rows can use: rows / 6, at least 1 and at most 750.

    Args:
        num_rows: number of transitions that the regression uses.

    Raises:
        ValueError: not an integer of at least 0.

    Example:
        >>> affordable_features(125), affordable_features(1246), affordable_features(2_000_000)
        (20, 207, 750)
    """
    checks.positive_int(num_rows, "the number of rows of a regression", minimum=0)
    return max(1, min(num_rows // ROWS_PER_FEATURE, MOST_FEATURES))
