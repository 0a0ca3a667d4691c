"""Weights in safetensors files from strangers: names, types and sizes are compared with a model's before they are used.

A safetensors file holds numbers only. Its header says what there is; the values are read last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from trisect import checks
from trisect.files import has_text_name

AGAIN = "copy or make it again"
NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""Name of a type in a safetensors file -> name of the type of a tensor."""
DAMAGE = (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OverflowError, MemoryError)


@dataclass(frozen=True)
class Kind:
    """Type and shape of a tensor."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} of shape {checks.quoted(self.shape)}"


Kinds = Mapping[str, Kind]
"""Name of a tensor -> its type and shape."""


def kinds_in(file: Path, todo: str = AGAIN) -> dict[str, Kind]:
    """What a safetensors file contains, from its header.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a whole safetensors file.
    """
    if not file.is_file():
        raise FileNotFoundError(checks.sentence(f"the weights {file}", "there", "no such file", todo))
    if not has_text_name(file):  # the library opens no other
        return kinds_of(tensors_in(file.read_bytes(), file, todo))
    try:
        with safe_open(file, "pt") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
            return {name: Kind(_dtype(each.get_dtype()), tuple(each.get_shape())) for name, each in slices.items()}
    except DAMAGE as error:
        raise ValueError(_not_whole(f"the weights in {file}", error, todo)) from error


def kinds_of(tensors: Mapping[str, Tensor]) -> dict[str, Kind]:
    """The types and shapes of tensors."""
    return {name: Kind(str(each.dtype).removeprefix("torch."), tuple(each.shape)) for name, each in tensors.items()}


def num_values(kinds: Kinds) -> int:
    """Number of values of all tensors."""
    return sum(prod(kind.shape) for kind in kinds.values())


def tensors_in(content: bytes, file: Path, todo: str = AGAIN) -> dict[str, Tensor]:
    """The tensors in the content of a safetensors file; raises `ValueError` if it is not a whole one."""
    try:
        return load(content)
    except DAMAGE as error:
        raise ValueError(_not_whole(f"the file {file}", error, todo)) from error


def check_kinds(found: Kinds, expected: Kinds, file: Path, todo: str = AGAIN, what: str = "the tensors") -> None:
    """Raise `ValueError` for tensors that are missing or additional, or have another type or shape than expected."""
    for one, two, prefix in ((expected, found, "no"), (found, expected, "another,")):
        names = sorted(name for name in one if name not in two)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        got = f"{prefix} '{checks.shown((names or [''])[0])}'{more}"
        checks.require(not names, f"{what} in {file}", "those of the model", got, todo)
    for name, kind in sorted(found.items()):
        checks.require(kind == expected[name], f"the tensor '{name}' in {file}", str(expected[name]), str(kind), todo)


def check_finite(tensors: Mapping[str, Tensor], whose: Path, todo: str = "train and export the model again") -> None:
    """Raise `ValueError` for weights that are not finite."""
    for name, tensor in sorted(tensors.items()):
        is_finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
        what = f"the tensor '{checks.shown(name)}' in {whose}"
        checks.require(is_finite, what, "finite", "NaN or infinity", todo)


def _dtype(name: str) -> str:
    return NAMES.get(name, str(name))


def _not_whole(what: str, error: Exception, todo: str) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return checks.sentence(what, "a whole safetensors file", checks.shown(first, 120), todo)
