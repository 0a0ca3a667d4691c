from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.auroc import NUM_BLOCKS, auroc, block_sums, contributions, standard_error


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
