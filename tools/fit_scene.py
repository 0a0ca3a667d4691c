"""Fit the constants of the 3-D scene to published frames, or find the factors of frames without labels.

    python tools/fit_scene.py slider data_slider.npz --sheet fit.png        # fit on two thirds, score on every third
    python tools/fit_scene.py slider data_slider.npz --only-score           # score the constants of the package
    python tools/fit_scene.py frames causal3d.npz --sheet pairs.png         # find the factors of frames

``slider`` prints the constants, and the mean absolute error (of 255) and the structural similarity on the held-out
frames, beside the scores of the median frame. It starts from a rough guess: the camera in front and above, one lamp
high up. Stages: the camera from silhouettes, then the lamps, then everything together, each on blurred frames first.

``frames`` finds position, rotation, spotlight and hues of each frame, without the third rotation, which is 0 in the
published frames, and prints the same scores. It writes one file per frame into a folder, and resumes from these files.
It also prints how well the factors obey the rules of the world, and how close the hues are to the eight values in the
published frames: this checks the order of the rotations and the meaning of the hues without labels.

Sheets show pairs of a published and a drawn frame, side by side or one above the other.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scene_frames import (
    Factors,
    absolute_errors,
    blurred,
    draw,
    report,
    save_sheet,
    save_stacks,
    similarities,
    to_linear,
)
from scene_results import Results, find_all
from scene_rules import print_check
from scene_search import Searcher
from scipy.ndimage import binary_dilation, gaussian_filter, label
from scipy.optimize import least_squares

from trisect import checks
from trisect.data.convert.npz import NpzReader
from trisect.worlds.scene3d import Lamp, Scene, SceneConstants

EVERY = 3
"""Every third frame of the slider file is held out."""
POOR = 0.9
"""Frames with a lower structural similarity are listed."""
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


# --- constants as a vector -------------------------------------------------------------------------------------------


def read(thing: Any, path: Sequence[str]) -> float:
    """The number at a path of field names and indices, such as ``("lamps", "0", "place", "2")``."""
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
    """The relative step of a numerical derivative: large if the picture changes little."""
    return 0.05 if name.startswith("lamps") or name in SOFT else 0.004


def fit(
    constants: SceneConstants,
    names: Sequence[str],
    residuals: Callable[[SceneConstants], np.ndarray],
    steps: int,
) -> SceneConstants:
    """Fit the named constants by robust least squares (residuals above 10 levels count linearly).

    Args:
        constants: initial values.
        names: paths of the constants to fit, joined by dots.
        residuals: function from constants to residuals of any shape, in levels of 255.
        steps: largest number of steps of the optimiser.
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

    solution = least_squares(
        lambda vector: residuals(at(vector)).ravel(),
        np.ones(len(start)),
        diff_step=[step_of(name) for name in names],
        loss="soft_l1",
        f_scale=10.0,
        max_nfev=steps,
    )
    return at(solution.x)


def fit_constants(frames: np.ndarray, factors: Factors, also: Sequence[str] = ()) -> SceneConstants:
    """Fit the constants in all stages, from `START`; ``also`` names published constants to fit too."""
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


def frame_residuals(factors: Factors, published: np.ndarray, pixels: float, constants: SceneConstants) -> np.ndarray:
    """Differences of blurred frames."""
    return blurred(draw(factors, constants), pixels) - published


def mask_residuals(factors: Factors, published: np.ndarray, pixels: float, constants: SceneConstants) -> np.ndarray:
    """Differences of blurred silhouettes, in levels of 255."""
    scene = Scene(["teapot"], rays_per_pixel=16, constants=constants)
    ours = scene.silhouettes(factors.positions, factors.rotations, np.zeros(len(factors), np.int64))
    return 255 * blurred(ours, pixels) - published


