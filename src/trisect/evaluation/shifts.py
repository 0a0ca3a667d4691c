"""P-values of what a slot adds to the past about an intervention, from shifts of the targets within their episodes.

What is tested: given the past z^t, does a slot of z^{t+1} say anything of the target I^{t+1}? The classifiers stay as
they are: with their held-out logits the AUROC of the slot minus that of the past alone is linear in the targets,

    sum_t y_t d_t / (P N),    d_t = rank of the slot's logit at t - rank of the past's logit at t,

with P positives and N negatives (Mann and Whitney, 1947), so that a shuffle costs one inner product. Three things must
not be shuffled away:

* *What the past says of the targets.* Only the part that it leaves unexplained moves: y - e, with e the probability
  by a logistic regression of y on the past's logit, and on the logit that the slot's own classifier reads from the past
  alone (two classifiers read the past a little differently, and the better one is no merit of the slot). Likewise d is
  taken without its regression on the same features. The sum of products of the two parts is the generalised covariance
  measure (Shah and Peters, Annals of Statistics 2020), and exceeds 0 only if the slot says more than the past. As
  (y - e) / sqrt(e (1 - e)) has the same variance everywhere, it is this that moves, and is scaled again where it
  arrives.
* *How long interventions last.* Targets that are held, and logits that change slowly, agree by chance over whole runs;
  shuffled step by step they would not, and every slot would look significant. So the sequence of an episode is shifted
  in a circle, which keeps all runs but one.
* *Episodes.* Each episode is shifted by an amount of its own. A slot that only shows which episode it is gains nothing.

If targets are independent of each other and of the past, this is an exact permutation test. Otherwise it is close to
one (`tests/evaluation/test_shifts.py`); where interventions last, the past predicts them by halves, and the slot's
logits drift as slowly, p-values below .05 come up to twice as often as they should.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from trisect.evaluation.logistic import logistic_weights, sigmoid

NUM_SHIFTS, FEW_SHIFTS, MANY_EPISODES = 999, 199, 2000
"""Shifts, and shifts where there are so many episodes that all would take long."""
LARGEST = 3.0
MOST_KNOTS, PER_KNOT = 6, 10
RAREST = 0.02
"""The smallest probability of a target, as a share of its mean frequency, that the past may predict."""


class Shifted(NamedTuple):
    """What slots add to the past about targets, and the same after random shifts; only differences mean anything.

    Attributes:
        observed: (entries,), in units of AUROC, less what the past explains.
        null: (shifts, entries), the same for shifted targets; one row shifts all entries alike.
    """

    observed: np.ndarray
    null: np.ndarray

    def p_values(self) -> Float[np.ndarray, " entries"]:
        """Probability of as much or more by chance, from 1 / (shifts + 1) to 1; NaN where nothing can be shifted."""
        spread = np.ptp(np.concatenate([self.null, self.observed[None]]), axis=0)
        as_large = (self.null >= self.observed - 1e-9 * spread).sum(axis=0)
        return np.where(spread > 0, (1 + as_large) / (1 + len(self.null)), np.nan)

    def mean(self) -> Shifted:
        """The mean over the entries that can be shifted, as a single entry."""
        defined = np.ptp(self.null, axis=0) > 0 if self.null.size else np.zeros(self.null.shape[1], dtype=bool)
        if not defined.any():
            return Shifted(np.zeros(1), np.zeros((len(self.null), 1)))
        return Shifted(self.observed[defined].mean(keepdims=True), self.null[:, defined].mean(axis=1, keepdims=True))


class Readings(NamedTuple):
    """Held-out logits of the targets, (pairs, entries) each.

    Attributes:
        slot: from the slot and the past.
        still: by the same classifiers, from the past alone.
        past: by classifiers that saw the past alone.
    """

    slot: np.ndarray
    still: np.ndarray
    past: np.ndarray

    def some(self, rows: Bool[np.ndarray, " pairs"]) -> Readings:
        """The logits of some of the pairs."""
        return Readings(*(logits[rows] for logits in self))

    def negated(self) -> Readings:
        """The logits of the opposites of the targets."""
        return Readings(*(-logits for logits in self))


def shifted(
    read: Readings,
    labels: Bool[np.ndarray, "pairs entries"],
    episodes: Int[np.ndarray, " pairs"],
    rng: np.random.Generator,
) -> Shifted:
    """What the logits of slots add to those of the past, against shifted targets.

    Args:
        read: the logits.
        labels: the targets; an entry whose targets are all equal cannot be shifted.
        episodes: number of the episode of every pair, in any order; the pairs of an episode are in the order of time.
        rng: draws the shifts.
    """
    scale, surplus = np.empty(labels.shape), np.empty(labels.shape)
    for entry, label in enumerate(labels.T):
        scale[:, entry], surplus[:, entry] = _parts(Readings(*(logits[:, entry] for logits in read)), label)
    num_shifts = FEW_SHIFTS if len(np.unique(episodes)) > MANY_EPISODES else NUM_SHIFTS
    observed, null = np.zeros(labels.shape[1]), np.zeros((num_shifts, labels.shape[1]))
    for rows in _by_length(episodes):
        products = _circular(scale[rows], surplus[rows])
        observed += products[:, 0].sum(axis=0)
        offsets = rng.integers(rows.shape[1], size=(num_shifts, len(rows)))
        for entry in range(labels.shape[1]):
            null[:, entry] += products[np.arange(len(rows)), offsets, entry].sum(axis=1)
    return Shifted(observed, null)


def _parts(read: Readings, label: Bool[np.ndarray, " pairs"]) -> tuple[np.ndarray, np.ndarray]:
    """The difference of ranks that the past leaves unexplained, scaled, and the target's standardised surplus."""
    positives, negatives = int(label.sum()), int((~label).sum())
    if positives == 0 or negatives == 0:
        return np.zeros(len(label)), np.zeros(len(label))
    basis = _basis(read, min(positives, negatives))
    expected = _probability(basis, label)
    spread = np.sqrt(expected * (1 - expected))
    ranks = (rankdata(read.slot) - rankdata(read.past)) / (positives * negatives)
    unexplained = ranks - basis @ np.linalg.lstsq(basis, ranks, rcond=None)[0]
    return unexplained * spread, (label - expected) / spread


