"""Files that cannot be converted: their format by their first bytes and their name, and what reads it."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trisect import checks

FIRST_BYTES = 512
ARRAYS = "and pass the arrays to trisect.from_arrays"
ENDING = "give it the ending of its format, and convert it again"
POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Format:
    """A foreign format.

    Attributes:
        name: what a file of it is.
        todo: what reads it.
        suffixes: endings of its files, in lower case.
        magic: bytes at the beginning of its files; (position, bytes).
    """

    name: str
    todo: str
    suffixes: tuple[str, ...] = ()
    magic: tuple[tuple[int, bytes], ...] = ()


PLAIN_ARRAY = Format(
    "a single numpy array",
    "put it into a folder with targets.npy, and convert the folder",
    (".npy",),
    ((0, b"\x93NUMPY"),),
)
FORMATS = (
    Format(
        "a Git LFS pointer, not the file itself",
        "fetch the file with git lfs pull",
        (),
        ((0, POINTER),),
    ),
    PLAIN_ARRAY,
    Format("a Parquet table", ENDING, (".parquet",), ((0, b"PAR1"),)),
    Format("an Arrow table", f"read it with pyarrow, {ARRAYS}", (".arrow", ".feather"), ((0, b"ARROW1"),)),
    Format("an HDF5 file", ENDING, (".hdf5", ".h5", ".hdf"), ((0, b"\x89HDF\r\n\x1a\n"),)),
    Format("a MATLAB file", f"read it with scipy.io.loadmat, {ARRAYS}", (".mat",), ((0, b"MATLAB 5.0"),)),
    Format(
        "a film",
        "give it the ending of its format, and convert it beside a table that says what was intervened on",
        (".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif"),
        ((4, b"ftyp"), (8, b"AVI "), (0, b"\x1aE\xdf\xa3"), (0, b"GIF8")),
    ),
    Format(
        "a picture",
        "put a table beside it that says for each picture what was intervened on, and convert the folder",
        (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"),
        ((0, b"\x89PNG"), (0, b"\xff\xd8\xff"), (0, b"BM")),
    ),
    Format(
        "a compressed archive",
        "unpack it and convert the folder",
        (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"),
        ((257, b"ustar"), (0, b"\x1f\x8b"), (0, b"BZh"), (0, b"\xfd7zXZ"), (0, b"7z\xbc\xaf"), (0, b"Rar!")),
    ),
    Format(
        "a pickle, which can run code when it is read",
        "read it yourself if you trust it, save plain arrays with numpy.savez, or pass them to trisect.from_arrays",
        (".pkl", ".pickle", ".joblib"),
        ((0, b"\x80\x02"), (0, b"\x80\x03"), (0, b"\x80\x04"), (0, b"\x80\x05")),
    ),
    Format("a PyTorch file", f"read it with torch.load(..., weights_only=True), {ARRAYS}", (".pt", ".pth", ".ckpt")),
    Format("a safetensors file", f"read it with safetensors, {ARRAYS}", (".safetensors",)),
    Format("a CSV table", ENDING, (".csv", ".tsv")),
    Format("a spreadsheet", f"read it with pandas.read_excel, {ARRAYS}", (".xlsx", ".xls", ".ods")),
    Format("a JSON file", f"read it with json, {ARRAYS}", (".json", ".jsonl")),
    Format("a zip archive", "unpack it and convert the folder", (".zip",), ((0, b"PK\x03\x04"),)),
)


def recognise(path: Path) -> Format | None:
    """The foreign format of a file; None for an ``.npz`` file and for anything unknown."""
    with path.open("rb") as file:
        first = file.read(FIRST_BYTES)
    if _is_npz(path, first):
        return None
    by_name = [each for each in FORMATS if path.suffix.lower() in each.suffixes]
    by_content = [each for each in FORMATS if any(first[at:].startswith(mark) for at, mark in each.magic)]
    zipped = first.startswith(b"PK")  # spreadsheets and PyTorch files are zip archives: their name says more
    both = [*by_name, *by_content] if zipped else [*by_content, *by_name]
    return next(iter(both), None)


def require_content(file: Path) -> None:
    """Raise `ValueError` if a file is a pointer of Git LFS, whatever its ending says."""
    with file.open("rb") as opened:
        is_pointer = opened.read(len(POINTER)) == POINTER
    todo = "fetch the file with git lfs pull"
    got = "a Git LFS pointer, not the file itself"
    checks.require(not is_pointer, f"the file '{file}'", "complete", got, todo)


def _is_npz(path: Path, first: bytes) -> bool:
    """Whether a file is called ``.npz`` and no pointer, or is a zip archive of ``.npy`` files under another name."""
    if path.suffix.lower() == ".npz":
        return not any(first[at:].startswith(mark) for each in FORMATS[:-1] for at, mark in each.magic)
    if not first.startswith(b"PK") or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return False


def most_common(folder: Path) -> tuple[Format, int] | None:
    """The most frequent foreign format of the files in a folder and its folders, and their number; None if unknown."""
    counts: Counter[Format] = Counter()
    files = (path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern)) if path.is_file())
    for path in files:
        formats = [each for each in FORMATS if path.suffix.lower() in each.suffixes]
        counts.update(formats[:1])
    return counts.most_common(1)[0] if counts else None
