"""How well latents show which variables were intervened on: all of them, each slot, the past, and one frame alone.

The probes are networks of one kind, trained side by side, as strong as the probe of frames
(`trisect.evaluation.visibility.frame_probe`), so that their scores can be compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.evaluation.visibility.probe_training import ProbeTraining, learning, train_probe
from trisect.rows import chunks

WIDTH, READ_ROWS = 96, 1024
SETTINGS = ProbeTraining(num_steps=1200, batch_size=256, learning_rate=6e-3)


@dataclass(frozen=True)
class LatentLogits:
    """Logits of every target for held-out transitions, (pairs, variables) each.

    Attributes:
        past: from z^t.
        alone: from z^{t+1}, without z^t.
        latents: from z^t and all of z^{t+1}.
        slots: from z^t and the variable's own slot of z^{t+1}.
    """

    past: np.ndarray
    alone: np.ndarray
    latents: np.ndarray
    slots: np.ndarray


class ProbeStack(nn.Module):
    """Networks of one shape with separate weights: two hidden layers with batch normalisation.

    Args:
        seen: (networks, inputs) bool, which of the shared inputs each network sees.
        num_outputs: outputs of each network.
        generator: draws the weights, uniform in +-1/sqrt(inputs seen).
    """

    seen: Tensor

    def __init__(self, seen: Tensor, num_outputs: int, generator: torch.Generator):
        super().__init__()
        count, num_inputs = seen.shape
        self.register_buffer("seen", seen.float()[:, :, None])
        fan_in = seen.sum(dim=1).clamp(min=1)

        def drawn(width_in: int, width_out: int, used: Tensor) -> nn.Parameter:
            values = torch.rand(count, width_in, width_out, generator=generator) * 2 - 1
            return nn.Parameter(values * used.rsqrt()[:, None, None])

        wide = torch.full((count,), float(WIDTH))
        self.first = drawn(num_inputs, WIDTH, fan_in.float())
        self.second, self.last = drawn(WIDTH, WIDTH, wide), drawn(WIDTH, num_outputs, wide)
        self.offset = nn.Parameter(torch.zeros(count, 1, num_outputs))
        self.norms = nn.ModuleList(nn.BatchNorm1d(count * WIDTH) for _ in range(2))

    def forward(self, inputs: Float[Tensor, "batch inputs"]) -> Float[Tensor, "networks batch outputs"]:
        """Outputs of every network."""
        hidden = self._normed(0, torch.einsum("bi,nih->nbh", inputs, self.first * self.seen))
        hidden = self._normed(1, torch.bmm(hidden, self.second))
        return torch.baddbmm(self.offset, hidden, self.last)

    def _normed(self, layer: int, hidden: Float[Tensor, "networks batch width"]) -> Tensor:
        count, batch, width = hidden.shape
        normed = self.norms[layer](hidden.transpose(0, 1).reshape(batch, count * width))
        return functional.gelu(normed).view(batch, count, width).transpose(0, 1)


def latent_logits(
    train: Transitions,
    test: Transitions,
    slots: Slots,
    rng: np.random.Generator,
    settings: ProbeTraining = SETTINGS,
) -> LatentLogits:
    """Train the probes on some transitions, and read the targets of others.

    Args:
        train, test: transitions with latents of the same model.
        slots: which latent belongs to which slot.
        rng: draws the weights and the batches.
        settings: steps, batch size, rate.
    """
    scales = _Scales.of(train)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with learning():
        stack = ProbeStack(_seen(slots), train.targets.shape[1], generator)
        _train(stack, scales.inputs(train), train.targets, settings, generator)
    with torch.no_grad():
        inputs = scales.inputs(test)
        read = torch.cat([stack(inputs[rows]) for rows in chunks(len(inputs), READ_ROWS)], dim=1).double().numpy()
    own = np.stack([read[3 + k, :, k] for k in range(len(slots.variables))], axis=1)
    return LatentLogits(read[0], read[1], read[2], own)


def _train(
    stack: ProbeStack, inputs: Tensor, targets: np.ndarray, settings: ProbeTraining, generator: torch.Generator
) -> None:
    labels, num_variables = torch.from_numpy(targets).float(), targets.shape[1]
    counted = torch.cat([torch.ones(3, num_variables), torch.eye(num_variables)])[:, None]  # a slot reads its own

    def loss_of(rows: Tensor) -> Tensor:
        logits, wanted = stack(inputs[rows]), labels[rows]
        terms = functional.binary_cross_entropy_with_logits(logits, wanted.expand_as(logits), reduction="none")
        return (terms * counted).sum() / len(rows)

    train_probe(stack, loss_of, len(labels), settings, generator)


class _Scales(NamedTuple):
    """Mean and deviation of every latent, and of its change from frame to frame, over the training transitions."""

    centre: np.ndarray
    scale: np.ndarray
    drift: np.ndarray
    change: np.ndarray

    @classmethod
    def of(cls, train: Transitions) -> _Scales:
        return cls(*_moments(train.prev), *_moments(train.next.astype(np.float64) - train.prev))

    def inputs(self, pairs: Transitions) -> Float[Tensor, "pairs inputs"]:
        """[z^t, z^{t+1} - z^t, z^{t+1}], standardised."""
        before, after = pairs.prev.astype(np.float64), pairs.next.astype(np.float64)
        changes = (after - before - self.drift) / self.change
        parts = [(before - self.centre) / self.scale, changes, (after - self.centre) / self.scale]
        return torch.from_numpy(np.concatenate(parts, axis=1)).float()


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.mean(axis=0, dtype=np.float64), np.maximum(values.std(axis=0, dtype=np.float64), 1e-9)


def _seen(slots: Slots) -> Tensor:
    """Which inputs the past, one frame alone, all latents, and the slots see."""
    count = slots.num_latents
    every, none = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    sets = [(every, none, none), (none, none, every), (every, every, none)]
    sets += [(every, slots.assignment[:, k], none) for k in range(len(slots.variables))]
    return torch.from_numpy(np.stack([np.concatenate(each) for each in sets]))
