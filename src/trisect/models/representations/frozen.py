"""Calls of external modules: in evaluation mode, on the device of their weights, with every output checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks

Function: TypeAlias = Callable[..., Any]
"""A module, a method of one, or any other callable."""


@contextmanager
def evaluation_mode(model: object) -> Iterator[None]:
    """Switch a module to evaluation mode, and afterwards restore the mode of each of its modules."""
    modes = {module: module.training for module in model.modules()} if isinstance(model, nn.Module) else {}
    try:
        if isinstance(model, nn.Module):
            model.eval()
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def owner(function: Function) -> nn.Module | None:
    """The module that a function is, or is a method of; None for other functions."""
    for candidate in (function, getattr(function, "__self__", None)):
        if isinstance(candidate, nn.Module):
            return candidate
    return None


def call(function: Function, inputs: Tensor) -> Any:
    """Call a function in evaluation mode, with the inputs moved to the device of its weights.

    Args:
        function: takes one tensor.
        inputs: (batch, ...).
    """
    module = owner(function)
    weights = chain(module.parameters(), module.buffers()) if module is not None else iter(())
    first = next(weights, inputs)
    with evaluation_mode(module):
        return function(inputs.to(first.device))


def as_latents(output: Any, num_rows: int, whose: str) -> Float[Tensor, "samples latents"]:
    """Check the output of an encoder, and return it as float32 latents on its device.

    Args:
        output: tensor or array.
        num_rows: number of observations that the encoder got.
        whose: the encoder, for messages.

    Raises:
        TypeError: the output is neither a tensor nor an array.
        ValueError: there is not one row of latents per observation, or a value is not finite.
    """
    what = f"the output of {whose}"
    if not isinstance(output, (Tensor, np.ndarray)):
        todo = "return only the latents"
        raise TypeError(checks.sentence(what, "a tensor or an array", type(output).__name__, todo))
    shape = tuple(output.shape)
    todo = "flatten or pool each observation's output into one vector"
    checks.require(len(shape) == 2 and shape[1] > 0, f"the shape of {what}", "(batch, latents)", shape, todo)
    got = f"{shape[0]} rows for {num_rows} observations"
    checks.require(shape[0] == num_rows, what, "one row per observation", got)
    latents = torch.as_tensor(output).to(torch.float32)
    bad = (~torch.isfinite(latents)).any(dim=1).nonzero()
    first = f"{latents[bad[0, 0]].flatten()[:4].tolist()} in row {int(bad[0, 0])}" if len(bad) else ""
    checks.require(not len(bad), what, "finite", first)
    return latents
