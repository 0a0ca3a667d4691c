"""Where the stages of a run compute: on a GPU where one may be used, else on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.evaluation.encode import encode
from trisect.models.autoencoder import Autoencoder, AutoencoderSettings
from trisect.models.images import FrameShape
from trisect.models.representation import FrameRepresentation, VectorRepresentation
from trisect.training.stages import device_of, encode_quickly


@pytest.mark.parametrize(("accelerator", "there", "kind"), [
    ("auto", True, "cuda"), ("gpu", True, "cuda"), ("cpu", True, "cpu"), ("mps", True, "cpu"), ("auto", False, "cpu"),
])  # fmt: skip
def test_frames_lie_on_a_gpu_if_one_may_be_used(
    accelerator: str, there: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    assert device_of(accelerator).type == kind


def test_latents_are_those_of_encode_and_the_representation_ends_on_the_cpu() -> None:
    torch.manual_seed(0)
    frames = np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)
    ours = FrameRepresentation(Autoencoder(FrameShape(3, 12, 12), 2, AutoencoderSettings(4, networks="conv")))
    assert np.array_equal(encode_quickly(ours, frames), encode(ours, frames))
    assert {parameter.device.type for parameter in ours.parameters()} == {"cpu"}
    vectors = frames.reshape(7, -1)[:, :5].astype(np.float32)
    assert np.array_equal(encode_quickly(VectorRepresentation(5), vectors), vectors)
