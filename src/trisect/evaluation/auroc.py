"""The area under the ROC curve (AUROC) of scores for two classes, and the uncertainty of differences between AUROCs.

The estimate is that of Mann and Whitney (1947). Its uncertainty follows from what each sample contributes to it
(DeLong, DeLong and Clarke-Pearson, Biometrics 1988). Consecutive samples depend on each other, so contributions are
summed within blocks of consecutive samples, as for clustered data (Obuchowski, Biometrics 1997).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import stdtrit
from scipy.stats import rankdata

NUM_BLOCKS = 30
DOUBT = 0.05  # probability with which an interval, or one of the leaks that are named, may be wrong


class Gain(NamedTuple):
    """By how much an AUROC exceeds that of the past alone, with the ends of its 95 % interval; NaN if undefined."""

    value: float
    low: float
    high: float


UNDEFINED = Gain(float("nan"), float("nan"), float("nan"))


def auroc(score: Float[np.ndarray, " samples"], label: Bool[np.ndarray, " samples"]) -> float:
    """Probability that a positive sample scores above a negative one; ties count half (Mann and Whitney, 1947).

    Returns:
        In [0, 1]; NaN if one of the two classes is missing.

    Example:
        >>> auroc(np.array([0.1, 0.8, 0.5, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    return contributions(score, label)[0]


def contributions(
    score: Float[np.ndarray, " samples"], label: Bool[np.ndarray, " samples"]
) -> tuple[float, Float[np.ndarray, " samples"]]:
    """The AUROC, and what each sample contributes to its deviation from the true AUROC.

    With A the AUROC, P positives and N negatives, a positive sample contributes (share of negatives below it - A) / P
    and a negative one (share of positives above it - A) / N. The sum of squares over independent samples is the
    variance of A.

    Returns:
        NaN and zeros if one of the two classes is missing.
    """
    positives, negatives = int(label.sum()), int((~label).sum())
    if positives == 0 or negatives == 0:
        return float("nan"), np.zeros(len(score))
    ranks, share = rankdata(score), np.empty(len(score))
    share[label] = (ranks[label] - rankdata(score[label])) / negatives
    share[~label] = 1 - (ranks[~label] - rankdata(score[~label])) / positives
    area = float(share[label].mean())
    return area, (share - area) / np.where(label, positives, negatives)


def block_sums(values: Float[np.ndarray, "*rest samples"]) -> Float[np.ndarray, "*rest blocks"]:
    """Sums over at most 30 blocks of consecutive samples, of about equal lengths."""
    length = values.shape[-1]
    starts = np.unique(np.linspace(0, length, min(NUM_BLOCKS, length), endpoint=False).astype(int))
    return np.asarray(np.add.reduceat(values, starts, axis=-1))


def standard_error(blocks: Float[np.ndarray, "*rest blocks"]) -> Float[np.ndarray, "*rest"]:
    """Standard error of an estimate from its blocks' summed contributions."""
    count = blocks.shape[-1]
    return np.asarray(np.sqrt(np.square(blocks).sum(axis=-1) * (count / max(count - 1, 1))))


def half_width(num_blocks: int, comparisons: int = 1) -> float:
    """Standard errors on each side of an interval, if so many are looked at together (Student, Bonferroni)."""
    return float(stdtrit(max(num_blocks - 1, 1), 1 - DOUBT / 2 / max(comparisons, 1)))


def gain_of(value: float, blocks: Float[np.ndarray, " blocks"]) -> Gain:
    """A difference of AUROCs with its interval, from the summed contributions of its blocks."""
    width = half_width(len(blocks)) * float(standard_error(blocks))
    return Gain(value, value - width, value + width)


class Compared(NamedTuple):
    """The AUROC of a slot and of the past alone on the same samples, and the contributions to their difference."""

    slot: float
    past: float
    deviation: np.ndarray


def compared(
    slot: Float[np.ndarray, " samples"], past: Float[np.ndarray, " samples"], label: Bool[np.ndarray, " samples"]
) -> Compared:
    """Compare the logits of a slot with those of the past alone."""
    (own, own_shares), (before, before_shares) = contributions(slot, label), contributions(past, label)
    return Compared(own, before, own_shares - before_shares)
