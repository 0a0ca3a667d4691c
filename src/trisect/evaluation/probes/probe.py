"""Probes: supervised read-outs that measure how well factors can be predicted from some latents.

A probe reads several sets of latents at once (one per slot, or per baseline); each set has its own read-out, which
does not see the other sets. There are three named probes. `PUBLISHED` trains like the probes of the CITRIS and BISCUIT
papers. `LONG` trains to the end and finds fine structure in closed form, because short training underestimates leakage
(benchmarks/evaluation.py compares it with training to convergence). `RIDGE` is solved in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from trisect import checks
from trisect.evaluation.probes.batched_mlp import BatchedMlp
from trisect.evaluation.probes.fitting import BestOutputs, FitSettings, fit, plain_arithmetic
from trisect.evaluation.probes.heads import Heads
from trisect.evaluation.probes.read_out import Probe, ReadOut
from trisect.evaluation.probes.ridge import GENTLEST, RidgeProbe, sharp_regression
from trisect.variables import Categorical


@dataclass(frozen=True)
class MlpProbe:
    """Multi-layer perceptrons with two tanh layers, one per set of latents, trained side by side.

    Attributes:
        name: name of the probe in reports.
        width: units per hidden layer, at least 1.
        epochs: passes over the training half, at least 1.
        min_steps: smallest number of optimiser steps, whatever the number of passes.
        held_out: share of the training half in [0, 0.5] that selects the best of several checkpoints for every set and
            factor; 0 uses the last state.
        sharpness: with ``held_out``, each of these adds a closed-form regression on features of this sharpness to the
            checkpoints, because networks are slow to find fine structure.
        fit: rate, batch size, decay; the number of steps follows from the number of rows.
        device: device of the training.
    """

    name: str
    width: int = 128
    epochs: int = 100
    min_steps: int = 0
    held_out: float = 0.0
    sharpness: tuple[float, ...] = ()
    fit: FitSettings = field(default_factory=FitSettings)
    device: str = "cpu"

    def __post_init__(self) -> None:
        checks.positive_int(self.width, "the width of a probe")
        checks.positive_int(self.epochs, "the epochs of a probe")
        checks.positive_int(self.min_steps, "min_steps of a probe", 0)
        checks.in_range(self.held_out, "held_out of a probe", 0.0, 0.5)
        for sharpness in self.sharpness:
            checks.in_range(sharpness, "the sharpness of a probe", GENTLEST, np.inf, open_low=True)

    def num_steps(self, num_rows: int) -> int:
        """Number of optimiser steps for a number of training rows."""
        return max(self.min_steps, self.epochs * max(1, num_rows // self.fit.batch_size))

    def predict(self, read_out: ReadOut, rng: np.random.Generator) -> np.ndarray:
        heads = Heads(read_out.factors, read_out.truth)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        with plain_arithmetic():
            outputs = self._outputs(read_out, heads, generator, rng)
        return heads.decode(outputs.cpu().numpy())

    def _outputs(self, read_out: ReadOut, heads: Heads, generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        inputs, test = pack(read_out.train).to(self.device), pack(read_out.test).to(self.device)
        targets = torch.from_numpy(heads.encode(read_out.truth)).float().to(self.device)
        sizes = (inputs.shape[-1], self.width, self.width, heads.num_outputs)
        network = BatchedMlp([part.shape[1] for part in read_out.train], sizes, generator, self.device)
        num_train = len(targets) - int(self.held_out * len(targets))
        kept, held = inputs[:, :num_train].contiguous(), inputs[:, num_train:]
        best = BestOutputs(heads.columns)

        def offer(held_outputs: Tensor, test_outputs: Tensor) -> None:
            best.offer(head_losses(heads, held_outputs, targets[num_train:]), test_outputs)

        def slopes(outputs: Tensor, rows: Tensor, into: Tensor) -> None:
            head_slopes(heads, outputs, targets[rows], into)

        def checkpoint() -> None:
            if held.shape[1]:
                offer(network(held), network(test))

        for sharpness in self.sharpness if held.shape[1] else ():
            offer(*(part.to(self.device) for part in _regressions(read_out, heads, num_train, sharpness, rng)))
        fit(network, kept, slopes, replace(self.fit, num_steps=self.num_steps(num_train)), generator, checkpoint)
        return network(test) if best.outputs is None else best.outputs


def _regressions(
    read_out: ReadOut, heads: Heads, num_train: int, sharpness: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Outputs of `sharp_regression` for the held-out and for the test rows, (sets, samples, outputs) each."""
    targets = heads.encode(read_out.truth[:num_train])
    outputs = [
        sharp_regression(train[:num_train], targets, (train[num_train:], test), sharpness, rng)
        for train, test in zip(read_out.train, read_out.test)
    ]
    held, test = (torch.from_numpy(heads.from_regression(np.stack(rows))).float() for rows in zip(*outputs))
    return held, test


PUBLISHED = MlpProbe("published")
LONG = MlpProbe(
    "long",
    min_steps=3000,
    held_out=0.2,
    sharpness=(3.0, 10.0, 30.0),
    fit=FitSettings(batch_size=128, cosine=True, check_every=50),
)
RIDGE = RidgeProbe()
PROBES: dict[str, Probe] = {probe.name: probe for probe in (PUBLISHED, LONG, RIDGE)}


def pack(sets: Sequence[np.ndarray]) -> Float[Tensor, "sets samples latents"]:
    """Sets of different widths in one float32 tensor, padded with zeros on the right."""
    packed = torch.zeros(len(sets), len(sets[0]), max(1, *(part.shape[1] for part in sets)))
    for row, part in enumerate(sets):
        packed[row, :, : part.shape[1]] = torch.from_numpy(part)
    return packed


def head_losses(
    heads: Heads, outputs: Float[Tensor, "probes samples outputs"], wanted: Float[Tensor, "samples outputs"]
) -> Float[Tensor, "probes factors"]:
    """Mean squared error (sine and cosine summed) or cross-entropy, per probe and factor."""
    losses = []
    for factor, columns in zip(heads.factors, heads.columns):
        guess, truth = outputs[..., columns], wanted[:, columns]
        is_category = isinstance(factor, Categorical)
        terms = -functional.log_softmax(guess, dim=-1) * truth if is_category else (guess - truth).square()
        losses.append(terms.sum(dim=-1).mean(dim=-1))
    return torch.stack(losses, dim=-1)


def head_slopes(
    heads: Heads,
    outputs: Float[Tensor, "probes samples outputs"],
    wanted: Float[Tensor, "samples outputs"],
    into: Float[Tensor, "probes samples outputs"],
) -> None:
    """Derivatives of the sum of all `head_losses` by the outputs, written to ``into``.

    They are 2 (guess - truth) / N for squared errors and (softmax(guess) - truth) / N for cross-entropies.
    """
    torch.sub(outputs, wanted, out=into)
    into *= 2 / len(wanted)
    for factor, columns in zip(heads.factors, heads.columns):
        if isinstance(factor, Categorical):
            guess = outputs[..., columns].movedim(-1, 0).contiguous().softmax(dim=0)  # quick over the leading axis only
            into[..., columns] = (guess.movedim(0, -1) - wanted[:, columns]) / len(wanted)
