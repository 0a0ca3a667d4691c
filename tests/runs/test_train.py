from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.varied import varied

import trisect
from trisect import devices
from trisect.data import Dataset, Recording, save, simulate
from trisect.methods.recipe import Recipe
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factory import INTERVENTIONS, PriorSettings
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.recipes import citris_nf, closed_form
from trisect.training.settings import TrainingSettings
from trisect.variables import anonymous
from trisect.worlds import make

STEPS = 300


def tiny(recipe: Recipe, steps: int = 6) -> Any:
    """A recipe with few, quick steps."""
    training = TrainingSettings(
        steps=steps, learning_rate=3e-3, checkpoint_every=5, validate_every=3, log_every=2, logger=None, keep="last"
    )
    return varied(
        recipe,
        batch_size=8,
        flow_batch_size=8,
        autoencoder=AutoencoderSettings(num_latents=4, hidden=8, rank=2, networks="profile"),
        autoencoder_training=training,
        closed_form={"num_features": 10},
        flow={"num_blocks": 2, "hidden_per_variable": 2},
        prior={"hidden": 4},
        classifier={"hidden": 4},
        flow_training=training,
    )


def vectors(seed: int = 0, **sizes: int) -> Dataset:
    world, rng = make("linear", num_variables=2, num_latents=3), np.random.default_rng(seed)
    sizes = sizes or {"train": 400, "val": 100, "test": 200}
    return Dataset({name: simulate(world, size, rng, 50) for name, size in sizes.items()})


def boxes() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset({name: simulate(world, size, rng, 50) for name, size in (("train", 300), ("val", 60))})


def same_weights(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    states = one.state_dict(), two.state_dict()
    return states[0].keys() == states[1].keys() and all(torch.equal(states[0][k], states[1][k]) for k in states[0])


def train(recipe: Recipe, data: Dataset | Path, out: Path, *, resume: bool = False) -> trisect.runs.train.Run:
    return trisect.train(recipe, data, out, resume=resume, progress=False)


@pytest.mark.parametrize("method", [citris_nf, closed_form])
@pytest.mark.parametrize("data", [vectors, boxes])
def test_a_run_reloads_unchanged(tmp_path, method, data) -> None:
    given = tiny(method())
    run = train(given, data(), tmp_path / "run")
    again = trisect.load_run(tmp_path / "run")
    assert same_weights(run.model, again.model)
    has_frames = len(data().observation_shape) == 3
    settings = given.autoencoder.attempts(1)[0] if has_frames else given.autoencoder  # with nothing left open
    assert again.recipe == run.recipe == replace(given, autoencoder=settings)
    assert again.cost == run.cost and again.cost.cpu_seconds > 0
    assert not again.model.training
    observations = data()["train"].observations[:20]
    assert torch.equal(run.model.encode(observations), again.model.encode(observations))
    assert torch.allclose(again.model.assignment().sum(1), torch.ones(len(again.model.assignment())))
    assert set(again.history) <= {"autoencoder", "flow"}
    assert all(stage["steps"] == 6 for stage in again.history.values())


@pytest.mark.parametrize("interventions", INTERVENTIONS)
def test_a_run_with_an_autoregressive_prior_reloads_unchanged(tmp_path: Path, interventions: str) -> None:
    recipe = tiny(citris_nf())
    flow, prior = replace(recipe.flow, start="random"), PriorSettings(interventions, 4, "autoregressive")
    model = train(replace(recipe, flow=flow, prior=prior), vectors(), tmp_path / "run").model
    again = trisect.load_run(tmp_path / "run").model
    assert isinstance(again.prior, AutoregressivePrior)
    assert same_weights(model, again)


def test_a_run_with_convolutional_networks_reloads_unchanged(tmp_path) -> None:
    recipe = tiny(closed_form())
    recipe = replace(
        recipe,
        autoencoder=replace(recipe.autoencoder, networks="conv"),
        autoencoder_training=replace(recipe.autoencoder_training, precision="bf16"),
    )
    run, again = train(recipe, boxes(), tmp_path / "run"), train(recipe, boxes(), tmp_path / "again")
    assert same_weights(run.model, again.model) and same_weights(run.model, trisect.load_run(tmp_path / "run").model)
    z = run.model.encode(boxes()["val"].observations)
    assert z.shape == (60, 4) and run.model.decode(z).shape == (60, 3, 32, 32)


def rooms(num: int = 6000) -> Dataset:
    """Vectors in which one direction contains a room that interventions change and a position that they do not."""
    rng = np.random.default_rng(0)
    targets = rng.random((num, 1)) < 0.15
    room = np.cumsum(targets[:, 0]) % 2
    place = np.sin(0.3 * np.cumsum(rng.normal(size=num)))
    z = np.column_stack([place + 4 * room, *(0.3 * rng.normal(size=(2, num)))]).astype(np.float32)
    recording = Recording(z, targets, anonymous(["room"]))
    return Dataset({"train": recording, "val": recording.rows(0, 300)})


@pytest.mark.parametrize("recipe", [closed_form(), citris_nf()])
def test_a_run_that_splits_a_slot_reloads_unchanged(tmp_path, recipe) -> None:
    data = rooms()
    run = trisect.train(tiny(recipe), data, tmp_path / "run", progress=False)
    again = trisect.load_run(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "finished.json").read_text())["make"]["num_splits"] == 1
    assert same_weights(run.model, again.model)
    z = again.model.encode(data.recording("val").observations)
    assert torch.allclose(again.model.decode(z), torch.from_numpy(data.recording("val").observations), atol=1e-3)


