"""Building a model that a stranger's file describes: tensors are counted before they get memory.

A description of a few bytes can ask for layers of any size. While a model is built in `at_most`, every new tensor is
added up first, and the tensor that exceeds what the file's weights justify is refused instead of made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from trisect import checks

ROOM = 4
"""How many values may be made per stored value: weights are made and then loaded, and masks are made for them."""
SPARE = 1 << 22
"""Number of values that may be made for the smallest file."""
SIZED = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)
COUNTED: tuple[Callable[..., Any], ...] = (torch.linspace, torch.arange, torch.randperm)
REPEATED: tuple[Callable[..., Any], ...] = (
    torch.repeat_interleave,
    Tensor.repeat_interleave,
    torch.nn.functional.one_hot,
)
"""Functions whose first argument is a tensor, and the second how often its values are repeated."""


@contextmanager
def at_most(num_stored: int, what: str, todo: str = "") -> Iterator[None]:
    """Build a model in the block from a description that may be wrong.

    Args:
        num_stored: number of values in the file of its weights.
        what: name of the model, for messages.
        todo: what to do, for messages.

    Raises:
        ValueError: the model needs far more values than the file has, or has impossible sizes.
    """
    with checks.buildable(what, todo), _Counting(ROOM * num_stored + SPARE, what, todo):
        yield


class _Counting(TorchFunctionMode):
    """Adds up the values of new tensors."""

    def __init__(self, most: int, what: str, todo: str):
        super().__init__()
        self.left, self.what, self.todo = most, what, todo

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        keywords = keywords or {}
        self.left -= _num_values(function, arguments, keywords)
        checks.require(self.left >= 0, self.what, "valid", "one far larger than the file of its weights", self.todo)
        return function(*arguments, **keywords)


def _num_values(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> int:
    """Number of values that a call makes; an upper bound of it for `COUNTED`, and 0 for other functions."""
    given = [*arguments, *(value for name, value in keywords.items() if name in ("size", "n", "m", "steps", "repeats"))]
    if function in SIZED:
        return prod(_integers(given[:1] if function is torch.full else given))
    if function is torch.eye:
        sizes = _integers(given)
        return sizes[0] * sizes[-1] if sizes else 0
    if function in COUNTED:
        return max(_integers(given), default=0)
    if function in REPEATED or function is Tensor.repeat:
        repeats = _integers(given[1:] if function is Tensor.repeat else given[1:2])
        return given[0].numel() * prod(repeats)
    return 0


def _integers(values: Sequence[Any]) -> list[int]:
    """The integers among the values and in their lists."""
    flat = [inner for value in values for inner in (value if isinstance(value, list | tuple) else [value])]
    return [value for value in flat if isinstance(value, int) and not isinstance(value, bool)]
