"""How often the closed form's statements are wrong, or needlessly doubtful: 100 worlds with known answers.

    python benchmarks/calibration.py                   # 100 worlds, then p-values where nothing is there
    python benchmarks/calibration.py --base 1          # 100 other worlds; base 0 is for reporting, others for tuning
    python benchmarks/calibration.py --groups dead few --no-nulls

The worlds are those of `sensor_worlds`:

ordinary    every kind, mixing, memory and policy; 1,000, 3,000 or 12,000 rows, in one episode or in episodes of 200
dead, thermostat, twins, coupled, shuffled, late      the faults
never       levels that are held and move nothing at all
few         6, 12, 25, 50 or 100 interventions on each variable in 2,000 rows, of strength 2, 1 or .5
weak        effects of a fortieth of the usual strength: a shift by .05 deviations

"Found" is *wrong* if the column is known to say nothing true, or if R2 of its variable from its slot is below .8 on
fresh rows; how often it is below .9, and below .9 of what all observations contain, is printed too. A *leak* is more
than .2 of another variable in a slot, beyond what its own true variable says of it; "coupled" must leak. The
statement's interval is *missed* if R2, as a share of what all observations contain, is below its low end. "Cannot tell"
and "not there" are *needless* if that share is at least .95. A version that says nothing counts as saying "found".

P-values: worlds in which no intervention does anything, so that p-values must be uniform, for targets that are
shuffled, single, or held; with the Kolmogorov-Smirnov test.

Every world writes one JSON file; worlds with a file are skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from closed_form_scores import Result, scores_of, stored, verdicts
from scipy.stats import kstest
from sensor_worlds import KINDS, MIXINGS, SensorWorld

MEMORIES, POLICIES, ROWS = (0.9, 0.0), ("single", "independent", "grouped", "held", "half"), (1000, 3000, 12_000)
COUNTS, STRENGTHS, FEW_ROWS, WEAK = (6, 12, 25, 50, 100), (2.0, 1.0, 0.5), 2000, 0.025
TWO_DIRECTIONS = ("grow", "shrink", "fix", "rule")
"""Kinds that move two variables in two directions; a shift of both moves one sum of them, and nothing tells which."""
GROUPS = {
    "ordinary": 40,
    "dead": 6,
    "thermostat": 6,
    "twins": 6,
    "coupled": 6,
    "shuffled": 6,
    "late": 6,
    "never": 4,
    "few": 15,
    "weak": 5,
}
"""Group -> its number of worlds."""
NULLS = {"shuffled": ("single", "shuffled"), "single": ("single", ""), "held": ("held", "")}
"""Null -> policy and fault."""
FIRST_SEED, SEEDS_PER_BASE, NULL_WORLDS = 100, 10_000, 40
WELL, BETTER, SURE, LEAK = 0.8, 0.9, 0.95, 0.2


@dataclass(frozen=True)
class Case:
    """A world with its number of rows and episodes; None for episodes of 200 rows."""

    name: str
    world: SensorWorld
    rows: int
    episodes: int | None = None


def cases(base: int, groups: list[str]) -> Iterator[Case]:
    """The worlds of the groups; the same whichever other groups are asked for."""
    number = 0
    for group, size in GROUPS.items():
        for index in range(size):
            seed = FIRST_SEED + base * SEEDS_PER_BASE + number
            number += 1
            if group in groups:
                yield drawn(group, index, seed)


def drawn(group: str, index: int, seed: int) -> Case:
    """The world of a group with this number."""
    rng = np.random.default_rng((4, seed))
    kind = KINDS[index % len(KINDS)]
    world = SensorWorld(
        kind=kind,
        mixing=str(rng.choice(MIXINGS, p=(0.7, 0.3))),
        memory=float(rng.choice(MEMORIES)),
        policy=str(rng.choice(POLICIES)),
        seed=seed,
    )
    rows, episodes = int(rng.choice(ROWS)), None if rng.random() < 0.5 else 1
    changes: dict[str, object] = {}
    if group == "few":
        strength, count = STRENGTHS[index // len(COUNTS)], COUNTS[index % len(COUNTS)]
        changes, rows = {"policy": "few", "num_interventions": count, "strength": strength}, FEW_ROWS
    elif group == "weak":
        changes = {"strength": WEAK, "kind": "shift" if index < 3 else kind}
    elif group == "never":
        changes = {"strength": 0.0, "policy": "held"}
    elif group != "ordinary":
        changes = {"fault": group}
    if group == "coupled":
        changes["kind"] = TWO_DIRECTIONS[index % len(TWO_DIRECTIONS)]
    if group == "late" and world.policy == "held":
        changes["policy"] = "single"
    return Case(f"{group}-{seed}", SensorWorld(**{**world.__dict__, **changes}), rows, episodes)


def nulls(base: int) -> Iterator[tuple[str, Case]]:
    """Worlds in which no intervention does anything, for every way to draw the targets."""
    for way, (policy, fault) in NULLS.items():
        for number in range(NULL_WORLDS):
            seed = FIRST_SEED + base * SEEDS_PER_BASE + 1000 + number
            kind, memory = KINDS[number % len(KINDS)], MEMORIES[number % 2]
            strength = 1.0 if fault else 0.0
            world = SensorWorld(kind=kind, memory=memory, policy=policy, fault=fault, strength=strength, seed=seed)
            yield way, Case(f"null-{way}-{seed}", world, 3000, 1 if number % 4 < 2 else None)


def result_of(case: Case, folder: Path) -> Result:
    """The stored result of a world."""
    return stored(folder / f"{case.name}.json", partial(scores_of, case.world, case.rows, case.episodes))


@dataclass(frozen=True)
class Said:
    """What was said of one column, and the truth."""

    where: str
    verdict: str
    own: float
    ceiling: float
    false: bool
    low: float | None
    leak: float = 0.0

    @property
    def is_wrong(self) -> bool:
        return self.claims and (self.false or self.own < WELL)

    @property
    def is_needless(self) -> bool:
        return not self.claims and not self.false and self.own >= SURE * self.ceiling

    @property
    def claims(self) -> bool:
        return self.verdict in ("found", "-")

    @property
    def misses(self) -> bool:
        return self.verdict == "found" and self.low is not None and self.own / self.ceiling < self.low


def said(name: str, result: Result) -> list[Said]:
    """One entry per column; a refusal counts as a doubt about a column of which nothing was found."""
    columns = range(len(result["false"]))
    if result["error"]:
        return [Said(f"{name} column {i}", "refused", 0.0, 1.0, result["false"][i], None) for i in columns]
    lows = [each["low"] for each in result["statements"]] if result["statements"] else [None] * len(columns)
    rows = zip(verdicts(result), result["own"], result["all"], result["false"], lows, result["beyond"])
    return [Said(f"{name} column {i}", *row) for i, row in enumerate(rows)]


def share(part: int, whole: int) -> str:
    """A count with its percentage."""
    return f"{part}/{whole} ({part / whole:.1%})" if whole else "0/0"


def line(title: str, all_said: list[Said]) -> str:
    """A row of the table."""
    claimed = [each for each in all_said if each.claims]
    doubted = [each for each in all_said if not each.claims]
    counts = " / ".join(
        str(sum(each.verdict in kinds for each in all_said))
        for kinds in (("found", "-"), ("cannot tell",), ("not there",), ("refused",))
    )
    true = [each for each in claimed if not each.false]
    below = (sum(each.own < BETTER for each in true), sum(each.own < BETTER * each.ceiling for each in true))
    cells = (
        title,
        counts,
        share(sum(each.is_wrong for each in claimed), len(claimed)),
        str(sum(each.false for each in claimed)),
        f"{below[0]}, {below[1]}",
        share(sum(each.leak > LEAK for each in true), len(true)),
        share(sum(each.misses for each in true), len(true)),
        share(sum(each.is_needless for each in doubted), len(doubted)),
    )
    return f"| {' | '.join(cells)} |"


def report(by_group: dict[str, list[Said]]) -> None:
    """The table by group, the total, and every wrong or needless statement."""
    counts = ("worlds", "found / cannot tell / not there / refused", "found: wrong", "of a column that says nothing")
    columns = (*counts, "below .9, below .9 of the ceiling", "with a leak", "interval missed", "doubts: needless")
    print(f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns), sep="\n")
    for group, all_said in by_group.items():
        print(line(group, all_said))
    every = [each for all_said in by_group.values() for each in all_said]
    print(line("all", every))
    listed("found, but wrong", [each for each in every if each.verdict == "found" and each.is_wrong])
    listed("needless doubts", [each for each in every if each.is_needless])


def listed(title: str, chosen: list[Said]) -> None:
    """One line per statement; the name of a world is that of its file."""
    print(f"\n{title}: {len(chosen)}")
    for each in chosen:
        falsely = ", says nothing true" if each.false else ""
        print(f"  {each.where}: {each.verdict}, R2 {each.own:.3f} of {each.ceiling:.3f}{falsely}")


def report_nulls(base: int, folder: Path) -> None:
    """Test the p-values of every null for uniformity."""
    values: dict[str, list[float]] = {way: [] for way in NULLS}
    claims = dict.fromkeys(NULLS, 0)
    for way, case in nulls(base):
        result = result_of(case, folder)
        values[way] += [each["p_value"] for each in result.get("statements") or ()]
        claims[way] += sum(each.claims for each in said(case.name, result))
    for way, sample in values.items():
        if sample:
            p, low, lower = kstest(sample, "uniform").pvalue, np.mean(np.array(sample) < 0.05), min(sample)
            shares, _ = np.histogram(sample, bins=10, range=(0, 1))
            print(
                f"p-values, {way}: {len(sample)}, KS p = {p:.3f}, below .05: {low:.1%}, smallest {lower:.4f}, "
                f"tenths {shares.tolist()}; found {claims[way]}"
            )


def main() -> None:
    """Run what has no file yet and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=int, default=0)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--no-nulls", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    args = parser.parse_args()
    by_group: dict[str, list[Said]] = {group: [] for group in args.groups}
    for case in cases(args.base, args.groups):
        by_group[case.name.rpartition("-")[0]] += said(case.name, result_of(case, args.out))
    report(by_group)
    if not args.no_nulls:
        report_nulls(args.base, args.out)


if __name__ == "__main__":
    main()
