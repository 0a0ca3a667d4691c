"""Fit the constants of the 3-D scene to published frames, or find the factors of frames that come without.

    python tools/fit_scene.py slider data_slider.npz --sheet fit.png        # fit on two thirds, score on every third
    python tools/fit_scene.py slider data_slider.npz --only-score           # the constants as they are in the package
    python tools/fit_scene.py frames causal3d.npz --sheet pairs.png         # find the factors of frames

The first prints the constants, and the mean absolute error (of 255) and the structural similarity on the frames that
were held out, beside those of a picture that is always the median. It starts from a rough guess: the camera in front
and above, one lamp high up. Stages: the camera by silhouettes, then the lamps, then all together, each on blurred
pictures first. The second fits position, rotation, spotlight and hues to each frame and prints the same scores; it is
how the order of the rotations and the meaning of the hues were checked. Sheets show pairs: published, ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter, label
from scipy.optimize import least_squares

from trisect.worlds.scene3d import Lamp, Scene, SceneConstants

EVERY = 3
"""Each third frame of the slider file is held out."""
START = replace(
    SceneConstants(),
    camera=(8.0, 0.0, 8.0),
    aim=(0.0, 0.0, 0.0),
    focal=0.8,
    spot_energy=60.0,
    lamps=(Lamp((1.0, 0.0, 70.0), 950.0, 7.0),),
    smoothing=0.8,
)
CAMERA = ("camera.0", "camera.1", "camera.2", "aim.1", "aim.2", "focal")
PUBLISHED = ("object_size", "object_lift", "floor", "spot_height", "spot_radius")
SOFT = ("spot_radius", "smoothing")
POSITIVE = (*SOFT, "focal", "object_size", "spot_energy")


@dataclass(frozen=True)
class Factors:
    """What `Scene.render` draws, row by row: positions, rotations (N, 3), spot_angles (N,), hues (N, 3)."""

    positions: np.ndarray
    rotations: np.ndarray
    spot_angles: np.ndarray
    hues: np.ndarray

    def __getitem__(self, rows: Any) -> Factors:
        return Factors(self.positions[rows], self.rotations[rows], self.spot_angles[rows], self.hues[rows])

    def __len__(self) -> int:
        return len(self.positions)

    def to_rows(self) -> np.ndarray:
        """(N, 10) in the published order."""
        return np.concatenate([self.positions, self.rotations, self.spot_angles[:, None], self.hues], axis=1)

    @classmethod
    def from_rows(cls, rows: np.ndarray) -> Factors:
        """From rows (N, 10) in the published order."""
        return cls(rows[:, :3], rows[:, 3:6], rows[:, 6], rows[:, 7:10])


def draw(factors: Factors, constants: SceneConstants, rays: int = 4, resolution: int = 64) -> np.ndarray:
    """Frames of teapots, (N, resolution, resolution, 3) uint8."""
    scene = Scene(["teapot"], resolution, rays, constants=constants)
    return draw_with(scene, factors)


def draw_with(scene: Scene, factors: Factors) -> np.ndarray:
    """Frames of the scene's first shape."""
    shapes = np.zeros(len(factors), np.int64)
    return scene.render(factors.positions, factors.rotations, factors.spot_angles, factors.hues, shapes)


# --- constants as a vector -------------------------------------------------------------------------------------------


def read(thing: Any, path: Sequence[str]) -> float:
    """The number at a path of field names and places, such as ``("lamps", "0", "place", "2")``."""
    for step in path:
        thing = thing[int(step)] if isinstance(thing, tuple) else getattr(thing, step)
    return float(thing)


def write(thing: Any, path: Sequence[str], value: float) -> Any:
    """A copy with another number at a path."""
    head, *rest = path
    if isinstance(thing, tuple):
        i = int(head)
        return (*thing[:i], write(thing[i], rest, value) if rest else value, *thing[i + 1 :])
    return replace(thing, **{head: write(getattr(thing, head), rest, value) if rest else value})


def lamp_names(constants: SceneConstants) -> tuple[str, ...]:
    """Names of all numbers of the fixed lamps."""
    parts = ("place.0", "place.1", "place.2", "energy", "radius")
    return tuple(f"lamps.{i}.{part}" for i in range(len(constants.lamps)) for part in parts)


