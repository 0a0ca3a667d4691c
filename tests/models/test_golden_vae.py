"""The published CITRIS-VAE, its weights in our parts, on frames of the published tutorial: to 1e-4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trisect.frames import frames_to_float
from trisect.models.assignment import Assignment
from trisect.models.flows import ActNorm, AutoregressiveAffine, Chain, LULinear, published_flow
from trisect.models.image_factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.images import FrameShape
from trisect.models.priors import PerfectPrior
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings
from trisect.models.variational_encoder import VariationalEncoder
from trisect.models.variational_model import VariationalModel, VariationalSettings
from trisect.models.variational_representation import VariationalFrames

TOLERANCE = 1e-4
LATENTS, CHANNELS, NAMES = 12, 16, ("a", "b", "c", "d")
SHAPE = FrameShape(3, 64, 64)

ENCODER = {
    "scale_factor": "bound.scale",
    "net.0": "network.maps.0",
    **{f"net.{i}.{j}": f"network.maps.{i}.{j - (j > 0)}" for i in (1, 2, 3) for j in (0, 2, 4, 5)},
    **{"net.5": "network.hidden.0", "net.6": "network.hidden.1", "net.8": "network.outputs"},
}
DECODER = {
    "linear": "hidden",
    **{f"net.{i}.1.net": f"maps.{i}.1.branch" for i in range(4)},
    **{f"net.{i + 4}": f"head.{i}" for i in range(7)},
}
PRIOR = {
    "context_layer": "network.context",
    "inp_layer": "network.input",
    "out_layer.1": "network.middle",
    "out_layer.3": "network.output",
    "intv_prior": "intervened",
}
AUTOREGRESSIVE = {"transformation.scaling": "log_limit"} | {
    f"net.{i}.linear": name for i, name in ((0, "first"), (2, "middle"), (4, "last"))
}
FLOWS: dict[type[nn.Module], dict[str, str]] = {
    ActNorm: {"bias": "bias", "scales": "scale"},
    LULinear: {"p": "permutation", "sign_s": "sign", "l": "lower", "u": "upper", "log_s": "log_diagonal"},
    AutoregressiveAffine: AUTOREGRESSIVE,
}


def under(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def load(part: nn.Module, weights: dict[str, Tensor], names: dict[str, str], also: tuple[str, ...] = ()) -> None:
    """Every parameter and buffer of a part, but those in ``also``, from published weights."""
    state = {}
    for name, value in weights.items():
        for theirs, ours in names.items():
            if name == theirs or name.startswith(f"{theirs}."):
                state[ours + name.removeprefix(theirs).replace("pos_embed", "embed")] = value
    missing, unexpected = part.load_state_dict(state, strict=False)
    assert set(missing) == set(also) and not unexpected


def published_model(shared: Path) -> VariationalModel:
    weights = torch.load(shared / "golden" / "CITRISVAE.ckpt", weights_only=True)["state_dict"]
    encoder = encoder_for(SHAPE, LATENTS, "published", CHANNELS, True)
    decoder = decoder_for(SHAPE, LATENTS, "published", CHANNELS, NetworkOptions(num_blocks=1))
    assert isinstance(encoder, VariationalEncoder)
    flow = published_flow(LATENTS, 4, 16, torch.Generator())
    prior, assignment = PerfectPrior(LATENTS, len(NAMES), 16), Assignment(LATENTS, len(NAMES))
    load(encoder, under(weights, "encoder."), ENCODER)
    load(decoder, under(weights, "decoder."), DECODER)
    load_flow(flow, under(weights, "flow."))
    load(prior, under(weights, "prior_t1."), PRIOR)
    assignment.logits.data.copy_(weights["prior_t1.target_params"])
    classifier = TargetClassifier(LATENTS, len(NAMES), TargetClassifierSettings(hidden=16, momentum=0.9))
    parts = Parts(VariationalFrames(SHAPE, encoder, decoder), flow, assignment, prior, classifier)
    return VariationalModel(parts, NAMES, VariationalSettings(num_latents=LATENTS, networks="published")).eval()


def load_flow(flow: Chain, weights: dict[str, Tensor]) -> None:
    for i, layer in enumerate(flow.flows):
        own = ("initialised",) if isinstance(layer, ActNorm) else ()
        load(layer, under(weights, f"flows.{i}."), FLOWS[type(layer)], own)
        if isinstance(layer, ActNorm):
            layer.initialised.fill_(True)


def outputs(shared: Path) -> dict[str, Tensor]:
    return torch.load(shared / "golden" / "citris_vae_outputs.pt", weights_only=True)


def frames(shared: Path, file: str, num: int) -> np.ndarray:
    with np.load(shared / "data" / "causal3d_tutorial" / file) as stored:
        return stored["images"][:num, ..., :3]


def close(ours: Tensor, theirs: Tensor) -> bool:
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max()) <= TOLERANCE


@torch.no_grad()
def test_posterior_latents_and_assignment(shared: Path) -> None:
    model, expected = published_model(shared), outputs(shared)
    at_rest = frames(shared, "causal3d.npz", 40)
    mean, log_std = model.representation.posterior(frames_to_float(torch.from_numpy(at_rest)))
    assert close(mean, expected["mean"])
    assert close(log_std, expected["logstd"])
    assert close(model.encode(at_rest), expected["z"])
    assert torch.equal(model.assignment(), expected["assignment"].float())
    assert float((expected["z"] - expected["mean"]).abs().max()) > 0.1


@torch.no_grad()
def test_triplets_from_means(shared: Path) -> None:
    """Each latent from the second frame where its slot's variable is; noise from the first.

    In this model every latent is in the noise slot, so all come from the first frame, whatever the masks.
    """
    model, expected = published_model(shared), outputs(shared)
    triplets = frames(shared, "causal3d_triplets.npz", len(expected["triplet_source"]))
    first, second = model.encode(triplets[:, 0]), model.encode(triplets[:, 1])
    source = torch.cat([expected["triplet_source"].float(), torch.zeros(len(triplets), 1)], dim=1)
    from_second = source[:, model.assignment().argmax(dim=1)] == 1
    mixed = model.decode(torch.where(from_second, second, first))
    assert close(mixed, expected["triplet_reconstruction"])
    assert float((model.decode(second) - mixed).abs().max()) > 0.01


@torch.no_grad()
def test_it_goes_back_to_frames(shared: Path) -> None:
    """`decode` undoes the flow before the decoder."""
    model = published_model(shared)
    at_rest = frames(shared, "causal3d.npz", 5)
    mean = model.representation.encode(frames_to_float(torch.from_numpy(at_rest)))
    assert close(model.decode(model.encode(at_rest)), model.representation.decode(mean))


def test_published_networks_refuse_other_sizes() -> None:
    with pytest.raises(ValueError, match="the size of frames for the published networks must be 32x32, 64x64 or"):
        encoder_for(FrameShape(3, 48, 48), LATENTS, "published", CHANNELS, True)
