"""A run on the autoencoder of another run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.runs.test_train import boxes, same_weights, tiny, vectors

import trisect
from trisect.cli import main
from trisect.data import Dataset, save, simulate
from trisect.models.representations.representation import FrameRepresentation
from trisect.recipes import citris_nf, citris_vae, closed_form
from trisect.runs.run import Run
from trisect.worlds import make


def other_boxes() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(7)
    return Dataset({name: simulate(world, size, rng, 50) for name, size in (("train", 300), ("val", 60))})


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Run:
    return trisect.train(tiny(closed_form()), boxes(), tmp_path_factory.mktemp("first") / "run", progress=False)


def autoencoder_of(run: Run) -> FrameRepresentation:
    representation = run.model.representation
    assert isinstance(representation, FrameRepresentation)
    return representation


def test_the_autoencoder_is_copied_and_the_rest_is_trained(first, tmp_path) -> None:
    recipe = tiny(citris_nf(seed=3))
    recipe = replace(recipe, autoencoder=replace(recipe.autoencoder, hidden=99), batch_size=5)
    run = trisect.train(recipe, other_boxes(), tmp_path / "run", progress=False, autoencoder=first.folder)
    assert same_weights(autoencoder_of(run), autoencoder_of(first))
    assert run.recipe == replace(recipe, autoencoder=first.recipe.autoencoder, batch_size=first.recipe.batch_size)
    assert run.history["autoencoder"] == first.history["autoencoder"] and run.history["flow"]["steps"] == 6
    assert run.data_hash != first.data_hash
    assert run.reused is not None and first.reused is None
    assert run.reused["data"] == {"path": None, "hash": first.data_hash} and run.reused["seed"] == 0


def test_the_run_resumes_and_does_not_need_the_other_run_once_finished(first, tmp_path) -> None:
    folder, recipe = tmp_path / "run", tiny(citris_nf())
    other = shutil.copytree(first.folder, tmp_path / "other")

    def train(resume: bool) -> Run:
        return trisect.train(recipe, other_boxes(), folder, progress=False, resume=resume, autoencoder=str(other))

    before = train(False)
    for name in ("finished.json", "model.safetensors", "autoencoder.safetensors"):
        (folder / name).unlink()
    assert same_weights(before.model, train(True).model)
    shutil.rmtree(other)
    assert same_weights(before.model, trisect.load_run(folder).model)


def test_an_autoencoder_that_is_reused_twice_keeps_its_origin(first, tmp_path) -> None:
    def train(folder: Path, seed: int, autoencoder: Path) -> Run:
        return trisect.train(
            tiny(closed_form(seed=seed)), other_boxes(), folder, progress=False, autoencoder=autoencoder
        )

    second = train(tmp_path / "second", 1, first.folder)
    third = train(tmp_path / "third", 2, second.folder)
    assert third.reused == second.reused and second.reused is not None
    assert second.reused["seed"] == 0 and second.reused["data"]["hash"] == first.data_hash
    assert same_weights(autoencoder_of(third), autoencoder_of(first))


def test_a_resumed_run_keeps_its_autoencoder(first, tmp_path) -> None:
    folder, recipe = tmp_path / "run", tiny(citris_nf())
    trisect.train(recipe, other_boxes(), folder, progress=False, autoencoder=first.folder)
    with pytest.raises(ValueError, match="a run of the same recipe and data; got another reused autoencoder, or none"):
        trisect.train(recipe, other_boxes(), folder, progress=False, resume=True)


def test_the_command_reuses_an_autoencoder(first, tmp_path) -> None:
    save(other_boxes(), tmp_path / "data")
    out, where = str(tmp_path / "run"), ["--data", str(tmp_path / "data"), "--autoencoder-of", str(first.folder)]
    assert main(["train", "closed-form", "--out", out, *where]) == 0
    assert same_weights(autoencoder_of(trisect.load_run(out)), autoencoder_of(first))


def test_a_causal_encoder_reuses_no_autoencoder(first, tmp_path, capsys) -> None:
    arguments = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--autoencoder-of", str(first.folder)]
    assert main(["train", "causal-encoder", *arguments]) == 2
    assert "--autoencoder-of cannot be used with causal-encoder" in capsys.readouterr().err


def test_runs_and_data_without_an_autoencoder_are_refused(first, tmp_path) -> None:
    def train(method=closed_form, data=boxes, autoencoder=first.folder, **functions) -> None:
        out = tmp_path / "out"
        trisect.train(tiny(method()), data(), out, progress=False, autoencoder=autoencoder, **functions)

    with pytest.raises(FileNotFoundError, match="a run with a trained autoencoder; got no run.json in it"):
        train(autoencoder=tmp_path / "nowhere")
    of_vectors = trisect.train(tiny(closed_form()), vectors(), tmp_path / "vectors", progress=False)
    with pytest.raises(FileNotFoundError, match="a run with a trained autoencoder; got no autoencoder.safetensors"):
        train(autoencoder=of_vectors.folder)
    with pytest.raises(ValueError, match="the data for the autoencoder of another run must be frames; got vectors"):
        train(data=vectors)
    with pytest.raises(ValueError, match="recipe for the autoencoder of another run must be closed-form or citris-nf"):
        train(method=citris_vae)
    with pytest.raises(ValueError, match="encoder= cannot be used with the autoencoder of another run"):
        train(encoder=lambda frames: frames.flatten(1)[:, :4])
    assert not (tmp_path / "out").exists()


def test_an_autoencoder_of_other_frames_or_targets_is_refused(first, tmp_path) -> None:
    data, rng = boxes(), np.random.default_rng(0)
    wider = {
        name: replace(data[name], observations=np.repeat(data[name].observations, 2, axis=2))
        for name in ("train", "val")
    }
    pong = {name: simulate(make("pong"), size, rng, 50) for name, size in (("train", 900), ("val", 60))}
    few = {name: replace(split, observations=split.observations[..., :3]) for name, split in pong.items()}
    for splits, message in (
        (wider, r"must be for frames of shape \(32, 64, 3\); got \(32, 32, 3\)"),
        (few, "must be trained with 5 targets; got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            trisect.train(
                *(tiny(closed_form()), Dataset(splits), tmp_path / "out"), progress=False, autoencoder=first.folder
            )


@pytest.mark.parametrize("missing", ["autoencoder.safetensors", "autoencoder.json"])
def test_an_unfinished_autoencoder_is_refused_before_anything_is_written(first, tmp_path, missing: str) -> None:
    other = shutil.copytree(first.folder, tmp_path / "other")
    (other / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"a run with a trained autoencoder; got no {missing} in it; train it"):
        trisect.train(tiny(closed_form()), boxes(), tmp_path / "out", progress=False, autoencoder=other)
    assert not (tmp_path / "out").exists()


def test_damaged_weights_are_refused(first, tmp_path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in Path(first.folder).glob("*.json"):
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "autoencoder.safetensors").write_bytes((first.folder / "autoencoder.safetensors").read_bytes()[:1000])
    with pytest.raises(ValueError, match="must be a whole safetensors file"):
        trisect.train(tiny(closed_form()), boxes(), tmp_path / "out", progress=False, autoencoder=copy)
    assert not (tmp_path / "out").exists()
