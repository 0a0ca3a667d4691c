from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.frames import frames_to_float
from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings, Parts
from trisect.models.flows.factory import linear_flow, published_flow
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.representation import FrameRepresentation, Representation, VectorRepresentation
from trisect.models.shapes import FrameShape
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

LATENTS = 5
NAMES = ("here", "there")


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def parts(representation: Representation | None = None, prior: type = PerfectPrior) -> Parts:
    torch.manual_seed(0)
    representation = representation or VectorRepresentation(LATENTS)
    assignment = Assignment(LATENTS, 2, generator=torch.Generator().manual_seed(1))
    flow = published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(2))
    classifier = TargetClassifier(LATENTS, 2, TargetClassifierSettings(hidden=4))
    return Parts(representation, flow, assignment, prior(LATENTS, 2, 4), classifier)


def make(objectives: ObjectiveSettings | None = None, **changes: object) -> CausalModel:
    return CausalModel(parts(**changes), NAMES, objectives or ObjectiveSettings())  # type: ignore[arg-type]


def batch(num: int = 6, time: int = 3) -> SequenceBatch:
    targets = (torch.rand(num, time - 1, 2, generator=torch.Generator().manual_seed(4)) < 0.3).float()
    return SequenceBatch(randn(num, time, LATENTS, seed=3), targets)


def step(seed: int = 0, *, training: bool = True) -> Step:
    return Step(0, 0.0, torch.Generator().manual_seed(seed), training)


def test_vectors_round_trip() -> None:
    model, x = make(), randn(20, LATENTS)
    z = model.encode(x)
    assert z.shape == x.shape
    assert torch.allclose(model.decode(z), x, atol=1e-4)
    assert torch.equal(model.encode(x.numpy()), z)
    assert not z.requires_grad


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"vectors must be of shape \(batch, 5\); got \(20, 4\)"):
        make().encode(randn(20, 4))


@pytest.mark.parametrize("slots", [[0, 1, 2, 0, 2], [2, 2, 2, 2, 2], [1, 1, 0, 0, 0]])
def test_slots_divide_the_latents(slots: list[int]) -> None:
    model, z = make(), randn(4, LATENTS)
    model._assignment.freeze(slots)
    by_name = model.slots(z)
    assert tuple(by_name) == model.slot_names == ("here", "there", "noise")
    for number, name in enumerate(by_name):
        assert torch.equal(by_name[name], z[:, [i for i, slot in enumerate(slots) if slot == number]])
    assert model.assignment().argmax(1).tolist() == slots
    assert torch.allclose(model.probs(), model.assignment(), atol=1e-10)


def frames_model() -> CausalModel:
    autoencoder = Autoencoder(FrameShape(3, 8, 6), 2, AutoencoderSettings(num_latents=LATENTS, hidden=8, rank=2))
    return make(representation=FrameRepresentation(autoencoder))


def test_frames_at_rest_and_in_the_model_are_the_same() -> None:
    model = frames_model()
    at_rest = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 3)).astype(np.uint8)
    by_hand = torch.from_numpy(at_rest.astype(np.float32)).permute(0, 3, 1, 2) / 255 * 2 - 1
    z = model.encode(at_rest)
    assert z.shape == (4, LATENTS)
    assert torch.equal(model.encode(torch.from_numpy(at_rest)), z)
    assert torch.allclose(model.encode(by_hand), z, atol=1e-5)
    assert torch.equal(model.encode(frames_to_float(torch.from_numpy(at_rest))), z)
    assert model.decode(z).shape == by_hand.shape


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames must be \(batch, 3, 8, 6\); got \(4, 3, 6, 8\)"):
        frames_model().encode(np.zeros((4, 6, 8, 3), np.uint8))


