"""The variational model compared with sums over all assignments and closed forms, and laws of its terms."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from trisect.batches import SequenceBatch, Step
from trisect.models.assignment import Assignment
from trisect.models.flows.factory import linear_flow, published_flow
from trisect.models.flows.flow import Chain, Flow
from trisect.models.networks.network import ImageNetwork
from trisect.models.networks.variational import FIXED_BOUND, VariationalEncoder
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import TransitionPrior
from trisect.models.representations.variational import VariationalVectors
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings
from trisect.models.variational_model import VariationalModel, VariationalSettings

DIM, LATENTS, VARIABLES = 4, 3, 2
NAMES = ("here", "there")
STANDARD_DEVIATIONS = torch.tensor([0.3, 0.5, 0.2])
PRIORS = [PerfectPrior, ImperfectPrior]


class Linear(ImageNetwork):
    """x -> x A, followed by fixed numbers."""

    def __init__(self, matrix: Tensor, constants: Tensor | None = None):
        super().__init__()
        self.matrix = nn.Parameter(matrix)
        self.register_buffer("constants", torch.zeros(0) if constants is None else constants)

    def initialise(self, frames: Tensor) -> None:
        """Nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x @ self.matrix, self.constants.expand(len(x), -1)], dim=1)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unbounded(log_std: Tensor) -> Tensor:
    """The network output that the encoder's bound maps to this log-std."""
    return FIXED_BOUND * torch.atanh(log_std / FIXED_BOUND)


def make(
    settings: VariationalSettings | None = None,
    *,
    prior: type[TransitionPrior] = PerfectPrior,
    flow: Flow | None = None,
) -> VariationalModel:
    """A model of vectors whose posterior is a known linear map with known deviations."""
    torch.manual_seed(0)
    encoder = VariationalEncoder(Linear(randn(DIM, LATENTS, seed=1), unbounded(STANDARD_DEVIATIONS.log())), LATENTS)
    parts = Parts(
        VariationalVectors(DIM, encoder, Linear(randn(LATENTS, DIM, seed=2))),
        flow or Chain([]),
        Assignment(LATENTS, VARIABLES, generator=torch.Generator().manual_seed(3)),
        prior(LATENTS, VARIABLES, 4),
        TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings(hidden=4)),
    )
    with torch.no_grad():
        parts.assignment.logits.copy_(randn(LATENTS, VARIABLES + 1, seed=4))
        if isinstance(parts.prior, PerfectPrior):
            parts.prior.intervened.copy_(randn(LATENTS, VARIABLES, 2, seed=5))
    return VariationalModel(parts, NAMES, settings or VariationalSettings(num_latents=LATENTS))


WITHOUT_FLOW = VariationalSettings(num_latents=LATENTS, flow_prior=False, noise_discount=0.25, beta=2.0)


def batch(num: int = 5, time: int = 3) -> SequenceBatch:
    targets = (torch.rand(num, time - 1, VARIABLES, generator=torch.Generator().manual_seed(6)) < 0.4).float()
    return SequenceBatch(randn(num, time, DIM, seed=7), targets)


def step(seed: int = 0, progress: float = 0.5, *, training: bool = True) -> Step:
    return Step(0, progress, torch.Generator().manual_seed(seed), training)


def draws_by_hand(model: VariationalModel, data: SequenceBatch, seed: int) -> tuple[Tensor, Tensor]:
    """Posterior means and samples (batch, time, L): the first draw of the step's generator is the noise."""
    mean = data.observations @ randn(DIM, LATENTS, seed=1)
    noise = randn(mean.shape[0] * mean.shape[1], LATENTS, seed=seed).view_as(mean)
    return mean, mean + STANDARD_DEVIATIONS * noise


def all_assignments(probs: Tensor) -> list[tuple[tuple[int, ...], float]]:
    """Every map of latents to slots with its probability."""
    slots = itertools.product(range(probs.shape[1]), repeat=len(probs))
    return [(assigned, float(torch.stack([probs[i, s] for i, s in enumerate(assigned)]).prod())) for assigned in slots]


