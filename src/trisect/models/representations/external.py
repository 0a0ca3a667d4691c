"""External encoders, with or without a decoder, as a representation: frozen, and checked at every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.models.representations.frozen import Function, as_latents, call
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents

SAME, SAME_IN_OTHER_BATCHES = 1e-3, 2e-2
"""Largest differences of outputs, in deviations of the latents: in a second call, and in a batch of another size."""


class ExternalRepresentation(Representation):
    """A representation by external modules or functions.

    Their weights are not part of the state: they are neither trained nor saved, and stay on their device. You keep
    them yourself.

    Args:
        encoder: (batch, channels, height, width) in [-1, 1], or (batch, D) vectors -> (batch, L).
        decoder: (batch, L) -> observations, or None: then `decode` raises an error.
        num_latents: L.
        shape: shape of one observation as a model takes it, such as (channels, height, width).
    """

    def __init__(self, encoder: Function, decoder: Function | None, num_latents: int, shape: tuple[int, ...]):
        super().__init__()
        self._functions = (encoder, decoder)  # in a tuple, where torch does not look for weights
        self.num_latents = checks.positive_int(num_latents, "the number of latents of an encoder")
        self.shape = shape

    @property
    def decodes(self) -> bool:
        return self._functions[1] is not None

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        got = tuple(observations.shape)
        must = f"of shape (batch, {', '.join(map(str, self.shape))})"
        checks.require(got[1:] == self.shape, "observations", must, got)
        latents = latents_by(self._functions[0], observations)
        what = "the number of latents that the encoder returns"
        checks.require(latents.shape[1] == self.num_latents, what, f"always {self.num_latents}", latents.shape[1])
        return latents

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        decoder = self._functions[1]
        if decoder is None:
            todo = "pass decoder= together with encoder= (--decoder) when you train or load the run"
            raise ValueError(checks.sentence("the decoder of this model", "given, to decode latents", "none", todo))
        decoded = call(decoder, latents)
        expected = (len(latents), *self.shape)
        got = tuple(decoded.shape) if isinstance(decoded, Tensor) else type(decoded).__name__
        checks.require(got == expected, "the output of the decoder", f"a tensor of shape {expected}", got)
        checks.require(bool(torch.isfinite(decoded).all()), "the output of the decoder", "finite", "NaN or infinity")
        return decoded.to(latents)


def check_repeats(encode: Callable[[Any], Latents], observations: Any) -> Latents:
    """Encode observations twice, and half of them separately; return the latents if they agree.

    Args:
        encode: returns checked latents on the CPU, such as those of `latents_by`.
        observations: (batch, ...) tensor or array; at least 1.

    Raises:
        ValueError: the latents of an observation differ between calls.
    """
    half = max(1, len(observations) // 2)
    first, again, fewer = encode(observations), encode(observations), encode(observations[:half])
    for other in (again, fewer):
        what = "the number of latents that the encoder returns"
        checks.require(other.shape[1] == first.shape[1], what, f"always {first.shape[1]}", other.shape[1])
    scale = first.std(dim=0, correction=0).mean().clamp(min=1e-12)
    changes = float((again - first).abs().max() / scale), float((fewer - first[:half]).abs().max() / scale)
    what, got = "the latents of a frame", "a difference of {:.2g} deviations in a second call"
    todo = "switch off randomness in the encoder, such as sampling: return means"
    checks.require(changes[0] <= SAME, what, "the same in every call", got.format(changes[0]), todo)
    must, got = "the same in every batch", "a difference of {:.2g} deviations in a batch of another size"
    todo = "remove operations that mix the frames of a batch"
    checks.require(changes[1] <= SAME_IN_OTHER_BATCHES, what, must, got.format(changes[1]), todo)
    return first


def latents_by(encoder: Function, observations: Float[Tensor, "batch *observation"]) -> Latents:
    """Encode observations without gradients, and return the checked latents on the device of the observations."""
    with torch.no_grad():
        return as_latents(call(encoder, observations), len(observations), "the encoder").to(observations.device)
