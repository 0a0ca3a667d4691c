"""Reading the zips that `torch.save` writes: tensors and plain values, by a reader that can do nothing else.

Such a zip holds the bytes of every storage, and a pickle that says how tensors lie in them. The pickle runs on
`trisect.models.published.stack_machine`, and every size in it is checked before memory is used: a tensor is a view of
bytes that are in the file.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trisect import archives, checks
from trisect.models.published.stack_machine import Name, StackMachine

AGAIN = "copy or download it again"
LARGEST_PICKLE = 1 << 22
"""Largest size of the pickle, in bytes; the values of the tensors are not in it."""
MOST_SHARED = 4
"""How often tensors may use the bytes of a file, on average."""
DTYPES = {
    "torch FloatStorage": torch.float32,
    "torch DoubleStorage": torch.float64,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
}
"""Name of a storage in a pickle -> type of its values."""
MAPPINGS = ("collections OrderedDict", "collections Counter")
LISTS = ("__builtin__ set", "builtins set", "torch Size")
BYTES = "_codecs encode"
TENSOR, PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The beginning of a file in the format of torch before version 1.6."""
LARGEST_SIZE = 1 << 62
MOST_AXES = 16
LARGEST_EMPTY = 1 << 20
"""Largest size of an axis of a tensor without elements."""


def read_plain(path: Path) -> Any:
    """The content of a file that `torch.save` wrote: tensors, numbers, texts, and dictionaries and lists of them.

    Sets and tuples in it become lists and tuples; attributes of dictionaries are dropped.

    Raises:
        ValueError: the file is no such zip, is damaged, claims more than it holds, or contains anything else.
    """
    what = f"the checkpoint '{path.name}'"
    with path.open("rb") as file:
        is_legacy = file.read(len(LEGACY)) == LEGACY
    todo = "if you trust it, load it with torch.load(weights_only=True) and save it again with torch.save"
    archives.require(not is_legacy, what, "a zip of tensors", "the format of torch before 1.6", todo)
    with archives.opened(path, "a zip of tensors", what, AGAIN) as archive:
        is_packed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
        archives.require(not is_packed, what, "a zip as torch.save writes it", "one with packed members", AGAIN)
        with archives.undamaged(what, "whole", AGAIN):
            return _TensorReader(archive, what).read()


class _TensorReader(StackMachine):
    """Reads the pickle of an open zip, and storages when the pickle refers to them."""

    names = frozenset({*DTYPES, *MAPPINGS, *LISTS, BYTES, TENSOR, PARAMETER})

    def __init__(self, archive: zipfile.ZipFile, what: str):
        super().__init__(what)
        self.archive = archive
        self.storages: dict[str, Tensor] = {}
        self.room = MOST_SHARED * sum(member.file_size for member in archive.infolist())
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        archives.require(len(pickles) == 1, what, "a zip with one data.pkl", len(pickles), AGAIN)
        self.root = pickles[0].removesuffix("data.pkl")

    def read(self) -> Any:
        """The content."""
        if self.root + "byteorder" in self.archive.namelist():
            order, todo = self._member("byteorder", 16), "save it again on a little-endian machine"
            archives.require(order == b"little", self.what, "in little-endian order", checks.quoted(order), todo)
        return self.run(self._member("data.pkl", LARGEST_PICKLE))

    def _member(self, name: str, most: int) -> bytes:
        info = self.archive.getinfo(self.root + name)
        must = f"with '{checks.shown(name)}' of at most {most} bytes"
        archives.require(info.file_size <= most, self.what, must, info.file_size, AGAIN)
        with self.archive.open(info) as member:
            return archives.read_exactly(member, info.file_size, self.what)

    def refer(self, persistent_id: Any) -> Tensor:
        """The values of the storage that a pickle refers to, one axis."""
        is_reference = isinstance(persistent_id, tuple) and len(persistent_id) == 5 and persistent_id[0] == "storage"
        self.require(is_reference, "a reference to something else than a storage")
        _, kind, key, _, count = persistent_id
        is_storage = isinstance(kind, Name) and kind.name in DTYPES and isinstance(key, str) and _are_sizes([count])
        self.require(is_storage, "a storage of an unknown kind")
        dtype = DTYPES[kind.name]
        if key not in self.storages:
            self.storages[key] = self._values(key, dtype, count)
        values = self.storages[key]
        self.require(values.dtype == dtype and len(values) == count, "a storage of two kinds or sizes")
        return values

    def _values(self, key: str, dtype: torch.dtype, count: int) -> Tensor:
        num_bytes = count * dtype.itemsize
        data = self._member(f"data/{key}", num_bytes)
        self.require(len(data) == num_bytes, f"a storage of {len(data)} bytes where {num_bytes} are needed")
        values = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        is_plain = dtype != torch.bool or not data or int(values.max()) < 2
        self.require(is_plain, "truth values other than 0 and 1")
        return values.view(dtype)

    def _tensor(self, values: Any, offset: Any, size: Any, stride: Any) -> Tensor:
        """A view of a storage; all of its elements lie in the storage, and there are no more than the storage has."""
        is_view = isinstance(values, Tensor) and isinstance(size, tuple) and isinstance(stride, tuple)
        is_view = is_view and len(size) == len(stride) <= MOST_AXES and _are_sizes([offset, *size, *stride])
        self.require(is_view, "a tensor without storage, size and stride")
        count, last = math.prod(size), offset + sum((n - 1) * step for n, step in zip(size, stride))
        inside = count <= len(values) and last < len(values) if count else max(size) <= LARGEST_EMPTY
        self.require(inside, f"a tensor of shape {checks.quoted(size)} from {len(values)} stored numbers")
        self.room -= count * values.element_size()
        self.require(self.room >= 0, f"tensors that use the bytes of the file more than {MOST_SHARED} times")
        return torch.as_strided(values, size, stride, offset if count else 0)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == TENSOR:
            self.require(len(arguments) >= 4, "a tensor without storage, size and stride")
            return self._tensor(*arguments[:4])
        if name == PARAMETER:
            self.require(len(arguments) > 0 and isinstance(arguments[0], Tensor), "a parameter without a tensor")
            return arguments[0]
        if name == BYTES:
            is_text = len(arguments) == 2 and isinstance(arguments[0], str) and arguments[1] == "latin1"
            self.require(is_text, "bytes of something else than a text")
            return str(arguments[0]).encode("latin1")
        inner = arguments[0] if arguments else ()
        self.require(len(arguments) < 2 and isinstance(inner, list | tuple | dict), "a container of something else")
        if name in LISTS:
            return list(inner)
        self.require(name in MAPPINGS, f"a call of {name}")
        return self.mapping({}, inner.items() if isinstance(inner, dict) else inner)


def _are_sizes(numbers: list[Any]) -> bool:
    return all(type(number) is int and 0 <= number < LARGEST_SIZE for number in numbers)
