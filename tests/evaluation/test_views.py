from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect import models
from trisect.data import simulate
from trisect.data.recording import Recording
from trisect.evaluation.views import views_of
from trisect.worlds import make


@pytest.fixture(scope="module")
def frames() -> Recording:
    return simulate(make("pong"), 60, np.random.default_rng(0))


def test_a_model_that_decodes_is_shown_by_traversals_and_swaps(frames: Recording) -> None:
    views = views_of(models.pretrained("pong"), frames)
    assert [view.caption.split()[0].rstrip(":") for view in views] == ["Traversals", "Swaps"]
    for view in views:
        assert view.png.startswith(b"\x89PNG") and "paddle_left_y" in view.alt


@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_recordings_have_views_too(frames: Recording, length: int) -> None:
    assert len(views_of(models.pretrained("pong"), frames.rows(0, length))) == (0 if length == 1 else 2)


def test_vectors_have_no_pictures(frames: Recording) -> None:
    vectors = replace(frames, observations=np.zeros((len(frames), 4), np.float32))
    assert views_of(models.pretrained("pong"), vectors) == ()
