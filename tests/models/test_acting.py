"""Acting on models with known parts: linear maps in NumPy, priors set by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trisect.models import acting
from trisect.models.acting import SlotValues, rollout_latents, set_slots
from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.factory import linear_flow
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import FactorisedPrior, ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import SlotGaussians, TransitionPrior
from trisect.models.representations.representation import Representation, VectorRepresentation
from trisect.models.shapes import FrameShape
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

VARIABLES, SLOT_OF = ("a", "b", "c"), [0, 1, 3, 0]
"""Slot a holds latents 0 and 3, b latent 1, c none, noise latent 2."""
LATENTS, TINY = 4, -20.0
OF_A, OF_B = [0, 3], [1]


def normal(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


MEAN, MATRIX = normal(LATENTS, seed=1), normal(LATENTS, LATENTS, seed=2)
POINTS, OTHERS = (normal(5, LATENTS, seed=seed).astype(np.float32) for seed in (3, 4))


class LinearPrior(FactorisedPrior):
    """Slot s: mean z A + I_s B_s, so that the past always matters; every deviation is exp(log_std)."""

    def __init__(self, log_std: float = TINY):
        super().__init__(LATENTS, len(VARIABLES), 1)
        self.past = 0.4 * normal(LATENTS, LATENTS, seed=5)
        self.effect = normal(len(VARIABLES), LATENTS, seed=6)
        self.log_std = log_std

    def forward(self, z_prev: Tensor, targets: Tensor) -> SlotGaussians:
        past, effect = torch.from_numpy(self.past).to(z_prev), torch.from_numpy(self.effect).to(z_prev)
        moved = targets.unsqueeze(1) * effect.T.unsqueeze(0)
        mean = (z_prev @ past).unsqueeze(-1) + torch.cat([moved, torch.zeros_like(moved[..., :1])], dim=-1)
        return SlotGaussians(mean, torch.full_like(mean, self.log_std))

    def by_hand(self, z: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The means of z^{t+1} under the hard assignment, latent by latent."""
        after = z @ self.past
        for latent, slot in enumerate(SLOT_OF):
            if slot < len(VARIABLES):
                after[:, latent] += targets[:, slot] * self.effect[slot, latent]
        return after


def model_of(prior: TransitionPrior | None = None, representation: Representation | None = None) -> CausalModel:
    assignment = Assignment(LATENTS, len(VARIABLES))
    assignment.freeze(SLOT_OF)
    parts = Parts(
        representation or VectorRepresentation(LATENTS),
        linear_flow(torch.from_numpy(MEAN).float(), torch.from_numpy(MATRIX).float()),
        assignment,
        prior or PerfectPrior(LATENTS, len(VARIABLES), 2),
        TargetClassifier(LATENTS, len(VARIABLES), TargetClassifierSettings(hidden=2)),
    )
    return CausalModel(parts, VARIABLES, ObjectiveSettings())


def latents(points: np.ndarray) -> np.ndarray:
    return (points - MEAN) @ MATRIX


def points(z: np.ndarray) -> np.ndarray:
    return z @ np.linalg.inv(MATRIX) + MEAN


def same(values: Tensor, expected: np.ndarray, atol: float = 1e-4) -> bool:
    assert not values.requires_grad
    return bool(np.allclose(values.numpy(), expected, atol=atol))


def test_a_swap_replaces_the_slot_and_nothing_else() -> None:
    z = latents(POINTS)
    z[:, OF_A] = latents(OTHERS)[:, OF_A]
    assert same(model_of().intervene(POINTS, {"a": OTHERS}), points(z))


def test_several_slots_at_once_including_noise() -> None:
    z, value = latents(POINTS), normal(5, 1, seed=7).astype(np.float32)
    z[:, 2], z[:, OF_B] = latents(OTHERS)[:, 2], value
    changed = model_of().intervene(
        torch.from_numpy(POINTS), {"noise": torch.from_numpy(OTHERS), "b": SlotValues(value)}
    )
    assert same(changed, points(z))


def test_one_value_serves_all_frames() -> None:
    z = latents(POINTS)
    z[:, OF_A], z[:, OF_B] = latents(OTHERS[:1])[:, OF_A], 0.25
    values: acting.Values = {"a": OTHERS[:1], "b": SlotValues(torch.tensor([[0.25]]))}
    assert same(model_of().intervene(POINTS, values), points(z))


def test_nothing_set_gives_the_reconstructions() -> None:
    assert same(model_of().intervene(POINTS, {}), POINTS)


