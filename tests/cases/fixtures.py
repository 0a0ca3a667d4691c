"""Small inputs with known content that provoke the troubles of other tools' users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.varied import varied

import trisect
from trisect.data import Dataset, Recording
from trisect.evaluation.correlation import Truth
from trisect.evaluation.slots import Slots
from trisect.methods.recipe import Recipe
from trisect.recipes import closed_form
from trisect.runs.run import Run
from trisect.training.settings import TrainingSettings
from trisect.variables import Continuous, VariableSpace

NAMES = ("b", "x", "y", "z")
SIDE = 16


@dataclass(frozen=True)
class Boxes:
    """A recording of a world of patches.

    Attributes:
        frames: (T, 16, 16, 3) uint8.
        targets: (T, K) bool; row t made frame t, and its first row is False.
        factors: (T, K) positions of the patches in 0..1.
    """

    frames: np.ndarray
    targets: np.ndarray
    factors: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        return NAMES[: self.targets.shape[1]]

    @property
    def space(self) -> VariableSpace:
        return VariableSpace([Continuous(name, 0, 1) for name in self.names])

    @property
    def causes(self) -> np.ndarray:
        """(T-1, K): row t made frame t+1."""
        return self.targets[1:]


def two_boxes(num: int, num_variables: int = 2, seed: int = 0, lag: int = 0, rate: float = 0.15) -> Boxes:
    """A 16x16 world: one patch per variable, which drifts upwards and downwards and jumps when intervened on.

    Args:
        num: number of frames T.
        num_variables: number of patches K, at most 4; each has its own band of columns and its own colour.
        seed: of all randomness.
        lag: rows by which the targets are moved against the frames; 0 is right.
        rate: share of the steps with an intervention on a variable.
    """
    rng = np.random.default_rng(seed)
    targets = rng.random((num, num_variables)) < rate
    targets[0] = False
    places = np.zeros((num, num_variables))
    places[0] = rng.random(num_variables)
    for t in range(1, num):
        drifted = np.clip(places[t - 1] + 0.03 * rng.normal(size=num_variables), 0, 1)
        places[t] = np.where(targets[t], rng.random(num_variables), drifted)
    return Boxes(drawn(places), np.roll(targets, lag, axis=0), places)


def drawn(places: np.ndarray) -> np.ndarray:
    """Frames (T, 16, 16, 3) with one soft patch per column of ``places``, low in the picture at 0 and high at 1."""
    width = SIDE // places.shape[1]
    rows = np.arange(SIDE)[None, :, None]
    height = np.clip(3 - np.abs(rows - (2 + (SIDE - 5) * (1 - places[:, None]))), 0, 1)
    frames = np.full((len(places), SIDE, SIDE, 3), 20.0)
    for column in range(places.shape[1]):
        left = column * width
        frames[:, :, left + 1 : left + width - 1, column % 3] += 200 * height[:, :, column, None]
    return frames.astype(np.uint8)


def arrays(boxes: Boxes, **changes: Any) -> dict[str, Any]:
    """The arrays of an ``.npz`` file in the published form; a change to None leaves one out."""
    stored = {"images": boxes.frames, "targets": boxes.causes, "keys_targets": np.array(boxes.names), **changes}
    return {name: value for name, value in stored.items() if value is not None}


def save_npz(folder: Path, split: str = "train", **stored: Any) -> Path:
    """Write arrays as ``<split>.npz``; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{split}.npz", **stored)
    return folder


BROKEN: dict[str, Callable[[Boxes], dict[str, Any]]] = {
    "targets as long as the frames": lambda boxes: {"targets": boxes.targets},
    "targets five rows short": lambda boxes: {"targets": boxes.targets[:-5]},
    "targets three rows long": lambda boxes: {"targets": np.concatenate([boxes.targets, boxes.targets[:3]])},
    "no targets": lambda boxes: {"targets": None},
    "targets of zeros": lambda boxes: {"targets": np.zeros_like(boxes.causes)},
    "a pixel that is not a number": lambda boxes: {"images": with_value(boxes.frames / 255, (5, 2, 3, 1), np.nan)},
    "a pixel that is infinite": lambda boxes: {"images": with_value(boxes.frames / 255, (5, 2, 3, 1), np.inf)},
}
"""One thing wrong in an otherwise right file: what -> its changes of `arrays`."""