def step_of(name: str) -> float:
    """The relative step for a derivative: large where the picture changes little."""
    return 0.05 if name.startswith("lamps") or name in SOFT else 0.004


def fit(
    constants: SceneConstants,
    names: Sequence[str],
    residuals: Callable[[SceneConstants], np.ndarray],
    steps: int,
) -> SceneConstants:
    """Move the named constants to where the residuals are least (robust: absolute above 10 levels).

    Args:
        constants: where to start.
        names: paths joined by dots.
        residuals: of constants, any shape, in levels of 255.
        steps: how many steps of the optimiser at most.
    """
    paths = [name.split(".") for name in names]
    start = np.array([read(constants, path) for path in paths])
    scale = np.maximum(np.abs(start), [20.0 if "place" in name else 1.0 for name in names])

    def at(vector: np.ndarray) -> SceneConstants:
        moved = constants
        for path, name, value in zip(paths, names, start + (vector - 1.0) * scale):
            positive = name in POSITIVE or (name.startswith("lamps") and "place" not in name)
            moved = write(moved, path, abs(float(value)) if positive else float(value))
        return moved

    found = least_squares(
        lambda vector: residuals(at(vector)).ravel(),
        np.ones(len(start)),
        diff_step=[step_of(name) for name in names],
        loss="soft_l1",
        f_scale=10.0,
        max_nfev=steps,
    )
    return at(found.x)


def blurred(frames: np.ndarray, pixels: float) -> np.ndarray:
    """Frames or masks (N, H, W, ...) as float, blurred."""
    sigma = (0, pixels, pixels) + (0,) * (frames.ndim - 3)
    return gaussian_filter(frames.astype(np.float64), sigma) if pixels else frames.astype(np.float64)


def fit_constants(frames: np.ndarray, factors: Factors, also: Sequence[str] = ()) -> SceneConstants:
    """All stages, from `START`; ``also`` names constants to fit that are published."""
    constants, masks = START, object_masks(frames)
    poses = np.concatenate([factors.positions, factors.rotations], axis=1)
    _, first = np.unique(poses, axis=0, return_index=True)
    for pixels in (2.0, 0.7):
        residuals = partial(mask_residuals, factors[first], 255 * blurred(masks[first], pixels), pixels)
        constants = fit(constants, CAMERA, residuals, 10)
        print(f"silhouettes blurred by {pixels}:", constants, flush=True)
    lights = (*lamp_names(constants), "spot_energy")
    everything = (*CAMERA, *lights, "smoothing", *also)
    for pixels, names in [(3.0, lights), (1.5, everything), (0.6, everything)]:
        residuals = partial(frame_residuals, factors, blurred(frames, pixels), pixels)
        constants = fit(constants, names, residuals, 8)
        print(f"frames blurred by {pixels}:", constants, flush=True)
    return constants


def frame_residuals(factors: Factors, wanted: np.ndarray, pixels: float, constants: SceneConstants) -> np.ndarray:
    """Differences of blurred frames."""
    return blurred(draw(factors, constants), pixels) - wanted


def mask_residuals(factors: Factors, wanted: np.ndarray, pixels: float, constants: SceneConstants) -> np.ndarray:
    """Differences of blurred silhouettes, in levels of 255."""
    scene = Scene(["teapot"], rays_per_pixel=16, constants=constants)
    ours = scene.silhouettes(factors.positions, factors.rotations, np.zeros(len(factors), np.int64))
    return 255 * blurred(ours, pixels) - wanted


def object_masks(frames: np.ndarray) -> np.ndarray:
    """How much of each pixel (N, H, W) the object covers in frames of a yellow object, which sends no blue light.

    The shadow on the floor sends none either: of the connected parts without blue, the object is the one with red.
    """
    light = to_linear(frames)
    blue = light[..., 2] / np.median(light[..., 2], axis=(1, 2), keepdims=True)
    cover = np.clip(1.0 - blue / gaussian_filter(np.percentile(blue, 80, axis=0), 1.0), 0.0, 1.0)
    for mask, red in zip(cover, light[..., 0]):
        parts, num = label(mask > 0.5)
        brightness = [red[parts == part].sum() * (red[parts == part].max() > 0.1) for part in range(1, num + 1)]
        mask *= binary_dilation(parts == 1 + int(np.argmax(brightness)), iterations=1)
    return cover


