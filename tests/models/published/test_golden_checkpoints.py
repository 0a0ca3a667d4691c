"""Checkpoints in the published format, against what the published code computes with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import trisect
from trisect.evaluation.triplet_predictions import mix
from trisect.frames import frames_to_float
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.causal_model import CausalModel
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.published import load
from trisect.models.published.checkpoint import read_checkpoint
from trisect.models.published.names import PLAIN_DECODER, PLAIN_ENCODER
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.shapes import FrameShape
from trisect.models.slot_model import SlotModel
from trisect.models.variational_model import VariationalModel
from trisect.runs.import_checkpoint import recipe_of

TOLERANCE = 1e-4


def checkpoint(shared: Path, name: str) -> Path:
    return shared / "golden" / f"{name}.ckpt"


def outputs(shared: Path, name: str) -> dict:
    return torch.load(shared / "golden" / f"{name}.pt", weights_only=True)


def images(shared: Path, file: str, num: int) -> np.ndarray:
    with np.load(shared / "data" / "causal3d_tutorial" / f"{file}.npz") as stored:
        return stored["images"][:num, ..., :3]


def close(ours: Tensor, theirs: Tensor, tolerance: float = TOLERANCE, relative: bool = False) -> bool:
    assert ours.shape == theirs.shape
    unit = float(theirs.abs().max()) if relative else 1.0
    return float((ours - theirs).abs().max()) <= tolerance * unit


def triplets(model: SlotModel, frames: np.ndarray, source: Tensor) -> Tensor:
    """Decoded mixes of the first two frames."""
    first, second = model.encode(frames[:, 0]), model.encode(frames[:, 1])
    return model.decode(mix(first, second, source == 1, model.assignment()))


@torch.no_grad()
def test_citris_nf(shared: Path) -> None:
    model, expected = load(checkpoint(shared, "CITRISNF")), outputs(shared, "citris_nf_outputs")
    assert isinstance(model, CausalModel) and isinstance(model.prior, AutoregressivePrior) and model.prior.perfect
    assert model.variables == ("pos-x", "pos-y", "rot-alpha", "hue-object")
    frames = images(shared, "causal3d", 40)
    encodings = model.representation.encode(frames_to_float(torch.from_numpy(frames)))
    z, log_det = model.flow(encodings)
    assert close(encodings, expected["encodings"])
    assert close(z, expected["z"]) and close(model.encode(frames), expected["z"])
    assert close(-log_det, expected["ldj"])
    assert torch.equal(model.assignment(), expected["assignment"].float())
    assert close(model.representation.decode(encodings[:4]), expected["reconstructions_first4"])
    frames = images(shared, "causal3d_triplets", 6)
    assert close(triplets(model, frames, expected["triplet_source"]), expected["triplet_reconstruction"])


@torch.no_grad()
def test_a_model_of_the_tutorials_size(shared: Path) -> None:
    """Ten variables, 32 latents, six blocks of the flow; values are large, so compared relative to the largest."""
    model, expected = load(checkpoint(shared, "CITRISNF_tutorial")), outputs(shared, "citris_nf_tutorial_outputs")
    assert isinstance(model, CausalModel) and len(model.variables) == 10 and model.variables[3] == "rot-alpha"
    frames = images(shared, "causal3d", 40)
    encodings = model.representation.encode(frames_to_float(torch.from_numpy(frames)))
    z, log_det = model.flow(encodings)
    assert close(encodings, expected["encodings"], relative=True)
    assert close(z, expected["z"], 1e-3, relative=True)
    assert close(-log_det, expected["ldj"], relative=True)
    assert torch.equal(model.assignment(), expected["assignment"].float())
    frames = images(shared, "causal3d_triplets", 6)
    mixed = triplets(model, frames, expected["triplet_source"])
    assert close(mixed, expected["triplet_reconstruction"], 2e-3, relative=True)


@torch.no_grad()
def test_citris_vae(shared: Path) -> None:
    model, expected = load(checkpoint(shared, "CITRISVAE")), outputs(shared, "citris_vae_outputs")
    assert isinstance(model, VariationalModel) and isinstance(model.prior, PerfectPrior)
    assert model.settings.beta == 1.0 and model.settings.classifier == 2.0 and model.settings.noise_bonus == 0.01
    frames = images(shared, "causal3d", 40)
    mean, log_std = model.representation.posterior(frames_to_float(torch.from_numpy(frames)))
    assert close(mean, expected["mean"]) and close(log_std, expected["logstd"])
    assert close(model.encode(frames), expected["z"])
    assert torch.equal(model.assignment(), expected["assignment"].float())
    frames = images(shared, "causal3d_triplets", 6)
    mixed = triplets(model, frames, expected["triplet_source"])
    assert close(mixed, expected["triplet_reconstruction"])
    assert float((model.decode(model.encode(frames[:, 1])) - mixed).abs().max()) > 0.01
    assert float((expected["z"] - expected["mean"]).abs().max()) > 0.1
    assert close(
        model.decode(model.encode(frames[:, 0])),
        model.representation.decode(model.representation.encode(frames_to_float(torch.from_numpy(frames[:, 0])))),
    )  # decoding undoes the flow


@torch.no_grad()
def test_autoencoder(shared: Path) -> None:
    model, expected = load(checkpoint(shared, "Autoencoder")), outputs(shared, "citris_nf_outputs")
    assert isinstance(model, Autoencoder)
    frames = frames_to_float(torch.from_numpy(images(shared, "causal3d", 40)))
    assert close(model.encode(frames), expected["encodings"])
    assert close(model.decode(expected["encodings"][:4]), expected["reconstructions_first4"])


def test_causal_encoder(shared: Path) -> None:
    model, expected = load(checkpoint(shared, "CausalEncoder")), outputs(shared, "citris_nf_outputs")
    assert isinstance(model, CausalEncoder)
    assert [factor.name for factor in model.factors] == list(expected["causal_var_info"])
    frames = frames_to_float(torch.from_numpy(images(shared, "causal3d", 40)))
    predictions = model.predict(frames)
    assert close(predictions, expected["causal_encoder_predictions"])
    assert predictions.std(dim=0)[:3].min() > 0


def test_base_rates_of_the_classifier(shared: Path) -> None:
    stored = torch.load(checkpoint(shared, "CITRISNF"), weights_only=True)
    rates = load(checkpoint(shared, "CITRISNF")).classifier.base_rates  # type: ignore[union-attr]
    theirs = stored["state_dict"]["intv_classifier.avg_cond_dist"]
    for j, i, value in ((0, 1, 0), (2, 3, 1), (3, 0, 1)):
        assert rates.conditional[j, i, value] == theirs[j, i, value, 1]
    assert rates.num_batches == stored["global_step"] == 60


def test_the_public_loader_accepts_other_names(shared: Path) -> None:
    names = ["x", "y", "alpha", "hue"]
    model = trisect.models.published.load(checkpoint(shared, "CITRISNF"), variables=names)
    assert model.variables == tuple(names) and set(model.slots(torch.zeros(1, 12))) == {*names, "noise"}
    with pytest.raises(ValueError, match="the variables of 'CITRISNF.ckpt' must be 4 names; got 2: x, y"):
        load(checkpoint(shared, "CITRISNF"), ["x", "y"])
    with pytest.raises(ValueError, match="variables cannot be given for a published autoencoder; leave them out"):
        load(checkpoint(shared, "Autoencoder"), names)


def test_the_plain_networks_of_32_pixels(tmp_path: Path) -> None:
    """There is no such checkpoint, so this one has weights of ours under the published names."""
    ours = Autoencoder(FrameShape(3, 32, 32), 1, AutoencoderSettings(num_latents=5, networks="published", channels=4))
    state = {
        f"{part}.{theirs}{name.removeprefix(mine)}".replace("embed", "pos_embed"): value
        for part, table in (("encoder", PLAIN_ENCODER), ("decoder", PLAIN_DECODER))
        for theirs, mine in table.items()
        for name, value in getattr(ours, part).state_dict().items()
        if name.startswith(f"{mine}.")
    }
    torch.save({"state_dict": state, "hyper_parameters": {}}, tmp_path / "plain.ckpt")
    loaded = load(tmp_path / "plain.ckpt")
    assert isinstance(loaded, Autoencoder)
    frames = torch.rand(3, 3, 32, 32) * 2 - 1
    assert torch.equal(loaded.encode(frames), ours.eval().encode(frames))
    assert torch.equal(loaded.decode(loaded.encode(frames)), ours.decode(ours.encode(frames)))


def test_a_vae_without_a_flow_and_with_imperfect_interventions(shared: Path, tmp_path: Path) -> None:
    """There is no such checkpoint either: the golden one without its flow, with a prior of the imperfect kind."""
    stored = torch.load(checkpoint(shared, "CITRISVAE"), weights_only=True)
    state = {name: value for name, value in stored["state_dict"].items() if not name.startswith("flow.")}
    state["prior_t1.inp_layer.weight"] = torch.randn(12, 16, 6)
    del state["prior_t1.intv_prior"]
    torch.save({**stored, "state_dict": state}, tmp_path / "other.ckpt")
    model = load(tmp_path / "other.ckpt")
    assert isinstance(model, VariationalModel) and isinstance(model.prior, ImperfectPrior)
    assert not model.settings.flow_prior and model.flow.flows == []
    assert close(model.encode(images(shared, "causal3d", 40)), outputs(shared, "citris_vae_outputs")["mean"])
    recipe = recipe_of(read_checkpoint(tmp_path / "other.ckpt"))
    assert recipe.prior.interventions == "imperfect" and not recipe.variational.flow_prior
