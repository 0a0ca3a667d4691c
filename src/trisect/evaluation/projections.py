"""Encoders that learn nothing about variables: principal components and random features of the observations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.rows import by_chunks

CHUNK_ROWS = 1024
FIT_ROWS = 1000  # number of observations on which a projection is fitted
RANDOM_FEATURES = 128

Projection = Callable[[np.ndarray], np.ndarray]


def principal_components(observations: np.ndarray, num_latents: int, rng: np.random.Generator) -> Projection:
    """The first principal components of at most 1,000 of the observations, as a function of observations.

    Args:
        observations: frames (samples, height, width, channels) uint8 or vectors (samples, features) float.
        num_latents: number of components, at least 1; fewer if the observations have fewer dimensions or samples.
        rng: draws the observations on which the projection is fitted.

    Returns:
        Observations -> (samples, components) float32.
    """
    checks.positive_int(num_latents, "the number of principal components")
    sample = _sample(observations, rng)
    centre = sample.mean(axis=0)
    _, directions = np.linalg.eigh(_smaller_gram(sample - centre))
    leading = directions[:, ::-1][:, :num_latents]
    if len(leading) == len(sample) and len(sample) < sample.shape[1]:
        leading = (sample - centre).T @ leading
        leading /= np.maximum(np.linalg.norm(leading, axis=0), 1e-12)
    return lambda observations: _by_chunk(observations, lambda flat: (flat - centre) @ leading)


def random_encoder(observations: np.ndarray, num_latents: int, rng: np.random.Generator) -> Projection:
    """A fixed random network: 128 random tanh features of the observations, mixed at random.

    Args, Returns: as for `principal_components`; the observations only determine the features' centre and scale.
    """
    checks.positive_int(num_latents, "the latents of a random encoder")
    sample = _sample(observations, rng)
    first = rng.normal(size=(sample.shape[1], RANDOM_FEATURES)).astype(np.float32)
    second = (rng.normal(size=(RANDOM_FEATURES, num_latents)) / np.sqrt(RANDOM_FEATURES)).astype(np.float32)
    centre, scale = (sample @ first).mean(axis=0), np.maximum((sample @ first).std(axis=0), 1e-6)
    return lambda observations: _by_chunk(observations, lambda flat: np.tanh((flat @ first - centre) / scale) @ second)


def _smaller_gram(centred: np.ndarray) -> np.ndarray:
    wide = len(centred) < centred.shape[1]
    return centred @ centred.T if wide else centred.T @ centred


def _sample(observations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows = np.sort(rng.permutation(len(observations))[:FIT_ROWS])
    return _flat(observations[rows])


def _flat(observations: np.ndarray) -> Float[np.ndarray, "samples features"]:
    """One float32 row per observation; uint8 levels are scaled to [-1, 1]."""
    flat = observations.reshape(len(observations), -1).astype(np.float32)
    return flat / 127.5 - 1 if observations.dtype == np.uint8 else flat


def _by_chunk(observations: np.ndarray, encode: Projection) -> np.ndarray:
    return by_chunks(lambda rows: encode(_flat(rows)), observations, CHUNK_ROWS)
