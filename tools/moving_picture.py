"""Draw docs/demo.gif: a recording of Pong and its log, and the shipped model moving one variable at a time.

python tools/moving_picture.py

The left side shows the true world: its frames, and the variables that were intervened on before each frame. On the
right side the model ``pong`` decodes one frame with different values in one slot: only the latents of that slot change
from picture to picture.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image

import trisect
from trisect.data import simulate
from trisect.frames import float_to_frames

OUT = Path(__file__).resolve().parents[1] / "docs" / "demo.gif"
ACCENT, INK, FAINT, LINE, AHEAD = "#17616e", "#22282d", "#68727a", "#dde2e4", (240, 150, 30)
WIDTH, HEIGHT, DOTS = 720, 500, 100
SIDE, LEFT, RIGHT, TOP = 256, 30, 434, 84
"""Pixels: the side of a picture, the left edges of the two pictures, and their distance from the upper edge."""
ROWS, ROW = 384, 20
"""Pixels: the distance of the variables' rows from the upper edge, and the height of a row."""
SHOWN = 24
"""Steps of the log that are shown."""
COLOURS, MILLISECONDS = 160, 125
RANGE = (0.02, 0.98)
"""Quantiles of a slot's latents at the two ends of its slider."""
FILLED = 600
"""Frames before the first one shown; they determine the range of a slot's latents."""


@dataclass(frozen=True)
class Film:
    """The recording that is shown.

    Attributes:
        frames: (T, 32, 32, 4) uint8 frames.
        targets: (T, K) bool targets of the variables of the model.
    """

    frames: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Sweep:
    """One variable that moves and returns to its value.

    Attributes:
        variable: index of the variable.
        pictures: (steps, 32, 32, 4) uint8 decoded frames.
        places: (steps,) positions of the slider's knob, 0 to 1.
    """

    variable: int
    pictures: np.ndarray
    places: np.ndarray


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--steps", type=int, default=16, help="number of pictures per variable")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    draw(arguments.out, arguments.steps, arguments.seed)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e3:.0f} kB")


