"""What decoded observations show of a model's slots, without labels.

A picture is sharp enough if the model's own encoder reads from it what was put in. With z the latents of held-out
observations, x(z) the decoded ones, stored as a person would see them (256 levels), and E the encoder, the error of a
slot is the root mean square of E(x(z)) - z over observations and the slot's latents, each in units of its standard
deviation. 0 is exact; a picture that always shows the mean has 1, and one that shows another value 1.4. It is measured

- *kept*: where nothing is changed,
- *swapped*: where the slot is taken from another observation,
- *others*: in the slots of the other variables, where this slot is taken from another observation; the largest is kept.

`undrawn` says how much of what stands out in frames is not drawn (`trisect.models.representations.undrawn`).

The model's own encoder reads these pictures, so the errors say that a picture agrees with the model, not that the model
is right. A causal encoder, which is trained with labels, scores pictures independently (`trisect.evaluation.triplets`).

Source: this library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from trisect.data.recording import Recording
from trisect.evaluation.score_matrix import number
from trisect.frames import float_to_frames
from trisect.models.representations.undrawn import share_undrawn
from trisect.models.slot_model import SlotModel
from trisect.rows import chunks, spread_rows

NUM_OBSERVATIONS, USUAL_FRAMES = 400, 500
"""Held-out observations that are decoded, and training frames that show the ground."""
CHUNK = 100
LARGE = 0.5
"""A person cannot see a change of a slot well whose error is above this."""


@dataclass(frozen=True)
class SlotDecoding:
    """Errors of one variable's slot in decoded observations, see the module; NaN where nothing can be measured.

    Attributes:
        kept, swapped: errors of this slot.
        others: the largest error in the slot of another variable.
        other: that variable, or "" if there is no other one.
    """

    kept: float
    swapped: float
    others: float = float("nan")
    other: str = ""


@dataclass(frozen=True)
class Decoding:
    """Errors of decoded observations.

    Attributes:
        num_observations: how many were decoded.
        slots: variable -> errors of its slot; variables with an empty slot are left out.
        undrawn: share of what stands out in frames that is not drawn; None for vectors.
    """

    num_observations: int
    slots: Mapping[str, SlotDecoding] = field(default_factory=dict)
    undrawn: float | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence on every variable whose change decoded observations do not show well."""
        return tuple(
            f"Decoded frames do not show {name} well: where its slot is swapped, the encoder reads it from the decoded "
            f"frame with an error of {each.swapped:.2f} of its spread."
            for name, each in self.slots.items()
            if each.swapped > LARGE
        )

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        slots = {
            name: {
                "kept": number(each.kept),
                "swapped": number(each.swapped),
                "others": number(each.others),
                "other": each.other or None,
            }
            for name, each in self.slots.items()
        }
        return {"num_observations": self.num_observations, "undrawn": self.undrawn, "slots": slots}


@torch.no_grad()
def decoding_of(model: SlotModel[Any], train: Recording, test: Recording) -> Decoding | None:
    """Errors of decoded observations; None if the model cannot decode, or there are fewer than two observations.

    Args:
        model: a trained model.
        train: recording that shows the ground of frames.
        test: observations that the model was not trained on.
    """
    if not model.representation.decodes or len(test) < 2:
        return None
    observations = _some(test, NUM_OBSERVATIONS)
    z = _encoded(model, observations)
    spread, columns = z.std(dim=0, unbiased=False).clamp(min=1e-6), model.slot_columns()
    filled = [name for name in model.variables if columns[name]]
    donors = torch.from_numpy(np.random.default_rng(0).permutation(len(z)))

    def errors(wanted: Tensor) -> dict[str, float]:
        missed = (_read_back(model, wanted, observations.dtype) - wanted) / spread
        return {name: float(missed[:, columns[name]].square().mean().sqrt()) for name in filled}

    kept, slots = errors(z), {}
    for name in filled:
        swapped = z.clone()
        swapped[:, columns[name]] = z[donors][:, columns[name]]
        found = errors(swapped)
        own = found.pop(name)
        other = max(found, key=lambda each: found[each], default="")
        slots[name] = SlotDecoding(kept[name], own, found.get(other, float("nan")), other)
    undrawn = None
    if observations.dtype == np.uint8:
        undrawn = share_undrawn(model, _some(train, USUAL_FRAMES), observations)
    return Decoding(len(observations), slots, undrawn)


def _some(recording: Recording, most: int) -> np.ndarray:
    """Observations spread evenly over a recording."""
    return np.asarray(recording.observations[spread_rows(len(recording), most)])


def _encoded(model: SlotModel[Any], observations: np.ndarray | Tensor) -> Float[Tensor, "rows latents"]:
    return torch.cat([model.encode(observations[rows]) for rows in chunks(len(observations), CHUNK)])


def _read_back(model: SlotModel[Any], z: Tensor, at_rest: np.dtype[Any]) -> Float[Tensor, "rows latents"]:
    """Latents of decoded observations, of which frames are stored in 256 levels."""
    found = []
    for rows in chunks(len(z), CHUNK):
        decoded = model.decode(z[rows])
        found.append(model.encode(float_to_frames(decoded) if at_rest == np.uint8 else decoded))
    return torch.cat(found)
