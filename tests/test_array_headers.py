from __future__ import annotations

import io

import numpy as np
import pytest
from tests.hostile.array_attacks import HEADERS, described, header, saved

from trisect import array_headers
from trisect.archives import DamagedFile

READABLE = {"huge shape", "overflowing shape", "shape of 10^400", "no axes", "many axes", "Fortran", "bytes missing"}
READABLE |= {"bytes left", "not a truth value", "text of 4 GB"}
"""Headers that are right by themselves; what they claim is compared with the file where it is read."""


@pytest.mark.parametrize("dtype", ["|u1", "<f4", ">f8", "<i8", "|b1", "<U3", "|S5", "<c8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5)])
def test_headers_of_numpy_are_read(dtype, shape) -> None:
    array = np.zeros(shape, dtype)
    data = saved(array)
    read_shape, read_dtype, fortran, length = array_headers.read_header(io.BytesIO(data), "the array")
    assert (read_shape, read_dtype, fortran) == (shape, array.dtype, False)
    assert len(data) == length + array_headers.size_of(shape, array.dtype)


def test_fortran_order_is_told() -> None:
    data = saved(np.asfortranarray(np.zeros((3, 2))))
    assert array_headers.read_header(io.BytesIO(data), "the array")[2]


@pytest.mark.parametrize("name", sorted({*HEADERS} - READABLE))
def test_a_hostile_header_is_refused_in_one_sentence(name) -> None:
    with pytest.raises(DamagedFile, match="(the array|of the array) must be .*; got ") as caught:
        array_headers.read_header(io.BytesIO(HEADERS[name]), "the array")
    assert len(str(caught.value)) < 400 and str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (described("'|O'"), "the array must be numbers or text; got pickled objects; save it as a plain array"),
        (described("'<M8[s]'"), r"must be numbers or text; got the type datetime64\[s\]"),
        (described(shape="(-4,)"), r"the shape of the array must be of sizes from 0 .*; got \(-4,\)"),
        (described(version=9), r"must be a complete .npy array of version 1 to 3; got version \(9, 0\)"),
        (header("(" * 3000), "the header of the array must be one of a plain array; got nested brackets"),
        (described(version=2, length=2**32 - 1), "the header of the array must be at most 4096 bytes; got 4294967295"),
    ],
)
def test_the_sentence_says_what_is_wrong(data, message) -> None:
    with pytest.raises(DamagedFile, match=message):
        array_headers.read_header(io.BytesIO(data), "the array")


@pytest.mark.parametrize("change", [lambda data: data + b"1", lambda data: data[:-1]])
def test_a_file_must_be_as_long_as_its_header_says(tmp_path, change) -> None:
    (tmp_path / "a.npy").write_bytes(saved(np.zeros(3)))
    array_headers.check_file(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(change(saved(np.zeros(3))))
    with pytest.raises(DamagedFile, match="must be a complete .npy array; got 15[13] bytes where its shape needs 152"):
        array_headers.check_file(tmp_path / "a.npy")