def test_one_seed_gives_one_model(tmp_path) -> None:
    runs = [train(tiny(citris_nf(seed=s)), vectors(), tmp_path / str(i)) for i, s in enumerate((3, 3, 4))]
    assert same_weights(runs[0].model, runs[1].model)
    assert not same_weights(runs[0].model, runs[2].model)


def test_a_run_disturbs_no_global_randomness(tmp_path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tiny(citris_nf()), vectors(), tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_the_random_start_learns_its_assignment(tmp_path) -> None:
    recipe = tiny(citris_nf())
    recipe = replace(recipe, flow=replace(recipe.flow, start="random"))
    model = train(recipe, vectors(), tmp_path / "run").model
    assert not torch.equal(model.probs(), model.assignment())


def test_the_closed_form_start_freezes_its_assignment(tmp_path) -> None:
    linear, flow = (train(tiny(m()), vectors(), tmp_path / m.__name__) for m in (closed_form, citris_nf))
    assert torch.equal(linear.model.assignment(), flow.model.assignment())
    assert torch.allclose(flow.model.probs(), flow.model.assignment(), atol=1e-10)


def test_one_folder_is_enough(tmp_path) -> None:
    """A moved run loads without its data, its cached latents and its checkpoints."""
    save(vectors(), tmp_path / "data")
    run = train(tiny(citris_nf()), tmp_path / "data", tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert same_weights(trisect.load_run(tmp_path / "moved").model, run.model)


def test_a_folder_with_a_run_is_kept(tmp_path) -> None:
    run = train(tiny(citris_nf()), vectors(), tmp_path / "run")
    with pytest.raises(ValueError, match=r"must be without a run; .*pass resume=True \(--resume\)"):
        train(tiny(citris_nf()), vectors(), tmp_path / "run")
    again = train(tiny(citris_nf()), vectors(), tmp_path / "run", resume=True)
    assert same_weights(again.model, run.model)


def test_another_recipe_and_other_data_are_refused(tmp_path) -> None:
    train(tiny(citris_nf()), vectors(), tmp_path / "run")
    with pytest.raises(ValueError, match="a run of the same recipe and data; got 'seed': 0 before, 1 now"):
        train(tiny(citris_nf(seed=1)), vectors(), tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="a run of the same recipe and data; got other data"):
        train(tiny(citris_nf()), vectors(seed=1), tmp_path / "run", resume=True)


def test_the_steps_without_a_training_say_what_they_do(tmp_path, capsys, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="trisect"):  # as in a script or a notebook
        trisect.train(tiny(closed_form()), boxes(), tmp_path / "run")
        shown = capsys.readouterr().err
        for line in ("computing the latents of 300 frames", "closed form: finding the directions of 2 variables"):
            assert line in shown
        train(tiny(closed_form()), boxes(), tmp_path / "quiet")
        assert not capsys.readouterr().err


def test_the_settings_that_differ_are_named(tmp_path) -> None:
    recipe = tiny(citris_nf())
    train(recipe, vectors(), tmp_path / "run")
    training = replace(recipe.flow_training, steps=9, learning_rate=0.5, log_every=3, accelerator="cpu")
    other = replace(recipe, flow_training=training)
    got = "got 'flow_training.steps': 6 before, 9 now; 'flow_training.learning_rate': .* before, 0.5 now; choose"
    with pytest.raises(ValueError, match=f"the same recipe and data; {got}"):
        train(other, vectors(), tmp_path / "run", resume=True)


@pytest.mark.parametrize("device", ["gpu", "mps"])
def test_a_device_that_the_machine_lacks_is_refused_before_anything_is_written(tmp_path, device, monkeypatch) -> None:
    monkeypatch.setattr(devices, "is_available", lambda accelerator: accelerator in ("auto", "cpu"))
    recipe = tiny(citris_nf())
    on_device = replace(recipe, flow_training=replace(recipe.flow_training, accelerator=device))
    message = f"must be one of this machine; got '{device}', but PyTorch finds no such device; pass .*--device auto"
    with pytest.raises(ValueError, match=message):
        train(on_device, vectors(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_continues_on_another_device(tmp_path, monkeypatch) -> None:
    recipe = tiny(citris_nf())
    train(recipe, vectors(), tmp_path / "run")
    monkeypatch.setattr(devices, "is_available", lambda accelerator: accelerator in ("auto", "cpu"))
    on_gpu = replace(recipe, flow_training=replace(recipe.flow_training, accelerator="gpu"))
    train(on_gpu, vectors(), tmp_path / "run", resume=True)  # the run is finished, so nothing runs on the device
    (tmp_path / "run" / "finished.json").unlink()
    on_cpu = replace(recipe, flow_training=replace(recipe.flow_training, accelerator="cpu"))
    again = train(on_cpu, vectors(), tmp_path / "run", resume=True)
    assert again.recipe.flow_training.accelerator == "cpu"


def test_an_interrupted_run_resumes_with_other_logs(tmp_path) -> None:
    """Settings that affect no weight may change: the intervals of checkpoints and logs, and which weights to keep."""
    recipe = tiny(citris_nf())
    whole = train(recipe, vectors(), tmp_path / "run")
    (tmp_path / "run" / "finished.json").unlink()
    training = replace(recipe.flow_training, log_every=1, checkpoint_every=2, logger="csv")
    again = train(replace(recipe, flow_training=training), vectors(), tmp_path / "run", resume=True)
    assert again.recipe.flow_training == training
    assert same_weights(again.model, whole.model)


def test_a_folder_with_other_files_is_refused(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("do not overwrite")
    with pytest.raises(ValueError, match="must be empty or new; got one with other files"):
        train(tiny(citris_nf()), vectors(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("missing", ["train", "val"])
def test_a_missing_split_is_named_and_not_replaced(tmp_path, missing) -> None:
    sizes = {name: 100 for name in ("train", "val", "test") if name != missing}
    with pytest.raises(ValueError, match=f"the split of a data set must be one of .*; got '{missing}'"):
        train(tiny(citris_nf()), vectors(0, **sizes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_targets_of_zeros_are_refused(tmp_path) -> None:
    nothing = Recording(np.ones((60, 3), np.float32), np.zeros((60, 2), bool), anonymous(["a", "b"]))
    with pytest.raises(ValueError, match="must be one with interventions; got targets that are all 0; record which"):
        train(tiny(citris_nf()), Dataset({"train": nothing, "val": nothing}), tmp_path / "run")


@pytest.mark.parametrize(
    ("unfinished", "message"),
    [(False, "no run.json in it"), (True, "no finished.json in it; continue with .*--resume")],
)
def test_unfinished_runs_are_refused(tmp_path, unfinished, message) -> None:
    if unfinished:
        train(tiny(citris_nf()), vectors(), tmp_path)
        (tmp_path / "finished.json").unlink()
    with pytest.raises(FileNotFoundError, match=message):
        trisect.load_run(tmp_path)


def test_weights_of_another_model_are_refused(tmp_path) -> None:
    train(tiny(citris_nf()), vectors(), tmp_path / "run")
    train(tiny(closed_form()), vectors(), tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").replace(tmp_path / "run" / "model.safetensors")
    with pytest.raises(ValueError, match=r"the tensors in .*model.safetensors must be those of the model; got no"):
        trisect.load_run(tmp_path / "run")


def test_cached_latents_follow_their_autoencoder(tmp_path) -> None:
    names = []
    for seed in (0, 1):
        train(tiny(citris_nf(seed=seed)), boxes(), tmp_path / str(seed))
        names.append({file.name for file in (tmp_path / str(seed) / "latents").iterdir()})
    assert len(names[0]) == 2 and not names[0] & names[1]


SCRIPT = """
import sys, json
import trisect
from trisect.methods.table import recipe_from_json
recipe = recipe_from_json(json.loads(sys.argv[1]))
trisect.train(recipe, sys.argv[2], sys.argv[3], progress=False)
"""


def killed_in_the_flow(recipe: Recipe, data: Path, out: Path) -> None:
    """Train in another process and kill it as soon as the flow has a checkpoint."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(recipe.to_json()), str(data), str(out)])
    deadline = time.monotonic() + 60
    while not (out / "flow" / "last.ckpt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_killed_run_resumes_to_the_same_weights(tmp_path) -> None:
    save(boxes(), tmp_path / "data")
    recipe = tiny(citris_nf())
    recipe = replace(recipe, flow_training=replace(recipe.flow_training, steps=STEPS, checkpoint_every=20))
    killed_in_the_flow(recipe, tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run" / "finished.json").exists()
    with pytest.raises(FileNotFoundError, match="--resume"):
        trisect.load_run(tmp_path / "run")
    resumed = train(recipe, tmp_path / "data", tmp_path / "run", resume=True)
    whole = train(recipe, tmp_path / "data", tmp_path / "whole")
    assert same_weights(resumed.model, whole.model)
    assert resumed.history["flow"]["steps"] == STEPS
    assert resumed.history["flow"]["scores"] == whole.history["flow"]["scores"]
