"""Training a causal encoder: accuracy on a known world, resuming, and refused data."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.edited import edit_json

import trisect
from trisect import devices
from trisect.cli import main
from trisect.data.dataset import Dataset
from trisect.data.generate import simulate
from trisect.recipes import load_causal_encoder, train_causal_encoder
from trisect.runs.causal_encoder import CausalEncoderRecipe, LabelledFrames
from trisect.runs.run import load_run
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

TRAINING = TrainingSettings(steps=600, learning_rate=4e-3, warm_up=0.04, final_learning_rate=0.01, logger=None)
SHORT = CausalEncoderRecipe(training=TRAINING)


@pytest.fixture(scope="module")
def boxes() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset({name: simulate(world, num, rng) for name, num in (("train", 6000), ("val", 1000))})


@pytest.fixture(scope="module")
def trained(boxes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("causal") / "encoder"
    train_causal_encoder(boxes, folder, SHORT, progress=False)
    return folder


def test_the_ball_s_position_is_predicted(trained: Path, boxes: Dataset) -> None:
    """Over seeds 0 to 2 the distances were at most 0 (box), .008 (x) and .005 (y)."""
    loaded = load_causal_encoder(trained)
    assert loaded.distances["ball_b"] < 0.02
    assert loaded.distances["ball_x"] < 0.03 and loaded.distances["ball_y"] < 0.02
    val = boxes.recording("val")
    frames = torch.from_numpy(np.array(val.observations[:200])).permute(0, 3, 1, 2) / 127.5 - 1
    y = loaded.model.predict(frames)[:, 2].numpy()
    assert val.factors is not None
    assert np.abs(y - val.factors[:200, 2]).mean() / 12.5 == pytest.approx(loaded.distances["ball_y"], abs=0.02)


def test_an_interrupted_training_resumes_to_the_same_weights(boxes: Dataset, tmp_path: Path, monkeypatch) -> None:
    recipe = replace(SHORT, training=replace(TRAINING, steps=60, checkpoint_every=20, validate_every=30))
    whole = train_causal_encoder(boxes, tmp_path / "whole", recipe, progress=False)
    batch = LabelledFrames.batch

    def interrupted(self: LabelledFrames, k: int):
        if k == 47:
            raise KeyboardInterrupt
        return batch(self, k)

    monkeypatch.setattr(LabelledFrames, "batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_causal_encoder(boxes, tmp_path / "cut", recipe, progress=False)
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match="a finished causal encoder; got no finished.json"):
        load_causal_encoder(tmp_path / "cut")
    with pytest.raises(ValueError, match="pass resume=True"):
        train_causal_encoder(boxes, tmp_path / "cut", recipe, progress=False)
    resumed = train_causal_encoder(boxes, tmp_path / "cut", recipe, resume=True, progress=False)
    state = resumed.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in whole.model.state_dict().items())


def test_batches_hold_matching_labels_and_every_frame_once(boxes: Dataset) -> None:
    recording = boxes.recording("val")
    loader = LabelledFrames(recording, 250, seed=3)
    assert recording.factors is not None
    batches = [loader.batch(k) for k in range(4)]
    seen = np.concatenate([batch.factors.numpy() for batch in batches])
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, recording.factors.tolist()))
    row = int(np.flatnonzero((recording.factors == batches[1].factors[7].numpy()).all(axis=1))[0])
    frame = torch.from_numpy(np.array(recording.observations[row])).permute(2, 0, 1) / 127.5 - 1
    assert torch.allclose(batches[1].observations[7], frame, atol=1e-6)
    assert torch.equal(loader.batch(5).factors, LabelledFrames(recording, 250, seed=3).batch(5).factors)


def test_other_labels_are_other_data(trained: Path, boxes: Dataset) -> None:
    train = boxes.recording("train")
    assert train.factors is not None
    moved = train.factors + np.array([0, 0.1, 0], dtype=np.float32)
    turned = replace(train, factors=np.clip(moved, None, [1, 12.5, 28.5]))
    other = Dataset({"train": turned, "val": boxes.recording("val")})
    with pytest.raises(ValueError, match="a run of the same recipe and data; got other data"):
        train_causal_encoder(other, trained, SHORT, resume=True, progress=False)


def test_unsuitable_data_are_refused(boxes: Dataset, tmp_path: Path) -> None:
    unlabelled = Dataset({name: replace(boxes.recording(name), factors=None) for name in ("train", "val")})
    with pytest.raises(ValueError, match="the data of a causal encoder must be frames with factors; got no factors"):
        train_causal_encoder(unlabelled, tmp_path / "out", SHORT)
    rng = np.random.default_rng(0)
    vectors = Dataset({name: simulate(make("linear"), 200, rng) for name in ("train", "val")})
    with pytest.raises(ValueError, match="the data of a causal encoder must be frames; got vectors"):
        train_causal_encoder(vectors, tmp_path / "out", SHORT)
    assert not (tmp_path / "out").exists()


def test_a_missing_device_is_refused_before_anything_is_written(boxes: Dataset, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(devices, "is_available", lambda accelerator: accelerator != "gpu")
    recipe = replace(SHORT, training=replace(TRAINING, accelerator="gpu"))
    with pytest.raises(ValueError, match="the accelerator to train on must be one of this machine; got 'gpu'"):
        train_causal_encoder(boxes, tmp_path / "out", recipe, progress=False)
    assert not (tmp_path / "out").exists()


def test_runs_and_causal_encoders_are_distinguished(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the method of the run in .* must be one of .*closed-form.*causal-encoder"):
        load_run(trained)
    shutil.copy(trained / "run.json", tmp_path)
    edit_json(tmp_path / "run.json", lambda described: described.update(recipe={"method": "citris-nf"}))
    (tmp_path / "finished.json").write_text((trained / "finished.json").read_text())
    with pytest.raises(ValueError, match="must be a causal encoder; got citris-nf; load it with load_run"):
        load_causal_encoder(tmp_path)


def test_from_the_command_line(boxes: Dataset, tmp_path: Path, capsys) -> None:
    trisect.data.save(boxes, tmp_path / "data")
    where = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--quiet"]
    short = ["--training.steps", "5", "--batch_size", "16", "--training.logger", "csv"]
    assert main(["train", "causal-encoder", *where, *short]) == 0
    assert "distances on held-out frames: ball_b 0." in capsys.readouterr().out
    assert load_causal_encoder(tmp_path / "out").model.settings.networks == "profile"
    assert main(["train", "causal-encoder", *where, "--despite-errors"]) == 2
    assert "--despite-errors cannot be used with causal-encoder" in capsys.readouterr().err
    assert main(["train", "causal-encoder", *where, "--training.step", "5"]) == 2
