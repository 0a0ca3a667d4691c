"""Two recordings that nobody made for this project: a glass furnace, and a mains meter with three devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.data.dataset import Dataset
from trisect.data.inspect import Inspection
from trisect.data.recording import Recording
from trisect.variables import anonymous


@pytest.fixture(scope="module")
def real(shared: Path) -> Path:
    if not (shared / "real").is_dir():
        pytest.skip(f"no recordings of sensors: {shared}/real is not there; set TRISECT_SHARED")
    return shared / "real"


def recorded(path: Path, key: str = "targets", **episodes: object) -> Recording:
    arrays = np.load(path)
    names = [str(name) for name in arrays["names"]]
    starts = {"episode_starts": arrays["starts"]} if "starts" in arrays.files else {}
    return Recording(arrays["vectors"], arrays[key], anonymous(names), **{**starts, **episodes})


def facts(inspection: Inspection) -> dict[str, str]:
    """Variable, or what else a line is about -> the line."""
    return {each.split(":")[0].removeprefix("targets of "): each for each in inspection.facts}


def codes(inspection: Inspection) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {each.code: (each.level, each.variables) for each in inspection.findings}


@pytest.fixture(scope="module")
def furnace(real: Path) -> Inspection:
    return trisect.inspect(Dataset({"train": recorded(real / "glass_furnace.npz")}))


@pytest.fixture(scope="module")
def mains(real: Path) -> Inspection:
    return trisect.inspect(Dataset({"train": recorded(real / "mains_meter.npz")}))


def test_the_fan_of_the_furnace_shows_in_its_own_row_as_a_level(furnace: Inspection) -> None:
    fan = facts(furnace)["fan"]
    assert fan.startswith("targets of fan: switches, 615 rows, 310 onsets, runs of median 2 rows (1 to 10)")
    assert "its effect shows in its own row (share 0.9" in fan and "a level fits better (--encode level)" in fan
    assert furnace.alignment.lag == 0
    assert codes(furnace)["switch-targets"] == ("note", ("fan",)) and codes(furnace)["aligned"] == ("note", ("fan",))


def test_the_burners_of_the_furnace_cannot_be_told(furnace: Inspection) -> None:
    why = "from -2 to 2: it may be too small, slower than the recording, or not observed"
    for name, words in (
        ("burner_1", "its effect shows in no row"),
        ("burner_2", "cannot tell whether its effect shows in any row"),
    ):
        assert facts(furnace)[name].startswith(f"targets of {name}: momentary (no alternation shows), ")
        assert facts(furnace)[name].endswith(f"; {words} {why}")
    (invisible,) = furnace.at("warning")
    assert (invisible.code, invisible.variables) == ("invisible-interventions", ("burner_1",))
    assert "in rows -2 to 2" in invisible.what and "slower than the recording" in invisible.consequence
    assert not furnace.at("error")


def test_the_rows_of_the_furnace_are_counted(furnace: Inspection) -> None:
    counted = facts(furnace)["transitions"]
    assert counted.startswith(
        "transitions: 1246, of them 179 without an intervention; the closed form uses all of them"
    )
    assert "and 207 features of the past (one per 6 transitions, at most 750)" in counted
    assert counted.endswith("those without an intervention alone would afford 29")


def test_devices_on_the_mains_are_switched(mains: Inspection) -> None:
    assert [each.kind for each in mains.kinds] == ["switches", "switches", "unclear"]
    assert codes(mains)["switch-targets"] == ("note", ("kettle", "vacuum"))
    for name in ("kettle", "vacuum"):
        assert f"targets of {name}: switches, 20 rows; " in facts(mains)[name]
        assert "cannot tell in which row its effect shows (most in its own row: share 0." in facts(mains)[name]
    assert "keep the switches: the observations show 0." in facts(mains)["vacuum"]
    heater = facts(mains)["water_heater"]
    assert heater.startswith("targets of water_heater: momentary or switches (too few to tell), 6 rows; cannot tell in")
    assert not mains.at("error") and "few-interventions" in codes(mains)


def test_three_devices_without_borders_are_all_switched(real: Path) -> None:
    """As one episode, the six switches of the heater are enough: every second one has the same sign."""
    one = recorded(real / "mains_meter.npz", episode_starts=np.zeros(1, dtype=np.int64))
    inspection = trisect.inspect(Dataset({"train": one}))
    assert [each.kind for each in inspection.kinds] == ["switches"] * 3


def test_devices_that_are_on_are_held_and_better_read_as_switches(real: Path) -> None:
    inspection = trisect.inspect(Dataset({"train": recorded(real / "mains_meter.npz", "levels")}))
    assert [each.kind for each in inspection.kinds] == ["held"] * 3
    level, names = codes(inspection)["held-targets"]
    assert level == "warning" and {*names} == {"kettle", "vacuum", "water_heater"}
    (finding,) = inspection.at("warning")
    for part in ("kettle 10 onsets, runs of median ", "vacuum 10 onsets", "water_heater 3 onsets"):
        assert part in finding.evidence
    assert "each onset is one trial" in finding.consequence and "record at least 20 onsets" in finding.advice
    for name in ("kettle", "vacuum"):
        assert "switches fit better (--encode switch): the observations show 0." in facts(inspection)[name]


def test_levels_of_the_mains_meter_become_its_switches(real: Path) -> None:
    arrays = np.load(real / "mains_meter.npz")
    names = [str(name) for name in arrays["names"]]
    parts = {}
    for key, encode in (("targets", None), ("levels", "switch")):
        data = trisect.from_arrays(
            arrays["vectors"],
            arrays[key],
            names,
            alignment="effect",
            episode_starts=arrays["starts"],
            encode=encode,
        )
        parts[key] = data
    for name, split in parts["targets"].items():
        assert np.array_equal(split.targets, parts["levels"][name].targets)
