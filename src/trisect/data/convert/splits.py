"""Writing the splits of a folder of ``.npz`` files: the same for all families; a dialect says which array is which.

Frames pass through in blocks, so that memory stays flat; only this module shifts rows to our convention.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data import store
from trisect.data.convert.alignment import align_actions, align_targets
from trisect.data.convert.dialect import Dialect, Layout, with_groups
from trisect.data.convert.encoding import TargetEncoder
from trisect.data.convert.episodes import ARRAYS, read_episodes
from trisect.data.convert.npz import NpzReader
from trisect.data.convert.options import Options
from trisect.data.convert.pixels import Frames, Pixels, read_pixels
from trisect.data.convert.sources import StoredRows
from trisect.data.convert.unread import unread_arrays
from trisect.data.convert.vectors import EMBEDDINGS, VECTORS, VectorRows, Vectors, read_vectors
from trisect.data.dataset import Dataset
from trisect.data.precision import as_single, check_numbers
from trisect.data.recording import Recording
from trisect.data.targets import read_targets
from trisect.data.writer import FolderWriter
from trisect.variables import VariableSpace

logger = logging.getLogger(__name__)

RECORDINGS = ("train", "val", "test", "val_indep", "test_indep", "slider")
TRIPLETS = ("val_triplets", "test_triplets", "val_triplets_coarse", "test_triplets_coarse")
SPLITS = (*RECORDINGS, *TRIPLETS)
KEEP = "pass group={} to keep them separate"


@dataclass(frozen=True)
class _Folder:
    """Facts about a folder that are collected before its splits are written."""

    readers: dict[str, NpzReader]
    dialect: Dialect
    layout: Layout
    pixels: Pixels | VectorRows
    options: Options
    encoder: TargetEncoder

    def frames(self, split: str) -> Frames | Vectors:
        return _stored_frames(self.dialect, self.readers[split], split)


def convert_splits(readers: Mapping[str, NpzReader], dialect: Dialect, out: str | Path, options: Options) -> Dataset:
    """Convert the files of a folder.

    Args:
        readers: split -> its file; must include ``train``.
        dialect: says which arrays the files contain.
        out: the data folder to make.
        options: what the user declares about the files.

    Returns:
        The data set, memory-mapped.

    Raises:
        FileExistsError: ``out`` exists.
        ValueError: arrays are missing or of wrong shape or range, or names do not match.
    """
    folder = _read_folder({name: readers[name] for name in SPLITS if name in readers}, dialect, options)
    coarse, source = folder.layout.grouping.coarse, _source(folder)
    with FolderWriter(out, {"writing": "convert"}) as writer:
        for name in folder.readers:
            if not _is_replaced(folder, name):
                _write_split(writer, folder, name)
        writer.finish(store.meta(coarse, source, options.stacked))
    return store.load(out)


def without_frames(
    readers: Mapping[str, NpzReader], dialect: Dialect, options: Options
) -> tuple[Dataset, tuple[int, ...]]:
    """What `convert_splits` would make of recordings, with the numbers of the frames in their place, and their shape.

    Args:
        readers, dialect, options: as of `convert_splits`.
    """
    folder = _read_folder({name: readers[name] for name in SPLITS if name in readers}, dialect, options)
    splits = {name: _without_frames(folder, name) for name in folder.readers if name not in TRIPLETS}
    return Dataset(splits, _source(folder)), tuple(folder.pixels.frame_shape)


def _without_frames(folder: _Folder, name: str) -> Recording:
    num = folder.frames(name).shape[0]
    numbers = np.repeat(np.arange(num, dtype=np.float64)[:, None], folder.options.stacked, axis=1)
    arrays = _recording_arrays(folder, name, num)
    variables, stacked = folder.layout.grouping.coarse, folder.options.stacked
    return Recording(numbers, variables=variables, frames_per_observation=stacked, **arrays)


def _source(folder: _Folder) -> dict[str, Any]:
    """What was read, in plain types, for ``meta.json``."""
    source: dict[str, Any] = {"converted_from": folder.dialect.name, "kind": folder.layout.kind}
    source |= {"frames": folder.pixels.describe(), "alignment": folder.options.alignment}
    source["unread"] = unread_arrays(folder.readers, folder.dialect.arrays)
    return source | ({"encoded": folder.encoder.done} if folder.encoder.done else {})


def _read_folder(readers: dict[str, NpzReader], dialect: Dialect, options: Options) -> _Folder:
    for name, reader in readers.items():
        dialect.require(reader, name)
    train = readers["train"]
    layout = dialect.layout(train, options.variables)
    groups = dialect.groups(train, layout) if options.group is None else options.group
    if groups and options.group is None:
        logger.warning("variables are joined, as they are always intervened on together: %s; %s", dict(groups), KEEP)
    layout = with_groups(layout, groups)
    frames = [_stored_frames(dialect, reader, name) for name, reader in readers.items()]
    encoder = _target_encoder(readers, dialect, layout, options)
    return _Folder(readers, dialect, layout, _storage(frames, layout, options), options, encoder)


def _target_encoder(readers: dict[str, NpzReader], dialect: Dialect, layout: Layout, options: Options) -> TargetEncoder:
    """One encoder for the targets of all recordings, so that a value means the same in each."""
    fine, what = layout.grouping.fine.names, f"the targets of '{readers['train'].path.name}'"
    recorded = [reader for name, reader in readers.items() if name not in TRIPLETS and not name.endswith("_indep")]
    tables = [dialect.targets(reader, layout) for reader in recorded] if options.encode is not None else []
    ordered = [read_targets(each.values, each.what)[:, each.order(fine)] for each in tables if each is not None]
    return TargetEncoder(options.encode, fine, ordered, what)


def _stored_frames(dialect: Dialect, reader: NpzReader, split: str) -> Frames | Vectors:
    key = dialect.images(reader)
    is_vectors = key in (VECTORS, EMBEDDINGS)
    rows = StoredRows(reader, key, key if is_vectors else "images")
    return (Vectors if is_vectors else Frames)(rows, split in TRIPLETS)


def _storage(stored: list[Frames | Vectors], layout: Layout, options: Options) -> Pixels | VectorRows:
    frames = [one for one in stored if isinstance(one, Frames)]
    vectors = [one for one in stored if isinstance(one, Vectors)]
    checks.require(not (frames and vectors), "the splits", "all frames or all vectors", "some of both")
    if vectors:
        return read_vectors(vectors, options.stacked)
    return read_pixels(frames, layout.has_alpha, options.channels, options.levels, options.stacked)


def _is_replaced(folder: _Folder, name: str) -> bool:
    """Whether triplets mix parts of one joined variable, while the folder has other triplets for joined variables."""
    if name not in TRIPLETS or f"{name}_coarse" not in folder.readers:
        return False
    fine = folder.layout.grouping.fine.names
    mask = folder.dialect.mask(folder.readers[name], folder.layout)
    replaced = bool(folder.layout.grouping.split_rows(mask.values[:, mask.order(fine)] == 1))
    if replaced:
        logger.warning("%s is left out, because it mixes parts of joined variables; %s_coarse is used", name, name)
    return replaced


def _write_split(writer: FolderWriter, folder: _Folder, name: str) -> None:
    frames = folder.frames(name)
    num, is_triplets = frames.shape[0], name in TRIPLETS
    arrays = _triplet_arrays(folder, name, num) if is_triplets else _recording_arrays(folder, name, num)
    lead = frames.shape[: 2 if is_triplets else 1]
    shapes = {key: (array.shape, array.dtype) for key, array in arrays.items()}
    writers = writer.open(name, {"observations": ((*lead, *folder.pixels.frame_shape), folder.pixels.dtype), **shapes})
    row = 0
    for block in frames.source.blocks():
        writers["observations"].append(folder.pixels.to_frames(block, frames.what, row))
        row += len(block)
    for key, array in arrays.items():
        writers[key].append(array)
    writer.close(name, "triplets" if is_triplets else "recording")


def _triplet_arrays(folder: _Folder, name: str, num: int) -> dict[str, np.ndarray]:
    grouping = folder.layout.grouping
    columns = folder.dialect.mask(folder.readers[name], folder.layout)
    values = checks.shape(columns.values, columns.what, num, len(columns.names))
    mask = checks.indicator(values, columns.what)[:, columns.order(grouping.fine.names)]
    return {"from_second": grouping.join_masks(mask, columns.what), **_factors(folder, name, num, 3)}


def _recording_arrays(folder: _Folder, name: str, num: int) -> dict[str, np.ndarray]:
    factors = _factors(folder, name, num)
    if name.endswith("_indep"):
        targets = np.zeros((num, len(folder.layout.grouping.coarse)), dtype=bool)
        return {"targets": targets, **factors, "episode_starts": np.arange(num, dtype=np.int64)}
    starts = _starts(folder, name, num)
    rest = {**factors, **_actions(folder, name, num)}
    return {"targets": _targets(folder, name, num, starts), **rest, "episode_starts": starts}


def _starts(folder: _Folder, name: str, num: int) -> np.ndarray:
    """Rows where episodes start; the log says if the file does not mark any."""
    reader, chosen = folder.readers[name], [key for key in ARRAYS if key in (folder.options.names or {})]
    starts = read_episodes(reader, num, chosen)
    if starts is None:
        level = logging.WARNING if folder.layout.kind == "user" else logging.INFO
        logger.log(
            level, "%s: no array marks episodes: its %d frames are taken as one recording", reader.path.name, num
        )
        return np.zeros(1, dtype=np.int64)
    return starts


def _factors(folder: _Folder, name: str, *lead: int) -> dict[str, np.ndarray]:
    columns, space = folder.dialect.factors(folder.readers[name], folder.layout), folder.layout.grouping.coarse
    if columns is None:
        return {}
    values = checks.shape(columns.values, columns.what, *lead, len(columns.names))
    factors = values[..., columns.order(space.factor_names)]
    for rows in np.moveaxis(factors, 1, 0) if len(lead) == 2 else [factors]:
        _check_ranges(rows, space, columns.what)
    rows = factors.reshape(-1, factors.shape[-1])
    return {"factors": as_single(check_numbers(rows, columns.what)).reshape(factors.shape)}


def _check_ranges(factors: np.ndarray, space: VariableSpace, what: str) -> None:
    try:
        space.check_factors(factors, what)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _targets(folder: _Folder, name: str, num: int, starts: np.ndarray) -> np.ndarray:
    grouping, reader = folder.layout.grouping, folder.readers[name]
    columns = folder.dialect.targets(reader, folder.layout)
    if columns is None:
        logger.warning("%s has actions but no targets: only methods that learn from actions can use it", name)
        return np.zeros((num, len(grouping.coarse)), dtype=bool)
    alignment = folder.options.alignment or folder.dialect.alignment(name)
    values, order = read_targets(columns.values, columns.what), columns.order(grouping.fine.names)
    values = values.copy()
    values[:, order] = folder.encoder.encoded(values[:, order], num, alignment, starts)
    targets = align_targets(values, num, alignment, columns.what, columns.names)[:, order]
    if name == "train" and not targets.any():
        logger.warning("%s: no variable is ever intervened on, so none can be identified", columns.what)
    return grouping.join_targets(targets)


def _actions(folder: _Folder, name: str, num: int) -> dict[str, np.ndarray]:
    reader = folder.readers[name]
    if "actions" not in reader.keys:
        return {}
    values, what = reader.read("actions"), f"the actions of '{reader.path.name}'"
    checks.require(values.dtype.kind in "biuf", what, "numbers", values.dtype)
    of_kind = folder.layout.actions if len(values) == num else None
    return {"actions": align_actions(values, num, folder.options.alignment or of_kind, what)}
