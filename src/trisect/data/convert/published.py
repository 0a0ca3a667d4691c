"""The published data sets (Lippe et al., CITRIS 2022 and iCITRIS 2023): a folder of ``.npz`` files, one per split.

``images`` (N, H, W, C) uint8; ``latents`` (N, D), the factors; ``targets`` (N-1, K), **row n made frame n+1**;
``keys`` (D,), the factor names, and where targets have names of their own, ``keys_targets`` (K,). In ``*_indep``
files frames have no past and the targets mean nothing. In ``*_triplets`` files ``images`` and ``latents`` have a
second axis of 3 and ``targets`` (N, K) is 1 where the third frame's variable is the second's. Rows are shifted to our
convention here and only here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.data import store
from trisect.data.convert import kinds
from trisect.data.convert.alignment import Alignment, align_targets
from trisect.data.convert.npz import NpzReader
from trisect.data.dataset import Dataset
from trisect.data.writer import FolderWriter
from trisect.variables import VariableSpace

logger = logging.getLogger(__name__)

ARRAYS = ("images", "latents", "targets", "keys")
SPLITS = ("train", "val", "test", "val_indep", "test_indep")
TRIPLETS = ("val_triplets", "test_triplets", "val_triplets_coarse", "test_triplets_coarse")
MAX_CHANNELS = 4


@dataclass(frozen=True)
class _Format:
    """What all splits of a folder share: the kind, the variables, and the shape of a frame."""

    kind: str
    variables: VariableSpace
    frame_shape: tuple[int, ...]


def convert(
    folder: str | Path,
    out: str | Path,
    variables: VariableSpace | None = None,
    alignment: Alignment | None = None,
) -> Dataset:
    """Convert a folder of published ``.npz`` files.

    Args:
        folder: holds ``train.npz``, and any of the other splits.
        out: the data folder to make.
        variables: kinds and ranges of the variables; for published data sets found from the factor names.
        alignment: what a row of targets means where there are as many rows as frames, see
            `trisect.data.convert.alignment.align_targets`.

    Returns:
        The data set, memory-mapped. Frames pass through in blocks; memory stays flat.

    Raises:
        FileNotFoundError: no ``train.npz``.
        FileExistsError: ``out`` exists.
        ValueError: arrays are missing, of wrong shape or range, or names do not match.
    """
    files = {path.stem: path for path in sorted(Path(folder).glob("*.npz"))}
    if "train" not in files:
        got = ", ".join(path.name for path in files.values()) or "no .npz file"
        todo = "name the folder that holds the splits"
        raise FileNotFoundError(checks.sentence(f"the folder '{folder}'", "one with train.npz", got, todo))
    for name in sorted(files.keys() - {*SPLITS, *TRIPLETS}):
        logger.warning("%s is none of the published splits: not converted", files[name].name)
    layout = _read_format(NpzReader(files["train"]), variables)
    with FolderWriter(out, {"writing": "convert"}) as writer:
        for name in (name for name in (*SPLITS, *TRIPLETS) if name in files):
            _convert_split(writer, name, NpzReader(files[name]), layout, alignment)
        writer.finish(store.meta(layout.variables, {"converted_from": "published", "kind": layout.kind}))
    return store.load(out)


def _read_format(reader: NpzReader, variables: VariableSpace | None) -> _Format:
    reader.require(ARRAYS)
    factor_names, variable_names = _names(reader, "keys"), _target_names(reader)
    frame_shape = reader.shape("images")[1:]
    if variables is not None:
        return _Format("user", variables, frame_shape)
    kind = kinds.recognise(factor_names, f"'{reader.path.name}'")
    return _Format(kind.name, kinds.variable_space(kind, factor_names, variable_names), frame_shape)


def _names(reader: NpzReader, key: str) -> tuple[str, ...]:
    return tuple(str(name) for name in reader.read(key))


def _target_names(reader: NpzReader) -> tuple[str, ...]:
    return _names(reader, "keys_targets" if "keys_targets" in reader.keys else "keys")


def _columns(names: Sequence[str], wanted: Sequence[str], what: str) -> list[int]:
    """Positions of the wanted names in a file's own order; files may list them in any order."""
    must = "named " + ", ".join(wanted)
    checks.require(sorted(names) == sorted(wanted), what, must, ", ".join(names), "rename or drop columns")
    return [names.index(name) for name in wanted]


