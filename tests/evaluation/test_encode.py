from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trisect.evaluation.encode import as_input, encode


class Means(nn.Module):
    """Channel means as latents; records how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)
        self.frozen = nn.Linear(1, 1).eval()
        self.calls: list[tuple[int, bool, bool]] = []

    def encode(self, observations: Tensor) -> Tensor:
        self.calls.append((len(observations), self.training, torch.is_inference_mode_enabled()))
        return self.dropout(observations.mean(dim=tuple(range(2, observations.ndim))))


def frames(num: int = 10) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=(num, 4, 6, 3)).astype(np.uint8)


def test_latents_of_frames_in_chunks():
    model = Means()
    latents = encode(model, frames(), batch_size=4)
    assert latents.dtype == np.float32
    assert latents == pytest.approx(frames().mean(axis=(1, 2)) / 127.5 - 1, abs=1e-5)
    assert model.calls == [(4, False, True), (4, False, True), (2, False, True)]


def test_the_mode_of_every_module_is_restored():
    model = Means()
    encode(model, frames())
    assert model.training and model.dropout.training and not model.frozen.training


def test_the_mode_is_restored_after_an_error():
    model = Means()
    model.dropout = nn.Linear(5, 1)  # does not fit
    with pytest.raises(RuntimeError):
        encode(model, np.zeros((3, 2), np.float32))
    assert model.training


def test_a_memory_map_gives_the_same(tmp_path: Path):
    np.save(tmp_path / "frames.npy", frames())
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    assert (encode(Means(), mapped, 3) == encode(Means(), frames(), 3)).all()


def test_vectors_pass_as_float32():
    vectors = np.arange(6.0).reshape(3, 2)
    assert as_input(vectors).dtype == torch.float32 and (as_input(vectors).numpy() == vectors).all()


def test_a_model_without_modes_and_errors():
    class Plain:
        def encode(self, observations: Tensor) -> Tensor:
            return observations.log()

    assert encode(Plain(), np.ones((2, 2), np.float32)).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match=r"latents of the model must be finite; got .* in row 1"):
        encode(Plain(), np.array([[1.0, 1], [1, 0]], np.float32))
    with pytest.raises(ValueError, match="number of observations"):
        encode(Plain(), np.ones((0, 2), np.float32))
