"""Runs of CITRIS-VAE: training, reloading, the same weights after any interruption, and the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data import Dataset, simulate
from trisect.evaluation.active_units import ActiveUnits
from trisect.methods.citris_vae import CitrisVaeRecipe as Recipe
from trisect.methods.citris_vae import fresh_model
from trisect.methods.table import recipe_from_json
from trisect.recipes import citris_vae
from trisect.runs.run import Run
from trisect.runs.scoring import _latent_kl
from trisect.training.settings import TrainingSettings
from trisect.training.task import NonFiniteLoss
from trisect.worlds import make


def tiny(steps: int = 6, seed: int = 0, **variational: object) -> Recipe:
    """A recipe with few, quick steps."""
    recipe = citris_vae(num_latents=4, seed=seed)
    training = TrainingSettings(
        steps=steps, learning_rate=3e-3, checkpoint_every=5, validate_every=3, log_every=2, logger=None, keep="last"
    )
    return replace(
        recipe,
        batch_size=16,
        variational=replace(recipe.variational, hidden=16, rank=4, channels=4, **variational),
        flow=replace(recipe.flow, num_blocks=2, hidden_per_variable=4),
        prior=replace(recipe.prior, hidden=8),
        classifier=replace(recipe.classifier, hidden=8),
        variational_training=training,
    )


def vectors(seed: int = 0, **sizes: int) -> Dataset:
    world, rng = make("linear", num_variables=2, num_latents=3), np.random.default_rng(seed)
    sizes = sizes or {"train": 400, "val": 100, "test": 200}
    return Dataset({name: simulate(world, size, rng, 50) for name, size in sizes.items()})


def boxes() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset(
        {name: simulate(world, size, rng, 50) for name, size in (("train", 300), ("val", 60), ("test", 100))}
    )


def same_weights(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    states = one.state_dict(), two.state_dict()
    return states[0].keys() == states[1].keys() and all(torch.equal(states[0][k], states[1][k]) for k in states[0])


def train(recipe: Recipe, data: Dataset, out: Path, *, resume: bool = False) -> Run:
    return trisect.train(recipe, data, out, resume=resume, progress=False)


@pytest.mark.parametrize("flow_prior", [True, False])
@pytest.mark.parametrize("data", [vectors, boxes])
def test_a_run_reloads_unchanged(tmp_path: Path, data, flow_prior: bool) -> None:
    recipe = tiny(flow_prior=flow_prior)
    run = train(recipe, data(), tmp_path / "run")
    again = trisect.load_run(tmp_path / "run")
    assert same_weights(run.model, again.model)
    assert again.recipe == recipe and not again.model.training
    assert list(again.history) == ["vae"] and again.history["vae"]["steps"] == 6
    assert again.history["vae"]["criterion"] == "negative_elbo"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "run.json",
        "vae",
        "model.safetensors",
        "finished.json",
    }
    observations = data()["train"].observations[:20]
    z = again.model.encode(observations)
    assert torch.equal(run.model.encode(observations), z) and z.shape == (20, 4)
    assert again.model.decode(z).shape[0] == 20


@pytest.mark.parametrize("networks", ["published", "conv"])
def test_other_networks_train(tmp_path: Path, networks: str) -> None:
    run = train(tiny(steps=2, networks=networks), boxes(), tmp_path / "run")
    assert run.model.decode(run.model.encode(boxes()["test"].observations[:3])).shape == (3, 3, 32, 32)


@pytest.mark.parametrize("data", [vectors, boxes])
def test_half_precision_trains(tmp_path: Path, data) -> None:
    recipe = tiny()
    recipe = replace(recipe, variational_training=replace(recipe.variational_training, precision="bf16"))
    run = train(recipe, data(), tmp_path / "run")
    assert np.isfinite([score for _, score in run.history["vae"]["scores"]]).all()
    assert all(value.dtype == torch.float32 for value in run.model.parameters())


def test_training_changes_every_part(tmp_path: Path) -> None:
    recipe, data = tiny(), vectors()
    fresh = fresh_model(recipe, (3,), data.targeted)
    trained = train(recipe, data, tmp_path / "run").model
    start, end = dict(fresh.named_parameters()), dict(trained.named_parameters())
    still = [name for name in start if start[name].requires_grad and torch.equal(start[name], end[name])]
    assert not still


def test_one_seed_gives_one_model(tmp_path: Path) -> None:
    runs = [train(tiny(seed=s), vectors(), tmp_path / str(i)) for i, s in enumerate((3, 3, 4))]
    assert same_weights(runs[0].model, runs[1].model)
    assert not same_weights(runs[0].model, runs[2].model)


@pytest.mark.parametrize("data", [vectors, boxes])
def test_an_interrupted_run_resumes_to_the_same_weights(tmp_path: Path, data, monkeypatch: pytest.MonkeyPatch) -> None:
    from trisect.models.variational_model import VariationalModel

    def die(self: VariationalModel, step: trisect.batches.Step) -> None:
        if step.index == 12:
            raise RuntimeError("the power went")

    recipe = tiny(steps=20, beta_warm_up=0.5)
    whole = train(recipe, data(), tmp_path / "whole")
    with monkeypatch.context() as patched:
        patched.setattr(VariationalModel, "after_step", die, raising=False)
        with pytest.raises(RuntimeError, match="the power went"):
            train(recipe, data(), tmp_path / "run")
    assert not (tmp_path / "run" / "finished.json").exists()
    resumed = train(recipe, data(), tmp_path / "run", resume=True)
    assert same_weights(resumed.model, whole.model)
    assert resumed.history["vae"]["scores"] == whole.history["vae"]["scores"]


def units(run: Run, data: Dataset) -> ActiveUnits:
    kl = _latent_kl(run, data.recording("test"))
    assert kl is not None and kl.shape == (4,)
    return ActiveUnits(kl, len(run.model.variables))


@pytest.mark.parametrize("flow_prior", [True, False])
def test_a_large_beta_collapses_and_a_small_one_does_not(tmp_path: Path, flow_prior: bool) -> None:
    data = vectors(train=2000, val=100, test=300)
    scores = {}
    for beta in (0.1, 50.0):
        recipe = tiny(steps=150, beta=beta, flow_prior=flow_prior)
        training = replace(recipe.variational_training, learning_rate=1e-2, validate_every=100)
        run = train(replace(recipe, variational_training=training), data, tmp_path / str(beta))
        scores[beta] = units(run, data)
    assert scores[0.1].num_active >= 2 and not scores[0.1].warnings
    assert scores[50.0].num_active < 2 and scores[50.0].kl.max() < 0.05
    assert scores[50.0].warnings[0].startswith(f"posterior collapse: {scores[50.0].num_active} of 4 latents")


def test_too_large_a_beta_collapses_on_frames(tmp_path: Path) -> None:
    data = boxes()
    sound = units(train(tiny(steps=120), data, tmp_path / "sound"), data)
    assert sound.num_active >= 2 and not sound.warnings
    collapsed = units(train(tiny(steps=120, beta=5000.0), data, tmp_path / "collapsed"), data)
    assert collapsed.warnings


def test_frozen_latents_have_no_posterior(tmp_path: Path) -> None:
    recipe = trisect.recipes.closed_form()
    run = train(recipe, vectors(), tmp_path / "run")
    assert _latent_kl(run, vectors().recording("test")) is None


def test_a_short_training_identifies_better_than_chance(tmp_path: Path) -> None:
    """The linear world, mixed by a rotation; the report contains the scores and no warning of collapse."""
    recipe = tiny(steps=600, beta=0.02)
    recipe = replace(
        recipe,
        batch_size=64,
        prior=replace(recipe.prior, interventions="perfect"),
        variational_training=replace(recipe.variational_training, learning_rate=1e-2, validate_every=300),
    )
    data = vectors(train=6000, val=500, test=2000)
    report = trisect.evaluate(train(recipe, data, tmp_path / "run"), data, quick=True)
    assert report["chance"]["own_r2"] > report["chance"]["r2"]
    assert report["r2"]["diag"] > 0.8
    assert report["active_units"]["active"] >= 2 and len(report["active_units"]["kl"]) == 4
    assert not any("collapse" in warning for warning in report["warnings"])
    assert "closed form" in report["baselines"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "of 4 latents carry more than 0.01 nats per frame." in page
    assert json.loads((tmp_path / "run" / "report.json").read_text())["recipe"]["method"] == "citris-vae"


def test_too_high_a_learning_rate_stops_with_a_sentence_or_stays_finite(tmp_path: Path) -> None:
    recipe = tiny(steps=40)
    recipe = replace(recipe, variational_training=replace(recipe.variational_training, learning_rate=1.0, warm_up=0.0))
    try:
        run = train(recipe, vectors(), tmp_path / "run")
    except NonFiniteLoss as error:
        assert "must be finite; got" in str(error) and "lower the learning rate" in str(error)
        assert (tmp_path / "run" / "vae" / "best.ckpt").exists() == (error.step >= 3)
    else:
        assert np.isfinite([score for _, score in run.history["vae"]["scores"]]).all()


def test_constant_frames_train_with_ignored_errors(tmp_path: Path) -> None:
    data = boxes()
    still = Dataset({n: replace(r, observations=np.full_like(r.observations, 7)) for n, r in data.items()})
    with pytest.raises(ValueError, match="all frames are the same"):
        train(tiny(), still, tmp_path / "run")
    run = trisect.train(tiny(), still, tmp_path / "run", progress=False, despite_errors=True)
    assert all(value.isfinite().all() for value in run.model.state_dict().values())


def test_too_few_latents_are_refused() -> None:
    recipe = citris_vae(num_latents=1)
    message = "num_latents of the variational settings must be at least the number of targeted variables, 2; got 1"
    with pytest.raises(ValueError, match=message):
        fresh_model(recipe, (3,), ("a", "b"))


def test_frames_of_unsuitable_size_for_the_published_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="the size of frames for the published networks must be .*; got 48x48"):
        fresh_model(tiny(networks="published"), (48, 48, 3), ("a", "b"))


def test_the_recipe_survives_json_and_flags() -> None:
    recipe = citris_vae(num_latents=7, seed=2)
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.method == "citris-vae" and recipe.variational.num_latents == 7 and recipe.seed == 2
    arguments = ["--data", "d", "--out", "o", "--variational.beta", "4", "--variational.flow_prior", "false"]
    changed, _ = recipe_from_flags("citris-vae", recipe, arguments)
    assert changed == replace(recipe, variational=replace(recipe.variational, beta=4.0, flow_prior=False))
    with pytest.raises(ValueError, match="did you mean '--variational.beta_warm_up'"):
        recipe_from_flags("citris-vae", recipe, ["--data", "d", "--out", "o", "--variational.beta_warmup", "1"])
