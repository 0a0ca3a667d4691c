"""The classifiers behind the intervention matrix: fresh networks that predict targets from a transition."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from trisect import checks
from trisect.evaluation.probes.batched_mlp import BatchedMlp
from trisect.evaluation.probes.fitting import BestOutputs, FitSettings, fit, plain_arithmetic
from trisect.evaluation.probes.probe import pack
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs
from trisect.linear_algebra import ridge_weights

NUM_FEATURES = 200  # random tanh features in the regression that removes the predictable part of z^{t+1}


def target_fit(num_steps: int) -> FitSettings:
    """Settings against overfitting on few interventions: weight decay, a falling rate, frequent checkpoints."""
    return FitSettings(num_steps, weight_decay=0.1, cosine=True, check_every=50)


class Logits(NamedTuple):
    """Logits of every target for the test pairs; the networks are the slots in order, then z^t alone.

    Attributes:
        whole: (networks, pairs, variables), from the past and the slot.
        still: the same networks with the slot's mean innovation: what each of them reads from the past alone.
    """

    whole: Float[np.ndarray, "networks pairs variables"]
    still: Float[np.ndarray, "networks pairs variables"]


@dataclass(frozen=True)
class TargetProbe:
    """One network per slot and one for z^t alone, trained side by side with binary cross-entropy.

    A network sees z^t and its slot's *innovation*, z^{t+1} minus what a ridge regression on z^t predicts. Given z^t
    that is the same information as z^{t+1}, in a form that needs less training.

    Attributes:
        width: units of both hidden layers, at least 1.
        max_pairs: largest number of training pairs used.
        held_out: share of the training pairs in (0, 0.5] that selects each entry's best checkpoint.
        fit: steps, rate, batch size, weight decay.
        device: device of the training.
    """

    width: int = 64
    max_pairs: int = 20_000
    held_out: float = 0.2
    fit: FitSettings = field(default_factory=lambda: target_fit(800))
    device: str = "cpu"

    def __post_init__(self) -> None:
        checks.positive_int(self.width, "the width of a target probe")
        checks.positive_int(self.max_pairs, "max_pairs of a target probe")
        checks.in_range(self.held_out, "held_out of a target probe", 0.0, 0.5, open_low=True)

    def predict(self, train: Transitions, test: Transitions, slots: Slots, rng: np.random.Generator) -> Logits:
        """Train the networks, and read the targets of the test pairs."""
        train = train.sampled(self.max_pairs, rng)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        inputs, held_inputs = _inputs(train, test, slots, rng)
        both = _with_still(pack(held_inputs), slots.num_latents)
        with plain_arithmetic():
            logits = self._logits(pack(inputs), both, train.targets, generator).double().cpu().numpy()
        return Logits(logits[:, : len(test)], logits[:, len(test) :])

    def _logits(self, inputs: Tensor, test: Tensor, targets: np.ndarray, generator: torch.Generator) -> Tensor:
        inputs, test = inputs.to(self.device), test.to(self.device)
        counted = torch.from_numpy(scored_pairs(targets, len(inputs))).float().to(self.device)
        every = _Pairs(inputs, torch.from_numpy(targets).float().to(self.device), counted)
        order = torch.randperm(len(targets), generator=generator)
        num_held = math.ceil(self.held_out * len(order)) if len(order) > 1 else 0
        kept, held = every.some(order[num_held:]), every.some(order[:num_held] if num_held else order)
        fan_in = [max(1, int((part != 0).any(dim=0).sum())) for part in inputs]
        sizes = (inputs.shape[-1], self.width, self.width, targets.shape[1])
        network = BatchedMlp(fan_in, sizes, generator, self.device)
        best = BestOutputs([slice(j, j + 1) for j in range(targets.shape[1])])

        def slopes(outputs: Tensor, rows: Tensor, into: Tensor) -> None:
            target_slopes(outputs, kept.labels[rows], kept.counted[:, rows], into)

        def checkpoint() -> None:
            best.offer(target_losses(network(held.inputs), held.labels, held.counted), network(test))

        fit(network, kept.inputs, slopes, self.fit, generator, checkpoint)
        assert best.outputs is not None
        return best.outputs


class _Pairs(NamedTuple):
    """Inputs (networks, pairs, inputs), targets (pairs, variables), and which count (networks, pairs, variables)."""

    inputs: Tensor
    labels: Tensor
    counted: Tensor

    def some(self, rows: Tensor) -> _Pairs:
        """The pairs with these row numbers."""
        return _Pairs(self.inputs[:, rows], self.labels[rows], self.counted[:, rows])


def target_losses(
    logits: Float[Tensor, "networks samples variables"],
    labels: Float[Tensor, "samples variables"],
    counted: Float[Tensor, "networks samples variables"],
) -> Float[Tensor, "networks variables"]:
    """Mean binary cross-entropy over the pairs that count, by network and variable."""
    terms = functional.binary_cross_entropy_with_logits(logits, labels.expand_as(logits), reduction="none")
    return (terms * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)


def target_slopes(
    logits: Float[Tensor, "networks samples variables"],
    labels: Float[Tensor, "samples variables"],
    counted: Float[Tensor, "networks samples variables"],
    into: Float[Tensor, "networks samples variables"],
) -> None:
    """Derivatives of the sum of all `target_losses` by the logits: (sigmoid(logit) - label) / number counted."""
    torch.sub(logits.sigmoid(), labels, out=into)
    into *= counted / counted.sum(dim=1, keepdim=True).clamp(min=1)


def _inputs(
    train: Transitions, test: Transitions, slots: Slots, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """[z^t, innovation of the slot's latents] for every network, for the training pairs and for the test pairs."""
    prev, (centre, scale) = train.prev, _moments(train.prev)
    directions = rng.normal(size=(prev.shape[1], NUM_FEATURES)) / np.sqrt(prev.shape[1])
    shifts = rng.uniform(-1, 1, NUM_FEATURES)

    def features(z: np.ndarray) -> np.ndarray:
        z = (z - centre) / scale
        return np.concatenate([np.ones((len(z), 1)), z, np.tanh(z @ directions + shifts)], axis=1)

    weights = _regression(features(prev), train.next, train.targets)
    innovation, held_innovation = (part.next - features(part.prev) @ weights for part in (train, test))
    middle, spread = _moments(innovation)
    past, held_past = ((part.prev - centre) / scale for part in (train, test))
    moved, held_moved = (innovation - middle) / spread, (held_innovation - middle) / spread
    sets = [*(slots.columns(name) for name in slots.names), np.array([], dtype=int)]
    return _joined(past, moved, sets), _joined(held_past, held_moved, sets)


def _with_still(inputs: Float[Tensor, "networks pairs inputs"], num_past: int) -> Float[Tensor, "networks both inputs"]:
    """The pairs, and again with all inputs but the past at their mean, 0."""
    still = inputs.clone()
    still[..., num_past:] = 0
    return torch.cat([inputs, still], dim=1)


def _regression(features: np.ndarray, latents: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Ridge weights, fitted on transitions without interventions if there are enough of them, else on all."""
    quiet = np.flatnonzero(~targets.any(axis=1))
    rows = quiet if len(quiet) > 2 * features.shape[1] else np.arange(len(quiet))
    return ridge_weights(features[rows], latents[rows], 1.0)


def _joined(past: np.ndarray, moved: np.ndarray, sets: list[np.ndarray]) -> list[np.ndarray]:
    return [np.concatenate([past, moved[:, used]], axis=1).astype(np.float32) for used in sets]


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation per column; the deviation of a constant column is replaced by 1."""
    centre, deviation = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    return centre, np.where(deviation > 1e-7 * np.abs(centre), deviation, 1.0)