def object_masks(frames: np.ndarray) -> np.ndarray:
    """The share of each pixel (N, H, W) that a yellow object covers, which reflects no blue light.

    The shadow on the floor reflects none either: of the connected parts without blue, the object is the one with red.
    """
    light = to_linear(frames)
    blue = light[..., 2] / np.median(light[..., 2], axis=(1, 2), keepdims=True)
    cover = np.clip(1.0 - blue / gaussian_filter(np.percentile(blue, 80, axis=0), 1.0), 0.0, 1.0)
    for mask, red in zip(cover, light[..., 0]):
        parts, num = label(mask > 0.5)
        brightness = [red[parts == part].sum() * (red[parts == part].max() > 0.1) for part in range(1, num + 1)]
        mask *= binary_dilation(parts == 1 + int(np.argmax(brightness)), iterations=1)
    return cover


# --- commands --------------------------------------------------------------------------------------------------------


def run_slider(args: argparse.Namespace) -> None:
    """Fit the constants on two thirds of a file with factors, and score them on the rest."""
    images, rows = arrays_of(args.file, "imgs", "raw_latents")
    frames, factors = images[..., :3], Factors.from_rows(rows.astype(np.float64))
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
    """Find the factors of the frames of a file without factors, and check them against the rules of the world."""
    images, targets = arrays_of(args.file, "images", "interventions")
    frames = images[: args.first, ..., :3]
    searcher = Searcher(SceneConstants())
    results = find_all(frames, searcher, Results(args.results), args.seed, args.passes)
    rows = np.array([result.row for result in results])
    ours = draw(Factors.from_rows(rows), searcher.constants, rays=16)
    print_frames(rows, absolute_errors(ours, frames), similarities(ours, frames))
    report("the median picture", np.broadcast_to(np.median(frames, axis=0), frames.shape), frames)
    if len(rows) > 1:
        print_check(rows, targets[: len(rows) - 1])
    if args.sheet:
        save_stacks(args.sheet, frames, ours)


def arrays_of(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of an ``.npz`` file, by name.

    Raises:
        SystemExit: with one sentence, if the file does not exist, is damaged, or lacks an array.
    """
    try:
        reader = NpzReader(path)
        reader.require(names)
        return [reader.read(name) for name in names]
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from error


def print_frames(rows: np.ndarray, errors: np.ndarray, alike: np.ndarray) -> None:
    """Print factors and scores of each frame, and the scores of all."""
    print("frame, error, similarity; x, y, z, alpha, beta, gamma, spot angle, hues of object, spot and floor:")
    for i, row in enumerate(rows):
        print(f"{i:4} {errors[i]:5.2f} {alike[i]:.3f} ", *(f"{value:6.2f}" for value in row))
    print(f"mean absolute error of 255: mean {errors.mean():.2f}, median {np.median(errors):.2f}")
    print(f"structural similarity: mean {alike.mean():.3f}, median {np.median(alike):.3f}")
    print(
        f"{int((alike < POOR).sum())} of {len(rows)} frames are below {POOR}: {np.flatnonzero(alike < POOR).tolist()}"
    )


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


def positive(text: str) -> int:
    """A number of at least 1 from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(checks.sentence("the number", "at least 1", number))
    return number


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    slider = commands.add_parser("slider", help="fit the constants to a file with factors")
    slider.add_argument("--only-score", action="store_true", help="score the constants of the package")
    slider.add_argument("--all", action="store_true", help="also fit the sizes and heights that are published")
    slider.set_defaults(run=run_slider)
    finder = commands.add_parser("frames", help="find the factors of a file without factors")
    finder.add_argument("--first", type=positive, help="number of frames from the start of the file; default: all")
    finder.add_argument("--passes", type=positive, default=3, help="number of passes over the frames")
    finder.add_argument("--seed", type=int, default=0, help="seed of the random guesses")
    finder.add_argument("--results", type=Path, default=Path("build/scene"), help="folder with one file per frame")
    finder.set_defaults(run=run_frames)
    for command in (slider, finder):
        command.add_argument("file", type=Path)
        command.add_argument("--sheet", type=Path, help="write pairs of frames to this PNG file")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