def kl_by_hand(model: VariationalModel, data: SequenceBatch, seed: int, discount: float) -> list[float]:
    """KL of every transition: a sum over all assignments of latents to slots, by torch's own distributions."""
    mean, sample = draws_by_hand(model, data, seed)
    assignments, result = all_assignments(model.probs()), []
    assert len(assignments) == (VARIABLES + 1) ** LATENTS
    assert sum(p for _, p in assignments) == pytest.approx(1.0, abs=1e-5)
    for b, t in itertools.product(range(len(data)), range(data.targets.shape[1])):
        gaussians = model.prior(sample[b, t : t + 1], data.targets[b, t : t + 1])
        q, total = Normal(mean[b, t + 1], STANDARD_DEVIATIONS), 0.0
        for assigned, probability in assignments:
            p = [Normal(gaussians.mean[0, i, s], gaussians.log_std[0, i, s].exp()) for i, s in enumerate(assigned)]
            each = [kl_divergence(Normal(q.loc[i], q.scale[i]), p[i]) for i in range(LATENTS)]
            total += probability * sum(float(kl) * (1 - discount * (s == VARIABLES)) for kl, s in zip(each, assigned))
        result.append(total)
    return result


def squared_error_by_hand(data: SequenceBatch, sample: Tensor) -> Tensor:
    """-log p(x | e) without its constant, of all frames but the first of each window."""
    decoded = sample[:, 1:] @ randn(LATENTS, DIM, seed=2)
    log_density = Normal(decoded, 0.5**0.5).log_prob(data.observations[:, 1:]).sum(dim=-1)
    return (-log_density - 0.5 * DIM * np.log(np.pi)).flatten()


@pytest.mark.parametrize("prior", PRIORS)
@torch.no_grad()
def test_the_elbo_is_a_sum_over_all_assignments(prior: type[TransitionPrior]) -> None:
    model, data = make(WITHOUT_FLOW, prior=prior), batch()
    terms = model.loss(data, step(8))
    assert terms["kl"].tolist() == pytest.approx([2 * kl for kl in kl_by_hand(model, data, 8, 0.25)], rel=1e-4)
    error = squared_error_by_hand(data, draws_by_hand(model, data, 8)[1])
    assert torch.allclose(terms["reconstruction"], error, atol=1e-4)
    held_out = model.loss(data, step(8, training=False))
    assert list(held_out) == ["negative_elbo"]
    expected = [float(e) + 2 * kl for e, kl in zip(error, kl_by_hand(model, data, 8, 0.0))]
    assert held_out["negative_elbo"].tolist() == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_the_kl_is_continuous_in_the_discount() -> None:
    def kl(discount: float) -> Tensor:
        return make(replace(WITHOUT_FLOW, noise_discount=discount)).loss(batch(), step())["kl"]

    assert float((kl(1e-6) - kl(0.0)).abs().max()) < 1e-4
    assert float((kl(0.5) - kl(0.0)).abs().max()) > 1e-2


def many(num: int) -> SequenceBatch:
    """The same transition many times."""
    one = batch(1, 2)
    return SequenceBatch(one.observations.expand(num, -1, -1), one.targets.expand(num, -1, -1))


@pytest.mark.parametrize("prior", [*PRIORS, AutoregressivePrior])
@torch.no_grad()
def test_the_sampled_kl_is_unbiased(prior: type[TransitionPrior]) -> None:
    """With an identity flow the sampled KL and the closed form see the same prior: their means agree.

    The mean of the differences over 20,000 draws is within four of its standard errors, which are below .02 nats.
    """
    data, settings = many(20_000), replace(WITHOUT_FLOW, beta=1.0, noise_discount=0.0, classifier=0.0)
    closed = make(settings, prior=prior).loss(data, step(1))["kl"]
    sampled = make(replace(settings, flow_prior=True), prior=prior).loss(data, step(1))["kl"]
    difference = sampled - closed
    error = float(difference.std() / len(difference) ** 0.5)
    assert error < 0.02
    assert abs(float(difference.mean())) < 4 * error
    assert float(difference.std()) > 0.1


