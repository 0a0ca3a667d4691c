"""Cross-fitted ridge regression by chunks, compared with the normal equations on all rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.ridge import BLOCKS, FOLDS, Ridge, ridge_on
from trisect.rows import CHUNK, chunks

ROWS = 2 * CHUNK + 5
RNG = np.random.default_rng(0)
FIRST, MORE, VALUES = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2)), RNG.normal(size=(ROWS, 4))
FITTED = RNG.random(ROWS) < 0.5
PENALTY = 7.0


FOLD = np.concatenate([np.full(len(rows), block % FOLDS) for block, rows in enumerate(np.array_split(MORE, BLOCKS))])
"""The fold of every row: 40 blocks of consecutive rows, dealt out to four folds in turn."""


def weights(features: np.ndarray, fitted: np.ndarray = FITTED) -> np.ndarray:
    used = features[fitted]
    return np.linalg.solve(used.T @ used + PENALTY * np.eye(used.shape[1]), used.T @ VALUES[fitted])


def refitted(features: np.ndarray, fitted: np.ndarray = FITTED, read: slice = slice(None)) -> np.ndarray:
    """Residuals of every fold from a regression that has never seen it."""
    residual = VALUES.copy()
    for fold in range(FOLDS):
        own = fold == FOLD
        residual[own] -= features[own][:, read] @ weights(features, fitted & ~own)[read]
    return residual


def on_first() -> Ridge:
    return ridge_on(lambda rows: FIRST[rows], FITTED, PENALTY)


@pytest.mark.parametrize("num_rows", [0, 1, CHUNK, CHUNK + 1, ROWS])
def test_chunks_contain_every_row_once(num_rows: int) -> None:
    visited = [row for rows in chunks(num_rows) for row in range(num_rows)[rows]]
    assert visited == list(range(num_rows))
    assert all(rows.stop - rows.start <= CHUNK for rows in chunks(num_rows))


def test_weights_are_those_of_all_folds() -> None:
    assert np.allclose(on_first().weights(VALUES), weights(FIRST))
    assert np.allclose(on_first().weights(VALUES[:, 1]), weights(FIRST)[:, 1])


def test_residuals_equal_refitting_without_the_fold() -> None:
    residuals = on_first().residuals(VALUES)
    assert np.allclose(residuals, refitted(FIRST))
    assert not np.allclose(residuals, VALUES - FIRST @ weights(FIRST))


def test_a_row_does_not_change_its_own_prediction() -> None:
    row = int(np.flatnonzero(FITTED)[100])
    changed = VALUES.copy()
    changed[row] += 1000
    moved = on_first().residuals(changed) - on_first().residuals(VALUES)
    assert np.allclose(moved[row], 1000)
    assert np.allclose(np.delete(moved, row, axis=0)[np.delete(FOLD, row) == FOLD[row]], 0)
    assert np.abs(moved[FOLD[row] != FOLD]).max() > 0.1


@pytest.mark.parametrize("num_features", [40, 80])
def test_residuals_of_noise_are_not_smaller_where_they_were_fitted(num_features: int) -> None:
    """With one feature per five or ten fitted rows, residuals of the fit would lose that share of their variance."""
    rng, num = np.random.default_rng(0), 800
    features, values, fitted = rng.normal(size=(num, num_features)), rng.normal(size=(num, 30)), np.arange(num) % 2 == 0
    residual = ridge_on(lambda rows: features[rows], fitted, 1.0).residuals(values)
    assert residual[fitted].var() / residual[~fitted].var() == pytest.approx(1, abs=0.06)


def test_an_extended_regression_equals_one_on_all_features() -> None:
    both = np.hstack([FIRST, MORE])
    extended = on_first().extended(lambda rows: MORE[rows])
    assert np.allclose(extended.grams.sum(axis=0), both[FITTED].T @ both[FITTED])
    assert np.allclose(extended.residuals(VALUES), refitted(both))


def test_features_beside_are_fitted_but_not_predicted() -> None:
    beside = ridge_on(lambda rows: FIRST[rows], FITTED, PENALTY, beside=lambda rows: MORE[rows])
    both = np.hstack([MORE, FIRST])
    assert np.allclose(beside.weights(VALUES), weights(both))
    assert np.allclose(beside.residuals(VALUES), refitted(both, read=slice(2, None)))
    more = beside.extended(lambda rows: MORE[rows, :1] ** 2)
    three = np.hstack([both, MORE[:, :1] ** 2])
    assert np.allclose(more.residuals(VALUES), refitted(three, read=slice(2, None)))


def test_the_effect_of_a_target_beside_stays_in_the_residual() -> None:
    """A held level that the state follows: without the target beside, the regression would take its effect for rule."""
    rng, num = np.random.default_rng(0), 4000
    on = np.cumsum(rng.random(num) < 0.03) % 2
    state = np.zeros(num)
    for t in range(1, num):
        state[t] = 0.8 * state[t - 1] + 0.5 * on[t] + 0.1 * rng.normal()
    features, target = np.column_stack([np.ones(num - 1), state[:-1]]), on[1:, None].astype(float)
    every = np.ones(num - 1, dtype=bool)
    effect = []
    for beside in (None, lambda rows: target[rows]):
        residual = ridge_on(lambda rows: features[rows], every, 1.0, beside=beside).residuals(state[1:, None])[:, 0]
        effect.append(residual[on[1:] == 1].mean() - residual[on[1:] == 0].mean())
    assert effect[1] == pytest.approx(0.5, abs=0.03) and effect[0] < 0.4


def beside(more: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The residual of values, minus what the residual of the further features predicts of it on the fitted rows."""
    own, other = (on_first().residuals(each) for each in (values, more))
    gram, cross = more[FITTED].T @ other[FITTED], more[FITTED].T @ own[FITTED]
    return np.asarray(own - other @ np.linalg.solve(gram + PENALTY * np.eye(more.shape[1]), cross))


