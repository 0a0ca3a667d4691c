"""Small files in the forms of outside recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

Write: TypeAlias = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write arrays as ``<split>.npz`` into a folder of this test; returns the folder."""

    def write_split(split: str, arrays: dict[str, Any], folder: str = "in") -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        np.savez(tmp_path / folder / f"{split}.npz", **arrays)
        return tmp_path / folder

    return write_split


def _boxes(**changes: Any) -> dict[str, Any]:
    """Twenty frames with the column names of Ball-in-Boxes; a change to None leaves an array out."""
    rng = np.random.default_rng(3)
    arrays = {
        "images": rng.integers(0, 256, (20, 8, 8, 3)).astype(np.uint8),
        "latents": np.stack([rng.integers(0, 2, 20), rng.uniform(4, 12, 20), rng.uniform(4, 28, 20)], 1),
        "targets": rng.integers(0, 2, (19, 3)),
        "keys": np.array(["ball_b", "ball_x", "ball_y"]),
        **changes,
    }
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.fixture(name="boxes")
def make_boxes() -> Callable[..., dict[str, Any]]:
    """Twenty frames with the column names of Ball-in-Boxes; a change to None leaves an array out."""
    return _boxes


@pytest.fixture
def ident() -> Callable[..., dict[str, Any]]:
    """Temporal Causal3DIdent's arrays: 40 frames, or 8 triplets, of 8x8 RGBA; ``coarse`` couples the columns."""

    def make(coarse: bool = False, triplets: bool = False, **changes: Any) -> dict[str, Any]:
        rng, num = np.random.default_rng(5), 8 if triplets else 40
        lead, rows = ((num, 3), num) if triplets else ((num,), num - 1)
        frames = rng.integers(0, 256, (*lead, 8, 8, 4)).astype(np.uint8)
        frames[..., 3] = 255
        interventions = rng.integers(0, 2, (rows, 12))
        if coarse:
            interventions[:, 1:3], interventions[:, 4:6] = interventions[:, :1], interventions[:, 3:4]
        if not triplets:
            interventions[:, [5, 11]] = 0
        raw = np.concatenate([rng.uniform(-2, 2, (*lead, 3)), rng.uniform(0, 6.28, (*lead, 7))], axis=-1)
        shapes = np.stack([rng.integers(0, 7, lead), np.zeros(lead, int)], axis=-1)
        arrays = {
            "imgs": frames,
            "interventions": interventions,
            "raw_latents": raw.astype(np.float32),
            "shape_latents": shapes,
            **changes,
        }
        return {key: value for key, value in arrays.items() if value is not None}

    return make
