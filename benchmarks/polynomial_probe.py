"""A probe of its own: ridge regression on polynomials, fitted on one half of the rows and scored on the other."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

DEGREE, MOST_FEATURES, RIDGE = 3, 400, 1.0


def polynomials(inputs: np.ndarray) -> np.ndarray:
    """All monomials (rows, features) up to degree 3 of standardised inputs (rows, n); fewer degrees if n is large."""
    scaled = (inputs - inputs.mean(axis=0)) / np.maximum(inputs.std(axis=0), 1e-12)
    columns = [np.ones(len(inputs))]
    for degree in range(1, DEGREE + 1):
        more = list(combinations_with_replacement(range(inputs.shape[1]), degree))
        if degree > 1 and len(columns) + len(more) > MOST_FEATURES:
            break
        columns += [scaled[:, list(monomial)].prod(axis=1) for monomial in more]
    return np.stack(columns, axis=1)


def predicted(inputs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Prediction (rows, K) of values (rows, K) from inputs (rows, n), fitted on the first half of the rows."""
    features, half = polynomials(inputs), len(values) // 2
    mean = values[:half].mean(axis=0)
    gram = features[:half].T @ features[:half] + RIDGE * np.eye(features.shape[1])
    return mean + features @ np.linalg.solve(gram, features[:half].T @ (values[:half] - mean))


def r2(inputs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """R2 (K,) of values (rows, K) from inputs (rows, n) in the second half of the rows, clipped at 0."""
    half = len(values) // 2
    missed = (values - predicted(inputs, values))[half:]
    return np.clip(1 - (missed**2).mean(axis=0) / values[half:].var(axis=0), 0, 1)


def matrix(latents: np.ndarray, slots: np.ndarray, values: np.ndarray, variables: np.ndarray) -> np.ndarray:
    """R2 (columns, K) of every variable from the slot of every column; 0 where a slot is empty.

    Args:
        latents: (rows, L).
        slots: (L,) slot of each latent.
        values: (rows, K).
        variables: (columns,), the variable of each slot's column.
    """
    rows = [latents[:, slots == slot] for slot in range(len(variables))]
    return np.stack([r2(slot, values) if slot.shape[1] else np.zeros(values.shape[1]) for slot in rows])


def beyond_truth(latents: np.ndarray, slots: np.ndarray, values: np.ndarray, variables: np.ndarray) -> np.ndarray:
    """Share (columns, K) of each variable's variance that a slot contains and that the slot's true variable does not.

    What the true variable c_i leaves of c_j, c_j - E[c_j | c_i], is predicted from the slot alone. The truth defines
    what is predicted and is no input: a probe of c_i and c_i + .01 c_j finds c_j in their difference (`conditional`).
    """
    shares, half = np.zeros((len(variables), values.shape[1])), len(values) // 2
    for slot, own in enumerate(variables):
        rest = values - predicted(values[:, [own]], values)
        inside = latents[:, slots == slot]
        if inside.shape[1]:
            left = np.minimum(rest[half:].var(axis=0) / values[half:].var(axis=0), 1)
            shares[slot] = r2(inside, rest) * left
        shares[slot, own] = 0
    return shares


def conditional(latents: np.ndarray, slots: np.ndarray, values: np.ndarray, variables: np.ndarray) -> np.ndarray:
    """R2 (columns, K) from the slot and its true variable, minus that from the true variable alone.

    It is an upper bound of what the slot contains, and often a loose one: see `beyond_truth`.
    """
    gains = np.zeros((len(variables), values.shape[1]))
    for slot, own in enumerate(variables):
        truth = values[:, [own]]
        both = np.concatenate([truth, latents[:, slots == slot]], axis=1)
        gains[slot] = np.maximum(r2(both, values) - r2(truth, values), 0)
        gains[slot, own] = 0
    return gains
