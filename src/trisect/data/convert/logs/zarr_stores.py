"""Zarr stores: replay buffers with ``data`` and ``meta/episode_ends``, and any others with a row per frame."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data.convert.logs.log import Found
from trisect.data.convert.logs.trees import Arrays, found_in, groups_of
from trisect.data.convert.options import Options
from trisect.requirements import optional

logger = logging.getLogger(__name__)

MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(path: Path) -> bool:
    """Whether a folder or file is a zarr store."""
    if path.is_dir():
        return any((path / mark).is_file() for mark in MARKS)
    return path.is_file() and path.name.lower().endswith((".zarr.zip", ".zarr"))


def read_zarr(path: Path, options: Options) -> Found:
    """The episodes of a store; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    groups = [
        (name or path.stem, f"'{path}/{name}'" if name else f"'{path}'", each)
        for name, each in groups_of(_arrays(path))
    ]
    return found_in("a zarr store", groups, options)


def _arrays(path: Path) -> Arrays:
    zarr = optional("zarr", "zarr", "to read zarr stores")
    try:
        store: Any = zarr.storage.ZipStore(path, mode="r") if path.is_file() else str(path)
        arrays = dict(_within(zarr.open_group(store, mode="r"), ""))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zarr.errors.BaseZarrError) as error:
        got = checks.shown(f"{type(error).__name__}: {error}", 100)
        raise ValueError(checks.sentence(f"the zarr store '{path}'", "a whole group", got, "copy it again")) from error
    checks.require(
        bool(arrays), f"the zarr store '{path}'", "one with arrays", "none", "name the group that holds them"
    )
    return arrays


def _within(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Path -> array, of all arrays in a group and its groups."""
    for name, array in group.arrays():
        missing = array.nchunks - array.nchunks_initialized
        if missing:
            text = (
                "%d of %d pieces of '%s%s' are not stored, and are taken as %s: zarr leaves out what was never written"
            )
            logger.warning(text, missing, array.nchunks, prefix, name, array.fill_value)
        yield f"{prefix}{name}", array
    for name, inner in group.groups():
        yield from _within(inner, f"{prefix}{name}/")
