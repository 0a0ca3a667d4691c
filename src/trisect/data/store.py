"""Data on disk: a folder of plain arrays that are memory-mapped, and ``meta.json``, which is written last.

```
data/boxes/meta.json                 format_version, source (world, seed ...), variables, splits: shapes, types, sha256;
                                     frames_per_observation, if it is more than 1
data/boxes/train/observations.npy    (T, H, W, C) uint8 or (T, dims) float32
data/boxes/train/targets.npy         (T, K) bool, row t produced frame t
data/boxes/train/factors.npy         (T, D) float32, optional;  actions.npy (T, A) float32, optional
data/boxes/train/episode_starts.npy  (episodes,) int64
data/boxes/test_triplets/            observations.npy (N, 3, ...), from_second.npy (N, K) bool, factors.npy (N, 3, D)
```
Reading never unpickles anything and never writes.
"""

from __future__ import annotations

import json
import re
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trisect import array_headers, checks, sealed
from trisect.archives import DamagedFile
from trisect.data.dataset import Dataset, Split
from trisect.data.digests import TODO, checked, map_checked
from trisect.data.recording import Recording
from trisect.data.triplets import Triplets
from trisect.data.writer import META, ArrayWriter, FolderWriter, tidy
from trisect.files import brief, reading, sha256_of
from trisect.rows import chunks_of
from trisect.variables import VariableSpace

FORMAT, FORMAT_VERSION = "trisect", 1
RECORDING_ARRAYS = ("observations", "targets", "factors", "actions", "episode_starts")
TRIPLET_ARRAYS = ("observations", "from_second", "factors")
FRAMES = "frames_per_observation"
KINDS = {"recording": RECORDING_ARRAYS, "triplets": TRIPLET_ARRAYS}
BLOCK_BYTES = 1 << 24


def save(dataset: Dataset, path: str | Path) -> Path:
    """Write a data set to a new folder.

    Args:
        dataset: the data set, in memory or memory-mapped; it is written in blocks.
        path: the folder to make; it is built as ``<path>.partial`` and renamed when complete.

    Returns:
        The path.

    Raises:
        FileExistsError: the folder exists.
    """
    path = checks.path(path, "the folder of a data set to make")
    for name in dataset:
        check_split_name(name)
    with FolderWriter(path, {"writing": "save"}) as folder:
        for name, split in dataset.items():
            kind = "recording" if isinstance(split, Recording) else "triplets"
            arrays = {array: getattr(split, array) for array in KINDS[kind] if getattr(split, array) is not None}
            writers = folder.open(name, {array: (value.shape, value.dtype) for array, value in arrays.items()})
            for array, value in arrays.items():
                _write_in_blocks(writers[array], value)
            folder.close(name, kind)
        return folder.finish(meta(dataset.variables, dataset.source, dataset.frames_per_observation))


def _write_in_blocks(writer: ArrayWriter, array: np.ndarray) -> None:
    for rows in chunks_of(array, BLOCK_BYTES):
        writer.append(np.asarray(array[rows]))


def meta(variables: VariableSpace, source: Mapping[str, Any], frames_per_observation: int = 1) -> dict[str, Any]:
    """The content of ``meta.json`` except for the splits."""
    head: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION}
    head |= {FRAMES: frames_per_observation} if frames_per_observation > 1 else {}
    return {**head, "source": dict(source), "variables": variables.to_json()}


def load(path: str | Path) -> Dataset:
    """Open a data folder; frames stay on disk, memory-mapped, until they are used.

    Args:
        path: a folder that `save`, `generate` or `convert` made.

    Raises:
        FileNotFoundError: the folder does not exist, holds no finished data, or a file is missing.
        ValueError: ``meta.json`` or an array is damaged, or the format is of a later version.
    """
    path = checks.path(path, "a data folder", "pass the folder that generate, convert or save made")
    stored = _read_meta(path)
    with reading(path / META):
        variables, source = VariableSpace.from_json(stored["variables"]), dict(stored.get("source", {}))
        entries, frames = dict(stored["splits"]), stored.get(FRAMES, 1)
        splits = {name: _load_split(Path(path), name, entry, variables, frames) for name, entry in entries.items()}
    return Dataset(splits, source)


def verify(path: str | Path) -> None:
    """Read every byte of a data folder and compare the checksums.

    Raises:
        FileNotFoundError: as `load`.
        ValueError: files no longer have the checksum that they were written with; all of them are named.
    """
    stored = _read_meta(Path(path))
    damaged = []
    with reading(Path(path) / META):
        for split, entry in stored["splits"].items():
            for array, description in entry["arrays"].items():
                file = _array_file(Path(path), split, array, entry["kind"])
                if sha256_of(file) != description["sha256"]:
                    damaged.append(f"{split}/{array}.npy")
    what = f"the files of '{path}'"
    todo = "copy or generate them again"
    checks.require(not damaged, what, "unchanged since they were written", ", ".join(damaged) + " changed", todo)


