"""One run of the closed form on a sensor world with a known answer: its scores on fresh rows and its statements."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from polynomial_probe import beyond_truth, conditional, matrix, r2
from sensor_worlds import Record, SensorWorld, record

from trisect.models.closed_form import identify

SCORING_ROWS, TRAINING, SCORING = 6000, 0, 1
Result = dict[str, Any]


def stored(file: Path, run: Callable[[], Result]) -> Result:
    """The result in a file; it is made and written first if there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".partial")
        temporary.write_text(json.dumps(run()))
        temporary.replace(file)
    result: Result = json.loads(file.read_text())
    return result


def scores_of(world: SensorWorld, rows: int, episodes: int | None = None, sample: int = 0) -> Result:
    """Fit the closed form to rows of a world and score it on others, as `outcome`; with the world's settings."""
    training = record(world, rows, 2 * sample + TRAINING, episodes)
    fresh = record(world, SCORING_ROWS, 2 * sample + SCORING)
    return {"world": asdict(world), "rows": rows, "sample": sample, **outcome(training, fresh)}


def outcome(training: Record, fresh: Record) -> Result:
    """Scores and statements, one entry per column of the targets; lists of rows are (columns, K).

    Keys:
        error: the message if the closed form refuses the data; nothing else but `interventions` is there then.
        cpu_seconds: of the closed form.
        interventions: number of each column's.
        false: whether the column says nothing true about its variable.
        r2: R2 of each variable from each slot.
        own: R2 of the column's variable from its slot.
        all: R2 of the column's variable from all observations: no slot can do better.
        beyond, conditional: largest over the other variables, as `polynomial_probe` defines them.
        plain: largest R2 of another variable from the slot; includes what the variables share in this world.
        sizes: number of latents of each slot.
        statements: what the closed form says of each column, as JSON; None if this version says nothing.
    """
    common = {"interventions": training.targets.sum(axis=0).tolist(), "false": training.false.tolist(), "error": None}
    start = time.process_time()
    try:
        found = identify(training.before, training.after, training.targets, None, training.names)
    except ValueError as error:
        return {**common, "error": str(error)}
    seconds = time.process_time() - start
    new = found.transform(fresh.after)
    inputs = (new, found.slots, fresh.values, fresh.variables)
    scores, columns = matrix(*inputs), range(len(fresh.variables))
    others = scores.copy()
    others[columns, fresh.variables] = 0
    return {
        **common,
        "cpu_seconds": seconds,
        "r2": scores.tolist(),
        "own": scores[columns, fresh.variables].tolist(),
        "all": r2(fresh.after, fresh.values)[fresh.variables].tolist(),
        "plain": others.max(axis=1).tolist(),
        "beyond": beyond_truth(*inputs).max(axis=1).tolist(),
        "conditional": conditional(*inputs).max(axis=1).tolist(),
        "sizes": [int((found.slots == slot).sum()) for slot in columns],
        "statements": statements(found, training.names),
    }


def statements(found: object, names: list[str]) -> list[Result] | None:
    """One statement per column, in the order of the columns."""
    made = getattr(found, "statements", None)
    if not made:
        return None
    by_name = {statement.variable: statement.to_json() for statement in made}
    return [by_name[name] for name in names]


def verdicts(result: Result) -> list[str]:
    """One verdict per column; "refused" if the closed form refused the data, "-" if it says nothing."""
    if result["error"]:
        return ["refused"] * len(result["interventions"])
    return [s["verdict"] for s in result["statements"]] if result["statements"] else ["-"] * len(result["own"])
