"""Ridge regression by chunks, compared with the normal equations on all rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.ridge import Ridge, ridge_on
from trisect.rows import CHUNK, chunks

ROWS = 2 * CHUNK + 5
RNG = np.random.default_rng(0)
FIRST, MORE, VALUES = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2)), RNG.normal(size=(ROWS, 4))
FITTED = RNG.random(ROWS) < 0.5
PENALTY = 7.0


def expected(features: np.ndarray) -> np.ndarray:
    used = features[FITTED]
    return np.linalg.solve(used.T @ used + PENALTY * np.eye(used.shape[1]), used.T @ VALUES[FITTED])


def on_first() -> Ridge:
    return ridge_on(lambda rows: FIRST[rows], FITTED, PENALTY)


@pytest.mark.parametrize("num_rows", [0, 1, CHUNK, CHUNK + 1, ROWS])
def test_chunks_contain_every_row_once(num_rows: int) -> None:
    visited = [row for rows in chunks(num_rows) for row in range(num_rows)[rows]]
    assert visited == list(range(num_rows))
    assert all(rows.stop - rows.start <= CHUNK for rows in chunks(num_rows))


def test_weights_and_residuals() -> None:
    assert np.allclose(on_first().weights(VALUES), expected(FIRST))
    assert np.allclose(on_first().weights(VALUES[:, 1]), expected(FIRST)[:, 1])
    assert np.allclose(on_first().residuals(VALUES), VALUES - FIRST @ expected(FIRST))


def test_an_extended_regression_equals_one_on_all_features() -> None:
    both = np.hstack([FIRST, MORE])
    extended = on_first().extended(lambda rows: MORE[rows])
    assert np.allclose(extended.gram, both[FITTED].T @ both[FITTED])
    assert np.allclose(extended.residuals(VALUES), VALUES - both @ expected(both))
    assert np.allclose(on_first().residuals_beside(MORE, VALUES), VALUES - both @ expected(both))


def test_several_cases_beside_equal_one_after_the_other() -> None:
    cases = [(MORE, VALUES), (MORE[:, :1], VALUES[:, 2:])]
    first, second = on_first().residuals_beside_each(cases)
    for residuals, more, columns in ((first, MORE, slice(4)), (second, MORE[:, :1], slice(2, 4))):
        both = np.hstack([FIRST, more])
        assert np.allclose(residuals, (VALUES - both @ expected(both))[:, columns])


def test_a_regression_without_some_rows_is_fitted_to_the_others() -> None:
    dropped = RNG.random(ROWS) < 0.3
    both, kept = np.hstack([FIRST, MORE]), FITTED & ~dropped
    regression = on_first().extended(lambda rows: MORE[rows]).without(dropped)
    assert np.array_equal(regression.fitted, kept)
    assert np.allclose(regression.gram, both[kept].T @ both[kept])
    assert np.array_equal(on_first().without(~FITTED).gram, on_first().gram)


def test_features_are_computed_one_chunk_at_a_time() -> None:
    sizes = []

    def features(rows: slice | np.ndarray) -> np.ndarray:
        sizes.append(len(FIRST[rows]))
        return FIRST[rows]

    ridge_on(features, FITTED, PENALTY).residuals(VALUES)
    assert max(sizes) == CHUNK
