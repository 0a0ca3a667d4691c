from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.logistic import sigmoid
from trisect.evaluation.visibility.explained import explained


def entropy(p: np.ndarray | float) -> np.ndarray:
    return -(p * np.log(p) + (1 - p) * np.log1p(-np.asarray(p)))


def drawn(num_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True logits, and targets drawn by them."""
    logits = rng.normal(-1.5, 2.0, (num_rows, 1))
    return logits, rng.random((num_rows, 1)) < sigmoid(logits)


def test_true_logits_explain_the_mutual_information():
    logits, targets = drawn(60_000, np.random.default_rng(0))
    chance = sigmoid(logits)
    expected = 1 - entropy(chance).mean() / entropy(float(chance.mean()))
    result = explained(logits, targets)
    assert result.share[0] == pytest.approx(expected, abs=0.02)
    assert explained(0.2 * logits + 4, targets).share == pytest.approx(result.share, abs=1e-3), "calibration undoes it"


def test_nothing_is_explained_by_noise_nor_by_the_opposite():
    rng = np.random.default_rng(1)
    logits, targets = drawn(4000, rng)
    assert abs(explained(rng.normal(size=(4000, 1)), targets).share[0]) < 0.01
    assert abs(explained(-logits, targets).share[0]) < 0.01, "a probe is not turned around"


def test_errors_are_those_of_repetitions():
    shares, errors = [], []
    for seed in range(60):
        result = explained(*drawn(1500, np.random.default_rng(seed)))
        shares.append(result.share[0])
        errors.append(result.error[0])
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=0.3)


def test_difference_of_the_same_probe_is_exactly_0_with_no_error():
    logits, targets = drawn(1500, np.random.default_rng(0))
    result = explained(logits, targets)
    value, error = result.beyond(result)
    assert value[0] == 0 and error[0] == 0


def test_noise_explains_nothing_because_other_blocks_calibrate_it():
    """On the rows that it is fitted to, a calibration always explains something."""
    rng = np.random.default_rng(0)
    shares = explained(rng.normal(size=(400, 60)), rng.random((400, 60)) < 0.2).share
    assert -0.05 < shares.mean() < -0.002


def test_undefined_without_both_classes_in_each_half():
    targets = np.zeros((300, 2), dtype=bool)
    targets[:5, 1] = True  # in one block only
    result = explained(np.random.default_rng(0).normal(size=(300, 2)), targets)
    assert np.isnan(result.share).all() and np.isnan(result.auroc[0]) and not np.isnan(result.auroc[1])


def test_shapes_must_match():
    with pytest.raises(ValueError, match="the logits of a probe"):
        explained(np.zeros((3, 2)), np.zeros((3, 1), dtype=bool))


def test_who_sees_another_intervention_explains_nothing():
    """With at most one intervention at a time, seeing the one on b excludes one on a, but shows nothing of a."""
    rng = np.random.default_rng(3)
    which = rng.choice(4, size=8000, p=[0.3, 0.3, 0.2, 0.2])  # none, a, b, c
    targets = which[:, None] == np.array([1, 2, 3])
    sees_b = 4.0 * targets[:, [1]] + rng.normal(size=(8000, 1))
    logits = np.concatenate([-sees_b, sees_b, rng.normal(size=(8000, 1))], axis=1)
    assert explained(logits, targets).auroc[0] > 0.6
    result = explained(logits, targets, alone=True)
    assert abs(result.share[0]) < 0.01 and result.auroc[0] == pytest.approx(0.5, abs=0.03)
    assert result.share[1] > 0.5 and result.auroc[1] > 0.95
    assert result.auroc_error[0] == pytest.approx(0.008, abs=0.004)


def test_all_rows_count_where_interventions_come_together():
    rng = np.random.default_rng(4)
    logits, targets = drawn(4000, rng)
    both = explained(np.repeat(logits, 2, axis=1), np.repeat(targets, 2, axis=1), alone=True)
    assert both.share[0] == both.share[1] == explained(logits, targets).share[0]
