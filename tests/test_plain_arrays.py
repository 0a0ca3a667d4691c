"""Whatever numpy can read as numbers is accepted; everything else gets one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trisect.plain_arrays import plain_array

VALUES = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    "given",
    [
        VALUES,
        VALUES.tolist(),
        tuple(VALUES),
        VALUES.astype(">f8"),
        VALUES.astype(">i2"),
        np.asfortranarray(VALUES),
        np.repeat(VALUES, 2, axis=0)[::2],
        torch.tensor(VALUES, requires_grad=True),
        np.ma.masked_array(VALUES),
    ],
)
def test_forms_of_the_same_numbers_give_the_same_array(given: Any) -> None:
    array = plain_array(given, "it")
    assert type(array) is np.ndarray and array.dtype.isnative
    assert np.array_equal(array, VALUES)


def test_a_memory_map_stays_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES)
    assert isinstance(plain_array(np.load(tmp_path / "a.npy", mmap_mode="r"), "it"), np.memmap)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("frames.npy", "it must be an array of numbers; got the text 'frames.npy'; read the file first"),
        (Path("frames.npy"), "got the text .*frames.npy"),
        ({"images": VALUES}, "got a mapping of images; pass one of its arrays"),
        (VALUES.astype(object), "got objects, such as 0.0"),
        (VALUES.astype(str), "got texts, such as 0.0"),
        (VALUES + 1j, "got complex numbers"),
        (np.zeros(3, "M8[s]"), "got dates"),
        (np.zeros(3, "f4,f4"), "got records"),
        ([[1, 2], [3]], "got a list that numpy cannot convert"),
        (None, "got objects, such as None"),
        (torch.zeros(2, 2).bfloat16(), "got a Tensor that numpy cannot convert"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as error:
        plain_array(given, "it")
    assert len(str(error.value)) < 400


def test_a_single_number_is_refused() -> None:
    with pytest.raises(ValueError, match="it must be an array with rows; got a single number"):
        plain_array(np.float32(3), "it")


@pytest.mark.parametrize("as_list", [False, True])
def test_masked_values_are_refused_with_the_first_row(as_list: bool) -> None:
    masked = np.ma.masked_array(VALUES, mask=VALUES == 7)
    with pytest.raises(ValueError, match="it must be without masked values; got one in row 2"):
        plain_array(list(masked) if as_list else masked, "it")
