"""Writing a recording of an environment into a data folder, chunk by chunk, resuming after an interruption.

How many episodes a split has is only known when it is full, so the journal keeps the lengths of the episodes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trisect.data import processes, store
from trisect.data.dataset import Dataset
from trisect.data.episodes import EpisodeChunk, EpisodeSettings, Form, record_chunk
from trisect.data.progress import Progress, RowCounter
from trisect.data.recording import Recording
from trisect.data.writer import FolderWriter, require_space
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Work:
    """What is to be recorded.

    Attributes:
        settings: what an episode depends on.
        form: what the environment gives.
        variables: the variables of the recording.
        seed: seed of all random numbers.
        sizes: split -> number of frames.
        workers: number of processes.
    """

    settings: EpisodeSettings
    form: Form
    variables: VariableSpace
    seed: int
    sizes: Mapping[str, int]
    workers: int

    def layout(self, rows: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shape and type of the arrays of a split with this number of rows, without the episodes."""
        arrays: dict[str, tuple[tuple[int, ...], Any]] = {
            "observations": ((rows, *self.form.frame), np.uint8),
            "targets": ((rows, len(self.variables)), bool),
            "actions": ((rows, self.form.num_actions), np.float32),
        }
        of_factors = ((rows, len(self.variables.factors)), np.float32)
        return arrays if self.form.factors is None else arrays | {"factors": of_factors}

    def chunks(self, split: str, done: int, left: Callable[[], int], executor: Executor | None) -> Generator[Recording]:
        """Chunks of a split without end, from number ``done`` on.

        Args:
            split: name of the split.
            done: number of chunks that an earlier call has recorded.
            left: number of rows that the split still needs; a chunk computed ahead may have more.
            executor: processes that compute them ahead, or None.
        """
        episodes = (EpisodeChunk(split, index, left()) for index in itertools.count(done))
        calls = ((self.settings, self.form, self.variables, self.seed, chunk) for chunk in episodes)
        return processes.in_order(record_chunk, calls, executor, self.workers)


def write(out: Path, work: Work, marker: Mapping[str, Any], progress: Progress | None) -> Dataset:
    """Record all splits, or what an earlier call with the same marker has left of them.

    Args:
        out: the folder to make.
        work: what is to be recorded.
        marker: plain types that say so; its ``"source"`` goes into ``meta.json``, and so does the marker.
        progress: called in frames.
    """
    total, settings = sum(work.sizes.values()), work.settings
    require_space(out, total * math.prod(work.form.frame), "record fewer frames, or smaller ones")
    functions = (settings.source, settings.factors, settings.agent, settings.policy, *settings.interventions.values())
    with FolderWriter(out, marker, resume=True) as folder, processes.executor(work.workers, *functions) as executor:
        counter = RowCounter(sum(sum(folder.episodes(split)) for split in work.sizes), total, progress)
        for split in work.sizes:
            _write_split(folder, split, work, executor, counter)
        folder.finish(store.meta(work.variables, marker["source"]) | {"made_by": dict(marker)})
    return store.load(out)


def _write_split(folder: FolderWriter, split: str, work: Work, executor: Executor | None, counter: RowCounter) -> None:
    writers = folder.open(split, work.layout(work.sizes[split]))
    done, lengths = folder.done(split), folder.episodes(split)

    def left() -> int:
        return work.sizes[split] - writers["targets"].rows

    with closing(work.chunks(split, done, left, executor)) as chunks:
        while left():
            chunk = next(chunks)
            part = chunk.rows(0, min(left(), len(chunk)))
            for name, writer in writers.items():
                writer.append(getattr(part, name).astype(writer.dtype, copy=False))
            done += 1
            lengths.extend(part.episode_lengths.tolist())
            folder.note(split, done, part.episode_lengths.tolist())
            counter.add(len(part))
    starts = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
    folder.open_more(split, {"episode_starts": (starts.shape, starts.dtype)})["episode_starts"].append(starts)
    folder.close(split, "recording")
