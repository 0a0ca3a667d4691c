"""The closed-form probe: ridge regression on random features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.evaluation.probes.heads import Heads
from trisect.evaluation.probes.read_out import ReadOut
from trisect.linear_algebra import ridge_weights

GENTLEST = 0.3
"""Smallest sharpness (slope) of a feature, per standard deviation of the latents."""
NUM_SHARP, PENALTY = 300, 1e-3


@dataclass(frozen=True)
class RidgeProbe:
    """Ridge regression on the latents and on random tanh features of them: quick, without an optimiser.

    ``B = (F'F + penalty N 1)^-1 F'Y`` with F = [1, z, tanh(z A + b)], A and b normal, at scales from 0.3 to 3.

    Attributes:
        name: name of the probe in reports.
        num_features: random features per set, at least 1.
        penalty: per training sample, above 0; the constant is penalised too, which matters little at this size.
    """

    name: str = "ridge"
    num_features: int = NUM_SHARP
    penalty: float = PENALTY

    def __post_init__(self) -> None:
        checks.positive_int(self.num_features, "num_features of a ridge probe")
        checks.in_range(self.penalty, "the penalty of a ridge probe", 0.0, float("inf"), open_low=True)

    def predict(self, read_out: ReadOut, rng: np.random.Generator) -> np.ndarray:
        heads = Heads(read_out.factors, read_out.truth)
        targets = heads.encode(read_out.truth)
        outputs = [self._regress(train, test, targets, rng) for train, test in zip(read_out.train, read_out.test)]
        return heads.decode(np.stack(outputs))

    def _regress(
        self, train: np.ndarray, test: np.ndarray, targets: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        scale = 10.0 ** rng.uniform(-0.5, 0.5, self.num_features)
        directions = rng.normal(size=(train.shape[1], self.num_features)) * scale / np.sqrt(max(train.shape[1], 1))
        shifts = rng.normal(size=self.num_features) * scale
        weights = _weights(_tanh_features(train, directions, shifts), targets, self.penalty)
        return _tanh_features(test, directions, shifts) @ weights


def sharp_regression(
    train: np.ndarray, wanted: np.ndarray, others: Sequence[np.ndarray], sharpness: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Ridge regression on 300 tanh features centred at training rows, which finds fine structure in a latent.

    The slopes are between 0.3 and ``sharpness`` per standard deviation of the latents. A network needs thousands of
    steps to find such structure.

    Args:
        train: (samples, latents), standardised.
        wanted: (samples, outputs), target values of the same rows.
        others: sets of further rows, (samples, latents) each.
        sharpness: largest slope, above 0.3.
        rng: draws the features.

    Returns:
        Predictions for each of ``others``, (samples, outputs).
    """
    scale = np.exp(rng.uniform(np.log(GENTLEST), np.log(sharpness), NUM_SHARP))
    directions = rng.normal(size=(train.shape[1], NUM_SHARP)) * scale / np.sqrt(max(train.shape[1], 1))
    shifts = -(train[rng.integers(len(train), size=NUM_SHARP)] * directions.T).sum(axis=1)
    weights = _weights(_tanh_features(train, directions, shifts), wanted, PENALTY)
    return [_tanh_features(rows, directions, shifts) @ weights for rows in others]


def _weights(features: np.ndarray, targets: np.ndarray, penalty: float) -> np.ndarray:
    return ridge_weights(features, targets, penalty * len(features))


def _tanh_features(latents: np.ndarray, directions: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    latents = latents.astype(np.float32)
    bent = np.tanh(latents @ directions.astype(np.float32) + shifts.astype(np.float32))
    return np.concatenate([np.ones((len(latents), 1), np.float32), latents, bent], axis=1)
