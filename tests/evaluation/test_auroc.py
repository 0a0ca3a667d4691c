from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from trisect.evaluation.auroc import (
    NUM_BLOCKS,
    auroc,
    block_sums,
    compared,
    contributions,
    gain_of,
    half_width,
    standard_error,
)


def test_auroc_by_brute_force(rng):
    score, label = rng.integers(5, size=60).astype(float), rng.random(60) < 0.3
    pairs = [(p > n) + 0.5 * (p == n) for p in score[label] for n in score[~label]]
    assert auroc(score, label) == pytest.approx(np.mean(pairs))


def test_auroc_without_one_class_is_undefined():
    assert np.isnan(auroc(np.arange(3.0), np.zeros(3, bool))) and np.isnan(auroc(np.arange(3.0), np.ones(3, bool)))


def test_contributions_sum_to_nothing(rng):
    score, label = rng.normal(size=200), rng.random(200) < 0.4
    area, parts = contributions(score, label)
    assert area == auroc(score, label) and parts[label].sum() == pytest.approx(0) == parts[~label].sum()


def test_the_standard_error_is_that_of_repeated_draws():
    """Positives of N(1, 1) against negatives of N(0, 1), 120 and 280 samples, 400 times."""
    rng, label = np.random.default_rng(0), np.arange(400) % 10 < 3
    drawn = [contributions(rng.normal(size=400) + label, label) for _ in range(400)]
    spread = np.std([area for area, _ in drawn])
    errors = [float(standard_error(block_sums(parts))) for _, parts in drawn]
    assert np.mean(errors) == pytest.approx(spread, rel=0.1)


def test_samples_that_depend_on_each_other_widen_the_error():
    """Runs of ten equal samples say as much as one sample: the error is that of a tenth of the samples."""
    rng = np.random.default_rng(1)
    label = rng.random(300) < 0.4
    score = rng.normal(size=300) + label
    single = standard_error(block_sums(contributions(score, label)[1]))
    repeated = standard_error(block_sums(contributions(score.repeat(10), label.repeat(10))[1]))
    assert repeated == pytest.approx(single, rel=0.02)


def test_blocks_cover_every_sample_once(rng):
    values = rng.normal(size=(2, 101))
    assert block_sums(values).shape == (2, NUM_BLOCKS) and block_sums(values).sum(axis=1) == pytest.approx(
        values.sum(axis=1)
    )
    assert block_sums(np.ones(3)).tolist() == [1, 1, 1]


def test_the_interval_of_a_difference_covers_it() -> None:
    """Two scores that share their noise, of AUROC Phi(1.5 / sqrt 2) and Phi(.5 / sqrt 2): 95 % of intervals hold it."""
    rng, label = np.random.default_rng(0), np.arange(300) % 10 < 3
    true, gains = float(ndtr(1.5 / np.sqrt(2)) - ndtr(0.5 / np.sqrt(2))), []
    for _ in range(400):
        shared, own = rng.normal(size=(2, 300))
        both = compared(shared + 1.5 * label, 0.96 * shared + 0.28 * own + 0.5 * label, label)
        gains.append(gain_of(both.slot - both.past, block_sums(both.deviation)))
    values, lows, highs = np.array(gains).T
    assert 0.92 < np.mean((lows <= true) & (true <= highs)) < 0.98  # seeds 0 to 5: .933 to .965
    assert np.mean(highs - lows) == pytest.approx(2 * half_width(NUM_BLOCKS) * values.std(), rel=0.1)


def test_intervals_are_wider_if_more_are_looked_at() -> None:
    assert half_width(31) == pytest.approx(2.042, abs=1e-3), "Student's t of 30 degrees of freedom"
    assert half_width(31, 10) == pytest.approx(half_width(31) * 3.030 / 2.042, rel=1e-3)
