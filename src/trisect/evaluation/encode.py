"""Latents of whole recordings, a chunk at a time."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.devices import device_of
from trisect.frames import as_input
from trisect.models.representations.frozen import evaluation_mode
from trisect.models.representations.representation import FrameRepresentation, Representation
from trisect.models.slot_model import SlotModel
from trisect.rows import by_chunks


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns observations into latents."""

    def encode(self, observations: Tensor) -> Tensor:
        """(batch, ...) observations in the form of model inputs -> (batch, latents)."""


def encode(
    model: Encoder, observations: np.ndarray, batch_size: int = 512, device: str | torch.device = "cpu"
) -> Float[np.ndarray, "samples latents"]:
    """Encode every observation in evaluation mode and without gradients; the model's mode is restored afterwards.

    Args:
        model: a model that is already on ``device``.
        observations: frames (samples, height, width, channels) uint8, memory-mapped or not, or vectors
            (samples, features) float.
        batch_size: observations per chunk, at least 1; only one chunk at a time is in memory as floats.
        device: device of the model.

    Returns:
        float32 latents.

    Raises:
        ValueError: there are no observations, or the model returns NaN or infinity.
    """
    checks.positive_int(len(observations), "the number of observations to encode")
    checks.positive_int(batch_size, "the batch size of encode")
    with torch.inference_mode(), evaluation_mode(model):
        latents = by_chunks(lambda rows: _chunk(model, rows, device), observations, batch_size)
    return checks.finite(latents, "the latents of the model")


def _chunk(model: Encoder, chunk: np.ndarray, device: str | torch.device) -> np.ndarray:
    return model.encode(as_input(chunk, exact=getattr(model, "takes_double", False)).to(device)).float().cpu().numpy()


def encode_on_device(representation: Representation, observations: np.ndarray) -> np.ndarray:
    """`trisect.evaluation.encode.encode`, which runs our own autoencoder on a GPU if there is one.

    Args:
        representation: a representation on the CPU; it is on the CPU again afterwards.
        observations: (samples, ...), frames uint8 or vectors.

    Returns:
        (samples, L) float32. On a GPU, TF32 is switched off for convolutions, so that the latents are as exact as on a
        CPU.
    """
    if not isinstance(representation, FrameRepresentation):
        return encode(representation, observations)
    device = device_of("auto")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return encode(representation.to(device), observations, device=device)
    finally:
        representation.cpu()


def base_and_final_latents(model: SlotModel[Any], observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latents (samples, L) float32 before and after the flow; observations are encoded once.

    Args:
        model: a model on the CPU; see `encode_on_device`.
        observations: (samples, ...), frames uint8 or vectors.
    """
    base = encode_on_device(model.representation, observations)
    return base, encode(_FlowAlone(model), base)


class _FlowAlone(nn.Module):
    """Latents before the flow -> latents after it."""

    def __init__(self, model: SlotModel[Any]):
        super().__init__()
        self.flow = model.flow

    def encode(self, latents: Tensor) -> Tensor:
        return self.flow(latents)[0]
