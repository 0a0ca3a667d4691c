"""Slot functions: one-dimensional functions g of latents whose own prediction error tells an intervention.

A variable whose effect on the picture turns with others, such as the second joint of an arm, is no direction of the
latents. A slot function of variable i is a function g(z), a line plus a small network. Two heavy-tailed densities of
g(z^{t+1}) given z^t are fitted with it: p_1 with an intervention on the variable, and p_0 without, each normalised over
random frames. The log odds of I_i are then

    log p_1(g(z^{t+1}) | z^t) - log p_0(g(z^{t+1}) | z^t) + log odds of I_i at large,

and g and the densities are trained by the cross-entropy of I_i alone. What other variables do is no evidence unless g
moves with them, so g learns not to. The closed form's directions are compared by densities of the same kind.

Source: this library; densities normalised over a batch as in van den Oord et al., "CPC", 2018.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.networks.network import mlp
from trisect.models.shapes import Latents

WIDTH = 256
NOISE = 0.1
"""Deviation of the noise that is added in training to values of unit variance, so that densities stay smooth."""
LARGEST_ODDS = 12.0
LONGEST_GRADIENT = 5.0
HELD_OUT_EVERY, GROUP = 6, 200
"""One group of consecutive transitions in so many is held out; groups of short recordings are smaller."""


@dataclass(frozen=True)
class SlotFunctionSettings:
    """Settings of slot functions.

    Attributes:
        steps: training steps; 0 leaves slot functions out.
        batch_size: transitions per step, at least 2.
        others: frames per step that densities are normalised over.
        learning_rate: largest rate of AdamW, which rises and falls along half cosines.
        weight_decay: decoupled weight decay.
        least_gain: share of the held-out cross-entropy by which a function must be better than the closed form's
            directions to replace them.
        seed: seed of all that is drawn.
    """

    steps: int = 1500
    batch_size: int = 128
    others: int = 96
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    least_gain: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        checks.size(self.steps, "steps of slot functions", 0)
        checks.positive_int(self.batch_size, "the batch size of slot functions", 2)
        checks.positive_int(self.others, "others of slot functions", 2)
        checks.in_range(self.learning_rate, "the learning rate of slot functions", 0.0, 1.0, open_low=True)
        checks.in_range(self.weight_decay, "the weight decay of slot functions", 0.0, 1.0)
        checks.in_range(self.least_gain, "least_gain of slot functions", 0.0, 1.0)
        checks.seed(self.seed, "the seed of slot functions")


class SlotFunctions(nn.Module):
    """g(z) = (z V + network(z) - mean) / deviation, of unit variance over the training frames.

    Args:
        start: (L, K), V at the start.
    """

    def __init__(self, start: Float[Tensor, "latents functions"]):
        super().__init__()
        num_latents, num_functions = start.shape
        self.linear = nn.Parameter(start.clone())
        self.network = mlp([num_latents, WIDTH, WIDTH, num_functions])
        self.norm = nn.BatchNorm1d(num_functions, affine=False, momentum=0.02)
        with torch.no_grad():
            self._last.weight.mul_(0.3)

    @property
    def _last(self) -> nn.Linear:
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        return last

    def forward(self, z: Latents) -> Float[Tensor, "batch functions"]:
        values: Tensor = self.norm(z @ self.linear + self.network(z))
        return values

    def only(self, chosen: Sequence[int]) -> SlotFunctions:
        """Some of the functions."""
        at = list(chosen)
        part = SlotFunctions(self.linear.detach()[:, at])
        part.network[:-1].load_state_dict(self.network[:-1].state_dict())
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        with torch.no_grad():
            part._last.weight.copy_(self._last.weight[at])
            part._last.bias.copy_(self._last.bias[at])
        part.norm.running_mean, part.norm.running_var = self.norm.running_mean[at], self.norm.running_var[at]
        return part.requires_grad_(False).eval()


class Densities(nn.Module):
    """The two densities of every candidate for a slot: a heavy tail around a prediction, for each of its dimensions.

    Args:
        owner: (M,), the candidate of every dimension.
        num_context: number of values of z^t that predict, beside the dimensions themselves.
    """

    members: Tensor

    def __init__(self, owner: Int[np.ndarray, " dims"], num_context: int):
        super().__init__()
        self.num = len(owner)
        last = nn.Linear(WIDTH, 2 * self.num)
        hidden = [nn.Linear(num_context + self.num, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()]
        self.network = nn.Sequential(*hidden, last)
        self.skip = nn.Parameter(torch.full((self.num,), 0.9))
        self.log_scale = nn.Parameter(torch.tensor([[-1.0], [0.3]]).repeat(1, self.num))
        self.weight = nn.Parameter(torch.full((2, self.num), 0.5))
        self.register_buffer("members", functional.one_hot(torch.from_numpy(owner)).float())
        with torch.no_grad():
            last.weight.mul_(0.1)

    def log_odds(
        self,
        context: Float[Tensor, "batch context"],
        before: Float[Tensor, "batch dims"],
        after: Float[Tensor, "batch dims"],
        others: Float[Tensor, "others dims"],
    ) -> Float[Tensor, "batch candidates"]:
        """log p_1 - log p_0 of the values after a transition, normalised over those of other frames."""
        centre = self.network(torch.cat([context, before], dim=1)).view(-1, 2, self.num)
        means = torch.stack([centre[:, 0] + self.skip * before, centre[:, 1]])
        values = torch.cat([after[:, None], others[None].expand(len(after), -1, -1)], dim=1)
        error = (means[:, :, None] - values) * (-self.log_scale).exp()[:, None, None]
        weight = functional.softplus(self.weight)[:, None, None]
        scores = (-weight * torch.log1p(error.square())) @ self.members
        logs = scores[:, :, 0] - torch.logsumexp(scores[:, :, 1:], dim=2) + math.log(len(others))
        return (logs[1] - logs[0]).clamp(-LARGEST_ODDS, LARGEST_ODDS)


@dataclass(frozen=True)
class FittedFunctions:
    """Slot functions, and how well they tell interventions.

    Attributes:
        functions: one per variable, in evaluation mode.
        gain: (K,), share of the held-out cross-entropy of the closed form's directions by which a function is better.
    """

    functions: SlotFunctions
    gain: Float[np.ndarray, " variables"]


def fit_slot_functions(
    z: Float[np.ndarray, "frames latents"],
    before: Int[np.ndarray, " pairs"],
    targets: np.ndarray,
    blocks: Sequence[Float[np.ndarray, "latents _"]],
    settings: SlotFunctionSettings,
) -> FittedFunctions:
    """Fit one function per variable, which starts from the first of its directions.

    Args:
        z: standardised latents of a recording in the order of time.
        before: the first frame of every transition, whose second one is the next.
        targets: (pairs, K) bool.
        blocks: every variable's directions, along which z has variance 1.
        settings: see `SlotFunctionSettings`.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        candidates = _Candidates(z, before, targets, blocks)
    group = max(1, min(GROUP, len(before) // (5 * HELD_OUT_EVERY)))
    held = np.arange(len(before)) // group % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    candidates.fit(np.flatnonzero(~held), settings)
    directions, functions = candidates.losses(np.flatnonzero(held), settings)
    gain = 1 - functions / np.maximum(directions, 1e-12)
    return FittedFunctions(candidates.functions.requires_grad_(False).eval(), gain)


class _Candidates:
    """Every variable's directions, and its function, with the densities of both. Arguments as `fit_slot_functions`."""

    def __init__(self, z: np.ndarray, before: np.ndarray, targets: np.ndarray, blocks: Sequence[np.ndarray]):
        count, widths = len(blocks), [block.shape[1] for block in blocks]
        self.z, self.targets = torch.from_numpy(z.astype(np.float32)), torch.from_numpy(targets).float()
        self.before, self.count = torch.from_numpy(before), count
        self.fixed = self.z @ torch.from_numpy(np.concatenate(blocks, axis=1).astype(np.float32))
        start = np.stack([block[:, 0] for block in blocks], axis=1).astype(np.float32)
        self.functions = SlotFunctions(torch.from_numpy(start))
        owner = np.concatenate([np.repeat(np.arange(count), widths), count + np.arange(count)])
        self.densities = Densities(owner, self.fixed.shape[1])
        self.usual = torch.logit(self.targets.mean(dim=0).clamp(1e-3, 1 - 1e-3))

    def fit(self, pairs: np.ndarray, settings: SlotFunctionSettings) -> None:
        rng, draw = np.random.default_rng(settings.seed), torch.Generator().manual_seed(settings.seed)
        weights = [*self.functions.parameters(), *self.densities.parameters()]
        rate, steps = settings.learning_rate, settings.steps
        optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.05)
        self.functions.train()
        for _ in range(steps):
            drawn, frames = (
                torch.from_numpy(rng.choice(pairs, number)) for number in (settings.batch_size, settings.others)
            )
            noise = torch.randn(2 * len(drawn) + len(frames), self.densities.num, generator=draw)
            loss = self._losses(drawn, frames, NOISE * noise).mean(dim=0).sum()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, LONGEST_GRADIENT)
            optimiser.step()
            schedule.step()

    @torch.no_grad()
    def losses(self, pairs: np.ndarray, settings: SlotFunctionSettings) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy of every variable's directions, and of its function, in nats, without noise."""
        self.functions.eval()
        frames = torch.from_numpy(np.random.default_rng(settings.seed).choice(pairs, 256))
        parts = [self._losses(part, frames, torch.zeros(1)) for part in torch.from_numpy(pairs).split(256)]
        means = torch.cat(parts).double().mean(dim=0).numpy()
        return means[: self.count], means[self.count :]

    def _losses(self, pairs: Tensor, frames: Tensor, noise: Tensor) -> Tensor:
        """(pairs, 2 K) cross-entropy; the second frames of the transitions ``frames`` normalise the densities."""
        first = self.before[pairs]
        at = torch.cat([first, first + 1, self.before[frames] + 1])
        values = torch.cat([self.fixed[at], self.functions(self.z[at])], dim=1) + noise
        before, after, others = values.split([len(pairs), len(pairs), len(frames)])
        odds = self.densities.log_odds(self.fixed[first], before, after, others) + self.usual.repeat(2)
        wanted = self.targets[pairs].repeat(1, 2)
        return functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
