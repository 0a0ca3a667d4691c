"""All attacks, and trying them in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.hostile import array_attacks, text_attacks, weight_attacks
from tests.hostile.attack import Attack

ROOT = Path(__file__).parents[2]
FEW, ALL = (12, 24), (60, 1)
"""Flipped bits and cuts per file, and of how many mutations one is tried: in every run of the tests, and in full."""
SURVIVED = ("sentence", "right value")


def all_attacks(samples: Path, number: int, every: int) -> Iterator[Attack]:
    """Every attack; see `FEW` for the arguments."""
    yield from array_attacks.attacks(number)
    yield from weight_attacks.attacks(number)
    yield from text_attacks.attacks(samples, number, every)


def outcomes(samples: Path, number: int, every: int, seconds: int) -> list[dict[str, Any]]:
    """Try all attacks; a crash or a hang becomes the outcome of the attack at which it happens."""
    command = [sys.executable, "-m", "tests.hostile.child", str(samples), str(number), str(every)]
    places = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in places if place)}
    try:
        run = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, timeout=seconds, text=True)
        output, end = run.stdout, "" if run.returncode == 0 else f"ended with {run.returncode}: {run.stderr[-2000:]}"
    except subprocess.TimeoutExpired as late:
        output, end = (late.stdout or b"").decode(), f"more than {seconds} seconds"
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    found = [line for line in lines if "outcome" in line]
    if end:
        kind, _, name = lines[-1]["begins"].rpartition(": ") if lines and "begins" in lines[-1] else ("start", "", "")
        found.append({"kind": kind, "name": name, "outcome": "crash or hang", "message": end, "seconds": 0.0})
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Attack, tried, and how many of them ended how."""
    kinds = list(dict.fromkeys(each["kind"].split(" in ")[0] for each in found))
    lines = [f"{'attack':42} {'tried':>6} {'sentence':>9} {'right':>6} {'lost':>5}"]
    for kind in kinds:
        of_kind = [each["outcome"] for each in found if each["kind"].split(" in ")[0] == kind]
        lost = sum(outcome not in SURVIVED for outcome in of_kind)
        counts = of_kind.count("sentence"), of_kind.count("right value")
        lines.append(f"{kind:42} {len(of_kind):6} {counts[0]:9} {counts[1]:6} {lost:5}")
    all_lost = sum(each["outcome"] not in SURVIVED for each in found)
    lines.append(f"{'all':42} {len(found):6} {'':9} {'':6} {all_lost:5}")
    return "\n".join(lines)