def test_slots_that_are_not_set_stay_exactly() -> None:
    model = model_of()
    z = model.encode(POINTS)
    kept = z.clone()
    changed = set_slots(model, z, {"a": "sample", "b": OTHERS})
    assert torch.equal(changed[:, 2], z[:, 2]) and torch.equal(z, kept)
    assert not (changed[:, [0, 1, 3]] == z[:, [0, 1, 3]]).any()


def test_swaps_of_a_permuted_batch_are_permuted() -> None:
    order, model = [3, 1, 4, 0, 2], model_of()
    swapped = model.intervene(POINTS, {"a": OTHERS})
    again = model.intervene(POINTS[order], {"a": OTHERS[order]})
    assert torch.allclose(swapped[order], again, atol=1e-6)


def test_swapping_twice_restores() -> None:
    model = model_of()
    swapped = model.intervene(POINTS, {"a": OTHERS})
    assert same(model.intervene(swapped, {"a": POINTS}), POINTS)


def test_perfect_samples_have_the_intervened_moments_whatever_the_past() -> None:
    prior = PerfectPrior(LATENTS, len(VARIABLES), 2)
    with torch.no_grad():
        prior.intervened[0, 0], prior.intervened[3, 0] = torch.tensor([1.5, -0.7]), torch.tensor([-2.0, 0.2])
    start = normal(20_000, LATENTS, seed=8).astype(np.float32)
    sampled = latents(model_of(prior).intervene(start, {"a": "sample"}, torch.Generator().manual_seed(1)).numpy())
    drawn, past = sampled[:, OF_A], latents(start)
    assert np.allclose(drawn.mean(axis=0), [1.5, -2.0], atol=0.05)
    assert np.allclose(drawn.std(axis=0), np.exp([-0.7, 0.2]), rtol=0.03)
    assert np.abs(np.corrcoef(np.hstack([drawn, past]).T)[:2, 2:]).max() < 0.04
    assert np.allclose(sampled[:, [1, 2]], past[:, [1, 2]], atol=1e-3)


@pytest.mark.parametrize(("sampled", "swapped"), [("a", "b"), ("b", "a")])
def test_a_sample_sees_the_past_of_its_frame_and_its_own_target_only(sampled: str, swapped: str) -> None:
    prior, columns = LinearPrior(), {"a": OF_A, "b": OF_B}
    z, other = latents(POINTS), latents(OTHERS)
    targets = np.eye(3)[[VARIABLES.index(sampled)]].repeat(5, 0)
    expected = z.copy()
    expected[:, columns[sampled]] = prior.by_hand(z, targets)[:, columns[sampled]]
    expected[:, columns[swapped]] = other[:, columns[swapped]]
    assert same(model_of(prior).intervene(POINTS, {swapped: OTHERS, sampled: "sample"}), points(expected))


class Spy(LinearPrior):
    """Remembers the targets of the last call."""

    def forward(self, z_prev: Tensor, targets: Tensor) -> SlotGaussians:
        self.targets = targets.tolist()
        return super().forward(z_prev, targets)


def test_a_prior_gets_one_target_at_a_time() -> None:
    prior = Spy()
    model_of(prior).intervene(POINTS[:2], {"a": "sample", "b": "sample"})
    assert prior.targets == [[0, 1, 0], [0, 1, 0]]


NETWORKS: dict[str, Callable[[], TransitionPrior]] = {
    "perfect": partial(PerfectPrior, LATENTS, len(VARIABLES), 3),
    "imperfect": partial(ImperfectPrior, LATENTS, len(VARIABLES), 3),
    "autoregressive perfect": partial(AutoregressivePrior, LATENTS, len(VARIABLES), 3, perfect=True),
    "autoregressive imperfect": partial(AutoregressivePrior, LATENTS, len(VARIABLES), 3, perfect=False),
}
every_prior = pytest.mark.parametrize("kind", list(NETWORKS))


def certain(kind: str) -> TransitionPrior:
    """A prior with random weights and almost no noise."""
    torch.manual_seed(5)
    prior = NETWORKS[kind]()
    with torch.no_grad():
        if isinstance(prior, AutoregressivePrior):
            prior.last.weight[1::2], prior.last.bias[1::2] = 0.0, TINY
        else:
            prior.network.output.weight[:, 1], prior.network.output.bias[:, 1] = 0.0, TINY
        if isinstance(prior, PerfectPrior):
            prior.intervened[..., 0] = torch.randn(LATENTS, len(VARIABLES))
            prior.intervened[..., 1] = TINY
    return prior


