from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.hostile.weight_attacks import SAFETENSORS
from torch import nn

from trisect.models import stored_weights
from trisect.models.stored_weights import Kind
from trisect.models.weights import load_weights

UNREADABLE = ("empty", "length of 2^63", "length of 4 GB", "length of 0", "deep header", "unknown type", "huge shape")
UNREADABLE += ("negative shape", "shape of a text", "offsets beyond", "offsets backwards", "bytes behind", "a zip")


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.fixture
def file(tmp_path) -> Path:
    save_file(model().state_dict(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_the_header_says_what_the_tensors_are(file) -> None:
    kinds = stored_weights.kinds_in(file)
    assert kinds == stored_weights.kinds_of(model().state_dict())
    assert kinds["0.weight"] == Kind("float32", (2, 3)) and kinds["1.num_batches_tracked"] == Kind("int64", ())
    assert stored_weights.num_values(kinds) == 2 * 3 + 2 + 4 * 2 + 1


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_lies_is_refused(file, name) -> None:
    file.write_bytes(SAFETENSORS[name](file.read_bytes()))
    with pytest.raises(ValueError, match="the weights in .* must be a whole safetensors file; got .*; copy or make it"):
        stored_weights.kinds_in(file)
    with pytest.raises(ValueError, match="the file .* must be a whole safetensors file; got .*; copy or make it again"):
        stored_weights.tensors_in(file.read_bytes(), file)


def changed(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    return {**model().state_dict(), **{name.replace("_dot_", "."): value for name, value in changes.items()}}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (changed(more=torch.zeros(1)), "the weights in .* must be those of the model; got another, 'more'"),
        ({"0.bias": torch.zeros(2)}, "got no '0.weight' and 5 more"),
        (
            changed(**{"0_dot_bias": torch.zeros(3)}),
            r"'0.bias' in .* must be float32 of shape \(2,\); got float32",
        ),
        (changed(**{"0_dot_bias": torch.zeros(2).double()}), "must be float32 of shape .*; got float64 of shape"),
        (changed(**{"0_dot_bias": torch.zeros(2).int()}), "must be float32 of shape .*; got int32 of shape"),
        (changed(**{"0_dot_bias": torch.tensor([0, torch.nan])}), "'0.bias' in .* must be finite; got NaN or infinity"),
    ],
)
def test_other_weights_are_never_loaded(tmp_path, tensors, message) -> None:
    save_file(tensors, tmp_path / "model.safetensors")
    loaded = model()
    before = {name: value.clone() for name, value in loaded.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_weights(loaded, tmp_path / "model.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in loaded.state_dict().items())


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="none.safetensors must be there; got no such file"):
        stored_weights.kinds_in(tmp_path / "none.safetensors")
