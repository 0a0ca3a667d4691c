"""Latents of a recording: computes what a run says about every frame, as arrays or as a file.

Frames are encoded and written some thousands at a time, so that `write_latents` needs no more memory for a longer
recording, unless it writes .npz.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.data.store import check_split_name
from trisect.evaluation.encode import base_and_final_latents
from trisect.notebook import few
from trisect.rows import chunks
from trisect.runs import latent_files, latent_rows
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.latent_rows import Latents, joined
from trisect.runs.opening import data_for, opened_run
from trisect.runs.run import Run
from trisect.training.progress import Progress, progress_for
from trisect.version import __version__


def latents(
    run: Run | str | Path,
    out: str | Path | None = None,
    data: Dataset | str | Path | None = None,
    splits: Sequence[str] | None = None,
    *,
    progress: bool = True,
    **external: Unpack[ExternalFunctions],
) -> Latents:
    """Encode every frame of a data set with a run, and say which slot each latent belongs to.

    Args:
        run: a run, or its folder.
        out: a file to write as well: a table that ends with ``.parquet`` or ``.csv``, or arrays, ``.npz``. In a table,
            the latents are columns such as ``ball_x.0``: slot, and number within the slot. CSV and ``.npz`` need no
            other package, Parquet needs ``trisect[tables]``.
        data: the data set, or its folder; by default the folder that the run was trained on.
        splits: names of the splits to encode, in order; by default all recordings. Triplets are left out.
        progress: show progress and the time left.
        external: ``encoder=`` and ``decoder=``, if the run was trained with an external encoder.

    Returns:
        The latents, and split, episode, targets and, if they are known, true factors of every frame. They are held in
        memory; ``trisect latents`` in the shell writes a table without holding it.

    Raises:
        TypeError: a run, a data set or a file is none, and no path either; or a split holds triplets.
        FileNotFoundError: a folder holds no finished run, or no data set.
        FileExistsError: ``out`` exists.
        ValueError: ``out`` has another ending, or the data do not fit the run.
        ImportError: ``out`` is a Parquet file, and pyarrow is missing.

    Example:
        >>> found = latents("runs/mine", "latents.parquet", splits=["test"])  # doctest: +SKIP
        >>> found.of("ball_x").shape  # doctest: +SKIP
        (2000, 1)
    """
    file = None if out is None else latent_files.check_writable(out)
    encoding = _encoding(run, file, data, splits, external)
    with encoding.progress(progress) as bar:
        found = joined(list(encoding.blocks(bar)))
    if file is not None:
        latent_files.write(file, [found], encoding.facts())
    return found


def write_latents(
    run: Run | str | Path,
    out: str | Path,
    data: Dataset | str | Path | None = None,
    splits: Sequence[str] | None = None,
    *,
    progress: bool = True,
    **external: Unpack[ExternalFunctions],
) -> Encoding:
    """Write the latents of a data set to a file as `latents` does, without holding those of a table in memory."""
    file = latent_files.check_writable(out)
    encoding = _encoding(run, file, data, splits, external)
    with encoding.progress(progress) as bar:
        latent_files.write(file, encoding.blocks(bar), encoding.facts())
    return encoding


@dataclass(frozen=True)
class Encoding:
    """A run, and the recordings that it encodes.

    Attributes:
        run: the run.
        splits: name -> recording, at least one.
    """

    run: Run
    splits: Mapping[str, Recording]

    def __str__(self) -> str:
        latents = few([f"{name} {len(each)}" for name, each in self.run.model.slot_columns().items()])
        return f"{self.num_frames} frames of {few(tuple(self.splits))}; latents: {latents}"

    @property
    def num_frames(self) -> int:
        """Number of frames of all splits."""
        return sum(map(len, self.splits.values()))

    @property
    def slots(self) -> tuple[str, ...]:
        """The slot of each latent."""
        return tuple(self.run.model.slot_names[slot] for slot in self.run.model.assignment().argmax(dim=-1).tolist())

    def facts(self) -> dict[str, Any]:
        """What a Parquet file says about the run: the data's hash is that of the data that it was trained on."""
        recipe = self.run.recipe
        facts = {"version": __version__, "method": recipe.method, "seed": recipe.seed, "data_hash": self.run.data_hash}
        return {**facts, "slots": list(self.slots), "columns": list(latent_rows.numbered(self.slots))}

    def progress(self, show: bool) -> Progress:
        """What shows the number of frames and the time left, if ``show`` is True."""
        return progress_for("latents", 0, self.num_frames, show=show)

    def blocks(self, bar: Progress) -> Iterator[Latents]:
        """All frames in order, encoded some thousands at a time; ``bar`` is told how many."""
        done = 0
        for name, recording in self.splits.items():
            for rows in chunks(len(recording), latent_rows.BLOCK_ROWS):
                yield self._block(name, recording, rows)
                done += rows.stop - rows.start
                bar.update(done, {})

    def _block(self, name: str, recording: Recording, rows: slice) -> Latents:
        frame = np.arange(rows.start, rows.stop)
        episode = np.searchsorted(recording.starts, frame, side="right") - 1
        return Latents(
            latents=base_and_final_latents(self.run.model, recording.observations[rows])[1],
            slots=np.array(self.slots),
            split=np.full(len(frame), name, f"<U{max(map(len, self.splits))}"),
            episode=episode,
            frame=frame,
            time=frame - recording.starts[episode],
            targets=recording.targets[rows],
            variables=np.array(recording.variables.names),
            factors=self._factors(recording, rows),
            factor_names=self._factor_names(recording),
        )

    def _factors(self, recording: Recording, rows: slice) -> np.ndarray | None:
        """True values of some frames in one precision for all splits; None if no split has them."""
        types = [each.factors.dtype for each in self.splits.values() if each.factors is not None]
        if not types:
            return None
        if recording.factors is None:
            return np.full((rows.stop - rows.start, len(recording.variables.factors)), np.nan, np.result_type(*types))
        return recording.factors[rows].astype(np.result_type(*types))

    def _factor_names(self, recording: Recording) -> np.ndarray | None:
        known = any(each.factors is not None for each in self.splits.values())
        return np.array([factor.name for factor in recording.variables.factors]) if known else None


def _encoding(
    run: Run | str | Path,
    file: Path | None,
    data: Dataset | str | Path | None,
    splits: Sequence[str] | None,
    external: Mapping[str, Any],
) -> Encoding:
    if not isinstance(run, Run):
        checks.path(run, "the run to encode with", "pass a run or its folder")
    if data is not None and not isinstance(data, Dataset):
        checks.path(data, "the data to encode", "pass a data set or its folder")
    opened = opened_run(run, external, "latents")
    recordings = _recordings(data_for(opened, data, stacklevel=4), splits)
    for name in recordings if file is not None else ():
        check_split_name(name)
    return Encoding(opened, recordings)


def _recordings(data: Dataset, splits: Sequence[str] | None) -> dict[str, Recording]:
    """The recordings with these names, or all of a data set."""
    if splits is not None:
        names = checks.unique_names(splits, "the splits to encode")
        checks.require(len(names) > 0, "the splits to encode", "at least one", "none", "leave them out to encode all")
        return {name: data.recording(name) for name in names}
    recordings = {name: split for name, split in data.items() if isinstance(split, Recording)}
    checks.require(len(recordings) > 0, "the data to encode", "with a recording", f"only triplets, {', '.join(data)}")
    return recordings
