"""Published checkpoints: zips of tensors and plain types, from which nothing is ever executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trisect import checks
from trisect.models.published.plain_reader import AGAIN, read_plain

__all__ = ["AGAIN", "KINDS", "Checkpoint", "read_checkpoint"]

KINDS = ("autoencoder", "causal-encoder", "citris-vae", "citris-nf")
MOST_TENSORS = 10_000
LARGEST_NUMBER = 1e6


@dataclass(frozen=True)
class Checkpoint:
    """The content of a file of the published code.

    Attributes:
        path: the file.
        kind: one of `KINDS`.
        state: name -> tensor, as stored.
        settings: the hyper-parameters of the published code, as plain types.
        step: number of optimiser steps of the model's training.
    """

    path: Path
    kind: str
    state: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    step: int

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with a prefix, under their names without it."""
        return {name.removeprefix(prefix): value for name, value in self.state.items() if name.startswith(prefix)}

    def tensor(self, name: str) -> Tensor:
        """The tensor of this name.

        Raises:
            ValueError: there is no tensor of this name.
        """
        what, must = f"the checkpoint '{self.path.name}' ({self.kind})", f"one with the tensor {name}"
        checks.require(name in self.state, what, must, "none of that name", AGAIN)
        return self.state[name]

    def sizes(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor with this number of axes.

        Raises:
            ValueError: there is no tensor of this name, or it has another number of axes.
        """
        shape = tuple(self.tensor(name).shape)
        what = f"the tensor {name} of '{self.path.name}'"
        checks.require(len(shape) == axes, what, f"one of {axes} axes", f"the shape {shape}", AGAIN)
        return shape

    def number(self, name: str, default: float) -> float:
        """A hyper-parameter from 0 to `LARGEST_NUMBER`, or the default if there is none."""
        what = f"the hyper-parameter {name} of '{self.path.name}'"
        return checks.in_range(self.settings.get(name, default), what, 0.0, LARGEST_NUMBER)

    def flag(self, name: str, default: bool) -> bool:
        """A hyper-parameter that is true or false, or the default if there is none."""
        value, what = self.settings.get(name, default), f"the hyper-parameter {name} of '{self.path.name}'"
        checks.require(isinstance(value, bool), what, "True or False", checks.quoted(value))
        return bool(value)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file; only tensors, numbers, texts and containers of them are accepted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not a checkpoint, is cut short or damaged, contains an object that reading would have
            to execute, or contains an unknown model; or a tensor is empty or not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(checks.sentence("a checkpoint", "a file", f"no file '{path}'", "check the path"))
    stored = read_plain(path)
    state = _state(stored, path)
    settings, step = stored.get("hyper_parameters") or {}, stored.get("global_step") or 0
    what = f"the hyper_parameters of '{path.name}'"
    checks.require(isinstance(settings, Mapping), what, "a mapping", type(settings).__name__, AGAIN)
    return Checkpoint(
        path, _kind(state, path), state, settings, checks.positive_int(step, f"the step of '{path.name}'", 0)
    )


def _state(stored: Any, path: Path) -> dict[str, Tensor]:
    """The tensors, by name."""
    what, must = f"the file '{path.name}'", "a checkpoint with a state_dict of tensors"
    state = stored.get("state_dict") if isinstance(stored, Mapping) else None
    is_state = isinstance(state, Mapping) and all(isinstance(value, Tensor) for value in state.values())
    checks.require(is_state, what, must, "something else", "export the model with the published code")
    state = dict(state or {})
    checks.require(len(state) <= MOST_TENSORS, what, f"one of at most {MOST_TENSORS} tensors", len(state))
    for name, value in state.items():
        checks.require(isinstance(name, str), what, must + " with names", f"the name {checks.quoted(name)}", AGAIN)
        must_be, tensor = "not empty", f"the tensor {checks.shown(name)} of '{path.name}'"
        checks.require(value.numel() > 0, tensor, must_be, f"the shape {tuple(value.shape)}", AGAIN)
        checks.require(bool(torch.isfinite(value).all()), tensor, "finite", "NaN or infinity", AGAIN)
    return state


def _kind(names: Iterable[str], path: Path) -> str:
    """The kind of the model, by the prefixes of its tensors' names."""
    prefixes = {name.split(".")[0] for name in names}
    what, todo = f"the model in '{path.name}'", f"the known models are {', '.join(KINDS)}"
    if prefixes & {"mi_estimator", "prior"}:
        raise ValueError(checks.sentence(what, "one of CITRIS", "one of iCITRIS", todo))
    if "autoencoder" in prefixes and {"flow", "prior_t1"} <= prefixes:
        return "citris-nf"
    if {"encoder", "decoder", "prior_t1"} <= prefixes:
        return "citris-vae"
    if {"encoder", "pred_layers"} <= prefixes:
        return "causal-encoder"
    if {"encoder", "decoder"} <= prefixes:
        return "autoencoder"
    got = f"tensors under {checks.shown(', '.join(sorted(prefixes)[:8])) or 'no name'}"
    raise ValueError(checks.sentence(what, "a published one", got, todo))
