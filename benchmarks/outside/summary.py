"""A row of numbers for each evaluated run: what frames show, latents hold and slots keep, leakage, decoding, and cost.

    python benchmarks/outside/summary.py runs/arm-1 runs/arm-2

Every run folder must hold the report.json of `trisect evaluate`. The columns:

- own: R2 of every variable from its own slot,
- beyond: mean over the variables' slots of the largest R2 of another variable, beyond what the true variable predicts,
- seen: AUROC with which pairs of frames, all latents and the own slot tell interventions, means over variables,
- doubted: variables of which training does not say that they are found,
- drawn: error of a swapped slot read back from decoded frames, in units of its spread, mean over variables,
- CPU-s: of the training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

PROBES = ("frames", "latents", "slot")
HEAD = ("run", "own", "beyond", "seen: frames, latents, slot", "doubted", "drawn", "CPU-s")


def row(report: dict[str, Any], name: str) -> list[str]:
    """The cells of one run.

    Args:
        report: content of its report.json.
        name: name of the run.
    """
    names, scores, seen = report["targeted"], report["r2"], report["visibility"] or {}
    own = [scores["matrix"][scores["rows"].index(each)][scores["columns"].index(each)] for each in names]
    drawn = [each["swapped"] for each in ((report.get("decoding") or {}).get("slots") or {}).values()]
    doubted = [each["variable"] for each in report["statements"] or [] if each["verdict"] != "found"]
    return [
        name,
        ", ".join(f"{variable} {_short(value)}" for variable, value in zip(names, own)),
        f"{_beyond(report['leakage_beyond'], names):.3f}",
        ", ".join(_mean([seen[each].get(probe, {}).get("auroc") for each in seen]) for probe in PROBES),
        ", ".join(doubted),
        _mean(drawn),
        f"{report['cost']['cpu_seconds']:.0f}",
    ]


def _beyond(scores: dict[str, Any], names: list[str]) -> float:
    largest = []
    for name in names:
        values = dict(zip(scores["columns"], scores["matrix"][scores["rows"].index(name)]))
        largest.append(
            max((value for other, value in values.items() if other != name and value is not None), default=0.0)
        )
    return float(np.mean(largest))


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return _short(float(np.mean(known))) if known else ""


def _short(value: float | None) -> str:
    if value is None:
        return "n/a"
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0") else text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of an evaluated run")
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for run in parser.parse_args().runs:
        file = run / "report.json"
        if not file.exists():
            parser.error(f"a run must be evaluated; got no report.json in {run}; run trisect evaluate {run}")
        print(f"| {' | '.join(row(json.loads(file.read_text()), run.name))} |")


if __name__ == "__main__":
    main()
