"""Files of tensors are written through our own temporary files, which the next writing sweeps if a kill left them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from trisect.models.weights import has_digest, load_tensors, save_tensors

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([True, False])}


def test_the_bytes_go_into_our_own_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that writes to a temporary file of its own, and renames it, would replace ours by another file."""
    ours, make = [], tempfile.mkstemp

    def remembered(**where: Any) -> tuple[int, str]:
        handle, name = make(**where)
        ours.append(os.fstat(handle).st_ino)
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", remembered)
    path = tmp_path / "model.safetensors"
    save_tensors(TENSORS, path)
    assert [path.stat().st_ino] == ours
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_tensors(TENSORS, path)
    read = load_tensors(path)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], value) and read[name].dtype == value.dtype for name, value in TENSORS.items())
    assert has_digest(path)
