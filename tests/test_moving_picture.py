"""``tools/moving_picture.py``, which draws the README's film."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import trisect
from trisect.data import simulate

TOOLS = Path(__file__).resolve().parents[1] / "tools"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("moving_picture")


def test_a_short_film_plays_for_ever_and_shows_true_frames(tool: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "film.gif"
    tool.draw(out, steps=2, seed=0)
    with Image.open(out) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (10, (tool.WIDTH, tool.HEIGHT), 0)
        picture = np.asarray(film.convert("RGB"))
    total = tool.FILLED + tool.SHOWN + 10
    frames = simulate(trisect.worlds.make("pong"), total, np.random.default_rng(0), total).observations
    shown = picture[tool.TOP : tool.TOP + tool.SIDE, tool.LEFT : tool.LEFT + tool.SIDE]
    small, true = shown[4::8, 4::8].astype(float), frames[tool.FILLED + tool.SHOWN, ..., :3].astype(float)
    still = frames[tool.FILLED + tool.SHOWN, ..., 3] > 250  # where the orange mark is not
    assert np.abs(small - true)[still].mean() < 6


def test_a_slider_leads_to_values_that_lie_where_its_knob_is(tool: ModuleType) -> None:
    rng = np.random.default_rng(0)
    places = np.array([0.1, 0.5, 0.8])
    line = rng.uniform(-3, 5, (500, 1))
    around = 2 * np.pi * rng.random(500)
    circle = np.stack([4 * np.sin(around), np.cos(around)], axis=1)
    for latents, tolerance in ((line, 0.01), (circle, 0.03)):
        columns = np.arange(latents.shape[1])
        values = np.concatenate([tool._values(latents, places), latents])  # the latents fix the range
        assert np.abs(tool._places(values, columns)[:3] - places).max() < tolerance


def test_a_knob_moves_through_its_whole_range_from_where_it_rests(tool: ModuleType) -> None:
    there_and_back = tool._path(0.3, 200, closed=False)
    assert there_and_back[0] == pytest.approx(0.3)
    assert (there_and_back.min(), there_and_back.max()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))
    assert np.abs(np.diff(there_and_back)).max() < 0.02
    assert np.allclose(tool._path(0.3, 4, closed=True), [0.3, 0.55, 0.8, 0.05])
