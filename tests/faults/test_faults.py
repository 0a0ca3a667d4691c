"""A part of the suite, for every day; ``make faults`` does all of it."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.faults import attacks
from tests.faults.flips import KINDS, flips, kinds
from tests.faults.processes import Processes
from tests.faults.suite import BRIEF, BRIEFEST, SEED, of_verb, outcome
from tests.faults.verbs import VERBS, Stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="forks and reads CPU times as Linux has them"),
]

SLOW = ("generate, 2 workers", "evaluate")


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
    extent = BRIEFEST if verb in SLOW else BRIEF
    assert not problems(of_verb(stage, stage.verbs[verb], extent))


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_are_noticed(stage: Stage, kind: str) -> None:
    assert not problems(flips(stage, kinds(stage)[kind], BRIEF.bits, SEED))


def test_names_are_those_of_the_stage(stage: Stage) -> None:
    assert tuple(stage.verbs) == VERBS and tuple(kinds(stage)) == KINDS


def test_the_suite_notices_what_is_wrong(stage: Stage) -> None:
    verb = stage.verbs["convert"]
    with stage.trial(verb) as trial:
        assert trial.run().rc == 0 and not attacks.is_whole(trial)
        (trial.out / ".temporary").touch()
        assert attacks.is_whole(trial).startswith("lost: left over or missing: .temporary")
        (trial.out / ".temporary").unlink()
        shutil.rmtree(trial.out / "val")
        assert attacks.is_whole(trial).startswith("silent: the result differs")


def test_the_suite_notices_other_data(stage: Stage) -> None:
    verb = stage.verbs["generate"]
    with stage.trial(verb) as trial:
        assert stage.processes.run([*verb.arguments(trial.out), "--seed", "4"]).rc == 0
        assert attacks.is_whole(trial).startswith("silent: the result differs")


def test_kills_happen_where_they_are_asked_for(stage: Stage, tmp_path: Path) -> None:
    verb, file = stage.verbs["export"], tmp_path / "calls"
    calls = stage.whole(verb).calls
    with stage.trial(verb) as trial:
        kill = {"at": calls.index("rename") + 1, "after": False, "file": str(file), "below": str(trial.folder)}
        assert trial.run(kill=kill).rc == -signal.SIGKILL
        assert tuple(file.read_text().split()) == calls[: calls.index("rename") + 1]
        assert not trial.out.exists() and trial.left_over()