@torch.no_grad()
def test_the_flow_path_against_a_gaussian_closed_form() -> None:
    """z = (e - m) W under a standard normal prior: KL(N(mean', W' S W) || N(0, 1)), by a full covariance."""
    matrix, offset = randn(LATENTS, LATENTS, seed=9) + 2 * torch.eye(LATENTS), randn(LATENTS, seed=10)
    settings = VariationalSettings(num_latents=LATENTS, classifier=0.0)
    model, data = make(settings, flow=linear_flow(offset, matrix)), many(20_000)
    for parameter in model.prior.parameters():
        parameter.zero_()
    mean, _ = draws_by_hand(model, data, 1)
    q = MultivariateNormal((mean[0, 1] - offset) @ matrix, matrix.T @ STANDARD_DEVIATIONS.square().diag() @ matrix)
    expected = float(kl_divergence(q, MultivariateNormal(torch.zeros(LATENTS), torch.eye(LATENTS))))
    sampled = model.loss(data, step(1))["kl"]
    error = float(sampled.std() / len(sampled) ** 0.5)
    assert error < 0.01 * expected
    assert float(sampled.mean()) == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 0.0), (0.1, 0.25), (0.4, 1.0), (0.9, 1.0)])
@torch.no_grad()
def test_beta_warms_up_and_the_held_out_score_uses_the_full_beta(progress: float, factor: float) -> None:
    settings = replace(WITHOUT_FLOW, noise_discount=0.0)
    full, data = make(settings).loss(batch(), step()), batch()
    model = make(replace(settings, beta_warm_up=0.4))
    terms = model.loss(data, step(progress=progress))
    assert torch.allclose(terms["kl"], factor * full["kl"])
    held_out = model.loss(data, step(progress=progress, training=False))["negative_elbo"]
    assert torch.allclose(held_out, full["reconstruction"] + full["kl"])


@pytest.mark.parametrize("flow_prior", [True, False])
@pytest.mark.parametrize("prior", [*PRIORS, AutoregressivePrior])
def test_training_terms_are_finite_and_reach_every_part(prior: type[TransitionPrior], flow_prior: bool) -> None:
    flow = published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(0)) if flow_prior else Chain([])
    settings = VariationalSettings(num_latents=LATENTS, flow_prior=flow_prior)
    model, data = make(settings, prior=prior, flow=flow), batch()
    model.initialise(data)
    terms = model.loss(data, step())
    assert {"reconstruction", "kl", "classifier", "latents"} <= set(terms)
    assert ("noise_bonus" in terms) == ("parameters" in terms) == flow_prior
    per_transition = len(data) * data.targets.shape[1]
    assert all(terms[name].shape == (per_transition,) for name in ("reconstruction", "kl", "classifier", "latents"))
    assert terms.first_non_finite() is None
    terms.total().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_the_first_frame_of_a_window_is_not_reconstructed() -> None:
    model, data = make(WITHOUT_FLOW), batch()
    moved = data.observations.clone().requires_grad_()
    model.loss(SequenceBatch(moved, data.targets), step())["reconstruction"].sum().backward()
    assert moved.grad is not None
    assert (moved.grad[:, 0] == 0).all() and (moved.grad[:, 1:] != 0).any()