def step_by_hand(prior: Any, z: Tensor, targets: Tensor) -> Tensor:
    """z^{t+1} of a prior without noise, from its densities, latent by latent."""
    after = torch.zeros_like(z)
    for latent, slot in enumerate(SLOT_OF):
        if isinstance(prior, AutoregressivePrior):
            psi = nn.functional.one_hot(torch.tensor(SLOT_OF), len(VARIABLES) + 1).float()
            gaussians = prior(z, after, targets, psi)
        else:
            gaussians = prior(z, targets)
        after[:, latent] = gaussians.mean[:, latent, slot]
    return after


TARGETS = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]])


@every_prior
@pytest.mark.parametrize("mean", [False, True])
def test_a_rollout_is_the_loop_written_by_hand(kind: str, mean: bool) -> None:
    prior = certain(kind)
    model = model_of(prior)
    z = torch.from_numpy(latents(POINTS)).float()
    expected = []
    with torch.no_grad():
        for step in range(TARGETS.shape[1]):
            z = step_by_hand(prior, z, torch.from_numpy(TARGETS[:, step]).float().expand(5, -1))
            expected.append(points(z.numpy()))
    frames_of_rollout = model.rollout(POINTS, TARGETS, mean=mean)
    assert same(frames_of_rollout, np.stack(expected, axis=1), 1e-3)


@every_prior
def test_samples_come_from_every_prior(kind: str) -> None:
    prior = certain(kind)
    z = torch.from_numpy(latents(POINTS)).float()
    with torch.no_grad():
        first, second = (step_by_hand(prior, z, torch.eye(3)[[k]].expand(5, -1)) for k in (0, 1))
    expected = z.clone()
    expected[:, OF_A], expected[:, OF_B] = first[:, OF_A], second[:, OF_B]
    sampled = model_of(prior).intervene(POINTS, {"a": "sample", "b": "sample"})
    assert same(sampled, points(expected.numpy()), 1e-3)


def test_a_linear_rollout_follows_the_recursion_and_row_s_leads_to_frame_s() -> None:
    prior, z = LinearPrior(), latents(POINTS)
    targets = np.random.default_rng(2).random((5, 6, 3)) < 0.4
    targets[..., 2] = False
    expected = []
    for step in range(6):
        z = prior.by_hand(z, targets[:, step])
        expected.append(points(z))
    predicted = model_of(prior).rollout(torch.from_numpy(POINTS), torch.from_numpy(targets))
    assert predicted.shape == (5, 6, LATENTS)
    assert same(predicted, np.stack(expected, axis=1))


def test_the_mean_uses_no_noise_whatever_its_deviation() -> None:
    prior, z, expected = LinearPrior(log_std=1.0), latents(POINTS), []
    for step in range(TARGETS.shape[1]):
        z = prior.by_hand(z, TARGETS[:, step].repeat(5, 0))
        expected.append(points(z))
    assert same(model_of(prior).rollout(POINTS, TARGETS, mean=True), np.stack(expected, axis=1))


def test_rollouts_have_the_spread_of_the_recursion() -> None:
    prior, num, steps, scale = LinearPrior(np.log(0.3)), 100_000, 3, 0.3
    covariance = np.zeros((LATENTS, LATENTS))
    for _ in range(steps):
        covariance = prior.past.T @ covariance @ prior.past + scale**2 * np.eye(LATENTS)
    start = torch.zeros(num, LATENTS)
    z = rollout_latents(model_of(prior), start, np.zeros((1, steps, 3)))[:, -1]
    assert np.allclose(np.cov(z.numpy().T), covariance, atol=0.01)


