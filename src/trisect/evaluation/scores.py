"""Scores of a predicted factor against its true values: R2 and a rank correlation for every kind of factor.

All scores are computed in float64. True values that do not vary cannot be predicted well or badly: their score is NaN,
"undefined", and is left out of means. A prediction that does not vary carries no information: its score is 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from trisect import checks
from trisect.variables import Angle, Categorical, Factor

NO_SPREAD = 4 * 2.0**-23  # a spread of at most this fraction of the values' size is the rounding of float32
NO_TURN = 1e-6  # angles within so many radians count as equal

Score = Callable[[np.ndarray, np.ndarray, Factor], float]


def r2(prediction: np.ndarray, truth: np.ndarray, factor: Factor) -> float:
    """Share of the truth's spread that a prediction explains: ``1 - sum d(prediction)^2 / sum d(baseline)^2``.

    The distance d and the baseline depend on the kind of factor. Continuous: difference, mean. Angle: angle difference
    / pi, circular mean. Categorical: 0 or 1, most frequent category (so the score is one minus the ratio of the error
    rates).

    Args:
        prediction: (samples,) float, in the factor's own unit: a value, an angle in radians, a category.
        truth: (samples,), true values in the same unit.
        factor: kind of the factor.

    Returns:
        At most 1; 0 for the baseline and for a constant prediction; NaN if the truth is constant.

    Raises:
        ValueError: a value is NaN or infinite, or the lengths differ.

    Example:
        >>> from trisect.variables import Continuous
        >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), Continuous("x")).__round__(3)
        0.786
    """
    prediction, truth = _checked(prediction, truth, factor)
    if is_constant(truth, factor):
        return float("nan")
    if is_constant(prediction, factor, np.ptp(truth)):
        return 0.0
    explained = np.square(_distance(prediction, truth, factor)).sum()
    baseline = np.square(_distance(_baseline(truth, factor), truth, factor)).sum()
    return float(1.0 - explained / baseline)


def r2_error(prediction: np.ndarray, truth: np.ndarray, factor: Factor) -> tuple[float, float]:
    """R2 and its standard error over independent samples, to first order.

    With e and b the squared distances of the prediction and of the baseline, R2 = 1 - sum e / sum b, and its variance
    is about ``sum (e - (1 - R2) b)^2 / (sum b)^2``.
    """
    value = r2(prediction, truth, factor)
    if np.isnan(value):
        return value, value
    truth = truth.astype(np.float64)
    explained = np.square(_distance(prediction.astype(np.float64), truth, factor))
    baseline = np.square(_distance(_baseline(truth, factor), truth, factor))
    return value, float(np.sqrt(np.square(explained - (1 - value) * baseline).sum()) / baseline.sum())


def spearman(prediction: np.ndarray, truth: np.ndarray, factor: Factor) -> float:
    """Rank correlation of a prediction with the truth.

    Continuous: Spearman's rho. Categorical with two categories: Spearman's rho of the predicted category; with more
    categories NaN, because they have no order. Angle: `circular_rank_correlation`.

    Args, Returns, Raises: as for `r2`; between -1 and 1.
    """
    prediction, truth = _checked(prediction, truth, factor)
    if is_constant(truth, factor) or (isinstance(factor, Categorical) and factor.num_categories > 2):
        return float("nan")
    if is_constant(prediction, factor, np.ptp(truth)):
        return 0.0
    if isinstance(factor, Angle):
        return circular_rank_correlation(prediction, truth)
    return float(np.corrcoef(rankdata(prediction), rankdata(truth))[0, 1])


def circular_rank_correlation(first: Float[np.ndarray, " samples"], second: Float[np.ndarray, " samples"]) -> float:
    """Rank correlation of two angles that does not depend on the position of zero.

    Ranks become uniform circular scores ``u_n = exp(2 pi i rank_n / N)``, as in the rank correlation of Mardia (1975,
    section 3), and the score is the modulus of their complex correlation
    ``|sum (u - mean u) conj(v - mean v)| / sqrt(sum |u - mean u|^2 sum |v - mean v|^2)``.
    Turning either angle shifts its ranks cyclically and turns all its scores by the same angle, so the result does not
    change. Unlike Mardia, who has no ties, we centre the scores, so that chance level is 0 for angles with few values.

    Args:
        first, second: angles in radians; neither is constant.

    Returns:
        1 if one angle follows the other around the circle in the same direction; about 1 / sqrt(N) if unrelated.
    """
    u, v = (np.exp(2j * np.pi * rankdata(np.mod(angle, 2 * np.pi)) / len(angle)) for angle in (first, second))
    u, v = u - u.mean(), v - v.mean()
    return float(np.abs(np.vdot(v, u)) / np.sqrt(np.vdot(u, u).real * np.vdot(v, v).real))


def is_constant(values: Float[np.ndarray, " samples"], factor: Factor, unit: float = 0.0) -> bool:
    """True if values do not vary: by more than float32 rounds them, whatever their unit; or all in one category.

    Args:
        values: values of the factor.
        factor: its kind.
        unit: a size that values of the factor have elsewhere; a variation that is tiny in comparison counts as none.
    """
    if len(values) == 0 or isinstance(factor, Categorical):
        return len(np.unique(values)) <= 1
    if isinstance(factor, Angle):
        return bool(np.abs(angle_difference(values, values[0])).max() <= NO_TURN)
    return bool(np.ptp(values) <= NO_SPREAD * max(unit, float(np.abs(values).max())))


def why_undefined(truth: Float[np.ndarray, " samples"], factor: Factor, score: Score) -> str | None:
    """The reason why a score for this truth is NaN, or None if it is defined."""
    if is_constant(np.asarray(truth, dtype=np.float64), factor):
        return "the truth is constant in the test half"
    if score is spearman and isinstance(factor, Categorical) and factor.num_categories > 2:
        return f"{factor.num_categories} categories have no order"
    return None


def angle_difference(first: np.ndarray, second: np.ndarray | float) -> np.ndarray:
    """``first - second`` along the shorter arc, in [-pi, pi)."""
    return np.mod(first - second + np.pi, 2 * np.pi) - np.pi


def _checked(prediction: np.ndarray, truth: np.ndarray, factor: Factor) -> tuple[np.ndarray, np.ndarray]:
    checks.shape(prediction, f"the prediction of factor '{factor.name}'", len(truth))
    checks.finite(prediction, f"the prediction of factor '{factor.name}'")
    checks.finite(truth, f"the truth of factor '{factor.name}'")
    return prediction.astype(np.float64), truth.astype(np.float64)


def _distance(prediction: np.ndarray, truth: np.ndarray, factor: Factor) -> np.ndarray:
    if isinstance(factor, Angle):
        return angle_difference(prediction, truth) / np.pi
    if isinstance(factor, Categorical):
        return (prediction != truth).astype(np.float64)
    return prediction - truth


def _baseline(truth: np.ndarray, factor: Factor) -> np.ndarray:
    if isinstance(factor, Angle):
        return np.asarray(np.angle(np.exp(1j * truth).mean()))
    if isinstance(factor, Categorical):
        values, counts = np.unique(truth, return_counts=True)
        return np.asarray(values[counts.argmax()])
    return np.asarray(truth.mean())
