"""Predictions of a triplet's third frame: the model's prediction, and others for comparison.

- *this model*: the latents of every slot come from the frame that the mask names for its variable, those of the noise
  slot from the first frame; the mix is decoded (Lippe et al., ICML 2022).
- *oracle*: the true third frame, encoded and decoded. No mix can be much better.
- *true frames*: the third frames themselves; their distance is the causal encoder's own error.
- *first frame*: nothing is changed. *first frame decoded*: the same, encoded and decoded.
- *random slots*: the model's latents, assigned to slots of the same sizes at random.
- *random encoder*: random features of the observations, identified in the same way and mapped back linearly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trisect.data.recording import Recording
from trisect.evaluation.baselines import Identify
from trisect.evaluation.projections import random_encoder
from trisect.evaluation.transitions import transitions_of
from trisect.frames import as_input, float_to_frames
from trisect.linear_algebra import solve_ridge
from trisect.models.acting import ActingModel

MODEL, ORACLE, TRUE, FIRST = "this model", "oracle", "true frames", "first frame"
FIRST_DECODED = "first frame decoded"
RANDOM_SLOTS, RANDOM_ENCODER = "random slots", "random encoder"
FIT_FRAMES = 5000
RIDGE = 1e-3

Observations = Float[Tensor, "batch *observation"]


@dataclass(frozen=True, eq=False)
class ThreeFrames:
    """Some triplets as model inputs.

    Attributes:
        first, second, third: observations.
        from_second: (batch, K), a column per variable of the model; True: the second frame.
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
    """Take the latents of slots whose mask is True from the second frame, and all others from the first.

    Args:
        first, second: latents of both frames.
        from_second: bool, a column per variable.
        assignment: one-hot, (L, K + 1); the last slot, noise, is always taken from the first frame.
    """
    padded = torch.cat([from_second, torch.zeros_like(from_second[:, :1])], dim=1)
    return torch.where(padded[:, assignment.argmax(dim=1)], second, first)


def predictions(
    model: ActingModel, train: Recording, identify: Identify, rng: np.random.Generator
) -> dict[str, Predict]:
    """Name -> prediction, see above; the random encoder is left out if its slots cannot be identified.

    Args:
        model: a trained model in evaluation mode.
        train: training sequences, on which the random encoder is fitted.
        identify: finds the random encoder's slots, without labels.
        rng: draws the random slots and the random features.
    """
    assignment = model.assignment()
    shuffled = assignment[torch.from_numpy(rng.permutation(len(assignment)))]
    encoded = _Encoded(model)
    linear = _random_encoder(train, model.slot_names[:-1], len(assignment), identify, rng)
    return {
        MODEL: _mixing(model, encoded, assignment),
        ORACLE: lambda frames: model.decode(encoded(frames)[2]),
        TRUE: lambda frames: frames.third,
        FIRST: lambda frames: frames.first,
        FIRST_DECODED: lambda frames: model.decode(encoded(frames)[0]),
        RANDOM_SLOTS: _mixing(model, encoded, shuffled),
        **({} if linear is None else {RANDOM_ENCODER: linear}),
    }


class _Encoded:
    """The model's latents of the three frames; those of the latest triplets are kept for the next prediction."""

    def __init__(self, model: ActingModel):
        self.model = model
        self.frames: ThreeFrames | None = None
        self.latents: tuple[Tensor, ...] = ()

    def __call__(self, frames: ThreeFrames) -> tuple[Tensor, ...]:
        if self.frames is not frames:
            self.latents = tuple(self.model.encode(each) for each in (frames.first, frames.second, frames.third))
            self.frames = frames
        return self.latents


def _mixing(model: ActingModel, encoded: _Encoded, assignment: Tensor) -> Predict:
    def predict(frames: ThreeFrames) -> Tensor:
        first, second, _ = encoded(frames)
        return model.decode(mix(first, second, frames.from_second, assignment))

    return predict


def _random_encoder(
    train: Recording, names: tuple[str, ...], num_latents: int, identify: Identify, rng: np.random.Generator
) -> Predict | None:
    """Mix random features and map them back linearly; None if their slots cannot be identified."""
    recording = train.rows(0, min(len(train), FIT_FRAMES))
    encode = random_encoder(recording.observations, num_latents, rng)
    features = encode(recording.observations)
    transitions = transitions_of(features, recording, names)
    try:
        identified, slots = identify(features, transitions.pairs, transitions.targets)
    except ValueError:  # too few latents or interventions for the identification
        return None
    to_identified = _linear(features, identified)
    back = _linear(identified, as_input(np.asarray(recording.observations)).flatten(1).double().numpy())
    assignment = torch.from_numpy(slots.astype(np.float32))

    def latents(observations: Tensor) -> Tensor:
        at_rest = float_to_frames(observations) if observations.dim() == 4 else observations
        return torch.from_numpy(to_identified(encode(at_rest.numpy())))

    def predict(frames: ThreeFrames) -> Tensor:
        mixed = mix(latents(frames.first), latents(frames.second), frames.from_second, assignment)
        observations = torch.from_numpy(back(mixed.numpy())).float().view_as(frames.first)
        return observations.clamp(-1, 1) if observations.dim() == 4 else observations

    return predict


def _linear(inputs: np.ndarray, outputs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a ridge regression of outputs on inputs and return it as a function."""
    centre, mean = inputs.mean(axis=0, dtype=np.float64), outputs.mean(axis=0, dtype=np.float64)
    x = inputs - centre
    gram = x.T @ x
    matrix = solve_ridge(gram, x.T @ (outputs - mean), RIDGE * np.trace(gram) / len(gram))
    return lambda rows: (rows - centre) @ matrix + mean