def draw(out: Path, steps: int, seed: int) -> None:
    """Write a GIF with ``steps`` pictures per variable, which loops forever."""
    model = trisect.models.pretrained("pong")
    num = steps * len(model.variables)
    total = FILLED + SHOWN + num
    recording = simulate(trisect.worlds.make("pong"), total, np.random.default_rng(seed), total)
    columns = [recording.variables.index(name) for name in model.variables]
    film = Film(recording.observations[FILLED:], recording.targets[FILLED:, columns])
    latents = model.encode(recording.observations).numpy()
    slots = [_columns(model, slot) for slot in range(len(model.variables))]
    start = _most_central(latents, slots)
    rest = [float(_places(latents, columns)[start]) for columns in slots]
    paths = [_path(place, steps, closed=len(columns) > 1) for place, columns in zip(rest, slots)]
    sweeps = [_sweep(model, latents, slot, path, start) for slot, path in enumerate(paths)]
    pictures = [
        _drawn(model.variables, film, SHOWN + number, sweeps[number // steps], number % steps, rest)
        for number in range(num)
    ]
    _save(pictures, out)


def _most_central(latents: np.ndarray, slots: list[np.ndarray]) -> int:
    """Row of the frame whose sliders are farthest from their ends; slots of two latents are circles without ends."""
    places = np.stack([_places(latents, columns) for columns in slots if len(columns) == 1])
    return int(np.abs(places - 0.5).max(axis=0).argmin())


def _columns(model: Any, slot: int) -> np.ndarray:
    return np.flatnonzero(model.assignment().argmax(dim=1).numpy() == slot)


def _sweep(model: Any, latents: np.ndarray, slot: int, places: np.ndarray, start: int) -> Sweep:
    """Decode one frame with other values in one slot."""
    columns = _columns(model, slot)
    changed = np.repeat(latents[start][None], len(places), axis=0)
    changed[:, columns] = _values(latents[:, columns], places)
    decoded = float_to_frames(model.decode(torch.from_numpy(changed)).detach()).numpy()
    return Sweep(slot, decoded, places)


def _path(start: float, steps: int, closed: bool) -> np.ndarray:
    """Positions of the knob: once around, or up, down and back to the start."""
    share = np.arange(steps) / steps
    if closed:
        return (start + share) % 1
    corners = np.cumsum([0, 1 - start, 1, start]) / 2
    return np.interp(share, corners, [start, 1, 0, start])


def _places(latents: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Positions of a slot's values on its slider, 0 to 1: along a single latent, or around a circle of two."""
    values = latents[:, columns]
    if len(columns) == 1:
        low, high = np.quantile(values, RANGE)
        return np.clip((values[:, 0] - low) / (high - low), 0, 1)
    away = (values - values.mean(axis=0)) / values.std(axis=0)
    return np.arctan2(away[:, 0], away[:, 1]) / (2 * np.pi) % 1


def _values(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The slot's latents (steps, latents) at these positions of the slider."""
    if values.shape[1] == 1:
        low, high = np.quantile(values, RANGE)
        return low + (high - low) * places[:, None]
    around = _places(values, np.arange(values.shape[1]))
    apart = np.abs((around - places[:, None] + 0.5) % 1 - 0.5)
    nearest = np.argsort(apart, axis=1)[:, :8]
    return values[nearest].mean(axis=1)


def _drawn(names: tuple[str, ...], film: Film, row: int, sweep: Sweep, step: int, rest: list[float]) -> Image.Image:
    """One picture of the film."""
    figure = Figure(figsize=(WIDTH / DOTS, HEIGHT / DOTS), dpi=DOTS, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.set_axis_off()
    _titles(axes)
    _picture(axes, film.frames[row], LEFT)
    _picture(axes, sweep.pictures[step], RIGHT)
    for slot, name in enumerate(names):
        active = slot == sweep.variable
        height = ROWS + ROW * slot
        _log(axes, film.targets[row - SHOWN + 1 : row + 1, slot], height)
        _slider(axes, float(sweep.places[step]) if active else rest[slot], height, active)
        axes.text(360, height, name, ha="center", va="center", size=8.6, color=ACCENT if active else INK)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _titles(axes: Axes) -> None:
    for left, title, text in (
        (LEFT, "You record", "a film, and a log of what was acted on"),
        (RIGHT, "You get", "a model that moves one variable at a time"),
    ):
        axes.text(left, 30, title, size=13, color=INK, weight="bold", va="center")
        axes.text(left, 56, text, size=9, color=FAINT, va="center")
    middle = TOP + SIDE / 2
    axes.text(360, middle - 22, "trisect", ha="center", va="center", size=12, color=ACCENT, weight="bold")
    arrow = FancyArrowPatch((318, middle), (402, middle), arrowstyle="-|>", mutation_scale=16, color=ACCENT, lw=2)
    axes.add_patch(arrow)
    axes.text(LEFT, ROWS - 24, "log: one mark per intervention", size=8, color=FAINT, va="center")
    axes.text(RIGHT, ROWS - 24, "slots: what the model learned, one slider each", size=8, color=FAINT, va="center")
    axes.text(
        LEFT, HEIGHT - 14, "true frames, true log; orange: where the ball flies next", size=8, color=FAINT, va="center"
    )
    axes.text(RIGHT, HEIGHT - 14, "drawn by the model from one frame", size=8, color=FAINT, va="center")


def _picture(axes: Axes, frame: np.ndarray, left: float) -> None:
    """Draw the frame; the fourth channel, the next position of the ball, becomes an orange mark."""
    ahead = 0.75 * (1 - frame[..., 3:] / 255.0)
    shown = (1 - ahead) * frame[..., :3] + ahead * np.array(AHEAD)
    large = np.kron(shown.round().astype(np.uint8), np.ones((SIDE // 32, SIDE // 32, 1), dtype=np.uint8))
    axes.imshow(large, extent=(left, left + SIDE, TOP + SIDE, TOP), interpolation="nearest", aspect="auto")


def _log(axes: Axes, hits: np.ndarray, height: float) -> None:
    axes.plot((LEFT, LEFT + SIDE), (height, height), color=LINE, lw=1, zorder=1)
    places = LEFT + SIDE * (np.arange(SHOWN) + 0.5) / SHOWN
    old, new = hits.copy(), hits.copy()
    old[-1], new[:-1] = False, False
    axes.scatter(places[old], np.full(old.sum(), height), s=26, color=FAINT, marker="s", lw=0, zorder=2)
    axes.scatter(places[new], np.full(new.sum(), height), s=60, color=ACCENT, marker="s", lw=0, zorder=3)


def _slider(axes: Axes, place: float, height: float, active: bool) -> None:
    axes.plot((RIGHT, RIGHT + SIDE), (height, height), color=LINE, lw=3, zorder=1, solid_capstyle="round")
    axes.scatter([RIGHT + SIDE * place], [height], s=90 if active else 45, color=ACCENT if active else FAINT, zorder=2)


def _save(pictures: list[Image.Image], out: Path) -> None:
    """Save with one palette for all pictures and without dithering, so colours stay flat and the file small."""
    several = np.concatenate([np.asarray(picture) for picture in pictures[:: max(1, len(pictures) // 5)]])
    palette = Image.fromarray(several).quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=4)
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    first.save(out, save_all=True, append_images=others, duration=MILLISECONDS, loop=0, optimize=True)


if __name__ == "__main__":
    main()
