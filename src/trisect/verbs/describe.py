"""What lies in a data set, in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def describe(path: Path, data: Any) -> str:
    """Shape, variables, splits and interventions of a `Dataset` at a path."""
    lines = [f"{path}: observations {data.observation_shape}, targeted {', '.join(data.targeted) or 'none'}"]
    lines += [f"  variable {line}" for line in data.variables.describe()]
    for name, split in data.items():
        counts = "" if not hasattr(split, "targets") else _counts(split)
        lines.append(f"  split {name}: {len(split)} rows{counts}")
    return "\n".join(lines)


def _counts(recording: Any) -> str:
    totals = recording.targets.sum(axis=0)
    seen = [f"{name} {int(n)}" for name, n in zip(recording.variables.names, totals) if n]
    return f", {recording.num_episodes} episodes; interventions: {', '.join(seen) or 'none'}"
