"""Traversals: what each latent changes in the decoded picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.evaluation.slots import Slots
from trisect.frames import float_to_frames
from trisect.models.acting import ActingModel
from trisect.models.representations.frozen import evaluation_mode
from trisect.models.shapes import Latents


@dataclass(frozen=True, eq=False)
class Traversal:
    """Observations along which one latent changes and all others stay fixed.

    Attributes:
        slot: slot of the latent.
        place: which of the slot's latents it is, counted from 0.
        values: (steps,) values of the latent.
        own: value of the latent in the original frame.
        observations: decoded observations, (steps, height, width, channels) uint8 or (steps, D) float32.
    """

    slot: str
    place: int
    values: np.ndarray
    own: float
    observations: np.ndarray


@dataclass(frozen=True, eq=False)
class Traversals:
    """Traversals of all latents of some slots.

    Attributes:
        rows: one traversal per latent, in the order of the slots.
        empty: slots without latents, which have no traversals.
    """

    rows: tuple[Traversal, ...]
    empty: tuple[str, ...]


def traversals(
    model: ActingModel,
    frame: Tensor | np.ndarray,
    reference: Float[np.ndarray, "samples latents"],
    num_steps: int = 8,
    quantiles: tuple[float, float] = (0.02, 0.98),
    slots: Sequence[str] | None = None,
) -> Traversals:
    """Decode observations while one latent at a time changes, in even steps, between two of its quantiles.

    Args:
        model: a model that can decode.
        frame: one observation in the form that `encode` accepts, with or without the batch axis.
        reference: latents of many frames, such as those of the test split, for the quantiles.
        num_steps: number of values of each latent, at least 2.
        quantiles: quantiles of the smallest and the largest value, in [0, 1] and in this order.
        slots: names, which may include "noise"; by default those of all variables.

    Raises:
        ValueError: there is more than one frame, a slot is unknown, the reference latents belong to another model, the
            quantiles are out of order, or the model cannot decode.
    """
    checks.positive_int(num_steps, "the number of steps of a traversal", 2)
    low, high = (checks.in_range(value, "a quantile of a traversal", 0.0, 1.0) for value in quantiles)
    checks.require(low < high, "the quantiles of a traversal", "in rising order", (low, high))
    names = tuple(checks.one_of(name, model.slot_names, "the slot of a traversal") for name in slots or model.variables)
    z, table = encoded_frame(model, frame), slots_of(model)
    ends = np.quantile(checked_reference(reference, z.shape[1]), (low, high), axis=0)
    rows = []
    for name in names:
        for place, latent in enumerate(table.columns(name)):
            values = np.linspace(ends[0, latent], ends[1, latent], num_steps)
            observations = decoded_at_rest(model, with_latent(z, int(latent), values))
            rows.append(Traversal(name, place, values, float(z[0, latent]), observations))
    return Traversals(tuple(rows), tuple(name for name in names if not len(table.columns(name))))


def slots_of(model: ActingModel) -> Slots:
    """The slots of a model, as evaluation sees them."""
    return Slots(model.assignment().detach().cpu().numpy().astype(bool), model.slot_names)


def checked_reference(reference: np.ndarray, num_latents: int) -> np.ndarray:
    """Return latents of at least 2 frames, (samples, L), else raise `ValueError`."""
    checks.shape(reference, "the reference latents", None, num_latents)
    checks.require(len(reference) > 1, "the number of reference latents", "at least 2", len(reference))
    return checks.finite(reference, "the reference latents")


def encoded_frame(model: ActingModel, frame: Tensor | np.ndarray) -> Float[Tensor, "one latents"]:
    """Latents (1, L) of one observation, with or without the batch axis."""
    what, todo = "the representation of this model", "pass decoder= together with encoder="
    checks.require(model.representation.decodes, what, "one that decodes", "an encoder without a decoder", todo)
    batch = frame[None] if frame.ndim in (1, 3) else frame
    checks.require(len(batch) == 1, "the number of frames", "1", len(batch))
    with torch.no_grad(), evaluation_mode(model):
        return model.encode(batch)


def with_latent(z: Float[Tensor, "one latents"], latent: int, values: np.ndarray) -> Latents:
    """Copies of one row of latents; one latent takes the given values."""
    copies = z.repeat(len(values), 1)
    copies[:, latent] = torch.from_numpy(np.asarray(values)).to(z)
    return copies


def decoded_at_rest(model: ActingModel, z: Latents) -> np.ndarray:
    """Observations of latents: frames (batch, height, width, channels) uint8, or vectors (batch, D) float32."""
    with torch.no_grad(), evaluation_mode(model):
        decoded = model.decode(z).cpu()
    return (float_to_frames(decoded) if decoded.ndim == 4 else decoded.float()).numpy()
