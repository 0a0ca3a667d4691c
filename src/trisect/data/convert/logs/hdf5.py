"""HDF5 files: those of robomimic, Minari and D4RL, and any others whose groups hold arrays with a row per frame.

| layout | recognised by | a row means |
|---|---|---|
| robomimic | ``data/demo_0/actions`` ... | row t led to frame t+1 |
| Minari | ``episode_0/observations`` with one row more than ``actions`` | infos: row t led to frame t |
| D4RL | ``observations``, ``actions`` and ``terminals`` side by side | row t led to frame t+1 |
| any other | arrays of one length | the user says so |
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.foreign import require_content
from trisect.data.convert.logs.log import Found
from trisect.data.convert.logs.pictures import is_visible, natural
from trisect.data.convert.logs.trees import Arrays, found_in, groups_of
from trisect.data.convert.options import Options
from trisect.requirements import optional

ROBOMIMIC, MINARI = "robomimic demonstrations (HDF5)", "Minari episodes (HDF5)"
EPISODES = (ROBOMIMIC, MINARI)
"""Layouts in which every group is an episode, whatever flags are in it."""
SUFFIXES = (".hdf5", ".h5", ".hdf")


def hdf5_files(path: Path) -> list[Path]:
    """The HDF5 files in a folder, and in the folder ``data`` in it; of a file that is one, itself."""
    if path.is_file():
        return [path] if path.suffix.lower() in SUFFIXES else []
    found = [each for pattern in ("*", "data/*") for each in path.glob(pattern) if each.suffix.lower() in SUFFIXES]
    visible = (each for each in found if is_visible(each, path))
    return sorted(visible, key=lambda each: natural(Path(each.name)))


def read_hdf5(path: Path, options: Options) -> Found:
    """The episodes of files; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    groups: list[tuple[str, str, Arrays]] = []
    form, alignment = "an HDF5 file", None
    for file in hdf5_files(path):
        arrays = _arrays(file)
        form, alignment = _layout(arrays)
        groups += [
            (name or file.stem, f"'{file}/{name}'" if name else f"'{file}'", each) for name, each in groups_of(arrays)
        ]
    return found_in(form, groups, options, alignment, whole=form in EPISODES)


def _arrays(file: Path) -> Arrays:
    require_content(file)
    h5py = optional("h5py", "hdf5", "to read HDF5 files")
    arrays: dict[str, Any] = {}

    def add(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            arrays[name] = node

    try:
        h5py.File(file, "r").visititems(add)
    except (OSError, RuntimeError) as error:
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(f"the file '{file}'", "a whole HDF5 file", got, "copy it again")) from error
    must, todo = "one with arrays", "name the file that holds the episodes"
    checks.require(bool(arrays), f"the file '{file}'", must, "none", todo)
    return arrays


def _layout(arrays: Arrays) -> tuple[str, Alignment | None]:
    """What wrote a file, in words, and what its rows mean."""
    if any(re.match(r"data/demo_\d+/actions$", name) for name in arrays):
        return ROBOMIMIC, "cause"
    if any(re.match(r"episode_\d+/observations(/|$)", name) for name in arrays):
        return MINARI, "effect"
    if {"observations", "actions", "terminals"} <= {*arrays}:
        return "a D4RL data set (HDF5)", "cause"
    return "an HDF5 file", None
