"""Predictions of a triplet's third frame: the model's, and those that stand beside it.

- *this model*: the latents of every slot from the frame that the mask names for its variable, decoded; the noise
  slot's from the first (Lippe et al., ICML 2022).
- *oracle*: the true third frame, encoded and decoded. No mixing can do better by much.
- *true frames*: the third frames themselves; how far they are is the causal encoder's own error.
- *first frame*: nothing is changed.
- *random slots*: the model's own latents, assigned to slots of the same sizes at random.
- *random encoder*: random features of the observations, identified as ours are, read back by a linear map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trisect.data.recording import Recording
from trisect.evaluation.baselines import Identify
from trisect.evaluation.encode import Encoder, as_input
from trisect.evaluation.projections import random_encoder
from trisect.evaluation.transitions import transitions_of
from trisect.frames import float_to_frames

MODEL, ORACLE, TRUE, FIRST = "this model", "oracle", "true frames", "first frame"
RANDOM_SLOTS, RANDOM_ENCODER = "random slots", "random encoder"
FIT_FRAMES = 5000
RIDGE = 1e-3

Observations = Float[Tensor, "batch *observation"]


@runtime_checkable
class Mixer(Protocol):
    """What a model must offer: latents with slots, and a way back."""

    @property
    def slot_names(self) -> tuple[str, ...]: ...

    @property
    def representation(self) -> Encoder: ...

    def assignment(self) -> Tensor: ...

    def encode(self, observations: Tensor) -> Tensor: ...

    def decode(self, z: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class ThreeFrames:
    """Some triplets, as a model takes them.

    Attributes:
        first, second, third: observations.
        from_second: (batch, K) over the model's variables.
    """

    first: Observations
    second: Observations
    third: Observations
    from_second: Bool[Tensor, "batch variables"]


Predict = Callable[[ThreeFrames], Tensor]


def mix(
    first: Float[Tensor, "batch latents"],
    second: Float[Tensor, "batch latents"],
    from_second: Bool[Tensor, "batch variables"],
    assignment: Float[Tensor, "latents slots"],
) -> Float[Tensor, "batch latents"]:
    """Latents of the second frame in the slots whose variable the mask says so of; all others of the first.

    Args:
        first, second: latents of both frames.
        from_second: bool, a column per variable.
        assignment: one-hot, (L, K + 1); the last slot, noise, is always the first frame's.
    """
    padded = torch.cat([from_second, torch.zeros_like(from_second[:, :1])], dim=1)
    return torch.where(padded[:, assignment.argmax(dim=1)], second, first)


def predictions(model: Mixer, train: Recording, identify: Identify, rng: np.random.Generator) -> dict[str, Predict]:
    """Name -> prediction, see above; the random encoder is left out where its slots cannot be identified.

    Args:
        model: trained, in evaluation mode.
        train: training sequences, on which the random encoder is fitted.
        identify: finds the random encoder's slots, without labels.
        rng: of random slots and random features.
    """
    assignment = model.assignment()
    shuffled = assignment[torch.from_numpy(rng.permutation(len(assignment)))]
    linear = _random_encoder(train, model.slot_names[:-1], len(assignment), identify, rng)
    return {
        MODEL: _mixing(model, assignment),
        ORACLE: lambda given: model.decode(model.encode(given.third)),
        TRUE: lambda given: given.third,
        FIRST: lambda given: given.first,
        RANDOM_SLOTS: _mixing(model, shuffled),
        **({} if linear is None else {RANDOM_ENCODER: linear}),
    }


def _mixing(model: Mixer, assignment: Tensor) -> Predict:
    def predict(given: ThreeFrames) -> Tensor:
        first, second = model.encode(given.first), model.encode(given.second)
        return model.decode(mix(first, second, given.from_second, assignment))

    return predict


def _random_encoder(
    train: Recording, names: tuple[str, ...], num_latents: int, identify: Identify, rng: np.random.Generator
) -> Predict | None:
    """Mixing by random features and a linear map back; None where their slots cannot be identified."""
    some = train.rows(0, min(len(train), FIT_FRAMES))
    encode = random_encoder(some.observations, num_latents, rng)
    features = encode(some.observations)
    transitions = transitions_of(features, some, names)
    try:
        found, slots = identify(features, transitions.pairs, transitions.targets)
    except ValueError:  # too few latents or interventions for the identification
        return None
    to_found = _linear(features, found)
    back = _linear(found, as_input(np.asarray(some.observations)).flatten(1).double().numpy())
    assignment = torch.from_numpy(slots.astype(np.float32))

    def latents(observations: Tensor) -> Tensor:
        at_rest = float_to_frames(observations) if observations.dim() == 4 else observations
        return torch.from_numpy(to_found(encode(at_rest.numpy())))

    def predict(given: ThreeFrames) -> Tensor:
        mixed = mix(latents(given.first), latents(given.second), given.from_second, assignment)
        return torch.from_numpy(back(mixed.numpy())).float().view_as(given.first)

    return predict


def _linear(inputs: np.ndarray, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ridge regression of outputs on inputs, as a function."""
    centre, mean = inputs.mean(axis=0, dtype=np.float64), outputs.mean(axis=0, dtype=np.float64)
    x = inputs - centre
    gram = x.T @ x
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    matrix = np.linalg.solve(gram, x.T @ (outputs - mean))
    return lambda rows: (rows - centre) @ matrix + mean
