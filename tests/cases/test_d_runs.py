"""A run folder is enough: it loads anywhere, resumes from any checkpoint, and no stale file is used."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trisect
from trisect.cli import main
from trisect.data import Dataset, save
from trisect.methods.table import METHODS, PRESETS
from trisect.recipes import Recipe, citris_nf, citris_vae, closed_form
from trisect.runs.run import Run

from .fixtures import boxes_data, moving_data, tiny, tiny_run

PLAIN = (torch.Tensor, str, int, float, bool, type(None))


@pytest.fixture(params=["small_run", "small_nf_run", "small_vae_run"])
def run(request: pytest.FixtureRequest) -> Run:
    """A run of every method."""
    trained: Run = request.getfixturevalue(request.param)
    return trained


def values_of(stored: Any) -> Iterator[Any]:
    """All values inside dictionaries, lists and tuples."""
    if isinstance(stored, dict):
        stored = [*stored.keys(), *stored.values()]
    if isinstance(stored, (list, tuple)):
        for value in stored:
            yield from values_of(value)
    else:
        yield stored


def test_checkpoints_hold_tensors_and_plain_types_only(run: Run) -> None:
    files = sorted(run.folder.rglob("*.ckpt"))
    assert {file.name for file in files} == {"best.ckpt", "last.ckpt"}
    for file in files:
        values = [*values_of(torch.load(file, weights_only=True))]
        assert len(values) > 20 and all(type(value) in PLAIN for value in values), file


def test_a_moved_folder_without_data_caches_and_checkpoints_loads(run: Run, tmp_path: Path) -> None:
    moved = shutil.copytree(run.folder, tmp_path / "elsewhere" / "moved")
    enough = {"run.json", "finished.json", "model.safetensors"}
    for file in moved.iterdir():
        if file.name not in enough:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    assert {path.name for path in moved.iterdir()} == enough
    frames = boxes_data()["test"].observations
    assert torch.equal(trisect.load_run(moved).model.encode(frames), run.model.encode(frames))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_default_for_every_setting(method: str) -> None:
    assert METHODS[method].recipe() == PRESETS[method]()


@pytest.mark.parametrize(
    ("wrong", "right"), [("--batch_sizes", "--batch_size"), ("--autoencoder.num_latent", "--autoencoder.num_latents")]
)
def test_a_wrong_option_is_refused_with_a_suggestion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str, right: str
) -> None:
    save(boxes_data(), tmp_path / "data")
    folders = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    assert main(["train", "citris-nf", *folders, wrong, "4"]) == 2
    assert f"got {wrong}; did you mean '{right}'?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", ["best.ckpt", "last.ckpt"])
@pytest.mark.parametrize(("recipe", "stage"), [(citris_nf(), "flow"), (citris_vae(), "vae")], ids=["nf", "vae"])
def test_a_run_resumes_from_either_checkpoint_to_the_same_weights(
    tmp_path: Path, kept: str, recipe: Recipe, stage: str
) -> None:
    small, data = tiny(recipe, 12, checkpoint_every=9, validate_every=7), moving_data()
    whole = trisect.train(small, data, tmp_path / "whole", progress=False)
    steps = {"best.ckpt": 7, "last.ckpt": 9}
    interrupted(small, data, tmp_path / "run", 10)
    (tmp_path / "run" / stage / ("best.ckpt" if kept == "last.ckpt" else "last.ckpt")).unlink()
    stored = torch.load(tmp_path / "run" / stage / kept, weights_only=True)
    assert stored["history"]["step"] == steps[kept] and stored["optimiser"]["state"], "the optimiser is there, too"
    resumed = trisect.train(small, data, tmp_path / "run", resume=True, progress=False)
    assert all(
        torch.equal(a, b) for a, b in zip(resumed.model.state_dict().values(), whole.model.state_dict().values())
    )


def interrupted(recipe: Recipe, data: Dataset, out: Path, at: int) -> None:
    """Train until a step, then fail as if the power had gone."""
    from trisect.training.adapter import Adapter

    original = Adapter.training_step

    def fails(self: Adapter, batch: Any, index: int) -> None:
        if self.state.history.step == at:
            raise ConnectionError("the power went")
        original(self, batch, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Adapter, "training_step", fails)
        with pytest.raises(ConnectionError):
            trisect.train(recipe, data, out, progress=False)


@pytest.mark.parametrize(
    ("recipe", "stage", "criterion"),
    [(citris_nf(), "flow", "nll"), (citris_vae(), "vae", "negative_elbo")],
    ids=["nf", "vae"],
)
def test_without_labels_weights_are_selected_by_a_held_out_loss(
    tmp_path: Path, recipe: Recipe, stage: str, criterion: str
) -> None:
    data = Dataset({n: replace(r, factors=None) for n, r in moving_data().items()})  # type: ignore[type-var]
    run = trisect.train(tiny(recipe, 30, keep="best"), data, tmp_path / "run", progress=False)
    history = run.history[stage]
    steps, scores = zip(*history["scores"])
    assert history["criterion"] == criterion and len(set(scores)) == len(scores), "no constant score"
    assert history["best_step"] == steps[int(np.argmin(scores))] > steps[0], "the best is not the first"
    best = torch.load(run.folder / stage / "best.ckpt", weights_only=True)
    assert best["criterion"] == criterion and best["history"]["step"] == history["best_step"]
    kept = run.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in best["module"].items() if name in kept)


def test_cached_latents_are_reused_only_for_the_same_model_and_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, other = boxes_data(), boxes_data(seed=1)
    names = {}
    for name, each, seed in (("first", data, 0), ("other data", other, 0), ("other model", data, 1)):
        run = tiny_run(tmp_path / name, each, citris_nf(seed=seed))
        names[name] = {file.name for file in (run.folder / "latents").iterdir()}
        assert "reusing the latents" not in caplog.text
    assert len(set.union(*names.values())) == 6, "the key names the model and the data"
    (tmp_path / "first" / "finished.json").unlink()
    with caplog.at_level(logging.INFO):
        tiny_run(tmp_path / "first", data, citris_nf(), resume=True)
    assert "reusing the latents of 600 frames" in caplog.text


@pytest.mark.parametrize("change", ["other frames", "a variable less"])
def test_data_that_changed_in_the_same_folder_are_refused_on_resume(tmp_path: Path, change: str) -> None:
    save(boxes_data(), tmp_path / "data")
    tiny_run(tmp_path / "run", tmp_path / "data")  # type: ignore[arg-type]
    (tmp_path / "run" / "finished.json").unlink()
    shutil.rmtree(tmp_path / "data")
    save(boxes_data(seed=1) if change == "other frames" else boxes_data(num_variables=1), tmp_path / "data")
    with pytest.raises(ValueError, match="a run of the same recipe and data; got other data"):
        tiny_run(tmp_path / "run", tmp_path / "data", resume=True)  # type: ignore[arg-type]


def test_a_run_loads_with_its_folder_alone(run: Run) -> None:
    assert trisect.load_run(run.folder).recipe == run.recipe
    assert trisect.load_run(str(run.folder)).recipe.method in METHODS
    assert run.recipe != closed_form()
