"""The pictures of a log, one per row, read a few at a time: files, arrays, or the pictures of several logs."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from trisect import checks
from trisect.data.convert.foreign import require_content
from trisect.data.convert.logs.table import Table
from trisect.data.resizing import resized
from trisect.requirements import optional

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
BLOCK_BYTES = 1 << 23
APART = 4
"""Pictures that lie further apart are read one by one, not with those between them."""
Size = tuple[int, int]
"""Height and width in pixels."""


@runtime_checkable
class Pictures(Protocol):
    """An array of pictures of which any rows can be read."""

    @property
    def what(self) -> str:
        """Name of the pictures in error messages."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, height, width, channels), or with channels first."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""

    @property
    def is_decoded(self) -> bool:
        """Whether the pixels were decoded here, so that channels are last and levels 0..255."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The pictures with these numbers, (rows, ...); the numbers ascend."""

    def release(self) -> None:
        """Let go of open files and of what is held in memory; the next call of ``take`` opens them again."""


@dataclass(frozen=True)
class InBlocks:
    """Pictures as `trisect.data.convert.sources.Rows`, first to last."""

    pictures: Pictures
    variable: str = "images"

    @property
    def what(self) -> str:
        """Name of the pictures in error messages."""
        return self.pictures.what

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return self.pictures.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return self.pictures.dtype

    def blocks(self) -> Iterator[np.ndarray]:
        """The pictures in blocks of about 8 MB."""
        step = rows_per_block(self.shape[1:], self.dtype)
        for first in range(0, self.shape[0], step):
            yield self.pictures.take(np.arange(first, min(first + step, self.shape[0])))


def rows_per_block(shape: tuple[int, ...], dtype: Any) -> int:
    """Number of pictures of this shape that make up about 8 MB, at least 1."""
    return max(1, BLOCK_BYTES // max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize))


def read_rows(array: Any, first: int, stop: int, what: str) -> np.ndarray:
    """Some rows of an array in a file; `ValueError` if they are damaged, with its name ``what``."""
    try:
        return np.asarray(array[first:stop])
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, PermissionError):
            raise
        got = checks.shown(next(iter(str(error).splitlines()), type(error).__name__), 100)
        raise ValueError(checks.sentence(what, "whole", got, "copy the file again")) from error


@dataclass(frozen=True)
class ArrayPictures:
    """Pictures in an array of a file, of which slices can be read.

    Attributes:
        array: (T, ...) with ``shape``, ``dtype`` and slicing, such as a memory map or a data set of HDF5 or zarr.
        what: its name in error messages.
    """

    array: Any
    what: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array; grey pictures (T, height, width) get an axis of one channel."""
        shape = tuple(int(length) for length in self.array.shape)
        return (*shape, 1) if len(shape) == 3 else shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return np.dtype(self.array.dtype)

    @property
    def is_decoded(self) -> bool:
        """See `Pictures.is_decoded`."""
        return False

    def take(self, rows: np.ndarray) -> np.ndarray:
        parts = np.split(rows, np.flatnonzero(np.diff(rows) > APART) + 1)
        pieces = [read_rows(self.array, int(each[0]), int(each[-1]) + 1, self.what)[each - each[0]] for each in parts]
        return np.concatenate(pieces).reshape(len(rows), *self.shape[1:])

    def release(self) -> None:
        pass


class DecodedPictures:
    """What pictures have in common that are decoded here: uint8 levels 0..255, channels last, nothing held open."""

    @property
    def dtype(self) -> np.dtype:
        """Always uint8."""
        return np.dtype(np.uint8)

    @property
    def is_decoded(self) -> bool:
        """Always."""
        return True

    def release(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class PictureFiles(DecodedPictures):
    """Pictures in files, or in the memory of a table.

    Attributes:
        sources: T files, or the bytes of such files.
        names: their names in error messages; by default those of the files.
        size: size to which pictures are reduced; by default all must have that of the first one.
    """

    sources: Sequence[Path | bytes]
    names: Sequence[str] = ()
    size: Size | None = None
    what: str = "the pictures"
    _shape: list[tuple[int, ...]] = field(default_factory=list, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all pictures, by that of the first one."""
        if not self._shape:
            self._shape.append(self._read(0).shape)
        return (len(self.sources), *self._shape[0])

    def take(self, rows: np.ndarray) -> np.ndarray:
        taken = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for place, row in enumerate(rows):
            picture = self._read(int(row))
            fits, first = picture.shape == taken.shape[1:], " x ".join(map(str, taken.shape[1:]))
            got, todo = " x ".join(map(str, picture.shape)), "pass size=(height, width) (--size 64x64) to reduce all"
            checks.require(fits, self._name(int(row)), f"of the first one's size, {first}", got, todo)
            taken[place] = picture
        return taken

    def _read(self, row: int) -> np.ndarray:
        picture = read_picture(self.sources[row], self._name(row))
        return picture if self.size is None else resized(picture, *self.size)

    def _name(self, row: int) -> str:
        return f"the picture '{self.names[row] if self.names else str(self.sources[row])}'"


