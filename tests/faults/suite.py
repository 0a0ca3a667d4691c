"""The whole suite: all attacks, the file of results, and the table."""

from __future__ import annotations

import json
import signal
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults import attacks
from tests.faults.attacks import Attack
from tests.faults.flips import flips, kinds
from tests.faults.verbs import Stage, Verb

SEED = 20


@dataclass(frozen=True)
class Extent:
    """How many attacks of each kind; None: all that there are.

    Attributes:
        calls: kills at calls, per verb.
        twice: kills of the repeated command, per verb.
        moments: signals at random moments, per verb and signal.
        full: sizes of a full disk, per verb.
        unreadable: inputs that may not be read, per verb.
        pairs: how often two run at once, per verb.
        bits: flipped bits, per kind of folder.
    """

    calls: int | None
    twice: int
    moments: int
    full: int | None
    unreadable: int | None
    pairs: int
    bits: int


FULL = Extent(calls=None, twice=16, moments=16, full=None, unreadable=8, pairs=3, bits=200)
BRIEF = Extent(calls=4, twice=1, moments=1, full=2, unreadable=1, pairs=1, bits=8)
"""For every day."""
BRIEFEST = Extent(calls=3, twice=0, moments=1, full=1, unreadable=1, pairs=1, bits=0)
"""For every day, of a verb that takes seconds."""


def of_verb(stage: Stage, verb: Verb, extent: Extent, seed: int = SEED) -> Iterator[Attack]:
    """All attacks on a verb."""
    yield from attacks.at_calls(stage, verb, extent.calls)
    yield from attacks.twice(stage, verb, extent.twice, seed)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        yield from attacks.at_moments(stage, verb, number, extent.moments, seed)
    yield from attacks.on_a_full_disk(stage, verb, extent.full)
    yield from attacks.without_permission(stage, verb, extent.unreadable)
    yield from attacks.two_at_once(stage, verb, extent.pairs)


def all_attacks(stage: Stage, extent: Extent, seed: int = SEED) -> Iterator[Attack]:
    """All attacks of this extent."""
    for verb in stage.verbs.values():
        yield from of_verb(stage, verb, extent, seed)
    for kind in kinds(stage).values():
        yield from flips(stage, kind, extent.bits, seed)


@dataclass(frozen=True)
class Result:
    """What came of an attack; ``problem`` is empty if everything was as it should be."""

    attack: str
    verb: str
    case: str
    problem: str


class Results:
    """A file with one line per attack, to which each is added as soon as it is done.

    Args:
        path: the file; what it holds is not done again.
    """

    def __init__(self, path: Path):
        self.path = path
        self.done = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            result = Result(**json.loads(line))
            self.done[f"{result.attack} | {result.verb} | {result.case}"] = result

    def add(self, attack: Attack, problem: str) -> Result:
        """Note the outcome of an attack."""
        result = Result(attack.kind, attack.verb, attack.case, problem)
        self.done[attack.key] = result
        with self.path.open("a") as file:
            file.write(json.dumps(vars(result)) + "\n")
        return result


def outcome(attack: Attack) -> str:
    """What is wrong after an attack; an error of the attack itself counts as lost."""
    try:
        return attack.run()
    except Exception:
        return f"lost: {traceback.format_exc()[-1000:]}"


def attack_all(attacks: list[Attack], results: Results, say: Callable[[str], None]) -> None:
    """Do all attacks that are not done, with the time left."""
    left = [attack for attack in attacks if attack.key not in results.done]
    began = shown = time.monotonic()
    for number, attack in enumerate(left, start=1):
        result = results.add(attack, outcome(attack))
        if result.problem:
            say(f"{attack.key}: {result.problem}")
        if time.monotonic() - shown > 10 or number == len(left):
            shown = time.monotonic()
            rest = (shown - began) / number * (len(left) - number)
            say(f"{number} of {len(left)} attacks, {rest / 60:.0f} minutes left")


def table(results: list[Result]) -> list[str]:
    """Rows: attack, verb, tried, survived, lost, silent."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.attack, result.verb].append(result)
    groups["all", ""] = results
    lines = [f"{'attack':30} {'verb':24} {'tried':>6} {'survived':>9} {'lost':>5} {'silent':>7}"]
    for (attack, verb), group in groups.items():
        silent = sum(result.problem.startswith("silent") for result in group)
        survived = sum(not result.problem for result in group)
        lost = len(group) - survived - silent
        lines.append(f"{attack:30} {verb:24} {len(group):6} {survived:9} {lost:5} {silent:7}")
    return lines
