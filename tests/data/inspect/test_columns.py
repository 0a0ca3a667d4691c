"""The clause on the encoding of a column: which one fits better, if the difference is clear."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.durations import Runs
from trisect.data.inspect.alignment import Alignment
from trisect.data.inspect.alternation import Alternation
from trisect.data.inspect.columns import variable_lines
from trisect.data.inspect.kinds import TargetKind
from trisect.data.inspect.variable_lag import VariableLag

RUNS = Runs(30, 30, 4.0, 1, 9)


def line(kind: str, level: float, switches: float) -> str:
    """The line of a variable whose observations show so much of its level and of the switches."""
    seen = None if kind == "held" else Alternation(30, 0.9, 0.001, np.zeros(1))
    lag = VariableLag("fan", 0, 1.0, {0: 0.5}, shares={"level": level, "switches": switches})
    (text,) = variable_lines([TargetKind("fan", kind, 120, RUNS, seen)], Alignment(0, (lag,)))
    return text


@pytest.mark.parametrize(
    ("kind", "level", "switches", "clause"),
    [
        ("held", 0.4, 0.25, "; keep the level: the observations show 0.40 of the level and 0.25 of its changes"),
        (
            "held",
            0.25,
            0.4,
            "; switches fit better (--encode switch): the observations show 0.25 of the level and 0.40",
        ),
        ("switches", 0.4, 0.25, "; a level fits better (--encode level): the observations show 0.40 of the level"),
        ("switches", 0.25, 0.4, "; keep the switches: the observations show 0.25 of the level and 0.40 of its changes"),
        ("held", 0.4, -0.1, "; keep the level: the observations show 0.40 of the level and 0.00 of its changes"),
    ],
)
def test_the_encoding_that_clearly_fits_better_is_named(kind: str, level: float, switches: float, clause: str) -> None:
    assert clause in line(kind, level, switches)


@pytest.mark.parametrize(("level", "switches"), [(0.35, 0.25), (0.25, 0.35), (0.04, 0.01), (0.01, 0.04)])
def test_small_differences_and_small_shares_name_none(level: float, switches: float) -> None:
    assert line("held", level, switches).endswith("; its effect shows in its own row (share 0.50)")


def test_a_variable_without_a_lag_has_its_kind_alone() -> None:
    kind = TargetKind("fan", "held", 120, RUNS, None)
    expected = "targets of fan: held, 30 onsets, runs of median 4 rows (1 to 9)"
    assert variable_lines([kind], Alignment(None, ())) == [expected]
