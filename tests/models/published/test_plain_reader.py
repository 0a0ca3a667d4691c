"""What `torch.save` writes is read as it is, and nothing else is read at all."""

from __future__ import annotations

from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hostile.weight_attacks import PICKLES, Call, with_pickle

from trisect.models.published.plain_reader import read_plain

TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16)
TYPES += (torch.int8, torch.uint8, torch.bool)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(min_size=1, max_size=300),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


HARMLESS = {"a plain number", "protocol 200", "deep lists", "memo of 2^31"}
"""Pickles of plain values, which take no more memory than their size."""


def stored(content: Any, path: Path) -> Any:
    torch.save(content, path)
    return read_plain(path)


@pytest.mark.parametrize("dtype", TYPES)
def test_tensors_of_every_type_are_read(tmp_path, dtype) -> None:
    tensor = (torch.randn(3, 4, 5) * 3).to(dtype)
    again = stored(
        {"a": tensor, "b": tensor[1:, ::2].transpose(0, 1), "c": tensor[:0], "d": torch.zeros(0, 2)}, tmp_path / "a.pt"
    )
    assert again["a"].dtype == dtype and torch.equal(again["a"], tensor)
    assert again["d"].shape == (0, 2)
    assert torch.equal(again["b"], tensor[1:, ::2].transpose(0, 1)) and again["c"].shape == (0, 4, 5)


@given(content=plain)
@settings(max_examples=30, deadline=None)
def test_plain_values_are_read(content, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("plain") / "a.pt"
    assert stored({"content": content}, path) == {"content": content}


def test_dictionaries_parameters_and_sets_are_read(tmp_path) -> None:
    content = {
        "ordered": OrderedDict(a=1),
        "counts": Counter("aab"),
        "set": {3},
        "weights": torch.nn.Parameter(torch.ones(2)),
        "size": torch.Size([2, 3]),
        "state": torch.nn.Linear(2, 2).state_dict(),
    }
    again = stored(content, tmp_path / "a.pt")
    assert again["ordered"] == {"a": 1} and again["counts"] == {"a": 2, "b": 1} and list(again["set"]) == [3]
    assert torch.equal(again["weights"], torch.ones(2)) and tuple(again["size"]) == (2, 3)
    assert {*again["state"]} == {"weight", "bias"}


@pytest.mark.parametrize("name", ["Autoencoder", "CausalEncoder", "CITRISVAE", "CITRISNF"])
def test_published_files_are_read_as_torch_reads_them(shared, name) -> None:
    path = shared / "golden" / f"{name}.ckpt"
    ours, theirs = read_plain(path), torch.load(path, weights_only=True)
    assert ours.keys() == theirs.keys() and ours["hyper_parameters"] == theirs["hyper_parameters"]
    assert all(torch.equal(value, theirs["state_dict"][key]) for key, value in ours["state_dict"].items())
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Call(print, "it ran"), r"got an object that reading would execute \(__builtin__.print\); do not trust it"),
        (Call(bytearray, 10**12), r"got an object that reading would execute \(__builtin__.bytearray\)"),
        (torch.zeros(1).expand(10**5, 10**5), r"got a tensor of shape \(100000, 100000\) from 1 stored numbers"),
        (torch.eye(3).to_sparse(), r"got a tensor of another kind \(torch._utils._rebuild_sparse_tensor\)"),
        (torch.empty(3, device="meta"), r"got a tensor of another kind \(torch._utils._rebuild_meta_tensor"),
        (torch.zeros(3, dtype=torch.complex64), r"got a tensor of another kind \(torch.ComplexFloatStorage\)"),
        (torch.zeros(10**9, 0), r"got a tensor of shape \(1000000000, 0\) from 0 stored numbers"),
        ({(1, 2): 3}, "got a key, tuple"),
    ],
)
def test_anything_else_is_named(tmp_path, capsys, content, message) -> None:
    with pytest.raises(ValueError, match=f"the checkpoint 'a.pt' must be of tensors and plain values; {message}"):
        stored(content, tmp_path / "a.pt")
    assert "it ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*PICKLES} - HARMLESS))
def test_a_hostile_pickle_is_refused_in_one_sentence(tmp_path, name) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pt")
    with_pickle(PICKLES[name])(tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"the checkpoint 'a.pt' must be .*; got ") as caught:
        read_plain(tmp_path / "a.pt")
    assert len(str(caught.value)) < 400


def test_the_old_format_is_named(tmp_path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="must be a zip of tensors; got the format of torch before 1.6; if"):
        read_plain(tmp_path / "a.pt")


def test_tensors_may_share_bytes_within_reason(tmp_path) -> None:
    weights = torch.zeros(10_000)
    assert len(stored([weights, weights[5:], weights.view(100, 100)], tmp_path / "a.pt")) == 3
    with pytest.raises(ValueError, match="got tensors that use the bytes of the file more than 4 times"):
        stored([weights[i:] for i in range(50)], tmp_path / "a.pt")
