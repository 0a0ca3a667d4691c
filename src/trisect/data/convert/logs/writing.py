"""Writing a data set with the pictures of logs: a few at a time, continuing after an interruption."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trisect.data import store
from trisect.data.convert.logs.pictures import rows_per_block
from trisect.data.convert.logs.reading import Frame, Reading
from trisect.data.dataset import Dataset
from trisect.data.progress import Progress, RowCounter
from trisect.data.recording import Recording
from trisect.data.writer import FolderWriter, is_unfinished, require_new, require_space
from trisect.files import remove

SMALL = ("targets", "factors", "actions")


def write_logs(reading: Reading, out: Path, marker: dict[str, Any], progress: Progress) -> Dataset:
    """Write what was read to ``out``.

    Args:
        reading: what was read.
        out: the data folder to make.
        marker: plain types that say what is converted and how; unfinished work is continued if its marker is equal,
            else it is started anew.
        progress: called with the number of frames that are written and of all.
    """
    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if reading.frame is None:
        store.save(reading.data, out)
        return store.load(out)
    recordings = [reading.data.recording(name) for name in reading.data]
    total = sum(map(len, recordings))
    require_space(out, total * int(np.prod(reading.observation_shape)), "pass a smaller size (--size 64x64)")
    try:
        with FolderWriter(out, marker, resume=is_unfinished(out, marker)) as folder:
            counter = RowCounter(sum(folder.done(name) for name in reading.data), total, progress)
            for name in reading.data:
                _write_split(folder, name, reading, counter)
            data = reading.data
            folder.finish(store.meta(data.variables, data.source, data.frames_per_observation))
    except ValueError:  # what is wrong with the files is the user's to correct
        remove(out.with_name(f"{out.name}.partial"))
        raise
    return store.load(out)


def _write_split(folder: FolderWriter, name: str, reading: Reading, counter: RowCounter) -> None:
    recording, frame = reading.data.recording(name), reading.frame
    assert frame is not None
    small = {each: getattr(recording, each) for each in SMALL if getattr(recording, each) is not None}
    layout = {each: (array.shape, array.dtype) for each, array in small.items()}
    shape = (len(recording), *reading.observation_shape)
    done = folder.done(name)
    writers = folder.open(name, {"observations": (shape, np.dtype(np.uint8)), **layout})
    counter.done -= done - writers["observations"].rows  # rows of an earlier call that turned out to be damaged
    for rows in _chunks(writers["observations"].rows, recording, frame):
        writers["observations"].append(reading.observations(recording.observations[rows]))
        for each, array in small.items():
            writers[each].append(array[rows])
        folder.note(name, rows.stop)
        counter.add(rows.stop - rows.start)
    starts = recording.starts
    folder.open_more(name, {"episode_starts": (starts.shape, starts.dtype)})["episode_starts"].append(starts)
    folder.close(name, "recording")


def _chunks(first: int, recording: Recording, frame: Frame) -> Iterator[slice]:
    """The rows of a split that are still to be written, some megabytes of pictures at a time."""
    step = rows_per_block(frame.pictures.shape[1:], frame.pictures.dtype)
    for start in range(first, len(recording), step):
        yield slice(start, min(start + step, len(recording)))


def digest_of(path: Path) -> str:
    """A text that changes with the names, sizes and times of change of a file, or of all files in a folder."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    state = [(str(each.relative_to(path)), each.stat().st_size, each.stat().st_mtime_ns) for each in files]
    return hashlib.sha256(repr(state).encode()).hexdigest()
