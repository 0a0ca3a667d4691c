"""Calling what others made: in evaluation mode, where its weights lie, with every answer checked."""

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
    """Switch every part of a module to evaluation mode, and afterwards each back to its own."""
    modes = {part: part.training for part in model.modules()} if isinstance(model, nn.Module) else {}
    try:
        if isinstance(model, nn.Module):
            model.eval()
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def owner(function: Function) -> nn.Module | None:
    """The module that a function is, or is a method of; None for others."""
    for candidate in (function, getattr(function, "__self__", None)):
        if isinstance(candidate, nn.Module):
            return candidate
    return None


def call(function: Function, inputs: Tensor) -> Any:
    """What a function answers, in evaluation mode; the inputs go to where its weights lie.

    Args:
        function: of one tensor.
        inputs: (batch, ...).
    """
    module = owner(function)
    weights = chain(module.parameters(), module.buffers()) if module is not None else iter(())
    first = next(weights, inputs)
    with evaluation_mode(module):
        return function(inputs.to(first.device))


def as_latents(output: Any, num_rows: int, whose: str) -> Float[Tensor, "samples latents"]:
    """What an encoder answered, as float32 latents, wherever they lie.

    Args:
        output: tensor or array.
        num_rows: observations that it was given.
        whose: the encoder, for messages.

    Raises:
        TypeError: no tensor and no array.
        ValueError: not one row of latents per observation, or values that are not finite.
    """
    what = f"the output of {whose}"
    if not isinstance(output, (Tensor, np.ndarray)):
        todo = "return the latents alone"
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
