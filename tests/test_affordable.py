"""The number of features that a regression can use."""

import numpy as np
import pytest

from trisect.affordable import MOST_FEATURES, ROWS_PER_FEATURE, affordable_features


@pytest.mark.parametrize(("num_rows", "expected"), [(0, 1), (5, 1), (12, 2), (125, 20), (4500, 750), (10**7, 750)])
def test_a_sixth_of_the_rows_within_limits(num_rows, expected):
    assert affordable_features(num_rows) == expected


def test_more_rows_never_afford_fewer_features():
    counts = [affordable_features(rows) for rows in range(0, 6000, 7)]
    assert counts == sorted(counts) and max(counts) == MOST_FEATURES


@pytest.mark.parametrize("num_rows", [300, 3000])
def test_the_weights_add_no_more_than_the_stated_share_to_the_variance_of_new_rows(num_rows):
    """A regression on pure noise: held-out error over noise variance is 1 + features / (rows - features - 1)."""
    rng, features = np.random.default_rng(0), affordable_features(num_rows)
    x, y = rng.normal(size=(2 * num_rows, features)), rng.normal(size=(2 * num_rows, 50))
    weights = np.linalg.lstsq(x[:num_rows], y[:num_rows], rcond=None)[0]
    excess = ((y[num_rows:] - x[num_rows:] @ weights) ** 2).mean() - 1
    assert 0.5 / ROWS_PER_FEATURE < excess < 1.7 / ROWS_PER_FEATURE


def test_a_number_of_rows_is_a_number():
    with pytest.raises(ValueError, match="the number of rows of a regression must be an integer of at least 0"):
        affordable_features(-1)
