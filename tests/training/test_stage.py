"""The device of a run's stages: a GPU if one may be used, otherwise the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trisect.data import simulate
from trisect.data.loader import SequenceLoader
from trisect.devices import device_of
from trisect.evaluation.encode import encode, encode_on_device
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.representation import FrameRepresentation, VectorRepresentation
from trisect.models.shapes import FrameShape
from trisect.training import stage as stages
from trisect.training.settings import TrainingSettings
from trisect.training.stage import Stage, StageContext
from trisect.worlds import make


@pytest.mark.parametrize(("accelerator", "there", "kind"), [
    ("auto", True, "cuda"), ("gpu", True, "cuda"), ("cpu", True, "cpu"), ("mps", True, "cpu"), ("auto", False, "cpu"),
])  # fmt: skip
def test_frames_are_on_a_gpu_if_one_may_be_used(
    accelerator: str, there: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    assert device_of(accelerator).type == kind


def test_latents_are_those_of_encode_and_the_representation_ends_on_the_cpu() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)
    ours = FrameRepresentation(Autoencoder(FrameShape(3, 12, 12), 2, AutoencoderSettings(4, networks="conv")))
    assert np.array_equal(encode_on_device(ours, frames), encode(ours, frames))
    assert {parameter.device.type for parameter in ours.parameters()} == {"cpu"}
    vectors = frames.reshape(7, -1)[:, :5].astype(np.float32)
    assert np.array_equal(encode_on_device(VectorRepresentation(5), vectors), vectors)


def test_training_and_held_out_frames_are_on_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[torch.device] = []

    initialise = SequenceLoader.__init__

    def noted(loader: SequenceLoader, *arguments: Any, device: torch.device, **named: Any) -> None:
        made.append(device)
        initialise(loader, *arguments, **named)

    monkeypatch.setattr(SequenceLoader, "__init__", noted)
    monkeypatch.setattr(stages, "device_of", lambda accelerator: torch.device("meta"))
    recording = simulate(make("ball_in_boxes"), 60, np.random.default_rng(0))
    autoencoder = Autoencoder(FrameShape(3, 32, 32), 2, AutoencoderSettings(4, hidden=8, rank=2))
    settings, context = TrainingSettings(steps=1, logger=None), StageContext(tmp_path, 0, "", "", progress=False)
    stage = Stage("autoencoder", "reconstruction", 8, settings)
    stages.train_stage(stage, autoencoder, (recording, recording), recording.targeted, context)
    assert made == [torch.device("meta")] * 2