def to_linear(frames: np.ndarray) -> np.ndarray:
    """sRGB levels as linear light in [0, 1]."""
    part = frames / 255.0
    return np.where(part < 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


# --- scores ----------------------------------------------------------------------------------------------------------


def absolute_error(ours: np.ndarray, published: np.ndarray) -> float:
    """Mean absolute difference, of 255."""
    return float(np.abs(ours.astype(np.float64) - published).mean())


def similarity(ours: np.ndarray, published: np.ndarray) -> float:
    """Mean structural similarity (Wang et al., 2004) over pixels and channels: normal window of 1.5 pixels."""
    a, b = ours.astype(np.float64), published.astype(np.float64)
    mean_a, mean_b = blurred(a, 1.5), blurred(b, 1.5)
    var_a, var_b = blurred(a * a, 1.5) - mean_a**2, blurred(b * b, 1.5) - mean_b**2
    covariance = blurred(a * b, 1.5) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((alike / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def report(name: str, ours: np.ndarray, published: np.ndarray) -> None:
    """Print both scores."""
    error, alike = absolute_error(ours, published), similarity(ours, published)
    print(f"{name}: mean absolute error {error:.2f} of 255, structural similarity {alike:.3f}")


def save_sheet(path: Path, published: np.ndarray, ours: np.ndarray, columns: int = 4, zoom: int = 4) -> None:
    """Pairs of frames side by side, published left."""
    pairs = np.concatenate([published, ours], axis=2)
    pairs = np.pad(pairs, [(0, -len(pairs) % columns), (1, 1), (1, 1), (0, 0)])
    num, height, width, _ = pairs.shape
    sheet = pairs.reshape(num // columns, columns, height, width, 3).swapaxes(1, 2)
    sheet = sheet.reshape(num // columns * height, columns * width, 3)
    Image.fromarray(sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)).save(path)


# --- factors of frames that come without -----------------------------------------------------------------------------


def find_factors(frames: np.ndarray, constants: SceneConstants, rng: np.random.Generator, tries: int) -> Factors:
    """Factors with which our frames come closest to the given ones, one frame after the other.

    A frame's object is found by its saturation and the hues of floor and object by their median colours; of many
    random rotations and spotlights the best few, in small frames, are improved by least squares.
    """
    rows = [_find_row(frame, constants, rng, tries) for frame in frames]
    return Factors.from_rows(np.array(rows))


def _find_row(frame: np.ndarray, constants: SceneConstants, rng: np.random.Generator, tries: int) -> np.ndarray:
    small = Scene(["teapot"], 32, 4, constants=constants)
    large = Scene(["teapot"], 64, 4, constants=constants)
    wanted = frame.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    rows = _guesses(frame, rng, tries)
    errors = np.abs(draw_with(small, Factors.from_rows(rows)) - wanted).mean(axis=(1, 2, 3))
    candidates = [_improve(row, small, wanted, 2.0, 12) for row in rows[np.argsort(errors)[:6]]]
    candidates = [_improve(row, large, frame, 1.0, 12) for row, _ in sorted(candidates, key=lambda pair: pair[1])[:2]]
    row, _ = min(candidates, key=lambda pair: pair[1])
    return _improve(row, large, frame, 0.5, 20)[0]


def _guesses(frame: np.ndarray, rng: np.random.Generator, tries: int) -> np.ndarray:
    """Rows (tries, 10) of factors: hues from the picture, the rest at random."""
    light = to_linear(frame)
    floor_hue = hue_of(np.median(light[:8].reshape(-1, 3), axis=0))
    saturation = 1 - light.min(axis=2) / np.maximum(light.max(axis=2), 1e-6)
    object_hue = hue_of(np.median(light[(saturation > 0.9) & (light.max(axis=2) > 0.05)], axis=0))
    rows = np.empty((tries, 10))
    rows[:, :3] = rng.uniform(-2, 2, (tries, 3))
    rows[:, 3:5] = rng.uniform(0, 2 * np.pi, (tries, 2))
    rows[:, 5] = 0.0
    rows[:, 6:8] = rng.uniform(0, 2 * np.pi, (tries, 2))
    rows[:, 7], rows[:, 8], rows[:, 9] = object_hue, rng.uniform(0, 2 * np.pi, tries), floor_hue
    return rows


def hue_of(colour: np.ndarray) -> float:
    """Hue in radians of a linear colour (3,)."""
    red, green, blue = colour
    return float(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue) % (2 * np.pi))


def _improve(row: np.ndarray, scene: Scene, wanted: np.ndarray, pixels: float, steps: int) -> tuple[np.ndarray, float]:
    """A row of factors after least squares on blurred frames, and its mean absolute error."""
    blurry = blurred(wanted[None], pixels)

    def residuals(vector: np.ndarray) -> np.ndarray:
        return (blurred(draw_with(scene, Factors.from_rows(vector[None])), pixels) - blurry).ravel()

    found = least_squares(
        residuals,
        row,
        diff_step=0.02 / np.maximum(np.abs(row), 0.02),
        loss="soft_l1",
        f_scale=10.0,
        max_nfev=steps,
    )
    return found.x, float(np.abs(residuals(found.x)).mean())


# --- commands --------------------------------------------------------------------------------------------------------


def run_slider(args: argparse.Namespace) -> None:
    """Fit on two thirds of a file with factors, score on the rest."""
    with np.load(args.file) as file:
        frames, factors = file["imgs"][..., :3], Factors.from_rows(file["raw_latents"].astype(np.float64))
    held_out = np.arange(len(frames)) % EVERY == EVERY - 1
    constants = SceneConstants()
    if not args.only_score:
        constants = fit_constants(frames[~held_out], factors[~held_out], PUBLISHED if args.all else ())
        print_constants(constants)
    ours = draw(factors, constants, rays=16)
    report("held out", ours[held_out], frames[held_out])
    report("fitted", ours[~held_out], frames[~held_out])
    median = np.broadcast_to(np.median(frames[~held_out], axis=0), frames[held_out].shape)
    report("the median picture, held out", median, frames[held_out])
    if args.sheet:
        save_sheet(args.sheet, frames, ours)


def run_frames(args: argparse.Namespace) -> None:
    """Find the factors of some frames of a file without factors."""
    with np.load(args.file) as file:
        frames = file["images"][:: args.every, ..., :3]
    constants = SceneConstants()
    factors = find_factors(frames, constants, np.random.default_rng(0), args.tries)
    with np.printoptions(precision=2, suppress=True, linewidth=120):
        print("x, y, z, alpha, beta, gamma, spot angle, hues of object, spot and floor:")
        print(factors.to_rows())
    ours = draw(factors, constants, rays=16)
    report("frames", ours, frames)
    if args.sheet:
        save_sheet(args.sheet, frames, ours)


def print_constants(thing: Any, indent: str = "") -> None:
    """Print the fields of a dataclass, rounded."""
    for field in fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, tuple) and value and is_dataclass(value[0]):
            for item in value:
                print(f"{indent}{field.name}:")
                print_constants(item, indent + "  ")
        else:
            print(f"{indent}{field.name} = {np.round(value, 3)}")


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    slider = commands.add_parser("slider", help="fit the constants to a file with factors")
    slider.add_argument("--only-score", action="store_true", help="score the constants of the package")
    slider.add_argument("--all", action="store_true", help="fit the sizes and heights that are published, too")
    slider.set_defaults(run=run_slider)
    found = commands.add_parser("frames", help="find the factors of a file without")
    found.add_argument("--every", type=int, default=5, help="take each so-many-th frame")
    found.add_argument("--tries", type=int, default=400, help="random guesses per frame")
    found.set_defaults(run=run_frames)
    for command in (slider, found):
        command.add_argument("file", type=Path)
        command.add_argument("--sheet", type=Path, help="write pairs of frames to this PNG file")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
