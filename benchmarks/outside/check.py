"""Run a few frames of every outside world and check them; needs the engines, so it is no part of the test suite.

    python benchmarks/outside/check.py                     # all worlds
    python benchmarks/outside/check.py arm room            # some
    python benchmarks/outside/check.py --sheets FOLDER     # a picture of twelve frames of each, enlarged, to look at

Each world must: draw frames of its size; give the same bytes for the same seed; change its pixels by an intervention on
each variable, and by it more than by the camera's noise (two worlds of the same seed, of which one is intervened on);
hold the other variables in that frame; and be written and read as a data folder, also with two frames stacked.
The table shows the mean difference between the two worlds' frames in levels, in all pixels and in the changed ones.

reacher, which trisect.data.Recorder records, has interventions that are compared within a frame, and no picture here:
`trisect inspect FOLDER --sheet FILE` draws one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import reacher
from arm import Arm
from boxing import Boxing
from breakout import Breakout
from photo import SIDE, Photo
from recordings import OutsideWorld, Setup, record, write
from room import Room

import trisect
from trisect import checks

WORLDS: dict[str, tuple[Callable[[Setup], OutsideWorld], int]] = {
    "arm": (Arm, 64),
    "breakout": (Breakout, 64),
    "boxing": (Boxing, 64),
    "room": (Room, 64),
    "photo": (Photo, SIDE),
}
REACHER = "reacher"
FRAMES, PAIRS, LEVELS = 50, 10, 3
"""Frames of a recording, compared pairs of worlds for each variable, and levels by which a changed pixel differs."""
SHEET, APART, COLUMNS, PIXELS = 12, 10, 4, 256


def world_of(name: str, seed: int = 0) -> OutsideWorld:
    """The world with clean frames, so that two of the same seed can be compared."""
    make, side = WORLDS[name]
    return make(Setup(np.random.default_rng(seed), side, camera_noise=0.0))


def check_frames(name: str) -> None:
    """Size and type of the frames, and the same bytes for the same seed."""
    side = WORLDS[name][1]
    first, second = (record(world_of(name), FRAMES, "single", np.random.default_rng(1)) for _ in range(2))
    assert first.frames.shape[1] == side, f"{name}: frames of {first.frames.shape[1:]}"
    assert first.targets.shape == (FRAMES - 1, first.values.shape[1])
    np.testing.assert_array_equal(first.frames, second.frames, f"{name}: the same seed gave other frames")
    np.testing.assert_array_equal(first.values, second.values)


def check_folder(name: str) -> None:
    """A recording is written and read, as it is and with two frames stacked."""
    world = world_of(name)
    recording = record(world, 10 * FRAMES, "independent", np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        for depth in (1, 2):
            data = trisect.load(write(recording, world.factors, Path(folder) / str(depth), depth))
            assert data.recording("train").observations.shape[-1] == 3 * depth
            assert sum(len(data.recording(split)) for split in data) == 10 * FRAMES


def effect(name: str, variable: int, seed: int) -> tuple[float, float, np.ndarray]:
    """What an intervention on one variable does in the frame that it makes.

    Returns:
        The mean difference of all pixels, that of pixels that differ by `LEVELS` or more (0 if there is none), and the
        absolute differences of the values (K,).
    """
    worlds = world_of(name, seed), world_of(name, seed)
    nothing = np.zeros(len(worlds[0].factors), bool)
    for world in worlds:
        for _ in range(seed % 7 + 3):
            world.step(nothing)
    worlds[0].step(nothing)
    worlds[1].step(np.arange(len(nothing)) == variable)
    frames = [world.picture().astype(int) for world in worlds]
    pixels = np.abs(frames[1] - frames[0])
    changed = pixels[pixels >= LEVELS]
    return pixels.mean(), changed.mean() if changed.size else 0.0, np.abs(worlds[1].values() - worlds[0].values())


def check_effects(name: str) -> None:
    """Every intervention moves its variable and pixels; the others stay where they would have been, but for contact."""
    factors = world_of(name).factors
    for i, factor in enumerate(factors):
        results = [effect(name, i, seed) for seed in range(PAIRS)]
        everywhere, changed, moved = (np.array(part) for part in zip(*results))
        print(f"{name:9} {factor.name:9} {everywhere.mean():7.3f} {changed.mean():7.1f}")
        assert (changed > 0).mean() >= 0.7, f"{name}: {factor.name} changes no pixels"
        others = np.delete(moved, i, axis=1)
        assert moved[:, i].mean() > 5 * others.mean(), f"{name}: {factor.name} moves other variables at once"


def check_reacher() -> None:
    """The same bytes for the same seed; every intervention moves its variable and pixels, and no other variable."""
    with tempfile.TemporaryDirectory() as folder:
        recorder, given = reacher.recorder(), {"frames": FRAMES, "seed": 0, "splits": {}}
        first, second = (recorder.record(out=Path(folder) / name, **given)["train"] for name in ("first", "second"))
        np.testing.assert_array_equal(first.observations, second.observations, "the same seed gave other frames")
        np.testing.assert_array_equal(first.factors, second.factors)
    environment = reacher.maker()()
    for i, name in enumerate(reacher.interventions()):
        pixels, moved = (np.array(part) for part in zip(*(reacher_effect(environment, name, s) for s in range(PAIRS))))
        changed = pixels[pixels >= LEVELS]
        print(f"{REACHER:9} {name:9} {pixels.mean():7.3f} {changed.mean():7.1f}")
        assert (pixels.max(axis=(1, 2, 3)) >= LEVELS).mean() >= 0.7, f"{REACHER}: {name} changes no pixels"
        assert (moved[:, i] > 0).all() and not np.delete(moved, i, axis=1).any(), f"{REACHER}: {name} moves others"


def reacher_effect(environment: Any, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What an intervention does to the picture and to the values: absolute differences."""
    environment.reset(seed=seed)
    model, rng = environment.unwrapped, np.random.default_rng(seed)
    frame, values = environment.render().astype(int), np.array(list(reacher.truth(model).values()))
    reacher.interventions()[name](model, rng)
    return np.abs(environment.render() - frame), np.abs(np.array(list(reacher.truth(model).values())) - values)


def sheet(name: str, folder: Path) -> Path:
    """Twelve frames of a recording, each ten after the last, enlarged, as a picture."""
    make, side = WORLDS[name]
    world = make(Setup(np.random.default_rng(0), side))
    recording = record(world, APART * SHEET, "single", np.random.default_rng(0))
    times = PIXELS // side
    large = [np.kron(frame, np.ones((times, times, 1), np.uint8)) for frame in recording.frames[::APART]]
    framed = [np.pad(frame, ((2, 2), (2, 2), (0, 0))) for frame in large]
    rows = [np.concatenate(framed[i : i + COLUMNS], axis=1) for i in range(0, SHEET, COLUMNS)]
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.image.imsave(folder / f"{name}.png", np.concatenate(rows))
    return folder / f"{name}.png"


def main() -> None:
    """Check the worlds that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"some of {', '.join((*WORLDS, REACHER))}")
    parser.add_argument("--sheets", type=Path, help="folder for pictures")
    options = parser.parse_args()
    print("world     variable  all pixels, changed pixels")
    for name in [checks.one_of(world, (*WORLDS, REACHER), "a world") for world in options.worlds] or (*WORLDS, REACHER):
        if name == REACHER:
            check_reacher()
            continue
        check_frames(name)
        check_folder(name)
        check_effects(name)
        if options.sheets:
            print(sheet(name, options.sheets))


if __name__ == "__main__":
    try:
        main()
    except (ImportError, ValueError) as error:
        sys.exit(str(error))
