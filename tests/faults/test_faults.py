"""A part of the suite, for every day; ``make faults`` does all of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.faults import attacks
from tests.faults.flips import KINDS, flips, kinds
from tests.faults.processes import Processes
from tests.faults.suite import BRIEF, SEED, of_verb, outcome
from tests.faults.verbs import VERBS, Stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="forks and reads CPU times as Linux has them"),
]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Inputs of all verbs, where other users may read."""
    processes = Processes()
    with tempfile.TemporaryDirectory(prefix="faults-") as base:
        yield Stage(Path(base), processes)
    processes.close()


def problems(todo: Iterable[attacks.Attack]) -> dict[str, str]:
    return {attack.key: problem for attack in todo if (problem := outcome(attack))}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_survive(stage: Stage, verb: str) -> None:
    assert not problems(of_verb(stage, stage.verbs[verb], BRIEF))


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_are_noticed(stage: Stage, kind: str) -> None:
    assert not problems(flips(stage, kinds(stage)[kind], BRIEF.bits, SEED))


def test_names_are_those_of_the_stage(stage: Stage) -> None:
    assert tuple(stage.verbs) == VERBS and tuple(kinds(stage)) == KINDS
