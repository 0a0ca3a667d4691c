"""Nothing of a model starts again after loading, nothing of the former weights stays, and looking changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import trisect
from trisect.batches import SequenceBatch
from trisect.cli import main
from trisect.data import save
from trisect.models.flows.affine import ActNorm
from trisect.recipes import Recipe, citris_nf, citris_vae, closed_form
from trisect.runs.run import Run

from .fixtures import boxes_data, moving_data, tiny, tiny_run


def random_start(seed: int = 0) -> Recipe:
    """CITRIS-NF as published, whose flow standardises its first batch."""
    recipe = citris_nf(seed=seed)
    return replace(recipe, flow=replace(recipe.flow, start="random"))


RECIPES: dict[str, Recipe] = {"nf": citris_nf(), "nf random": random_start(), "vae": citris_vae()}


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("method", RECIPES)
def test_a_loaded_model_does_not_adapt_to_its_next_batch_again(tmp_path: Path, method: str) -> None:
    tiny_run(tmp_path / "run", moving_data(), RECIPES[method])
    model = trisect.load_run(tmp_path / "run").model
    before = weights(model)
    flags = [name for name in before if name.endswith("initialised")]
    assert flags and all(bool(before[name]) for name in flags), "the flags are part of the state"
    windows = 10 * torch.randn(16, 2, 3, generator=torch.Generator().manual_seed(0))
    model.initialise(SequenceBatch(windows, torch.zeros(16, 1, 2)))
    assert same(before, weights(model))


def test_a_layer_that_started_from_a_mean_of_zero_does_not_start_again() -> None:
    half = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    layer = ActNorm(3)
    layer.initialise(torch.cat([half, -half]))
    started = weights(layer)
    assert started["bias"].abs().max() < 1e-6
    again = ActNorm(3)
    again.load_state_dict(started)
    again.initialise(10 * half + 5)
    assert same(started, weights(again))


@pytest.mark.parametrize("method", RECIPES)
def test_outputs_are_always_those_of_the_current_weights(tmp_path: Path, method: str) -> None:
    data = moving_data()
    one, two = (tiny_run(tmp_path / str(seed), data, replace(RECIPES[method], seed=seed)).model for seed in (0, 1))
    observations = data["test"].observations
    z = two.encode(observations)
    expected = z, two.decode(z)
    assert not torch.equal(one.encode(observations), z), "an evaluation before the loading"
    one.decode(z)
    one.load_state_dict(two.state_dict())
    assert torch.equal(one.encode(observations), expected[0]) and torch.equal(one.decode(z), expected[1])


@pytest.mark.parametrize("method", RECIPES)
def test_how_often_a_run_is_validated_changes_no_weight(tmp_path: Path, method: str) -> None:
    hashes = []
    for every in (1, 5):
        run = trisect.train(
            tiny(RECIPES[method], 10, validate_every=every), boxes_data(), tmp_path / str(every), progress=False
        )
        scores = next(reversed(run.history.values()))["scores"]
        assert [step for step, _ in scores] == list(range(every, 11, every))
        hashes.append(hashlib.sha256((tmp_path / str(every) / "model.safetensors").read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]


@pytest.mark.slow
def test_the_same_model_gets_the_same_scores_twice(small_vae_run: Run) -> None:
    first, second = (trisect.evaluate(small_vae_run, boxes_data(), quick=True) for _ in range(2))
    names = ("r2", "spearman", "label_free", "baselines", "chance", "active_units")
    assert [first[name] for name in names] == [second[name] for name in names]


def test_encoding_draws_nothing(small_vae_run: Run) -> None:
    frames = boxes_data()["test"].observations
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(small_vae_run.model.encode(frames), small_vae_run.model.encode(frames))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("flag", ["--devices", "--autoencoder_training.devices"])
def test_several_devices_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str) -> None:
    """A run uses one device, so no two processes can adapt to different batches."""
    save(boxes_data(), tmp_path / "data")
    arguments = ["train", "closed-form", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run"), flag, "2"]
    assert main(arguments) == 2
    assert f"a flag must be a field of the recipe; got {flag}" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="got 'devices'"):
        trisect.train(closed_form(), boxes_data(), tmp_path / "run", devices=2)  # type: ignore[call-arg]