def break_npz(folder: Path, kind: str, num: int = 60) -> Path:
    """A folder with a file in which one thing is wrong."""
    boxes = two_boxes(num)
    return save_npz(folder, **arrays(boxes, **BROKEN[kind](boxes)))


def with_value(values: np.ndarray, at: tuple[int, ...], value: float) -> np.ndarray:
    """A float copy of the values with one of them replaced."""
    changed = values.astype(np.float64)
    changed[at] = value
    return changed


def moving(num: int, num_variables: int = 2, seed: int = 0, rate: float = 0.15, noise: int = 1) -> Recording:
    """Vectors: every variable drifts, and jumps when intervened on; they are rotated together with some noise.

    The factors are the variables; the vectors have ``noise`` dimensions more than variables.
    """
    rng = np.random.default_rng(seed)
    targets = rng.random((num, num_variables)) < rate
    values = np.zeros((num, num_variables + noise))
    for t in range(1, num):
        drifted = 0.9 * values[t - 1] + 0.1 * rng.normal(size=num_variables + noise)
        jumped = np.concatenate([targets[t], np.zeros(noise, bool)])
        values[t] = np.where(jumped, rng.normal(size=num_variables + noise), drifted)
    rotation = np.linalg.qr(np.random.default_rng(99).normal(size=(values.shape[1],) * 2))[0]
    space = VariableSpace([Continuous(name) for name in NAMES[:num_variables]])
    return Recording(
        (values @ rotation).astype(np.float32), targets, space, values[:, :num_variables], None, np.zeros(1, int)
    )


def splits(recording: Recording, held_out: int = 300) -> Dataset:
    """The last rows as val and test, the rest as train."""
    num = len(recording)
    bounds = (0, num - 2 * held_out, num - held_out, num)
    names = ("train", "val", "test")
    return Dataset({name: recording.rows(bounds[i], bounds[i + 1]) for i, name in enumerate(names)})


def moving_data(num: int = 1500, **settings: Any) -> Dataset:
    """`moving` in three splits."""
    return splits(moving(num, **settings))


def boxes_data(num: int = 900, **settings: Any) -> Dataset:
    """`two_boxes` in three splits, with ground truth."""
    boxes = two_boxes(num, **settings)
    return splits(Recording(boxes.frames, boxes.targets, boxes.space, boxes.factors), 150)


def toy_latents(num: int, leak: float = 0.0, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, Slots, Truth]:
    """Three latents in the slots a, b and noise, and the truths a, b, c.

    Slot a is a with ``noise`` times an independent normal: R2 of a is 1 / (1 + noise^2). Slot b is b + leak a. The
    noise slot is c.
    """
    rng = np.random.default_rng(seed)
    a, b, c, n = rng.normal(size=(4, num))
    latents = np.stack([a + noise * n, b + leak * a, c], axis=1).astype(np.float32)
    space = VariableSpace([Continuous(name) for name in ("a", "b", "c")])
    return latents, Slots(np.eye(3, dtype=bool), ("a", "b", "noise")), Truth(np.stack([a, b, c], axis=1), space)


def tiny(recipe: Recipe, steps: int = 6, **changes: Any) -> Any:
    """A recipe with few, quick steps and small parts."""
    training = TrainingSettings(
        steps=steps, learning_rate=3e-3, checkpoint_every=5, validate_every=3, log_every=2, logger=None, keep="last"
    )
    training = replace(training, **changes)
    small = {"hidden": 8, "rank": 2, "channels": 4, "num_latents": 4}
    return varied(
        recipe,
        batch_size=16,
        flow_batch_size=16,
        autoencoder={name: small[name] for name in ("hidden", "rank", "num_latents")} | {"networks": "profile"},
        autoencoder_training=training,
        variational=small,
        variational_training=training,
        closed_form={"num_features": 10},
        flow={"num_blocks": 2, "hidden_per_variable": 2},
        prior={"hidden": 4},
        classifier={"hidden": 4},
        flow_training=training,
    )


def tiny_run(out: Path, data: Dataset | None = None, recipe: Recipe | None = None, **options: Any) -> Run:
    """A seeded training that takes some seconds."""
    return trisect.train(
        tiny(closed_form() if recipe is None else recipe),
        boxes_data() if data is None else data,
        out,
        progress=False,
        **options,
    )
