"""The closed form on every kind of intervention, mixing, memory and policy, with a known answer.

    python benchmarks/kinds.py                                    # 6 kinds x 2 mixings x 2 memories, seeds 0 to 4
    python benchmarks/kinds.py --policies single independent grouped held half
    python benchmarks/kinds.py --kinds shrink shift --memories 0 --seeds 5 6 7     # seeds from 5 on are for tuning
    PYTHONPATH=OTHER/src python benchmarks/kinds.py --out runs/kinds-other         # another version of the package

The worlds are those of `sensor_worlds`: 5 variables, 8 nuisance values, 12,000 rows, scored on 6,000 fresh rows. By
default levels ("hold") are held and everything else has single targets. Every finished run writes one JSON file; runs
with a file are skipped. The table has one row per cell, over all seeds:

own       R2 of a variable from its slot: mean and worst
beyond    what a slot contains of another variable and its own true variable does not: largest per slot, mean and worst
plain     largest R2 of another variable from a slot, mean; the variables of these worlds predict each other in part
ceiling   R2 of a variable from all observations by the same probe, mean
verdicts  number of variables that were found / cannot tell / not there, and the worst own R2 of those found
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from closed_form_scores import Result, scores_of, stored, verdicts
from sensor_worlds import KINDS, MIXINGS, POLICIES, SensorWorld

ROWS, SEEDS, MEMORIES = 12_000, (0, 1, 2, 3, 4), (0.9, 0.0)
Cell = tuple[str, str, float, str]
SCORES = ("own mean, worst", "beyond mean, worst", "plain", "ceiling")
COLUMNS = ("kind", "mixing", "memory", "policy", *SCORES, "found / cannot tell / not there", "worst found", "CPU-s")


def cells(args: argparse.Namespace) -> list[Cell]:
    """All combinations; without named policies, each kind has one."""
    made = []
    for kind, mixing, memory in itertools.product(args.kinds, args.mixings, args.memories):
        policies = args.policies or ["held" if kind == "hold" else "single"]
        made += [(kind, mixing, memory, policy) for policy in policies]
    return made


def result_of(cell: Cell, seed: int, folder: Path) -> Result:
    """The stored result of a run."""
    kind, mixing, memory, policy = cell
    world = SensorWorld(kind=kind, mixing=mixing, memory=memory, policy=policy, seed=seed)
    name = "-".join([kind, mixing, f"{memory:g}", policy, str(seed)])
    return stored(folder / f"{name}.json", lambda: scores_of(world, ROWS))


def row(cell: Cell, results: list[Result]) -> str:
    """A cell as a line of a table."""
    kind, mixing, memory, policy = cell
    scored = [result for result in results if not result["error"]]
    said = [verdict for result in results for verdict in verdicts(result)]
    start = f"| {kind} | {mixing} | {memory:g} | {policy} |"
    if not scored:
        return f"{start} refused: {results[0]['error']} |"
    own, beyond, plain, ceiling = (
        np.concatenate([result[key] for result in scored]) for key in ("own", "beyond", "plain", "all")
    )
    counts = " / ".join(str(said.count(verdict)) for verdict in ("found", "cannot tell", "not there"))
    kept = own[[verdict == "found" for result in scored for verdict in verdicts(result)]]
    seconds = np.mean([result["cpu_seconds"] for result in scored])
    return (
        f"{start} {own.mean():.3f}, {own.min():.3f} | {beyond.mean():.3f}, {beyond.max():.3f} | {plain.mean():.2f}"
        f" | {ceiling.mean():.3f} | {'-' if '-' in said else counts} | {f'{kept.min():.3f}' if kept.size else '-'}"
        f" | {seconds:.1f} |"
    )


def main() -> None:
    """Run what has no file yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--mixings", nargs="+", choices=MIXINGS, default=MIXINGS)
    parser.add_argument("--memories", nargs="+", type=float, default=MEMORIES)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=None)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, default=Path("runs/kinds"))
    args = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS), sep="\n")
    for cell in cells(args):
        print(row(cell, [result_of(cell, seed, args.out) for seed in args.seeds]), flush=True)


if __name__ == "__main__":
    main()
