"""Reading of published checkpoints: zips of tensors and plain types, from which nothing is ever executed."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trisect import checks

KINDS = ("autoencoder", "causal-encoder", "citris-vae", "citris-nf")
AGAIN = "copy or download it again"


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


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file; only tensors, numbers, texts and containers of them are accepted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not a checkpoint, is cut short or damaged, contains an object that reading would have
            to execute, or contains an unknown model; or a tensor is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(checks.sentence("a checkpoint", "a file", f"no file '{path}'", "check the path"))
    stored = _read_plain(path)
    what, must = f"the file '{path.name}'", "a checkpoint with a state_dict of tensors"
    state = stored.get("state_dict") if isinstance(stored, Mapping) else None
    is_state = isinstance(state, Mapping) and all(isinstance(value, Tensor) for value in state.values())
    checks.require(is_state, what, must, "something else", "export the model with the published code")
    assert isinstance(stored, Mapping) and isinstance(state, Mapping)
    for name, value in state.items():
        finite = bool(torch.isfinite(value.float()).all())
        checks.require(finite, f"the tensor {name} of '{path.name}'", "finite", "NaN or infinity", AGAIN)
    settings, step = stored.get("hyper_parameters") or {}, stored.get("global_step") or 0
    return Checkpoint(path, _kind(state, path), dict(state), dict(settings), int(step))


def _read_plain(path: Path) -> Any:
    """Content of the file; the reader of its pickle only accepts tensors and plain types."""
    what = f"the checkpoint '{path.name}'"
    if not zipfile.is_zipfile(path):
        raise ValueError(checks.sentence(what, "a zip of tensors", "another file, or half of one", AGAIN))
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        lines = (line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "Unsupported" in line)
        detail = next(lines, "")
        got = f"an object that reading would execute ({detail})" if detail else "an object that reading would execute"
        raise ValueError(checks.sentence(what, "of tensors and plain values", got, "do not trust it")) from error
    except (RuntimeError, EOFError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(checks.sentence(what, "whole", first[:200], AGAIN)) from error


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
    got = f"tensors under {', '.join(sorted(prefixes)[:8]) or 'no name'}"
    raise ValueError(checks.sentence(what, "a published one", got, todo))
