"""Comparison with numbers from the published implementation, to 1e-5 in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trisect.models.flows.affine import ActNorm, AutoregressiveAffine, LULinear
from trisect.models.flows.factory import published_flow
from trisect.models.flows.flow import Chain
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import TransitionPrior, marginalise
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

TOLERANCE = 1e-5


def golden(shared: Path, name: str) -> dict:
    return torch.load(shared / "golden" / f"{name}.pt", weights_only=True)


def close(ours: Tensor, theirs: Tensor) -> bool:
    return float((ours - theirs).detach().abs().max()) <= TOLERANCE


def flow_with_published_weights(file: dict) -> Chain:
    weights = file["state_dict"]
    flow = published_flow(file["num_vars"], file["num_flows"], file["hidden_per_var"], torch.Generator())
    with torch.no_grad():
        for i, layer in enumerate(flow.flows):
            if isinstance(layer, ActNorm):
                layer.bias.copy_(weights[f"flows.{i}.bias"])
                layer.scale.copy_(weights[f"flows.{i}.scales"])
            elif isinstance(layer, LULinear):
                layer.permutation.copy_(weights[f"flows.{i}.p"])
                layer.sign.copy_(weights[f"flows.{i}.sign_s"])
                layer.lower.copy_(weights[f"flows.{i}.l"])
                layer.upper.copy_(weights[f"flows.{i}.u"])
                layer.log_diagonal.copy_(weights[f"flows.{i}.log_s"])
            elif isinstance(layer, AutoregressiveAffine):
                layer.log_limit.copy_(weights[f"flows.{i}.transformation.scaling"])
                for ours, theirs in ((layer.first, 0), (layer.middle, 2), (layer.last, 4)):
                    assert torch.equal(ours.mask, weights[f"flows.{i}.net.{theirs}.mask"])
                    ours.weight.copy_(weights[f"flows.{i}.net.{theirs}.linear.weight"])
                    ours.bias.copy_(weights[f"flows.{i}.net.{theirs}.linear.bias"])
    return flow


def test_flow(shared: Path) -> None:
    file = golden(shared, "flow")
    flow = flow_with_published_weights(file)
    z, log_det = flow(file["x"])
    assert close(z, file["z"])
    assert close(-log_det, file["ldj"])
    assert close(flow.inverse(z), file["x_rec"])


def load_prior(file: dict, prior: TransitionPrior) -> None:
    weights = file["state_dict"]
    names = {
        "network.context": "context_layer",
        "network.input": "inp_layer",
        "network.middle": "out_layer.1",
        "network.output": "out_layer.3",
    }
    state = {f"{ours}.{p}": weights[f"{theirs}.{p}"] for ours, theirs in names.items() for p in ("weight", "bias")}
    if isinstance(prior, PerfectPrior):
        state["intervened"] = weights["intv_prior"]
    prior.load_state_dict(state)


def sampled_nll(prior: TransitionPrior, file: dict, discount: float) -> Tensor:
    """Average over every pair of a sample of z^t and one of z^{t+1}, as the paper defines it, by plain loops."""
    probs = file["state_dict"]["target_params"].softmax(-1)
    before, after = file["z_prev_samples"], file["z_next_samples"]
    costs = [
        marginalise(prior(before[:, a], file["interventions"]).nll(after[:, b]), probs, discount)
        for a in range(before.shape[1])
        for b in range(after.shape[1])
    ]
    return torch.stack(costs).mean(dim=0)


def test_perfect_prior(shared: Path) -> None:
    file = golden(shared, "prior_perfect")
    prior = PerfectPrior(file["num_latents"], file["num_causal_vars"], file["c_hid"])
    load_prior(file, prior)
    probs = file["state_dict"]["target_params"].softmax(-1)
    gaussians = prior(file["z_prev"], file["interventions"])
    kl = marginalise(gaussians.kl_from(file["mean_next"], file["logstd_next"]), probs, file["lambda_reg"])
    assert close(kl, file["kl"])
    assert close(sampled_nll(prior, file, file["lambda_reg"]), file["nll"])


def test_imperfect_prior(shared: Path) -> None:
    file = golden(shared, "prior_imperfect")
    prior = ImperfectPrior(file["num_latents"], file["num_causal_vars"], file["c_hid"])
    load_prior(file, prior)
    assert close(sampled_nll(prior, file, 0.0), file["nll"])


AUTOREGRESSIVE = pytest.mark.parametrize(
    ("name", "perfect"), [("prior_autoregressive", True), ("prior_autoregressive_imperfect", False)]
)


def autoregressive(shared: Path, name: str, *, perfect: bool) -> tuple[AutoregressivePrior, dict, Tensor, Tensor]:
    """The prior with published weights, its file, psi and the draw of psi: it is one-hot, so there is only one.

    In float64: values reach 34, where float32 resolves no better than 4e-6.
    """
    file = golden(shared, name)
    weights = file["state_dict"]
    prior = AutoregressivePrior(file["num_latents"], file["num_causal_vars"], file["c_hid"], perfect=perfect)
    names = {
        "context": "context_layer",
        "row": "target_layer",
        "first": "init_layer.linear",
        "middle": "net.1.linear",
        "last": "net.3.linear",
    }
    prior.load_state_dict(
        {
            f"{ours}.{p}": weights[f"prior_model.{theirs}.{p}"]
            for ours, theirs in names.items()
            for p in ("weight", "bias")
        }
    )
    for layer, theirs in ((prior.first, "init_layer"), (prior.middle, "net.1"), (prior.last, "net.3")):
        assert torch.equal(layer.mask, weights[f"prior_model.{theirs}.mask"])
    double = {key: value.double() if isinstance(value, Tensor) else value for key, value in file.items()}
    probs = weights["target_params"].double().softmax(-1)
    psi = torch.nn.functional.one_hot(probs.argmax(-1), probs.shape[-1]).double()
    assert close(probs, psi)
    return prior.double(), double, probs, psi


@AUTOREGRESSIVE
def test_autoregressive_prior_nll(shared: Path, name: str, perfect: bool) -> None:
    prior, file, probs, psi = autoregressive(shared, name, perfect=perfect)
    costs = prior.expected_nll(file["z_prev_samples"], file["z_next_samples"], file["interventions"], psi)
    assert close(marginalise(costs, probs), file["nll"])


@AUTOREGRESSIVE
def test_autoregressive_prior_kl(shared: Path, name: str, perfect: bool) -> None:
    """Ours weighs each slot by its own probability and discounts psi(0), as in the sum written out here.

    The file's `kl` weighs each slot by the probability of another one. With those weights our costs give its value, so
    the costs themselves agree, including those of slots without the latent.
    """
    prior, file, probs, psi = autoregressive(shared, name, perfect=perfect)
    arguments = (file["z_prev"], file["mean_next"], file["logstd_next"], file["sample_next"])
    costs, discount = prior.kl(*arguments, file["interventions"], psi), file["lambda_reg"]
    by_hand, swapped = torch.zeros(2, len(costs), dtype=torch.float64)
    noise = file["num_causal_vars"]
    for latent in range(file["num_latents"]):
        for slot in range(noise + 1):
            weight = 1 - discount if slot == noise else 1.0
            by_hand += weight * probs[latent, slot] * costs[:, latent, slot].detach()
            other = noise if slot == 0 else slot - 1
            swapped += (1.0 if slot == 0 else 1 - discount) * probs[latent, other] * costs[:, latent, slot].detach()
    assert close(marginalise(costs, probs, discount), by_hand)
    assert close(swapped, file["kl"])
    assert float((by_hand - file["kl"]).abs().max()) > 1


@pytest.mark.parametrize("kind", ["marginal", "conditional"])
def test_target_classifier(shared: Path, kind: str) -> None:
    file = golden(shared, f"target_classifier_{kind}")
    weights = file["state_dict"]
    settings = TargetClassifierSettings(hidden=file["c_hid"], conditional=file["use_conditional_targets"])
    classifier = TargetClassifier(file["num_latents"], file["num_causal_vars"], settings)
    for network, prefix in ((classifier.network, "classifiers"), (classifier.judge, "exp_classifiers")):
        load_sequential(network, weights, prefix)
    classifier.base_rates.marginal.copy_(weights["avg_dist"][:, 1])
    if kind == "conditional":
        classifier.base_rates.conditional.copy_(weights["avg_cond_dist"][..., 1])
    psi = torch.nn.functional.one_hot(file["target_params"].argmax(-1), file["num_causal_vars"] + 1).float()
    arguments = (file["z"][:, 0], file["z"][:, 1], file["interventions"][:, 0], psi)
    assert close(classifier.classifier_loss(*arguments).mean(), file["loss_classifier"])
    assert close(classifier.latent_loss(*arguments).mean(), file["loss_latents"])


def load_sequential(network: nn.Sequential, weights: dict, prefix: str) -> None:
    network.load_state_dict(
        {key.removeprefix(f"{prefix}."): value for key, value in weights.items() if key.startswith(f"{prefix}.")}
    )
