"""What all outside worlds share: targets, the loop that records, the data set, and the command line.

Target row t says which variables were intervened on to make frame t+1. An intervention is perfect: the value is drawn
anew, uniformly over its range. An episode that ends (a lost ball) starts anew; its first frame has no targets.

Every world needs the extra `outside`: ``pip install -e '.[outside]'``. It is for benchmarks alone and not part of
`all`: ale-py is under the GPL, and nothing in the package imports it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np

import trisect
from trisect import checks
from trisect.data.store import save
from trisect.variables import Factor

PROBABILITY = 0.1
POLICIES = ("single", "independent")
PROGRESS_EVERY = 5000
INSTALL = "pip install -e '.[outside]'"


class OutsideWorld(Protocol):
    """A world that an engine simulates and draws."""

    @property
    def factors(self) -> Sequence[Factor]:
        """One for every variable."""

    def step(self, target: np.ndarray) -> bool:
        """Go on by one frame, with values drawn anew for the variables in ``target`` (K,) bool; False if it restarts.

        A world that restarts has left the old episode and stands at the first frame of a new one, without
        interventions.
        """

    def values(self) -> np.ndarray:
        """The factors (K,) of the frame that `picture` draws."""

    def picture(self) -> np.ndarray:
        """The frame (height, width, 3) uint8."""


@dataclass(frozen=True)
class Setup:
    """How a world is made.

    Attributes:
        rng: the source of all its randomness.
        side: height of a frame in pixels.
        camera_noise: how much the camera trembles and its sensor is noisy, in worlds with such a camera; 0 for none.
    """

    rng: np.random.Generator
    side: int = 64
    camera_noise: float = 1.0


@dataclass(frozen=True)
class OutsideRecording:
    """Frames with interventions.

    Attributes:
        frames: (T, height, width, channels) uint8.
        targets: (T-1, K) bool, row t for frame t+1.
        values: (T, K) float64, the factors.
        starts: rows where episodes start, ascending from 0.
    """

    frames: np.ndarray
    targets: np.ndarray
    values: np.ndarray
    starts: tuple[int, ...]


def engine(name: str) -> ModuleType:
    """Import an engine, or raise `ImportError` with one sentence that says how to install it."""
    os.environ.setdefault("MUJOCO_GL", "osmesa")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} cannot be imported ({error}); install the engines with: {INSTALL}") from error


def draw_targets(policy: str, rows: int, variables: int, rng: np.random.Generator) -> np.ndarray:
    """Targets (rows, variables) bool, each on in a tenth of the rows.

    Args:
        policy: "single" (one variable at most in a row) or "independent".
        rows: number of transitions.
        variables: number of variables, at most 6, so that at least 40 % of the rows have no target.
        rng: source of randomness.
    """
    checks.one_of(policy, POLICIES, "the policy")
    if policy == "independent":
        return rng.random((rows, variables)) < PROBABILITY
    chosen = (rng.random(rows) / PROBABILITY).astype(int)
    return chosen[:, None] == np.arange(variables)


def record(world: OutsideWorld, frames: int, policy: str, rng: np.random.Generator) -> OutsideRecording:
    """Let a world run. Frames are kept in a temporary file without a name and mapped into memory."""
    targets = draw_targets(policy, frames - 1, len(world.factors), rng)
    first = world.picture()
    pictures = unnamed_frames((frames, *first.shape))
    values = np.empty((frames, len(world.factors)))
    pictures[0], values[0], starts = first, world.values(), [0]
    for t, target in enumerate(announced(targets), start=1):
        if not world.step(target):
            starts.append(t)
            targets[t - 1] = False
        pictures[t], values[t] = world.picture(), world.values()
    return OutsideRecording(pictures, targets, values, tuple(starts))


def unnamed_frames(shape: tuple[int, ...]) -> np.ndarray:
    """Room for frames (T, height, width, channels) uint8 on disk, which is free again when the array is gone."""
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def announced(targets: np.ndarray) -> Iterator[np.ndarray]:
    """The rows, with a line on the screen every few thousand."""
    for t, target in enumerate(targets):
        if t and t % PROGRESS_EVERY == 0:
            print(f"{t} of {len(targets) + 1} frames, {time.process_time():.0f} CPU-seconds", flush=True)
        yield target


def write(recording: OutsideRecording, factors: Sequence[Factor], out: Path, depth: int = 1) -> Path:
    """Write the recording as a data folder with the splits train, val and test.

    Args:
        recording: frames and what is known about them.
        factors: one for every variable.
        out: the folder to make.
        depth: number of frames in one observation.
    """
    data = trisect.from_arrays(
        recording.frames,
        recording.targets,
        factors,
        factors=recording.values,
        channels="last",
        levels="0..255",
        episode_starts=recording.starts,
        stack=depth,
    )
    return save(data, out)


def arguments(doc: str, side: int, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of every world."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=side, help="height of a frame in pixels")
    parser.add_argument("--policy", choices=POLICIES, default="single")
    parser.add_argument("--stack", type=int, default=1, help="frames in one observation, side by side in its channels")
    parser.add_argument("--camera-noise", type=float, default=1.0, help="for room: 0 for a still camera without noise")
    parser.add_argument("--out", type=Path, required=True, help="the data folder to make")
    return parser.parse_args(argv)


def main(make: Callable[[Setup], OutsideWorld], doc: str, side: int = 64, argv: Sequence[str] | None = None) -> None:
    """Record a world as the command line says; bad options or a missing engine end the program with one sentence.

    Args:
        make: makes the world.
        doc: text of the help.
        side: default height of a frame.
        argv: the arguments; by default those of the process.
    """
    options = arguments(doc, side, argv)
    try:
        _record_and_write(make, options)
    except (ImportError, ValueError, FileExistsError) as error:
        sys.exit(str(error))
    print(f"{options.out}: {options.frames} frames, {time.process_time():.0f} CPU-seconds")


def _record_and_write(make: Callable[[Setup], OutsideWorld], options: argparse.Namespace) -> None:
    checks.size(options.side, "--side", 16)
    checks.positive_int(options.frames, "--frames", 10)
    checks.positive_int(options.stack, "--stack")
    checks.in_range(options.camera_noise, "--camera-noise", 0.0, 10.0)
    checks.seed(options.seed, "--seed")
    of_world, of_targets = np.random.default_rng(options.seed).spawn(2)
    world = make(Setup(of_world, options.side, options.camera_noise))
    recording = record(world, options.frames, options.policy, of_targets)
    write(recording, world.factors, options.out, options.stack)
