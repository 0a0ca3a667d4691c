"""How well pairs of frames show which variables were intervened on: a fresh network, trained on one recording.

What a network does not find may still be there, so its score is a lower bound of what the frames show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from trisect import checks
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows
from trisect.evaluation.visibility.pair_network import PairNetwork
from trisect.evaluation.visibility.probe_training import ProbeTraining, learning, train_probe
from trisect.rows import chunks_of

LARGEST_SIDE = 64
"""Frames with a longer side are reduced to it by averaging areas."""
MEAN_ROWS, READ_ROWS, CHUNK_BYTES = 1000, 256, 1 << 24


class FramePairs(NamedTuple):
    """Pairs of consecutive frames, and the interventions between them.

    Attributes:
        frames: (frames, height, width, channels) uint8, in memory or memory-mapped.
        before: row number of x^t of every pair; x^{t+1} is the next row.
        targets: the interventions.
    """

    frames: np.ndarray
    before: Int[np.ndarray, " pairs"]
    targets: Bool[np.ndarray, "pairs variables"]


def frame_pairs(recording: Recording, variables: Sequence[str]) -> FramePairs:
    """The pairs of a recording of frames, and the targets of some variables in this order."""
    return FramePairs(recording.observations, *transition_rows(recording, variables))


def frame_logits(
    train: Recording, test: Recording, variables: Sequence[str], seed: int, settings: ProbeTraining | None = None
) -> Float[np.ndarray, "pairs variables"]:
    """Train a network on the pairs of frames of one recording, and read the targets of all pairs of another.

    `trisect.evaluation.visibility.explained.explained` says how much of the targets the logits explain.

    Args:
        train, test: recordings of frames of the same size.
        variables: names of the target columns to read, in order.
        seed: seed of the weights and the batches.
        settings: steps, batch size, rate; by default `ProbeTraining()`.

    Raises:
        ValueError: the observations are not frames of the same size, or a recording has no pairs.
    """
    return read_frames(frame_pairs(train, variables), frame_pairs(test, variables), seed, settings)


def read_frames(
    train: FramePairs, test: FramePairs, seed: int, settings: ProbeTraining | None = None
) -> Float[np.ndarray, "pairs variables"]:
    """`frame_logits` for any pairs of frames."""
    for pairs, what in ((train, "the training pairs"), (test, "the test pairs")):
        checks.shape(pairs.frames, f"the frames of {what}", None, *train.frames.shape[1:4])
        checks.positive_int(len(pairs.before), f"the number of {what}")
    generator = torch.Generator().manual_seed(seed)
    train, test = _reduced(train), _reduced(test)
    with learning(), torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        network = _network(train)
        _train(network, train, settings or ProbeTraining(), generator)
    with torch.no_grad():
        rows = np.array_split(np.arange(len(test.before)), -(-len(test.before) // READ_ROWS))
        parts = [_logits(network, test, some) for some in rows]
    return torch.cat(parts).double().numpy()


def _network(pairs: FramePairs) -> PairNetwork:
    """An untrained network with the mean and the scale of some of the frames."""
    rows = np.unique(np.linspace(pairs.before.min(), pairs.before.max() + 1, MEAN_ROWS).astype(int))
    frames = torch.from_numpy(np.array(pairs.frames[rows])).float()
    mean = frames.mean(dim=0)
    scale = float((frames - mean).square().mean().sqrt())
    return PairNetwork(mean, max(scale, 1.0), pairs.targets.shape[1])


def _train(network: PairNetwork, pairs: FramePairs, settings: ProbeTraining, generator: torch.Generator) -> None:
    labels = torch.from_numpy(pairs.targets).float()

    def loss_of(rows: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(_logits(network, pairs, rows.numpy()), labels[rows])

    train_probe(network, loss_of, len(labels), settings, generator)


def _logits(network: PairNetwork, pairs: FramePairs, rows: np.ndarray) -> Float[Tensor, "pairs variables"]:
    at = pairs.before[rows]
    before, after = (torch.from_numpy(np.array(pairs.frames[each])) for each in (at, at + 1))
    logits: Tensor = network(before, after)
    return logits


def _reduced(pairs: FramePairs) -> FramePairs:
    """The same pairs with frames of at most `LARGEST_SIDE`, the means over areas; other frames are left out."""
    height, width = pairs.frames.shape[1:3]
    if max(height, width) <= LARGEST_SIDE:
        return pairs
    rows = np.union1d(pairs.before, pairs.before + 1)
    size = tuple(max(1, round(side * LARGEST_SIDE / max(height, width))) for side in (height, width))
    frames = np.empty((len(rows), *size, pairs.frames.shape[3]), dtype=np.uint8)
    for chunk in chunks_of(pairs.frames, CHUNK_BYTES, len(rows)):
        part = torch.from_numpy(np.array(pairs.frames[rows[chunk]])).movedim(-1, 1).float()
        small = functional.adaptive_avg_pool2d(part, (size[0], size[1]))
        frames[chunk] = small.round().to(torch.uint8).movedim(1, -1).numpy()
    return pairs._replace(frames=frames, before=np.searchsorted(rows, pairs.before))
