from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from trisect.evaluation.analysis.slider import slider

from .known_model import KnownModel, KnownVectors

MODEL: Any = KnownModel()
FRAME = np.full((4, 4, 1), 128, np.uint8)


def level(image: Any, latent: int) -> int:
    """Grey level of a latent's pixel in the picture that the widget shows."""
    pixels = imread(io.BytesIO(image.value), format="png")[::64, ::64, 0]
    return round(255 * float(pixels.reshape(-1)[latent]))


def test_without_ipywidgets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"not installed: pip install trisect\[notebook\]"):
        slider(MODEL, FRAME)


@pytest.fixture
def widgets() -> Any:
    return pytest.importorskip("ipywidgets")


def test_moving_a_slider_moves_its_pixel_alone(widgets: Any) -> None:
    box = slider(MODEL, FRAME)
    image, first, second, empty = box.children
    assert (first.description, second.description, empty.value) == ("a", "b", "c: no latent")
    assert [level(image, latent) for latent in range(4)] == [128] * 4
    first.value = 1.0
    assert [level(image, latent) for latent in range(4)] == [255, 128, 128, 128]
    second.value = -1.0
    assert [level(image, latent) for latent in range(4)] == [255, 0, 128, 128]


def test_the_ends_and_the_latent_can_be_chosen(widgets: Any) -> None:
    reference = np.linspace(0, 0.5, 101)[:, None].repeat(4, axis=1)
    image, first, *_ = slider(MODEL, FRAME, reference, {"a": 1}).children
    assert (first.min, first.max) == (pytest.approx(1 / 255, abs=1e-6), pytest.approx(0.49))
    first.value = first.max
    assert [level(image, latent) for latent in range(4)] == [128, 128, 128, round(1.49 / 2 * 255)]


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        (MODEL, {"latents": {"d": 0}}, "the variable of a slider must be one of a, b, c; got 'd'"),
        (MODEL, {"latents": {"a": 2}}, "the latent of 'a' must be one of the slot's 2, counted from 0; got 2"),
        (KnownVectors(), {}, "the observations that sliders show must be frames; got vectors of 4 values"),
    ],
)
def test_sliders_refuse(model: Any, more: dict[str, Any], message: str, widgets: Any) -> None:
    with pytest.raises(ValueError, match=message):
        slider(model, FRAME, **more)
