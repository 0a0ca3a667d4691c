"""How much of its targets a probe explains on held-out transitions.

The *share explained* is (H - C) / H, with H the entropy of a target at its rate and C the cross-entropy of the probe's
logits after calibration, both over the held-out transitions: 1 is best, 0 is no better than the rate. Unlike AUROC it
does not saturate near 1 and counts how certain the probe is. Calibrated are the offset and the slope of the logits
(Platt, 1999), on one half of the blocks of time for the other half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from trisect import checks
from trisect.evaluation.auroc import NUM_BLOCKS, block_sums, contributions, standard_error
from trisect.evaluation.logistic import logistic_weights

MOST = 30.0
"""Largest calibrated logit."""


@dataclass(frozen=True)
class Explained:
    """What a probe explains of the targets of some variables; NaN without both classes in both halves of the blocks.

    Attributes:
        share: held-out share of the target's entropy explained, at most 1.
        auroc: held-out AUROC.
        share_blocks, auroc_blocks: contributions to their deviations from the true values, summed over blocks of time.
    """

    share: Float[np.ndarray, " variables"]
    auroc: Float[np.ndarray, " variables"]
    share_blocks: Float[np.ndarray, "variables blocks"]
    auroc_blocks: Float[np.ndarray, "variables blocks"]

    @property
    def error(self) -> Float[np.ndarray, " variables"]:
        """Standard error of the share, over blocks of time."""
        return standard_error(self.share_blocks)

    @property
    def auroc_error(self) -> Float[np.ndarray, " variables"]:
        """Standard error of the AUROC, over blocks of time."""
        return standard_error(self.auroc_blocks)

    def beyond(self, other: Explained) -> tuple[Float[np.ndarray, " variables"], Float[np.ndarray, " variables"]]:
        """The share explained minus that of another probe of the same transitions, and its standard error."""
        return self.share - other.share, standard_error(self.share_blocks - other.share_blocks)


def explained(
    logits: Float[np.ndarray, "pairs variables"], targets: Bool[np.ndarray, "pairs variables"], *, alone: bool = False
) -> Explained:
    """How much of every target the logits of held-out transitions explain.

    Args:
        logits: one per transition and variable, in the order of time.
        targets: the interventions on the variables in the same transitions.
        alone: whether only transitions without an intervention on another variable count, if at least half of this
            one's interventions are among them. Where interventions exclude each other, a probe that sees another
            variable's intervention can predict that this variable has none, without seeing anything of it.

    Example:
        >>> targets = np.random.default_rng(0).random((3000, 1)) < 0.2
        >>> round(float(explained(10.0 * targets - 5, targets).share[0]), 2)
        1.0
    """
    checks.shape(logits, "the logits of a probe", *targets.shape)
    half = (np.arange(len(targets)) * NUM_BLOCKS // max(len(targets), 1)) % 2 == 1
    columns = []
    for k in range(targets.shape[1]):
        rows = _without_others(targets, k) if alone else np.ones(len(targets), dtype=bool)
        columns.append(_of_variable(logits[:, k], targets[:, k], rows, half))
    shares, areas, of_shares, of_areas = zip(*columns)
    return Explained(np.array(shares), np.array(areas), block_sums(np.stack(of_shares)), block_sums(np.stack(of_areas)))


def _of_variable(
    logits: np.ndarray, labels: np.ndarray, rows: np.ndarray, halves: np.ndarray
) -> tuple[float, float, np.ndarray, np.ndarray]:
    logit, label = logits[rows], labels[rows]
    of_area = np.zeros(len(logits))
    area, of_area[rows] = contributions(logit, label)
    saved = _saved(logit, label, halves[rows])
    if saved is None:
        return float("nan"), area, np.full(len(logits), np.nan), of_area
    rate = float(label.mean())
    base = np.where(label, -np.log(rate), -np.log1p(-rate))
    share = float(saved.sum() / base.sum())
    of_share = np.zeros(len(logits))
    of_share[rows] = (saved - share * base) / base.sum()
    return share, area, of_share, of_area


def _without_others(targets: np.ndarray, k: int) -> np.ndarray:
    """The rows (pairs,) bool without an intervention on another variable; all if they hold too few on this one."""
    alone = targets.sum(axis=1) == targets[:, k]
    return alone if 2 * targets[alone, k].sum() >= targets[:, k].sum() else np.ones(len(targets), dtype=bool)


def _saved(logit: np.ndarray, label: np.ndarray, half: np.ndarray) -> np.ndarray | None:
    """By how much the cross-entropy of every row is below that of the rate; None without both classes in each half."""
    if any(not 0 < label[part].sum() < part.sum() for part in (half, ~half)):
        return None
    calibrated = np.empty(len(label))
    for part in (half, ~half):
        calibrated[part] = _calibrated(logit[~part], label[~part], logit[part])
    return _cross_entropy(_log_odds(label), label) - _cross_entropy(calibrated, label)


def _calibrated(logit: np.ndarray, label: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Other logits with the offset and the slope that fit these best; without a rising slope, the rate."""
    centre, scale = logit.mean(), max(float(logit.std()), 1e-9)
    offset, slope = logistic_weights(np.stack([np.ones(len(logit)), (logit - centre) / scale], axis=1), label)
    if slope <= 0:
        return np.full(len(others), _log_odds(label))
    return np.clip(offset + slope * (others - centre) / scale, -MOST, MOST)


def _log_odds(label: np.ndarray) -> float:
    rate = float(label.mean())
    return float(np.log(rate) - np.log1p(-rate))


def _cross_entropy(logit: np.ndarray | float, label: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0, logit) - label * logit)