def test_residuals_beside_a_few_more_features_come_in_two_steps() -> None:
    """They are close to those of a regression on all features, fold by fold, but need only one pass over the rows."""
    residuals = on_first().residuals_beside(MORE, VALUES)
    assert np.allclose(residuals, beside(MORE, VALUES))
    assert np.allclose(residuals, refitted(np.hstack([FIRST, MORE])), atol=0.1)


def test_several_cases_beside_equal_one_after_the_other() -> None:
    cases = [(MORE, VALUES), (MORE[:, :1], VALUES[:, 2:])]
    first, second = on_first().residuals_beside_each(cases)
    assert np.allclose(first, beside(*cases[0])) and np.allclose(second, beside(*cases[1]))


def test_a_regression_without_some_rows_is_fitted_to_the_others() -> None:
    dropped = RNG.random(ROWS) < 0.3
    both, kept = np.hstack([FIRST, MORE]), FITTED & ~dropped
    regression = on_first().extended(lambda rows: MORE[rows]).without(dropped)
    assert np.array_equal(regression.fitted, kept)
    assert np.allclose(regression.grams.sum(axis=0), both[kept].T @ both[kept])
    assert np.allclose(regression.residuals(VALUES), refitted(both, kept))
    assert np.array_equal(on_first().without(~FITTED).grams, on_first().grams)


def test_features_are_computed_one_chunk_at_a_time() -> None:
    """A chunk is a part of one of the forty blocks, and at most as long as `CHUNK`."""
    sizes = []
    num = BLOCKS * (CHUNK + 10)
    values = np.zeros((num, 1), dtype=np.float32)

    def features(rows: slice | np.ndarray) -> np.ndarray:
        sizes.append(len(values[rows]))
        return values[rows]

    ridge_on(features, np.ones(num, dtype=bool), PENALTY).residuals(values)
    assert max(sizes) == CHUNK and sum(sizes) == 3 * num  # for the gram, for the products, and for the prediction