def test_the_classifier_has_a_weight_and_its_own_speed() -> None:
    light, heavy = (make(replace(WITHOUT_FLOW, classifier=c)).loss(batch(), step()) for c in (1.0, 3.0))
    for name in ("classifier", "latents"):
        assert torch.allclose(3 * light[name], heavy[name])
    assert not {"classifier", "latents"} & set(make(replace(WITHOUT_FLOW, classifier=0.0)).loss(batch(), step()))
    model = make()
    groups = {group.name: group for group in model.parameter_groups(None)}
    assert groups["classifier"].learning_rate_factor == 4.0 and groups["model"].learning_rate_factor == 1.0
    grouped = [id(p) for group in groups.values() for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


@torch.no_grad()
def test_the_noise_bonus_is_the_mass_outside_the_noise_slot_times_beta() -> None:
    model = make(VariationalSettings(num_latents=LATENTS, noise_bonus=0.5, beta=4.0, beta_warm_up=1.0))
    outside = (1 - model.probs()[:, -1]).mean()
    assert torch.allclose(model.loss(batch(), step(progress=0.25))["noise_bonus"], 0.5 * outside)
    model._assignment.freeze([0, 1, 2])
    assert "noise_bonus" not in model.loss(batch(), step())
    rising = make(VariationalSettings(num_latents=LATENTS, noise_bonus=0.5, noise_bonus_warm_up=0.5))
    for progress, share in ((0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.9, 1.0)):
        terms = rising.loss(batch(), step(progress=progress))
        assert torch.allclose(terms["noise_bonus"], share * 0.5 * (1 - rising.probs()[:, -1]).mean())
    without = VariationalSettings(num_latents=LATENTS, noise_bonus=0.0)
    assert "noise_bonus" not in make(without).loss(batch(), step())


def test_scoring_counts_no_targets() -> None:
    model = make()
    model.loss(batch(), step(training=False))
    assert float(model.classifier.base_rates.num_batches) == 0
    model.loss(batch(), step())
    assert float(model.classifier.base_rates.num_batches) == 1


def test_latents_are_the_flow_of_the_mean() -> None:
    flow = published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(0))
    model, x = make(flow=flow), batch().observations[:, 0]
    with torch.no_grad():
        mean = x @ randn(DIM, LATENTS, seed=1)
        z = model.encode(x.numpy())
        assert torch.allclose(z, flow(mean)[0], atol=1e-5)
        assert torch.allclose(model.decode(z), mean @ randn(LATENTS, DIM, seed=2), atol=1e-4)
    assert model.slot_names == (*NAMES, "noise")
    assert sum(part.shape[1] for part in model.slots(z).values()) == LATENTS


def test_a_model_adapts_to_a_first_batch_once() -> None:
    flow = published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(0))
    model, data = make(flow=flow), batch(2000, 2)
    model.initialise(data)
    sample = model.draw(data.observations, torch.Generator().manual_seed(5)).sample.flatten(0, 1)
    first, _ = flow.flows[0](sample)
    assert torch.allclose(first.mean(dim=0), torch.zeros(LATENTS), atol=0.1)
    assert torch.allclose(first.std(dim=0), torch.ones(LATENTS), atol=0.1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.initialise(SequenceBatch(10 * data.observations, data.targets))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@torch.no_grad()
def test_latent_kl_without_a_flow_is_the_kl_from_the_transition_prior() -> None:
    model, data = make(replace(WITHOUT_FLOW, noise_discount=0.0)), batch()
    kl = model.latent_kl([data], torch.Generator().manual_seed(8))
    assert kl.shape == (LATENTS,)
    assert float(kl.sum()) == pytest.approx(np.mean(kl_by_hand(model, data, 8, 0.0)), rel=1e-4)


@torch.no_grad()
def test_latent_kl_with_a_flow_measures_differences_between_frames() -> None:
    """0 for latents whose posterior is the same for all frames; log(total/posterior deviation) for the others."""
    model = make()
    network = model.representation.encoder.network
    network.matrix.copy_(torch.tensor([[3.0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]))
    batches = [SequenceBatch(randn(500, 2, DIM, seed=s), torch.zeros(500, 1, VARIABLES)) for s in (1, 2)]
    kl = model.latent_kl(iter(batches), torch.Generator().manual_seed(0))
    x = torch.cat([b.observations.flatten(0, 1)[:, 0] for b in batches])
    spread = float((9 * x.var(correction=0) / 0.3**2 + 1).sqrt().log())
    assert kl.tolist() == pytest.approx([spread, 0.0, 0.0], abs=1e-4)


@pytest.mark.parametrize("scale", [1e4, 0.0])
def test_extreme_observations_keep_the_loss_finite(scale: float) -> None:
    """Log-std stays within its bounds, and constant vectors have a scale."""
    model, data = make(), batch()
    data = SequenceBatch(scale * data.observations, data.targets)
    model.initialise(data)
    assert model.loss(data, step()).first_non_finite() is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": 0.0}, r"beta of the variational model must be a number in \(0, 1e\+06\]; got 0.0"),
        ({"beta": float("nan")}, "beta of the variational model must be a number"),
        ({"beta_warm_up": 1.5}, r"beta_warm_up of the variational model must be a number in \[0, 1\]; got 1.5"),
        ({"noise_discount": -0.1}, r"noise_discount of the variational model must be a number in \[0, 1\]; got -0.1"),
        ({"num_latents": 0}, "num_latents of the variational model must be an integer of at least 1; got 0"),
        ({"classifier": -1.0}, "classifier of the variational model must be a number"),
        (
            {"networks": "quick"},
            "networks of the variational model must be one of profile, conv, combined, glimpse, published; got 'quick'",
        ),
        ({"flow_prior": "yes"}, "flow_prior of the variational model must be True or False; got 'yes'"),
    ],
)
def test_settings_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariationalSettings(**settings)


