"""Variables whose values are known: random walks that interventions set anew; as latents, and as dots in frames."""

from __future__ import annotations

import numpy as np

from trisect.data.recording import Recording
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.variables import anonymous

NAMES = ("a", "b", "c")
SLOTS = Slots(np.eye(4, dtype=bool), (*NAMES, "noise"))


def walks(num_frames: int, seed: int, rate: float = 0.1, memory: float = 0.97) -> tuple[np.ndarray, np.ndarray]:
    """Values (frames, 3) in [-1, 1] and targets: c' = .97 c + small noise, or drawn anew, each with this rate."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num_frames, 3)) < rate
    noise, fresh = 0.05 * rng.normal(size=(num_frames, 3)), rng.uniform(-1, 1, (num_frames, 3))
    values = fresh.copy()
    for t in range(1, num_frames):
        values[t] = np.where(targets[t], fresh[t], np.clip(memory * values[t - 1] + noise[t], -1, 1))
    targets[0] = False
    return values, targets


def transitions(latents: np.ndarray, targets: np.ndarray) -> Transitions:
    """All consecutive frames as transitions."""
    rows = np.arange(len(latents) - 1)
    return Transitions(latents.astype(np.float32), np.stack([rows, rows + 1], axis=1), targets[1:])


def with_nuisance(values: np.ndarray, seed: int) -> np.ndarray:
    """The values and a latent that nothing moves."""
    rng = np.random.default_rng(1000 + seed)
    return np.column_stack([values, rng.normal(size=len(values))])


def jumps(values: np.ndarray) -> np.ndarray:
    """Changes of the values since the frame before."""
    return np.diff(values, axis=0, prepend=values[:1])


def dots(values: np.ndarray, side: int = 20, hidden: tuple[int, ...] = ()) -> np.ndarray:
    """Frames (N, side, side, 3) uint8 with a dot of 2x2 pixels per variable, each in a channel and band of its own.

    The dot of variable k moves along row 2 + 6 k; those of ``hidden`` variables are behind a mask.
    """
    frames = np.full((len(values), side, side, 3), 30, dtype=np.uint8)
    for k in range(3):
        if k in hidden:
            continue
        columns = np.round((values[:, k] + 1) / 2 * (side - 2)).astype(int)
        for down in range(2):
            for right in range(2):
                frames[np.arange(len(values)), 2 + 6 * k + down, columns + right, k] = 220
    return frames


def recording(frames: np.ndarray, targets: np.ndarray) -> Recording:
    """A recording of one episode."""
    return Recording(frames, targets, anonymous(NAMES), episode_starts=np.array([0]))
