"""Data sets as LeRobot 3.0 stores them, with pictures in Parquet.

All splits follow each other; ``splits`` of ``meta/info.json`` says which episodes belong to each. As in LeRobot, an
episode lies in one file, and the statistics of pictures are made of some of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.export.facts import EPISODE, KEY
from trisect.data.export.features import PURPOSE, Feature, schema_of, table_of
from trisect.data.export.parts import Parts
from trisect.data.export.rows import Block, Rows, Values
from trisect.data.export.statistics import Joined, chosen_rows, statistics_of
from trisect.data.progress import Progress, RowCounter
from trisect.data.recording import Recording
from trisect.requirements import optional

VERSION, FILES_PER_CHUNK, EPISODES_PER_GROUP = "v3.0", 1000, 500
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
INDEX, TASK = "index", "task_index"


def write(rows: Rows, folder: Path, progress: Progress | None) -> None:
    """Write a data set.

    Args:
        rows: the rows.
        folder: an empty folder.
        progress: called with the number of frames that are written and of all.
    """
    writer = _Writer(rows, folder, RowCounter(0, len(rows), progress))
    writer.write()
    for name, content in (("info", writer.info()), ("stats", writer.statistics())):
        (folder / "meta" / f"{name}.json").write_text(json.dumps(content, indent=4), encoding="utf-8")
    pandas = optional("pandas", "tables", PURPOSE)
    pandas.DataFrame({TASK: [0]}, index=[writer.task]).to_parquet(folder / "meta" / "tasks.parquet")


class _Writer:
    """Writes the tables of a data set, and collects what the other files say."""

    def __init__(self, rows: Rows, folder: Path, counter: RowCounter):
        self.rows, self.folder, self.counter = rows, folder, counter
        self.features = [*rows.features, Feature(INDEX, "int64", (1,)), Feature(TASK, "int64", (1,))]
        self.schema = schema_of(self.features)
        self.task = f"observe interventions on {checks.listed(rows.data.variables.names)}"
        self.first_row = self.first_episode = 0
        self._splits: dict[str, str] = {}
        self._joined = {each.name: Joined() for each in self.features}
        self._episodes = Parts(None, lambda number: folder / EPISODES)
        self._group: list[dict[str, Any]] = []

    def write(self) -> None:
        """Write the rows of all splits, and those about episodes."""
        with Parts(self.schema, self._file) as parts, self._episodes:
            for name, recording in self.rows.recordings.items():
                self._write_split(recording, parts)
                last = self.first_episode + recording.num_episodes
                self._splits[name] = f"{self.first_episode}:{last}"
                self.first_row, self.first_episode = self.first_row + len(recording), last
            self._write_group()

    def _write_split(self, recording: Recording, parts: Parts) -> None:
        for block in self.rows.blocks(recording):
            number = parts.number
            parts.write(self._table(block), block.is_whole)
            for episode in block.episodes:
                self._note(recording, episode, number)
            self.counter.add(block.rows.stop - block.rows.start)

    def _file(self, number: int) -> Path:
        chunk, file = divmod(number, FILES_PER_CHUNK)
        return self.folder / DATA.format(chunk_index=chunk, file_index=file)

    def _table(self, block: Block) -> Any:
        values = self._counted(block.values, block.rows)
        return table_of(self.features, self.schema, values, block.paths)

    def _counted(self, values: Values, rows: slice) -> Values:
        """The columns of some rows of a split with those that count over all splits."""
        at = np.arange(rows.start, rows.stop) + self.first_row
        whole = {EPISODE: values[EPISODE] + self.first_episode, INDEX: at, TASK: np.zeros(len(at), np.int64)}
        return {**values, **whole}

    def _note(self, recording: Recording, episode: int, file: int) -> None:
        """Keep what is to be said about an episode of a split, which lies in this file."""
        first = int(recording.starts[episode])
        length = int(recording.episode_lengths[episode])
        chunk, within = divmod(file, FILES_PER_CHUNK)
        said: dict[str, Any] = {EPISODE: self.first_episode + episode, "tasks": [self.task], "length": length}
        said |= {"data/chunk_index": chunk, "data/file_index": within}
        begin = self.first_row + first
        said |= {"dataset_from_index": begin, "dataset_to_index": begin + length}
        said |= self._statistics(recording, slice(first, first + length))
        self._group.append({**said, "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})
        if len(self._group) == EPISODES_PER_GROUP:
            self._write_group()

    def _statistics(self, recording: Recording, rows: slice) -> dict[str, Any]:
        """The statistics of an episode, as columns of the table of episodes; they count in those of all rows."""
        values = self._counted(self.rows.facts_of_rows(recording, rows), rows)
        chosen = rows.start + chosen_rows(self.rows.observed, rows.stop - rows.start)
        values[self.rows.observed.name] = self.rows.observations(recording, chosen)
        found: dict[str, Any] = {}
        for feature in self.features:
            part = statistics_of(feature, values[feature.name])
            self._joined[feature.name].add(part)
            found |= {f"stats/{feature.name}/{name}": value.tolist() for name, value in part.items()}
        return found

    def _write_group(self) -> None:
        """Write what is kept of some episodes."""
        arrow = optional("pyarrow", "tables", PURPOSE)
        if self._group:
            table = arrow.Table.from_pylist(self._group, schema=self._episodes.schema)
            self._episodes.schema = table.schema
            self._episodes.write(table, is_whole=False)
            self._group.clear()

    def info(self) -> dict[str, Any]:
        """The content of ``meta/info.json``."""
        head = {"codebase_version": VERSION, "robot_type": None}
        totals = {"total_episodes": self.first_episode, "total_frames": self.first_row, "total_tasks": 1}
        sizes = {"chunks_size": FILES_PER_CHUNK, "data_files_size_in_mb": 100, "video_files_size_in_mb": 200}
        files = {"fps": self.rows.fps, "splits": self._splits, "data_path": DATA, "video_path": None}
        features = {each.name: each.of_lerobot() for each in self.features}
        return {**head, **totals, **sizes, **files, "features": features, KEY: self.rows.facts.to_json()}

    def statistics(self) -> dict[str, Any]:
        """The content of ``meta/stats.json``."""
        return {name: dict(joined.plain()) for name, joined in self._joined.items() if joined.is_known}
