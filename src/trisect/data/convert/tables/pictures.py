"""The pictures that belong to the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.data.convert.tables.files import Table
from trisect.data.progress import Progress

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and in its folders, in the order of the numbers in their names."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(found, key=lambda path: _natural(path.relative_to(folder)))


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path)) if part]


def pictures_of(table: Table, column: str | None) -> list[Path]:
    """The picture of every row of a table.

    Args:
        table: the table, beside whose file, or in a folder beside it, the pictures lie.
        column: the column of their names; None takes all pictures in their order, as many as there are rows.

    Raises:
        ValueError: a picture is missing, or the number of pictures is not that of the rows.
    """
    folder = table.file.parent
    found = pictures_in(folder)
    if column is None:
        what, must = f"the folder '{folder}'", "one with a picture for every row"
        got = f"{len(found)} pictures for {len(table)} rows of '{table.file}'"
        todo = "name the column of their names with image (--image COLUMN)"
        checks.require(len(found) == len(table), what, must, got, todo)
        return found
    by_name = {path.name: path for path in reversed(found)} | {str(path.relative_to(folder)): path for path in found}
    names = table.texts(column)
    for row, name in enumerate(names):
        if name not in by_name:
            what, got = f"the pictures of '{table.file}'", f"no file '{checks.shown(name)}' for row {row}"
            raise ValueError(checks.sentence(what, f"in '{folder}'", got, "copy it there, or leave the row out"))
    return [by_name[name] for name in names]


def read_pictures(paths: Sequence[Path], frames: np.ndarray, progress: Progress) -> None:
    """Read pictures into ``frames`` (T, height, width, channels) uint8.

    Args:
        paths: T files.
        frames: where they go.
        progress: called with the number of pictures that are read and of all.

    Raises:
        ValueError: a picture is damaged, or of another size than the first.
    """
    for row, path in enumerate(paths):
        picture = read_picture(path)
        fits, first = picture.shape == frames.shape[1:], " x ".join(map(str, frames.shape[1:]))
        got = " x ".join(map(str, picture.shape))
        checks.require(fits, f"the picture '{path}'", f"of the first one's size, {first}", got)
        frames[row] = picture
        progress(row + 1, len(paths))


def read_picture(path: Path) -> np.ndarray:
    """A picture (height, width, channels) uint8: grey with one channel, else three, or four with opacity."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            mode, kept = opened.mode, opened.mode if opened.mode in ("L", "RGB", "RGBA") else "RGB"
            deep = mode.startswith(("I", "F"))
            picture = np.empty(0) if deep else np.asarray(opened.convert(kept))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        got = checks.shown(str(error), 100)
        todo = "copy it again, or leave its row out"
        raise ValueError(checks.sentence(f"the picture '{path}'", "whole", got, todo)) from error
    todo = "convert it to 8 bits, or pass arrays to trisect.from_arrays with levels="
    checks.require(not deep, f"the picture '{path}'", "one of 8 bits per channel", f"more (mode {mode})", todo)
    return picture if picture.ndim == 3 else picture[..., None]
