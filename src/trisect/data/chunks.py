"""Chunks: the pieces in which a data set is generated, and the splits that they make up.

A chunk's bytes depend on the world, the seed, and the chunk's position in its split, never on which process computes
it or when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.data.triplets import mixed_factors
from trisect.worlds.base import World

SPLITS = ("train", "val", "test", "val_indep", "test_indep", "val_triplets", "test_triplets")
SHARES = {"val": 0.1, "test": 0.1, "val_indep": 0.25, "test_indep": 0.25, "val_triplets": 0.1, "test_triplets": 0.1}
LARGEST, SMALLEST = 10_000, 20
CHUNK_FRAMES = 2000


@dataclass(frozen=True)
class Chunk:
    """Some rows of one split.

    Attributes:
        split: one of `SPLITS`.
        index: its position in the split, from 0.
        num_episodes, num_frames: number of episodes, and of frames in each; independent frames and triplets count as
            episodes of one frame.
        continues: whether the chunk continues the episode of the previous chunk.
    """

    split: str
    index: int
    num_episodes: int
    num_frames: int
    continues: bool = False

    @property
    def rows(self) -> int:
        """Number of rows in the split's arrays, which hold the episodes one after another."""
        return self.num_episodes * self.num_frames


def default_splits(num_frames: int) -> dict[str, int]:
    """Sizes of the six other splits for a training split of ``num_frames`` frames.

    val and test 10 %, independent frames 25 %, triplets 10 %; at least 20 and at most 10,000 each.

    Example:
        >>> default_splits(1000)["test_indep"], default_splits(10**6)["val"]
        (250, 10000)
    """
    return {name: min(LARGEST, max(SMALLEST, round(share * num_frames))) for name, share in SHARES.items()}


def split_sizes(num_frames: int, splits: Mapping[str, int] | None) -> dict[str, int]:
    """Number of rows of every split in the order of `SPLITS`, including ``train``."""
    if splits is not None and not isinstance(splits, Mapping):
        raise TypeError(checks.sentence("the splits to generate", "a mapping from names to sizes", repr(splits)[:100]))
    others = default_splits(num_frames) if splits is None else dict(splits)
    for name, size in others.items():
        checks.one_of(name, SPLITS[1:], "the name of a held-out split")
        checks.positive_int(size, f"the size of split '{name}'")
    sizes = {"train": checks.positive_int(num_frames, "num_frames", 2), **others}
    return {name: sizes[name] for name in SPLITS if name in sizes}


def plan(split: str, size: int, episode_length: int | None) -> list[Chunk]:
    """The chunks of a split of ``size`` rows; the last episode may be shorter; a length of None: a single episode."""
    if split.endswith(("_indep", "_triplets")):
        episode_length = 1
    length = size if episode_length is None else min(episode_length, size)
    pieces = list(_short_episodes(size, length) if length <= CHUNK_FRAMES else _long_episodes(size, length))
    return [Chunk(split, index, *piece) for index, piece in enumerate(pieces)]


def _short_episodes(size: int, length: int) -> Iterator[tuple[int, int, bool]]:
    together, whole = CHUNK_FRAMES // length, size // length
    for first in range(0, whole, together):
        yield min(together, whole - first), length, False
    if size % length:
        yield 1, size % length, False


def _long_episodes(size: int, length: int) -> Iterator[tuple[int, int, bool]]:
    for first in range(0, size, length):
        stop = min(first + length, size)
        for start in range(first, stop, CHUNK_FRAMES):
            yield 1, min(CHUNK_FRAMES, stop - start), start > first


def episode_starts(chunks: list[Chunk]) -> np.ndarray:
    """Rows (episodes,) int64 where the episodes of a split start."""
    starts, row = [], 0
    for chunk in chunks:
        if not chunk.continues:
            starts.append(row + chunk.num_frames * np.arange(chunk.num_episodes, dtype=np.int64))
        row += chunk.rows
    return np.concatenate(starts)


def compute(world: World, seed: int, chunk: Chunk, last: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Compute the arrays of a chunk: observations, factors float32, and targets or from_second.

    Args:
        world: the world.
        seed: seed of the whole data set; the chunk's random stream is (seed, split, index).
        chunk: the chunk to compute.
        last: (1, D) float32, the stored factors of the previous row, for a chunk that continues an episode.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS.index(chunk.split), chunk.index)))
    if chunk.split.endswith("_triplets"):
        return _triplet_rows(world, chunk, rng)
    if chunk.split.endswith("_indep"):
        factors = world.independent(chunk.rows, rng)
        targets = np.zeros((chunk.rows, len(world.variables)), dtype=bool)
    else:
        start = None if last is None else last.astype(np.float64)
        factors, targets = roll_out(world, chunk.num_episodes, chunk.num_frames, rng, start)
    return {"observations": world.render(factors), "targets": targets, "factors": factors.astype(np.float32)}


def _triplet_rows(world: World, chunk: Chunk, rng: np.random.Generator) -> dict[str, np.ndarray]:
    factors, from_second = mixed_factors(world, chunk.rows, rng)
    frames = np.empty((chunk.rows, 3, *world.observation_shape), world.observation_dtype)
    for position in range(3):  # one by one: a world may need several times the memory of the frames
        frames[:, position] = world.render(factors[:, position])
    return {"observations": frames, "from_second": from_second, "factors": factors.astype(np.float32)}


def roll_out(
    world: World, num_episodes: int, num_frames: int, rng: np.random.Generator, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate episodes in parallel and return them one after another.

    Args:
        world: the world.
        num_episodes: number of episodes, at least 1.
        num_frames: frames per episode, at least 1.
        rng: source of all random numbers.
        start: (num_episodes, D) float64, the state before the first frame; by default the first frame is a reset.

    Returns:
        factors (num_episodes * num_frames, D) float64 and targets (..., K) bool; row t produced frame t.
    """
    factors = np.empty((num_episodes, num_frames, len(world.variables.factors)))
    targets = np.zeros((num_episodes, num_frames, len(world.variables)), dtype=bool)
    first = 1 if start is None else 0
    state = world.reset(num_episodes, rng) if start is None else start
    if start is None:
        factors[:, 0] = state
    for t in range(first, num_frames):
        targets[:, t] = world.targets(num_episodes, rng)
        state = factors[:, t] = world.step(state, targets[:, t], rng)
    return factors.reshape(num_episodes * num_frames, -1), targets.reshape(num_episodes * num_frames, -1)
