from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.attacks import Attack, is_sentence, spread
from tests.faults.processes import Ended
from tests.faults.suite import Result, Results, attack_all, table


def attack(case: str, done: list[str], problem: str = "") -> Attack:
    def run() -> str:
        done.append(case)
        return problem

    return Attack("kill", "train", case, run)


def test_results_are_kept_and_continued(tmp_path: Path) -> None:
    done: list[str] = []
    for cases in ("ab", "abc"):
        attack_all([attack(case, done) for case in cases], Results(tmp_path / "results"), lambda text: None)
    assert done == ["a", "b", "c"] and len(Results(tmp_path / "results").done) == 3


def failing() -> str:
    raise ValueError("mine")


def test_problems_are_said_and_errors_count_as_lost(tmp_path: Path) -> None:
    said: list[str] = []
    attacks = [attack("a", [], "silent: other"), Attack("kill", "train", "b", failing)]
    attack_all(attacks, Results(tmp_path / "results"), said.append)
    assert said[0] == "kill | train | a: silent: other" and "ValueError: mine" in said[1]
    assert said[-1] == "2 of 2 attacks, 0 minutes left"


def test_the_table_counts() -> None:
    problems = ["", "", "lost: a", "silent: b", "silent: c"]
    lines = table([Result("kill", "train", str(number), problem) for number, problem in enumerate(problems)])
    assert [line.split()[-4:] for line in lines] == [
        ["tried", "survived", "lost", "silent"],
        *2 * [["5", "2", "1", "2"]],
    ]


@pytest.mark.parametrize(
    ("err", "expected"),
    [
        ("a log line\ntrisect train: the disk is full\n", True),
        ("Traceback (most recent call last):\ntrisect train: the disk is full\n", False),
        ("OSError: the disk is full\n", False),
        ("trisect train: " + "x" * 1000, False),
        ("", False),
    ],
)
def test_sentences(err: str, expected: bool) -> None:
    assert is_sentence(Ended(1, "", err, 0.0, 0.0, False), "train citris-nf") == expected


def test_spread_items_begin_and_end_with_the_first_and_last() -> None:
    assert spread([*range(10)], 4) == [0, 3, 6, 9] and spread([1, 2], None) == [1, 2] and spread([1, 2], 5) == [1, 2]
    assert spread([1, 2, 3], 1) == [1]
