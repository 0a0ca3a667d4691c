"""The loader: gathers whole batches of windows on the device that holds the frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from trisect import checks
from trisect.batches import SequenceBatch
from trisect.data.digests import checked
from trisect.data.random_access import at_random
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns
from trisect.frames import frames_to_float
from trisect.rows import chunks_of

logger = logging.getLogger(__name__)

DEVICE_SHARE = 0.6
BLOCK_BYTES = 1 << 26


class SequenceLoader:
    """Batches of windows in random order; batch number k is a pure function of (seed, k).

    Every epoch is a permutation of all windows drawn from (seed, epoch); windows at the end of an epoch that do not
    fill a batch are left out. On a GPU the uint8 frames are kept on the device if they fit in 60 % of its free
    memory; otherwise, and on the CPU, batches are gathered from the (memory-mapped) recording.

    Args:
        recording: the frames and targets.
        targeted_names: the variables whose targets a batch contains, in this order.
        batch_size: windows per batch over all processes, at least 1; reduced with a warning if there are fewer windows.
        seq_len: frames per window, at least 1.
        seed: seed of the order, at least 0.
        device: device of the batches.

    Raises:
        ValueError: there is no window of this length, or an argument is out of range.

    Example:
        >>> from trisect.data.generate import simulate
        >>> from trisect.worlds import make
        >>> recording = simulate(make("ball_in_boxes"), 200, np.random.default_rng(0))
        >>> SequenceLoader(recording, recording.targeted, batch_size=8).batch(0).observations.shape
        torch.Size([8, 2, 3, 32, 32])
    """

    def __init__(
        self,
        recording: Recording,
        targeted_names: tuple[str, ...],
        batch_size: int,
        seq_len: int = 2,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ):
        self.targeted_names = tuple(targeted_names)
        self.seq_len = checks.positive_int(seq_len, "seq_len of a loader")
        self.seed = checks.positive_int(seed, "the seed of a loader", 0)
        self.device = torch.device(device)
        self._windows = recording.windows(seq_len)
        self.batch_size = self._checked_batch_size(batch_size, recording)
        self._observations = _place(recording.observations, self.device)
        columns = target_columns(recording, self.targeted_names)
        self._targets = torch.from_numpy(recording.targets[:, columns].astype(np.float32)).to(self.device)
        self._order = (-1, np.empty(0, dtype=np.int64))

    def _checked_batch_size(self, batch_size: int, recording: Recording) -> int:
        checks.positive_int(batch_size, "the batch size of a loader")
        longest = int(recording.episode_lengths.max())
        checks.require(
            len(self._windows) > 0,
            "the longest episode of a recording",
            f"at least seq_len = {self.seq_len} frames",
            f"{longest}: 0 windows, batch {batch_size}",
            "choose a shorter seq_len or record longer episodes",
        )
        if batch_size > len(self._windows):
            logger.warning("batch size %d reduced to %d, the number of windows", batch_size, len(self._windows))
        return min(batch_size, len(self._windows))

    @property
    def num_windows(self) -> int:
        """Number of windows in the recording."""
        return len(self._windows)

    @property
    def batches_per_epoch(self) -> int:
        """Number of full batches in one pass over the windows, at least 1."""
        return self.num_windows // self.batch_size

    def indices(self, k: int) -> np.ndarray:
        """First rows (batch_size,) int64 of the windows of global batch number ``k``, at least 0."""
        epoch, within = divmod(checks.positive_int(k, "the number of a batch", 0), self.batches_per_epoch)
        if self._order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch))
            self._order = (epoch, rng.permutation(self.num_windows))
        return self._windows[self._order[1][within * self.batch_size : (within + 1) * self.batch_size]]

    def batch(self, k: int, rank: int = 0, world_size: int = 1) -> SequenceBatch:
        """Global batch number ``k``, or the slice of it for process ``rank`` of ``world_size``.

        Raises:
            ValueError: the batch cannot be divided evenly among the processes, or rank is not below world_size.
        """
        checks.require(0 <= rank < world_size, "the rank of a process", f"at least 0 and below {world_size}", rank)
        what = "the batch size of a loader"
        checks.require(
            self.batch_size % world_size == 0, what, f"a multiple of the {world_size} processes", self.batch_size
        )
        share = self.batch_size // world_size
        return self.gather(self.indices(k)[rank * share : (rank + 1) * share])

    def sequential(self, batch_size: int) -> Iterator[SequenceBatch]:
        """Every window once, in time order; the last batch may be smaller."""
        checks.positive_int(batch_size, "the batch size of a loader")
        for first in range(0, self.num_windows, batch_size):
            yield self.gather(self._windows[first : first + batch_size])

    def gather(self, starts: np.ndarray) -> SequenceBatch:
        """The windows that start at the given rows, as one batch on the device."""
        rows = starts[:, None] + np.arange(self.seq_len)
        target_rows = torch.from_numpy(rows[:, 1:]).to(self.device)
        return SequenceBatch(self._gather_observations(rows), self._targets[target_rows])

    def _gather_observations(self, rows: np.ndarray) -> Tensor:
        if isinstance(self._observations, Tensor):
            windows = self._observations[torch.from_numpy(rows).to(self.device)]
        else:
            windows = torch.from_numpy(self._observations[rows]).to(self.device)
        return frames_to_float(windows) if windows.dtype == torch.uint8 else windows.float()


def _place(observations: np.ndarray, device: torch.device) -> Tensor | np.ndarray:
    """The observations on the device if it is a GPU with enough free memory, else as they are."""
    checked(observations)
    if device.type != "cuda":
        return np.asarray(at_random(observations))
    free, _ = torch.cuda.mem_get_info(device)
    if observations.nbytes > DEVICE_SHARE * free:
        logger.warning(
            "%d MB of frames do not fit on %s: batches are gathered on the CPU", observations.nbytes // 10**6, device
        )
        return np.asarray(at_random(observations))
    return _copied(observations, device)


def _copied(observations: np.ndarray, device: torch.device) -> Tensor:
    """Copy the observations to a device in blocks, so that this machine's memory never holds a second copy."""
    first = torch.from_numpy(np.array(observations[:1]))
    placed = torch.empty(observations.shape, dtype=first.dtype, device=device)
    for rows in chunks_of(observations, BLOCK_BYTES):
        placed[rows] = torch.from_numpy(np.array(observations[rows])).to(device)
    return placed
