"""A short description of a data set, in a few lines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.encoding import DONE
from trisect.variables import Categorical, Continuous, Factor

EFFECT = {"effect": "row t led to frame t", "cause": "row t led to frame t+1"}


def describe(name: str | Path, data: Any, shape: tuple[int, ...] | None = None) -> str:
    """Shape, variables, splits and interventions of a `Dataset`, and what was understood when it was converted.

    Args:
        name: its name, or the path of its folder.
        data: the data set.
        shape: shape of an observation, if it is not that of the data set.
    """
    splits = [data["train"]] if "train" in data else data.values()
    targeted = next((split.targeted for split in splits if hasattr(split, "targets")), ())
    frames = getattr(data, "frames_per_observation", 1)
    held = f" ({frames} frames in each)" if frames > 1 else ""
    shape = data.observation_shape if shape is None else shape
    lines = [f"{name}: observations {shape}{held}, targeted {', '.join(targeted) or 'none'}"]
    lines += _understood(getattr(data, "source", {}))
    lines += [f"  variable {each}: {describe_factors(data.variables, each)}" for each in data.variables.names]
    encoded = getattr(data, "source", {}).get("encoded", {})
    lines += [f"  targets of {each} were encoded: {DONE.get(done, done)}" for each, done in encoded.items()]
    for each, split in data.items():
        counts = "" if not hasattr(split, "targets") else _counts(split)
        lines.append(f"  split {each}: {len(split)} rows{counts}")
    return "\n".join(lines)


def _understood(source: Mapping[str, Any]) -> list[str]:
    """What was understood of the files that a data set was made of."""
    lines = [f"  found: {source['form']}"] if "form" in source else []
    lines += [f"  {each}" for each in source.get("said", [])]
    lines += [f"  {role}: {_listed(names)}" for role, names in source.get("columns", {}).items()]
    meaning = EFFECT.get(source.get("alignment") or "")
    lines += [f"  alignment: {source['alignment']}, {meaning}"] if meaning and "form" in source else []
    unused = source.get("left_out", [])
    lines += [f"  arrays that are not read: {_listed(source['unread'])}"] if source.get("unread") else []
    return lines + ([f"  columns left out: {_listed(unused)}"] if unused else [])


def _listed(names: str | list[str]) -> str:
    return names if isinstance(names, str) else checks.listed(names)


def describe_factors(variables: Any, name: str) -> str:
    """The kinds and ranges of a variable's factors, with their names unless a factor is the variable itself."""
    factors = [variables.factors[column] for column in variables.factor_columns(name)]
    return ", ".join(_kind(factor) if factor.name == name else f"{factor.name} {_kind(factor)}" for factor in factors)


def _kind(factor: Factor) -> str:
    if isinstance(factor, Categorical):
        return f"categorical (0 ... {factor.num_categories - 1})"
    if isinstance(factor, Continuous) and math.isfinite(factor.low) and math.isfinite(factor.high):
        return f"continuous in [{factor.low:g}, {factor.high:g}]"
    return factor.kind


def _counts(recording: Any) -> str:
    totals = recording.targets.sum(axis=0)
    seen = [f"{name} {int(n)}" for name, n in zip(recording.variables.names, totals) if n]
    number, longest = recording.num_episodes, int(np.diff(recording.starts, append=len(recording)).max())
    episodes = f"1 episode of {longest}" if number == 1 else f"{number} episodes of up to {longest}"
    return f", {episodes}; interventions: {', '.join(seen) or 'none'}"