def test_the_seed_determines_the_rollout() -> None:
    model = model_of()
    first, again, other = (model.rollout(POINTS, TARGETS, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.isclose(first, other).all()
    with_generator = model.rollout(POINTS, TARGETS, torch.Generator().manual_seed(3), seed=9)
    assert torch.equal(first, with_generator)


def test_samples_repeat_unless_a_generator_is_passed() -> None:
    model, generator = model_of(), torch.Generator().manual_seed(1)
    first, again = (model.intervene(POINTS, {"a": "sample", "b": OTHERS}) for _ in range(2))
    reordered = model.intervene(POINTS, {"b": OTHERS, "a": "sample"})
    assert torch.equal(first, again) and torch.equal(first, reordered)
    one, two = (model.intervene(POINTS, {"a": "sample"}, generator) for _ in range(2))
    assert not torch.isclose(one, two).all()


class Dropping(VectorRepresentation):
    """Drops half of the values, in training."""

    def decode(self, z: Tensor) -> Tensor:
        return nn.functional.dropout(z, 0.5, self.training)


def test_a_model_in_training_acts_as_in_evaluation_and_stays_in_training() -> None:
    model = model_of(representation=Dropping(LATENTS)).train()
    assert same(model.intervene(POINTS, {}), POINTS)
    assert model.training and model.representation.training
    model.rollout(POINTS, TARGETS)
    assert model.training


class LinearFrames(Representation):
    """Frames of 1 x 4 x 4 pixels, of which the first four are the latents."""

    num_latents = LATENTS
    shape = FrameShape(1, 4, 4)

    def encode(self, observations: Tensor) -> Tensor:
        return self.shape.check(observations).flatten(1)[:, :LATENTS]

    def decode(self, latents: Tensor) -> Tensor:
        return nn.functional.pad(latents, (0, 12)).unflatten(1, (1, 4, 4))


def test_frames_at_rest_and_float_frames_act_alike() -> None:
    at_rest = np.zeros((2, 4, 4, 1), np.uint8)
    at_rest.reshape(2, 16)[:, :LATENTS] = np.random.default_rng(9).integers(0, 256, size=(2, LATENTS))
    as_float = torch.from_numpy(at_rest).float().permute(0, 3, 1, 2) / 255 * 2 - 1
    model = model_of(representation=LinearFrames())
    swapped = model.intervene(at_rest[:1], {"a": as_float[1:]})
    assert swapped.shape == (1, 1, 4, 4)
    assert torch.allclose(swapped, model.intervene(as_float[:1], {"a": at_rest[1:]}), atol=1e-5)
    assert model.rollout(at_rest, TARGETS).shape == (2, 4, 1, 4, 4)


class Blind(VectorRepresentation):
    """Encodes only."""

    decodes = False  # type: ignore[assignment]


def frames(low: float, high: float) -> Tensor:
    return torch.linspace(low, high, 16).view(1, 1, 4, 4)


BAD: dict[str, tuple[Callable[[CausalModel], object], str]] = {
    "an unknown slot": (
        lambda m: m.intervene(POINTS, {"aa": OTHERS}),
        r"the slot to intervene on must be one of a, b, c, noise; got 'aa'; did you mean 'a'\?",
    ),
    "no mapping": (lambda m: m.intervene(POINTS, "a"), "values of an intervention must be a mapping by slot name"),  # type: ignore[arg-type]
    "an empty slot": (
        lambda m: m.intervene(POINTS, {"c": OTHERS}),
        "the number of latents in the slot of 'c' must be at least 1, to act on it; got 0; "
        "no latent was assigned to 'c'; "
        "train with more latents, or look at the report",
    ),
    "another size": (lambda m: m.intervene(POINTS[:, :3], {}), r"^vectors must be of shape \(batch, 4\)"),
    "a value of another size": (
        lambda m: m.intervene(POINTS, {"a": OTHERS[:, :3]}),
        r"the value of 'a': vectors must be of shape \(batch, 4\); got \(5, 3\)",
    ),
    "a number": (lambda m: m.intervene(POINTS, {"a": 0.5}), "the value of 'a' must be observations, SlotValues"),  # type: ignore[dict-item]
    "another text": (lambda m: m.intervene(POINTS, {"a": "sampel"}), r"sample; got 'sampel'; did you mean 'sample'\?"),
    "noise sampled": (
        lambda m: m.intervene(POINTS, {"noise": "sample"}),
        "a slot to sample must be that of a variable; got 'noise'; pass observations or SlotValues",
    ),
    "too many values": (
        lambda m: m.intervene(POINTS, {"a": OTHERS[:3]}),
        "the number of values of 'a' must be 5, one per frame, or 1; got 3",
    ),
    "too many values for one": (
        lambda m: m.intervene(POINTS[:1], {"a": OTHERS}),
        "the number of values of 'a' must be 1, for one frame; got 5",
    ),
    "latents of another slot": (
        lambda m: m.intervene(POINTS, {"a": SlotValues(np.zeros((1, 1)))}),
        "the number of latents for 'a' must be 2, as many as the slot holds; got 1",
    ),
    "latents without rows": (lambda m: SlotValues(np.zeros(2)), r"must be \(N or 1, latents of the slot\); got \(2,\)"),
    "latents that are not finite": (lambda m: SlotValues(np.full((1, 2), np.nan)), "must be finite; got NaN"),
    "no frames": (lambda m: m.intervene(POINTS[:0], {}), "the number of observations must be at least 1; got 0"),
    "targets of two axes": (
        lambda m: m.rollout(POINTS, TARGETS[0]),
        r"the shape of the targets of a roll-out must be \(5 or 1, steps, 3\); got \(4, 3\); "
        "one column per variable: a, b, c",
    ),
    "targets of other variables": (lambda m: m.rollout(POINTS, TARGETS[..., :2]), r"got \(1, 4, 2\)"),
    "targets of other frames": (lambda m: m.rollout(POINTS, np.repeat(TARGETS, 3, 0)), r"got \(3, 4, 3\)"),
    "no step": (lambda m: m.rollout(POINTS, TARGETS[:, :0]), r"got \(1, 0, 3\)"),
    "targets of 2": (
        lambda m: m.rollout(POINTS, torch.from_numpy(2 * TARGETS)),
        "the targets of a roll-out must be 0 or 1; got 2 at row 0, step 1, column 0",
    ),
    "a target of an empty slot": (
        lambda m: m.rollout(POINTS, np.ones((1, 1, 3))),
        "no latent was assigned to 'c'",
    ),
    "latents of another length": (
        lambda m: rollout_latents(m, torch.zeros(5, 3), TARGETS),
        r"the shape of the latents to act on must be \(N, 4\); got \(5, 3\)",
    ),
    "latents that run away": (
        lambda m: rollout_latents(m, torch.full((1, LATENTS), torch.inf), TARGETS),
        "the latents of a roll-out must be finite; got NaN or infinity in step 0; roll out fewer steps",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input_gets_a_sentence(case: str) -> None:
    attempt, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        attempt(model_of(LinearPrior()))


@pytest.mark.parametrize(
    ("bad_frames", "message"),
    [
        (
            frames(0, 255),
            r"^float frames must be within \[-1, 1\]; got values from 0 to 255, which look like 0\.\.255; ",
        ),
        (frames(0, 255), "pass uint8 frames at rest, .* as they are, or scale levels"),
        (frames(0, 255).long(), "which look like 0..255"),
        (frames(-2.1, 2.6), "got values from -2.1 to 2.6; pass uint8"),
        (frames(0, 1) * torch.nan, "got values from nan to nan"),
        (torch.zeros(1, 4, 4, 1), r"frames must be \(batch, 1, 4, 4\); got \(1, 4, 4, 1\)"),
    ],
)
@pytest.mark.parametrize("where", ["frames", "value"])
def test_frames_of_another_range_are_refused(bad_frames: Tensor, message: str, where: str) -> None:
    model, right = model_of(representation=LinearFrames()), frames(-1, 1)
    with pytest.raises(ValueError, match=message if where == "frames" else message.replace("^", "the value of 'a': ")):
        model.intervene(*((bad_frames, {}) if where == "frames" else (right, {"a": bad_frames})))
    with pytest.raises(ValueError, match=message):
        model.encode(bad_frames)


def test_frames_slightly_out_of_range_are_accepted() -> None:
    model = model_of(representation=LinearFrames())
    assert model.encode(frames(-1.8, 1.8)).isfinite().all()
    assert model_of().encode(300 * POINTS).isfinite().all()


def test_a_model_without_decoder_acts_on_latents_only() -> None:
    model = model_of(LinearPrior(), Blind(LATENTS))
    for attempt in (lambda: model.intervene(POINTS, {}), lambda: model.rollout(POINTS, TARGETS)):
        with pytest.raises(ValueError, match="must be able to decode.*pass decoder= beside encoder="):
            attempt()
    assert rollout_latents(model, model.encode(POINTS), TARGETS).shape == (5, 4, LATENTS)
    assert set_slots(model, model.encode(POINTS), {"a": OTHERS}).shape == (5, LATENTS)


def test_drawing_from_an_untrained_prior_is_refused() -> None:
    model = model_of()
    model.prior_trained = False
    for attempt in (lambda: model.intervene(POINTS, {"a": "sample"}), lambda: model.rollout(POINTS, TARGETS)):
        with pytest.raises(ValueError, match="prior of this model must be trained.*the closed form trains none"):
            attempt()
    model.intervene(POINTS, {"a": OTHERS})