def test_the_representation_is_frozen() -> None:
    model = frames_model()
    assert not any(p.requires_grad for p in model.representation.parameters())
    groups = model.parameter_groups(None)
    grouped = [id(p) for group in groups for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("prior", [PerfectPrior, ImperfectPrior])
def test_training_terms_are_finite_and_reach_every_part(prior: type) -> None:
    model = make(prior=prior)
    model.initialise(batch())
    terms = model.loss(batch(), step())
    assert {"prior", "volume", "minimality", "classifier", "latents", "noise_bonus"} <= set(terms)
    assert terms.first_non_finite() is None
    terms.total().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def by_hand(model: CausalModel, data: SequenceBatch, noise: Tensor) -> tuple[float, float]:
    """NLL averaged over all pairs of samples, and minus the mean log-determinant, by plain loops."""
    with torch.no_grad():
        noisy = data.observations.unsqueeze(2) + model.objectives.noise * model.deviation * noise
        nll, volume, count = 0.0, 0.0, 0
        probs = model.probs()
        for b in range(len(data)):
            z, log_det = zip(*(model.flow(noisy[b, t]) for t in range(noisy.shape[1])))
            volume -= float(torch.stack(log_det).mean()) / len(data)
            for t in range(noisy.shape[1] - 1):
                for before in z[t]:
                    gaussians = model.prior(before.unsqueeze(0), data.targets[b, t].unsqueeze(0))
                    for after in z[t + 1]:
                        cost = gaussians.nll(after.unsqueeze(0))[0]
                        nll += float((cost * probs).sum())
                        count += 1
        return nll / count, volume


@pytest.mark.parametrize("prior", [PerfectPrior, ImperfectPrior])
def test_the_likelihood_by_plain_loops(prior: type) -> None:
    model = make(ObjectiveSettings(num_samples=3, noise=0.2), prior=prior)
    model.deviation.copy_(torch.arange(1.0, 6.0))
    data = batch()
    noise = torch.randn(6, 3, 3, LATENTS, generator=step(8).generator)
    nll, volume = by_hand(model, data, noise)
    terms = model.loss(data, step(8))
    assert terms["prior"].mean().item() == pytest.approx(nll, rel=1e-4)
    assert terms["volume"].item() == pytest.approx(volume, rel=1e-4)
    held_out = model.loss(data, step(8, training=False))
    assert list(held_out) == ["nll"]
    assert held_out["nll"].item() == pytest.approx(nll + volume, rel=1e-4)


def test_a_linear_change_of_units_does_not_change_the_nll() -> None:
    """A density in x does not depend on how the flow scales z if the prior is adapted: here by a shift of log-std."""
    data, nlls = batch(), []
    for scale in (1.0, 4.0):
        scaled = replace_flow(parts(), scale)
        assert isinstance(scaled.prior, PerfectPrior)
        with torch.no_grad():
            for parameter in scaled.prior.parameters():
                parameter.zero_()
            scaled.prior.intervened[..., 1] = np.log(scale)
            scaled.prior.network.output.bias[:, 1] = np.log(scale)
        model = CausalModel(scaled, NAMES, ObjectiveSettings())
        nlls.append(model.loss(data, step(training=False))["nll"].item())
    assert nlls[0] == pytest.approx(nlls[1], rel=1e-5)


def replace_flow(model_parts: Parts, scale: float) -> Parts:
    return replace(model_parts, flow=linear_flow(torch.zeros(LATENTS), scale * torch.eye(LATENTS)))


def test_intervention_parameters_train_but_add_nothing_to_the_loss() -> None:
    model = make()
    terms = model.loss(batch(), step())
    assert torch.equal(terms["parameters"], torch.zeros_like(terms["parameters"]))
    terms["parameters"].sum().backward()
    assert model.prior.intervened.grad is not None and (model.prior.intervened.grad != 0).any()


def test_the_noise_bonus_is_the_mass_outside_the_noise_slot() -> None:
    model = make(ObjectiveSettings(noise_bonus=0.5))
    expected = 0.5 * (1 - model.probs()[:, -1]).mean()
    assert torch.allclose(model.loss(batch(), step())["noise_bonus"], expected)
    model._assignment.freeze([0, 1, 2, 2, 2])
    assert set(model.loss(batch(), step())) == {"prior", "volume", "minimality", "parameters"}


def test_weights_of_zero_leave_their_terms_out() -> None:
    terms = make(ObjectiveSettings(minimality=0, noise_bonus=0, classifier=0)).loss(batch(), step())
    assert not {"minimality", "noise_bonus", "classifier", "latents"} & set(terms)


def test_scoring_counts_no_targets() -> None:
    model = make()
    model.loss(batch(), step(training=False))
    assert float(model.classifier.base_rates.num_batches) == 0
    model.loss(batch(), step())
    assert float(model.classifier.base_rates.num_batches) == 1


@pytest.mark.parametrize("part", ["assignment", "prior"])
def test_parts_must_agree(part: str) -> None:
    other = Assignment(LATENTS, 3) if part == "assignment" else PerfectPrior(LATENTS + 1, 2)
    with pytest.raises(ValueError, match=f"an? {part} must be of the model's size; got"):
        CausalModel(replace(parts(), **{part: other}), NAMES, ObjectiveSettings())


@pytest.mark.parametrize("settings", [{"noise": 0.0}, {"num_samples": 1}, {"minimality": -1.0}, {"latents": np.nan}])
def test_objectives_are_checked(settings: dict) -> None:
    with pytest.raises(ValueError, match="of the objectives must be"):
        ObjectiveSettings(**settings)


def test_intervention_parameters_learn_from_frames_after_interventions() -> None:
    """At m = 0 and s = 1 the NLL's slope is -z in m and 1 - z^2 in log s, z after the intervention, first sample."""
    model, data = make(ObjectiveSettings(num_samples=3, noise=0.2)), batch()
    model.loss(data, step(8))["parameters"].sum().backward()
    noise = torch.randn(6, 3, 3, LATENTS, generator=step(8).generator)
    expected = torch.zeros(LATENTS, 2, 2)
    with torch.no_grad():
        for b in range(6):
            for t in range(2):
                z = model.flow(data.observations[b, t + 1 : t + 2] + 0.2 * noise[b, t + 1, :1])[0][0]
                for variable in range(2):
                    expected[:, variable, 0] -= data.targets[b, t, variable] * z
                    expected[:, variable, 1] += data.targets[b, t, variable] * (1 - z**2)
    assert isinstance(model.prior, PerfectPrior) and model.prior.intervened.grad is not None
    assert torch.allclose(model.prior.intervened.grad, expected, rtol=1e-4, atol=1e-4)


def test_the_classifier_weight_scales_both_losses_and_the_latent_weight_one() -> None:
    weights = ((1.0, 1.0), (3.0, 1.0), (3.0, 5.0))
    one, three, five = (make(ObjectiveSettings(classifier=c, latents=m)).loss(batch(), step()) for c, m in weights)
    assert torch.allclose(three["classifier"], 3 * one["classifier"])
    assert torch.allclose(five["classifier"], three["classifier"])
    assert torch.allclose(three["latents"], 3 * one["latents"])
    assert torch.allclose(five["latents"], 15 * one["latents"])
