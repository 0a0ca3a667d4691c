"""Scores of two recordings that nobody made for this project: a glass furnace, and a mains meter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trisect


def score(shared: Path, name: str, key: str, num: int, slot: int, **facts: Any) -> dict[str, Any]:
    """The scores without labels of the raw readings, all of them in one slot, for the first variables."""
    path = shared / "real" / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"no recordings: {path} is not there")
    with np.load(path) as file:
        starts = {"episode_starts": file["starts"]} if "starts" in file else {}
        names = [str(each) for each in file["names"][:num]]
        parts = {"fractions": {"val": 0.1, "test": 0.4}, "alignment": "effect"} | facts | starts
        data = trisect.from_arrays(file["vectors"], file[key][:, :num], names, **parts)
        width = file["vectors"].shape[1]
    return trisect.evaluate(encode=lambda rows: rows, data=data, quick=True, progress=False, assignment=[slot] * width)


def test_the_furnace_shows_its_fan_and_not_its_burners(shared: Path) -> None:
    """The fan's effect is in its own row; no reading of 1 to 3 rows shows the burners'."""
    report = score(shared, "glass_furnace", "targets", 3, 2)
    verdict_of = {name: each["verdict"] for name, each in report["label_free_verdicts"].items()}
    assert verdict_of["fan"] == "found" and verdict_of["burner_1"] != "found" and verdict_of["burner_2"] != "found"
    fan = report["label_free"]["matrix"][2][2]
    assert fan > 0.85 and report["label_free"]["p_values"][2][2] <= 0.01
    assert "1 of the 3 variables is found (fan)" in report["paragraph"]


@pytest.mark.parametrize(("slot", "name"), [(0, "slot burner_1"), (3, "the noise slot")])
def test_it_is_said_where_the_fan_is_instead(shared: Path, slot: int, name: str) -> None:
    report = score(shared, "glass_furnace", "targets", 3, slot)
    better = f"{name} predicts the interventions on fan better than fan's slot does (AUROC 0."
    assert any(each.startswith(better) for each in report["warnings"])
    assert "in another slot: fan" in report["paragraph"] and "none of the 3 variables is found" in report["paragraph"]


def test_appliances_that_stay_on_are_not_found_by_the_past(shared: Path) -> None:
    """What is on stays on: AUROC .98 and more from the past alone. Three switches in the test rows settle nothing."""
    report = score(shared, "mains_meter", "levels", 2, 2)
    assert min(report["label_free"]["baseline"]) > 0.95
    assert {each["verdict"] for each in report["label_free_verdicts"].values()} == {"cannot tell"}
    assert "none of the 2 variables is found; cannot tell: kettle, vacuum" in report["paragraph"]
    assert "last for several steps" in report["paragraph"] and "too few to tell" in report["paragraph"]


def test_switches_are_found_in_the_slot_that_holds_the_readings(shared: Path) -> None:
    report = score(shared, "mains_meter", "targets", 2, 1)
    assert (
        report["label_free_verdicts"]["vacuum"]["verdict"] == "found"
        and report["label_free_verdicts"]["kettle"]["verdict"] != "found"
    )
    assert "slot vacuum predicts the interventions on kettle better than kettle's slot does" in report["paragraph"]
