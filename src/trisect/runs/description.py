"""The descriptions in run.json and finished.json, checked entry by entry before anything is built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.methods.earlier import make_in
from trisect.training.history import Cost
from trisect.variables import VariableSpace

LARGEST_SIZE = 1 << 20
"""Largest size of an axis of an observation."""
LARGEST_COST = 1e12


@dataclass(frozen=True)
class Facts:
    """What run.json says about the data of a run.

    Attributes:
        path: the data set's folder, or None for data in memory.
        data_hash: SHA-256 of the training and validation recordings.
        shape: shape of a stored observation: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        findings: findings of the inspection of the data.
        reused: facts about a reused autoencoder, if there is one.
    """

    path: Path | None
    data_hash: str
    shape: tuple[int, ...]
    targeted: tuple[str, ...]
    findings: tuple[Mapping[str, Any], ...]
    reused: Mapping[str, Any] | None


def read_facts(described: Mapping[str, Any], file: Path) -> Facts:
    """The facts in the content of run.json.

    Raises:
        KeyError, TypeError: an entry is missing, or is something else.
        ValueError: an entry has a wrong value.
    """
    data, findings = _mapping(described["data"], "data", file), described.get("findings", [])
    variables = VariableSpace.from_json(data["variables"]).names if "variables" in data else None
    targeted = checks.unique_names(_list(data["targeted"], "targeted", file), f"'targeted' in {file}")
    for name in targeted if variables is not None else ():
        checks.one_of(name, variables or (), f"a targeted variable in {file}")
    reused = described.get("autoencoder")
    return Facts(
        None if data["path"] is None else Path(_text(data["path"], "path", file)),
        _text(data["hash"], "hash", file),
        read_shape(data["shape"], file),
        targeted,
        tuple(_mapping(finding, "findings", file) for finding in _list(findings, "findings", file)),
        None if reused is None else _mapping(reused, "autoencoder", file),
    )


def read_shape(stored: Any, file: Path) -> tuple[int, ...]:
    """The shape of an observation, as stored.

    Raises:
        ValueError: it is not a list of one or three sizes.
    """
    what = f"the shape of observations in {file}"
    shape = tuple(checks.positive_int(size, what) for size in _list(stored, "shape", file))
    must, got = "(height, width, channels) or (dims,)", checks.quoted(shape)
    checks.require(len(shape) in (1, 3), what, must, got)
    checks.require(max(shape) <= LARGEST_SIZE, what, f"at most {LARGEST_SIZE} along each axis", got)
    return shape


def read_record(finished: Mapping[str, Any], file: Path) -> tuple[Cost, Mapping[str, Any], dict[str, Any]]:
    """Cost, history and make in the content of finished.json; errors as `read_facts`."""
    history = _mapping(finished["history"], "history", file)
    for stage in history.values():
        _mapping(stage, "history", file)
    _mapping(finished.get("make", {}), "make", file)
    return read_cost(finished["cost"], file), history, make_in(finished)


def read_distances(stored: Any, file: Path) -> dict[str, float]:
    """The mean distances of a causal encoder, by factor; errors as `read_facts`."""
    distances = _mapping(stored, "distances", file)
    for value in distances.values():
        checks.in_range(value, f"a distance in {file}", 0.0, LARGEST_COST)
    return distances


def read_cost(stored: Any, file: Path) -> Cost:
    """The cost of a training in plain types; errors as `read_facts`."""
    names = [field.name for field in fields(Cost)]
    for name, value in _mapping(stored, "cost", file).items():
        checks.one_of(name, names, f"a key of 'cost' in {file}")
        is_unknown = isinstance(value, float) and math.isnan(value)  # where the system does not report it
        checks.in_range(0.0 if is_unknown else value, f"'{name}' in {file}", 0.0, LARGEST_COST)
    return Cost(**stored)


def _mapping(value: Any, name: str, file: Path) -> dict[str, Any]:
    checks.require(isinstance(value, dict), f"'{name}' in {file}", "an object", checks.quoted(value))
    return dict(value)


def _list(value: Any, name: str, file: Path) -> list[Any]:
    checks.require(isinstance(value, list), f"'{name}' in {file}", "a list", checks.quoted(value))
    return list(value)


def _text(value: Any, name: str, file: Path) -> str:
    is_text = isinstance(value, str) and "\0" not in value
    checks.require(is_text, f"'{name}' in {file}", "a text", checks.quoted(value))
    return str(value)