def _basis(read: Readings, rarer: int) -> Float[np.ndarray, "pairs features"]:
    """1, both standardised logits, their squares, and piecewise linear functions of the rank of the past's logit.

    Whatever increasing function of the logit a target's probability is, these come close to it; the more there are of
    the rarer class, the more pieces.
    """
    past, still = _standardised(read.past), _standardised(read.still)
    knots = np.linspace(0, 1, min(MOST_KNOTS, rarer // PER_KNOT) + 2)[1:-1]
    rank = rankdata(read.past) / len(read.past)
    pieces = (np.maximum(rank - knot, 0) for knot in knots)
    return np.stack([np.ones(len(past)), past, past**2, still, still**2, *pieces], axis=1)


def _standardised(logits: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, " pairs"]:
    deviation = logits.std()
    return np.clip((logits - logits.mean()) / (deviation if deviation > 0 else 1.0), -LARGEST, LARGEST)


def _probability(
    basis: Float[np.ndarray, "pairs features"], label: Bool[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    """Probability of the target by logistic regression on the features, neither 0 nor 1."""
    share = float(label.mean())
    fitted = sigmoid(basis @ logistic_weights(basis, label))
    return np.clip(fitted, RAREST * share, 1 - RAREST * (1 - share))


def _by_length(episodes: Int[np.ndarray, " pairs"]) -> Iterator[Int[np.ndarray, "episodes steps"]]:
    """Row numbers of the pairs of all episodes, those of the same length together."""
    order = np.argsort(episodes, kind="stable")
    _, starts, lengths = np.unique(episodes[order], return_index=True, return_counts=True)
    for length in np.unique(lengths):
        yield order[starts[lengths == length][:, None] + np.arange(length)]


def _circular(
    first: Float[np.ndarray, "episodes steps entries"], second: Float[np.ndarray, "episodes steps entries"]
) -> Float[np.ndarray, "episodes steps entries"]:
    """Inner products of one sequence with the other, shifted in a circle by 0, 1, ... steps."""
    steps = first.shape[1]
    spectrum = np.fft.rfft(first, axis=1) * np.conj(np.fft.rfft(second, axis=1))
    return np.asarray(np.fft.irfft(spectrum, n=steps, axis=1))