@dataclass(frozen=True)
class EncodedPictures(DecodedPictures):
    """Pictures of which an array holds the files, as JPEG or PNG, one in every entry.

    Attributes:
        array: (T,) bytes, or arrays of them, with slicing.
        what: its name in error messages.
        size: size to which pictures are reduced; by default all must have that of the first one.
    """

    array: Any
    what: str
    size: Size | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all pictures, by that of the first one."""
        return (int(self.array.shape[0]), *self._files(0, 1).shape[1:])

    def take(self, rows: np.ndarray) -> np.ndarray:
        parts = np.split(rows, np.flatnonzero(np.diff(rows) > APART) + 1)
        return np.concatenate([self._files(int(each[0]), int(each[-1]) + 1).take(each - each[0]) for each in parts])

    def _files(self, first: int, stop: int) -> PictureFiles:
        cells = [each if isinstance(each, bytes) else bytes(np.asarray(each)) for each in self.array[first:stop]]
        return PictureFiles(cells, [f"{row} of {self.what}" for row in range(first, stop)], self.size, self.what)


def is_encoded(array: Any) -> bool:
    """Whether an array holds a file of a picture in every entry."""
    kind, axes = np.dtype(array.dtype).kind, len(array.shape)
    if not array.shape or not array.shape[0] or (kind, axes) not in (("O", 1), ("S", 1), ("u", 2)):
        return False
    first = array[:1][0]
    start = (
        first if isinstance(first, bytes) else bytes(np.asarray(first)[:8]) if isinstance(first, np.ndarray) else b""
    )
    return start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n"))


class JoinedPictures:
    """The pictures of several logs, one after the other, of which one is open at a time.

    Args:
        parts: at least one; all of one shape and type.
    """

    def __init__(self, parts: Sequence[Pictures]):
        self.parts, self.what = parts, parts[0].what
        self.ends = np.cumsum([part.shape[0] for part in parts])
        self._open: Pictures = parts[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all pictures, by that of the first one."""
        return (int(self.ends[-1]), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return self.parts[0].dtype

    @property
    def is_decoded(self) -> bool:
        """See `Pictures.is_decoded`."""
        return self.parts[0].is_decoded

    def take(self, rows: np.ndarray) -> np.ndarray:
        owners = np.searchsorted(self.ends, rows, side="right")
        return np.concatenate([self._taken(int(owner), rows[owners == owner]) for owner in np.unique(owners)])

    def _taken(self, owner: int, rows: np.ndarray) -> np.ndarray:
        part = self.parts[owner]
        if part is not self._open:
            self._open.release()
            self._open = part
        taken = part.take(rows - (self.ends[owner] - part.shape[0]))
        todo = "pass size=(height, width) (--size 64x64) to reduce all"
        same = taken.shape[1:] == self.shape[1:]
        checks.require(same, f"a frame of {part.what}", f"of shape {self.shape[1:]}", taken.shape[1:], todo)
        return taken

    def release(self) -> None:
        self._open.release()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and in its folders, in the order of the numbers in their names."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and is_visible(path, folder))
    return sorted(found, key=lambda path: natural(path.relative_to(folder)))


def is_visible(path: Path, folder: Path) -> bool:
    """Whether a path in a folder is a file that is not hidden, as those are that systems and editors leave."""
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)


def natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them, 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path)) if part]


def pictures_of(table: Table, folder: Path, column: str | None) -> list[Path]:
    """The picture of every row of a table.

    Args:
        table: the table.
        folder: where the pictures lie, or in folders there.
        column: the column of their names; None takes all pictures in their order, as many as there are rows.

    Raises:
        ValueError: a picture is missing, or the number of pictures is not that of the rows.
    """
    found = pictures_in(folder)
    if column is None:
        what, must = f"the folder '{folder}'", "one with a picture for every row"
        got = f"{len(found)} pictures for {len(table)} rows of {table.what}"
        todo = "name the column of their names with image (--image COLUMN)"
        checks.require(len(found) == len(table), what, must, got, todo)
        return found
    of_name = Counter(path.name for path in found)
    by_name = {path.name: path for path in found if of_name[path.name] == 1}
    by_name |= {str(path.relative_to(folder)): path for path in found}
    names = [name.replace("\\", "/").removeprefix("./") for name in table.texts(column)]
    for row, name in enumerate(names):
        if name not in by_name and of_name[name]:
            what, got = (
                f"the picture '{checks.shown(name)}' of row {row} of {table.what}",
                f"{of_name[name]} files of that name",
            )
            raise ValueError(checks.sentence(what, "one file", got, "name its folder, too, such as left/0.png"))
        if name not in by_name:
            what, got = f"the pictures of {table.what}", f"no file '{checks.shown(name)}' for row {row}"
            raise ValueError(checks.sentence(what, f"in '{folder}'", got, "copy it there, or leave the row out"))
    return [by_name[name] for name in names]


def read_picture(source: Path | bytes, what: str) -> np.ndarray:
    """A picture (height, width, channels) uint8: grey with one channel, else three, or four with opacity.

    A photo that its camera marked as turned is turned.

    Args:
        source: a file, or its bytes.
        what: name of the picture in error messages.
    """
    optional("PIL", "tables", "to read pictures")
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            mode, kept = opened.mode, opened.mode if opened.mode in ("L", "LA", "RGB", "RGBA") else "RGB"
            deep = mode.startswith(("I", "F"))
            picture = np.empty(0) if deep else np.asarray(ImageOps.exif_transpose(opened).convert(kept))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(source, Path) and source.is_file():
            require_content(source)
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(what, "whole", got, "copy it again, or leave its row out")) from error
    todo = "convert it to 8 bits, or pass arrays to trisect.from_arrays with levels="
    checks.require(not deep, what, "one of 8 bits per channel", f"more (mode {mode})", todo)
    return picture if picture.ndim == 3 else picture[..., None]


@dataclass(frozen=True)
class ChosenPictures:
    """Some of the pictures of another array.

    Attributes:
        pictures: the array.
        rows: (T,) numbers of the pictures, ascending.
    """

    pictures: Pictures
    rows: np.ndarray

    @property
    def what(self) -> str:
        """Name of the pictures in error messages."""
        return self.pictures.what

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the chosen pictures."""
        return (len(self.rows), *self.pictures.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return self.pictures.dtype

    @property
    def is_decoded(self) -> bool:
        """See `Pictures.is_decoded`."""
        return self.pictures.is_decoded

    def take(self, rows: np.ndarray) -> np.ndarray:
        return self.pictures.take(self.rows[rows])

    def release(self) -> None:
        self.pictures.release()
