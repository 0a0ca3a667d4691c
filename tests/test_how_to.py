"""Every page of docs/how-to runs: its python blocks one after the other, in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trisect

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "how-to"
PAGES = ("own-encoder", "embeddings", "own-vectors", "score-any-encoder")


def blocks(page: str) -> list[str]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run(page: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": page}
    for number, block in enumerate(blocks(page)):
        exec(compile(block, f"{page}.md, block {number}", "exec"), names)
    return names


def diagonal(report: dict[str, Any], variables: list[str]) -> list[float]:
    r2 = report["r2"]
    return [r2["matrix"][r2["rows"].index(name)][r2["columns"].index(name)] for name in variables]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run(page)
    assert min(diagonal(names["report"], list(names["data"].targeted))) > 0.9
    if "restored" in names:
        given, restored = names["data"]["test"].observations, names["restored"].detach().numpy()
        lost = np.square(given[: len(restored)] - restored).mean() / given.var(axis=0).mean()
        assert lost < 3 * (1 - float(names["reduction"].explained))


def test_the_page_on_a_recording_of_ones_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("your-own-recording")
    assert {finding.level for finding in names["inspection"].findings} == {"note"}
    assert names["inspection"].alignment.lag == 0
    for report in (names["report"], names["sensor_report"]):
        lamp, cart, _ = np.array(report["label_free"]["matrix"])
        assert min(lamp[0], cart[1]) > 0.85 > 0.75 > max(lamp[1], cart[0])
    drawn = (names["swapped"].detach().numpy().transpose(0, 2, 3, 1) + 1) * 127.5
    here, there = names["here"], names["there"]
    assert np.abs(_cart(drawn) - _cart(there)).mean() < 1.5 < 4 < np.abs(_cart(here) - _cart(there)).mean()
    assert np.abs(drawn[:, 4, 4, 0] - here[:, 4, 4, 0]).mean() < 25, "the lamp stays"


def _cart(frames: np.ndarray) -> np.ndarray:
    """Where the cart of the page on a recording of one's own is, in pixels."""
    bright = (frames[:, 17, :, 2].astype(float) - 60).clip(min=0)
    return (bright @ np.arange(24.0)) / bright.sum(axis=1)


def test_the_page_on_inspection_finds_what_it_says() -> None:
    names = run("inspect")
    assert [finding.code for finding in names["found"].at("error")] == ["equal-targets"]
    assert [suggestion.group for suggestion in names["found"].suggestions] == [("lamp", "shade")]
    assert [finding.code for finding in trisect.inspect(names["late"]).at("error")] == ["shifted"]
    assert trisect.inspect(names["late"]).alignment.lag == -1
    assert {finding.level for finding in trisect.inspect(names["mended"]).findings} == {"note"}
    lamp, heater = trisect.inspect(names["log"]).facts[:2]
    assert lamp.startswith("targets of lamp: held, ") and "; switches fit better (--encode switch): " in lamp
    assert heater.startswith("targets of heater: held, ") and "; keep the level: " in heater
    assert "its effect shows in its own row (share 0." in lamp and "(most in its own row: share 0." in heater
    assert [each.kind for each in trisect.inspect(names["switched"]).kinds] == ["switches", "held"]


def test_the_page_on_published_checkpoints(shared, tmp_path, monkeypatch) -> None:
    for name in ("CITRISNF", "CausalEncoder", "Autoencoder"):
        (tmp_path / f"{name}.ckpt").symlink_to(shared / "golden" / f"{name}.ckpt")
    monkeypatch.chdir(tmp_path)
    names = run("published-checkpoints")
    assert names["mixed"].shape == (2, 3, 64, 64)
    assert names["run"].model.slot_names == ("x", "y", "alpha", "hue_object", "noise")
    assert [factor.name for factor in names["scorer"].model.factors] == ["pos-x", "pos-y", "rot-alpha", "hue-object"]


def test_pages_link_to_pages_that_exist() -> None:
    for page in FOLDER.glob("*.md"):
        for link in re.findall(r"\]\((\w[\w-]*\.md)\)", page.read_text(encoding="utf-8")):
            assert (FOLDER / link).is_file(), f"{page.name} links to {link}"
