"""Converting the recordings people have into data folders: one module per outside format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks

if TYPE_CHECKING:
    from trisect.data.dataset import Dataset

__all__ = ["convert"]


def convert(folder: str | Path, out: str | Path, **options: Any) -> Dataset:
    """Convert a folder into a data folder; the format is told from what the folder holds.

    Args:
        folder: ``.npz`` files, one per split: see `trisect.data.convert.published`.
        out: the data folder to make.
        options: passed on to the format's own ``convert``.

    Raises:
        FileNotFoundError: no such folder, or nothing in it that is of a known format.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(checks.sentence("the folder to convert", "a folder", f"'{folder}'", "check the path"))
    if any(folder.glob("*.npz")):
        from trisect.data.convert import published

        return published.convert(folder, out, **options)
    got = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "an empty folder"
    message = checks.sentence(f"the folder '{folder}'", "one with .npz files", got, "see trisect.data.convert")
    raise FileNotFoundError(message)