def _convert_split(
    writer: FolderWriter, name: str, reader: NpzReader, layout: _Format, alignment: Alignment | None
) -> None:
    reader.require(ARRAYS)
    is_triplets = name in TRIPLETS
    num_frames = _check_images(reader, layout, is_triplets)
    arrays = {"factors": _factors(reader, layout, (num_frames, 3) if is_triplets else (num_frames,))}
    if is_triplets:
        arrays["from_second"] = _mask(reader, layout, num_frames)
    elif name.endswith("_indep"):
        arrays["targets"] = np.zeros((num_frames, len(layout.variables)), dtype=bool)
        arrays["episode_starts"] = np.arange(num_frames, dtype=np.int64)
    else:
        arrays["targets"] = _targets(reader, layout, num_frames, alignment)
        arrays["episode_starts"] = np.zeros(1, dtype=np.int64)
    _write(writer, name, reader, arrays, "triplets" if is_triplets else "recording")


def _write(writer: FolderWriter, name: str, reader: NpzReader, arrays: dict[str, np.ndarray], kind: str) -> None:
    shapes = {key: (array.shape, array.dtype) for key, array in arrays.items()}
    writers = writer.open(name, {"observations": (reader.shape("images"), np.uint8), **shapes})
    for block in reader.rows("images"):
        writers["observations"].append(block)
    for key, array in arrays.items():
        writers[key].append(array)
    writer.close(name, kind)


def _check_images(reader: NpzReader, layout: _Format, is_triplets: bool) -> int:
    """Number of rows, once the frames are uint8, channels last, and of the same shape in all splits."""
    what, shape, dtype = f"the images of '{reader.path.name}'", reader.shape("images"), reader.dtype("images")
    checks.require(dtype == np.uint8, what, "uint8 levels 0..255", dtype, "scale and convert them before")
    num_axes = 5 if is_triplets else 4
    form = f"(N, {'3, ' if is_triplets else ''}height, width, channels), at most {MAX_CHANNELS} channels"
    fits = len(shape) == num_axes and shape[-1] <= MAX_CHANNELS and (not is_triplets or shape[1] == 3)
    checks.require(fits and shape[0] > 0, what, form, shape, "move the channels to the last axis if they are not there")
    checks.require(shape[-3:] == layout.frame_shape, what, f"of shape {layout.frame_shape} per frame", shape[-3:])
    return shape[0]


def _factors(reader: NpzReader, layout: _Format, lead: tuple[int, ...]) -> np.ndarray:
    what, names = f"the latents of '{reader.path.name}'", _names(reader, "keys")
    columns = _columns(names, layout.variables.factor_names, f"the keys of '{reader.path.name}'")
    latents = checks.shape(reader.read("latents"), what, *lead, len(names))[..., columns].astype(np.float32)
    layout.variables.check_factors(latents.reshape(-1, len(names)), what)
    return latents


def _targets(reader: NpzReader, layout: _Format, num_frames: int, alignment: Alignment | None) -> np.ndarray:
    what, names = f"the targets of '{reader.path.name}'", _target_names(reader)
    columns = _columns(names, layout.variables.names, f"the target names of '{reader.path.name}'")
    targets = checks.shape(reader.read("targets"), what, None, len(names))
    return align_targets(targets[:, columns], num_frames, alignment, what)


def _mask(reader: NpzReader, layout: _Format, num_triplets: int) -> np.ndarray:
    what = f"the targets of '{reader.path.name}'"
    targets = checks.shape(reader.read("targets"), what, num_triplets, len(layout.variables))
    if "keys_targets" in reader.keys or len(layout.variables.names) == len(layout.variables.factor_names):
        names = _target_names(reader)
    else:  # the published grouped triplet files do not name their columns; these are in sorted order
        names = tuple(sorted(layout.variables.names))
    columns = _columns(names, layout.variables.names, f"the target names of '{reader.path.name}'")
    return checks.indicator(targets[:, columns], what)