def test_parts_must_agree() -> None:
    model = make()
    parts = Parts(model.representation, Chain([]), Assignment(4, 2), model.prior, model.classifier)
    with pytest.raises(ValueError, match=r"an assignment must be of the model's size; got \(4, 2\)"):
        VariationalModel(parts, NAMES, VariationalSettings())


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"vectors must be of shape \(batch, 4\); got \(2, 5\)"):
        make().encode(torch.zeros(2, 5))


def test_intervention_parameters_learn_from_frames_after_interventions() -> None:
    """The NLL's slope is (m - z) / s^2 in m and 1 - (z - m)^2 / s^2 in log s, z after the intervention."""
    model, data = make(), batch()
    model.loss(data, step(8))["parameters"].sum().backward()
    _, sample = draws_by_hand(model, data, 8)
    mean, log_std = randn(LATENTS, VARIABLES, 2, seed=5).unbind(-1)
    expected = torch.zeros(LATENTS, VARIABLES, 2)
    for b, t, k in itertools.product(range(len(data)), range(2), range(VARIABLES)):
        away = (sample[b, t + 1] - mean[:, k]) / log_std[:, k].exp()
        expected[:, k, 0] -= data.targets[b, t, k] * away / log_std[:, k].exp()
        expected[:, k, 1] += data.targets[b, t, k] * (1 - away**2)
    assert isinstance(model.prior, PerfectPrior) and model.prior.intervened.grad is not None
    assert torch.allclose(model.prior.intervened.grad, expected, rtol=1e-4, atol=1e-4)


def test_the_flow_adapts_to_draws_not_to_means() -> None:
    """The means barely vary here: most of the variation in the flow's inputs is the posterior's noise."""
    model, data = make(flow=published_flow(LATENTS, 1, 4, torch.Generator().manual_seed(0))), batch(2000, 2)
    with torch.no_grad():
        model.representation.encoder.network.matrix.mul_(0.02)
    model.initialise(data)
    draws = model.draw(data.observations, torch.Generator().manual_seed(5))
    assert (draws.mean.flatten(0, 1).std(dim=0) < 0.5 * STANDARD_DEVIATIONS).all()
    first, _ = model.flow.flows[0](draws.sample.flatten(0, 1))
    assert torch.allclose(first.std(dim=0), torch.ones(LATENTS), atol=0.1)


@torch.no_grad()
def test_a_frame_is_decoded_from_the_encoder_s_latents_not_from_the_flow_s() -> None:
    settings = VariationalSettings(num_latents=LATENTS)
    model, data = make(settings, flow=linear_flow(randn(LATENTS, seed=10), 3 * torch.eye(LATENTS))), batch()
    error = squared_error_by_hand(data, draws_by_hand(model, data, 8)[1])
    assert torch.allclose(model.loss(data, step(8))["reconstruction"], error, atol=1e-4)
