"""Converting the recordings people have into data folders: one module per outside format."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks

if TYPE_CHECKING:
    from trisect.data.convert.npz import NpzReader
    from trisect.data.convert.options import Options
    from trisect.data.dataset import Dataset

__all__ = ["convert"]

logger = logging.getLogger(__name__)


def convert(folder: str | Path, out: str | Path, **options: Any) -> Dataset:
    """Convert a folder into a data folder; the format is told from what the folder's files hold, never from its name.

    Args:
        folder: ``.npz`` files, one per split: see `trisect.data.convert.published` for files that name their
            columns, `trisect.data.convert.causal3dident` for those of Temporal Causal3DIdent. Or a single ``.npz``
            file, which is cut into train, val and test by blocks of time.
        out: the data folder to make.
        options: fields of `trisect.data.convert.options.Options`: ``variables``, ``alignment``, ``group``, ``names``,
            ``channels``, ``levels``.

    Returns:
        The data set, memory-mapped. Frames pass through in blocks; memory stays flat.

    Raises:
        FileNotFoundError: no such folder, or nothing in it that is of a known format.
        FileExistsError: ``out`` exists.
        ValueError: an unknown option; arrays are missing, of wrong shape or range, ambiguous, or names do not match.
    """
    folder = Path(folder)
    if folder.is_file():
        return _convert_one_file(folder, Path(out), options)
    if not folder.is_dir():
        raise FileNotFoundError(checks.sentence("the folder to convert", "a folder", f"'{folder}'", "check the path"))
    from trisect.data.convert.options import read_options

    said = read_options(options)
    if any(folder.glob("*.npz")):
        return _convert_npz(folder, out, said)
    got = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "an empty folder"
    message = checks.sentence(f"the folder '{folder}'", "one with .npz files", got, "see trisect.data.convert")
    raise FileNotFoundError(message)


def _convert_npz(folder: Path, out: str | Path, options: Options) -> Dataset:
    from trisect.data.convert.causal3dident import Causal3DIdent, is_causal3dident
    from trisect.data.convert.published import Published
    from trisect.data.convert.splits import convert_splits

    readers = _read_splits(folder, options)
    named = options.variables is not None
    dialect = Causal3DIdent() if is_causal3dident(readers["train"]) else Published(named)
    return convert_splits(readers, dialect, out, options)


def _convert_one_file(file: Path, out: Path, options: dict[str, Any]) -> Dataset:
    """Convert a file as a training split, beside ``out``, then cut that and write it."""
    from trisect.data import arrays, store
    from trisect.data.convert.npz import NpzReader
    from trisect.data.convert.options import read_options
    from trisect.data.convert.published import Published
    from trisect.data.convert.splits import convert_splits
    from trisect.data.dataset import Dataset

    said = read_options(options)
    if out.exists():
        message = checks.sentence("the folder to make", "new", f"'{out}', which exists", "choose another name")
        raise FileExistsError(message)
    readers = {"train": NpzReader(file, said.names)}
    _check_names(said, readers)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as beside:
        whole = convert_splits(readers, Published(said.variables is not None), Path(beside) / "whole", said)
        store.save(Dataset(arrays.cut_in_time(whole.recording("train"), arrays.FRACTIONS), whole.source), out)
    return store.load(out)


def _read_splits(folder: Path, options: Options) -> dict[str, NpzReader]:
    """Split -> its file; other files are reported."""
    from trisect.data.convert.causal3dident import FILES
    from trisect.data.convert.npz import NpzReader
    from trisect.data.convert.splits import SPLITS

    paths = sorted(folder.glob("*.npz"))
    stems = {path.stem for path in paths}
    renamed = {} if "train" in stems else FILES
    splits = {renamed.get(path.stem, path.stem): path for path in paths}
    if "train" not in splits:
        got, todo = ", ".join(path.name for path in paths), "name the folder that holds the splits"
        raise FileNotFoundError(checks.sentence(f"the folder '{folder}'", "one with train.npz", got, todo))
    for name in sorted(splits.keys() - {*SPLITS}):
        logger.warning("%s is none of the published splits: not converted", splits[name].name)
    readers = {name: NpzReader(path, options.names) for name, path in splits.items() if name in SPLITS}
    _check_names(options, readers)
    return readers


def _check_names(options: Options, readers: dict[str, NpzReader]) -> None:
    """Every array that the user renames must be one of ours, and in some file under the name that the user says."""
    from trisect.data.convert import causal3dident, episodes, published

    known = (*published.ARRAYS, *causal3dident.ARRAYS, *episodes.ARRAYS)
    stored = sorted({name for reader in readers.values() for name in reader.stored})
    for ours, theirs in (options.names or {}).items():
        checks.one_of(ours, known, "an array that names= maps")
        checks.one_of(theirs, stored, f"the array that names= maps to '{ours}'")