def was_made_by(path: str | Path, marker: Mapping[str, Any]) -> bool:
    """Whether a folder holds the finished data set of the call with this marker; what it left behind is removed."""
    folder = Path(path)
    if not (folder / META).is_file() or _read_meta(folder).get("made_by") != json.loads(json.dumps(marker)):
        return False
    tidy(folder)
    return True


def opened(data: object, what: str = "the data") -> tuple[Path | None, Dataset]:
    """The folder and the content of a data set that may be in memory; None for the folder then.

    Args:
        data: a data set, or the path of its folder.
        what: name of the data in messages.

    Raises:
        TypeError: the data are neither.
        FileNotFoundError, ValueError: as `load`.
    """
    if isinstance(data, Dataset):
        return None, data
    todo = "pass a Dataset, or the folder of one; trisect.from_arrays makes a Dataset from arrays"
    folder = checks.path(data, what, todo)
    return folder.resolve(), load(folder)


def _read_meta(path: Path) -> dict[str, Any]:
    if not (path / META).is_file():
        raise FileNotFoundError(
            checks.sentence("a data folder", f"a folder with a {META}", f"'{path}'", _what_to_do(path))
        )
    stored = sealed.read_json(path / META)
    checks.require(
        stored.get("format") == FORMAT, f"'format' in '{path / META}'", f"'{FORMAT}'", repr(stored.get("format"))
    )
    version = stored.get("format_version")
    what, must = f"'format_version' in '{path / META}'", f"an integer from 1 to {FORMAT_VERSION}"
    known = type(version) is int and 1 <= version <= FORMAT_VERSION
    checks.require(known, what, must, brief(repr(version)), "update trisect")
    return stored


def _what_to_do(path: Path) -> str:
    whole = path.absolute()
    partial = whole.parent / f"{whole.name}.partial"  # a folder such as "." has no name of its own
    if partial.exists() or whole.name.endswith(".partial"):
        return "the writing was interrupted: repeat the call that made the folder, and it continues"
    if path.is_dir() and any(path.glob("*.npz")):
        return f"convert the .npz files first: trisect convert {path} --out OUT"
    return "the folder does not exist" if not path.exists() else "name a folder that generate or convert made"


def _load_split(path: Path, name: str, entry: Mapping[str, Any], variables: VariableSpace, frames: int) -> Split:
    kind = checks.one_of(entry["kind"], KINDS, f"the kind of split '{name}'")
    arrays = {array: _open_array(path, name, array, entry) for array in entry["arrays"]}
    if kind == "triplets":
        return Triplets(variables=variables, **arrays)
    return Recording(variables=variables, frames_per_observation=frames, **arrays)


def _open_array(path: Path, split: str, array: str, entry: Mapping[str, Any]) -> np.ndarray:
    file = _array_file(path, split, array, entry["kind"])
    expected = entry["arrays"][array]
    opened = _mapped(file)
    shape, dtype = list(opened.shape), opened.dtype.str
    same = [shape, dtype] == [expected["shape"], expected["dtype"]] and opened.flags.c_contiguous
    must = f"of shape {expected['shape']} and type {expected['dtype']}, as in {META}"
    checks.require(same, f"the array in '{file}'", must, f"{shape} and {dtype}", TODO)
    if "chunks" not in expected:  # a folder of an earlier version
        return opened
    mapped = map_checked(opened, [str(digest) for digest in expected["chunks"]])
    return mapped if array == "observations" else checked(mapped)


def _mapped(file: Path) -> np.memmap:
    """An ``.npy`` file, mapped read only: never a zip, never a pickle, nothing is allocated."""
    try:
        with reading(file, TODO):
            array_headers.check_file(file)
            return np.lib.format.open_memmap(file, mode="r")
    except (PermissionError, DamagedFile):
        raise
    except (ValueError, OSError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise ValueError(checks.sentence(f"the file '{file}'", "a complete .npy array", brief(error), TODO)) from error


def _array_file(path: Path, split: str, array: str, kind: str) -> Path:
    checks.one_of(array, KINDS[checks.one_of(kind, KINDS, "the kind of a split")], f"an array of split '{split}'")
    file = path / check_split_name(split) / f"{array}.npy"
    if not file.is_file():
        message = checks.sentence(f"the file '{file}'", f"there, as {META} says", "no file", "copy the folder again")
        raise FileNotFoundError(message)
    return file


def check_split_name(name: str) -> str:
    """Return the name of a split if it can be stored, else raise `ValueError`."""
    what, must = "the name of a split", "made of letters, digits, '_' and '-'"
    checks.require(re.fullmatch(r"[A-Za-z0-9_-]+", str(name)) is not None, what, must, repr(name))
    return name
