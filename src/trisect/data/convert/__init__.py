"""Converting existing recordings into data folders: one module per outside format."""

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
    """Convert a folder into a data folder; the format is recognised by the content of the files, never by their path.

    Args:
        folder: folder of ``.npz`` files, one per split: see `trisect.data.convert.published` for files that name
            their columns, `trisect.data.convert.causal3dident` for those of Temporal Causal3DIdent. Or a single
            ``.npz`` file, which is cut into train, val and test by blocks of time.
        out: the data folder to make.
        options: fields of `trisect.data.convert.options.Options`: ``variables``, ``alignment``, ``group``, ``names``,
            ``channels``, ``levels``.

    Returns:
        The data set, memory-mapped. Frames pass through in blocks; memory stays flat.

    Raises:
        FileNotFoundError: the folder does not exist, or holds no file of a known format.
        FileExistsError: ``out`` exists.
        ValueError: an option is unknown; arrays are missing, ambiguous, or of wrong shape or range; or names do not
            match.
    """
    folder = Path(folder)
    if folder.is_file():
        return _convert_one_file(folder, Path(out), options)
    if not folder.is_dir():
        raise FileNotFoundError(checks.sentence("the folder to convert", "a folder", f"'{folder}'", "check the path"))
    from trisect.data.convert.options import read_options

    settings = read_options(options)
    if any(folder.glob("*.npz")):
        return _convert_npz(folder, out, settings)
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
    """Convert a file as one training split in a temporary folder, then cut it into splits and write them to ``out``."""
    from trisect.data import arrays, store
    from trisect.data.convert.npz import NpzReader
    from trisect.data.convert.options import read_options
    from trisect.data.convert.published import Published
    from trisect.data.convert.splits import convert_splits
    from trisect.data.dataset import Dataset

    settings = read_options(options)
    if out.exists():
        message = checks.sentence("the folder to make", "new", f"'{out}', which exists", "choose another name")
        raise FileExistsError(message)
    readers = {"train": NpzReader(file, settings.names)}
    _check_names(settings, readers)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        whole = convert_splits(readers, Published(settings.variables is not None), Path(temporary) / "whole", settings)
        store.save(Dataset(arrays.cut_in_time(whole.recording("train"), arrays.FRACTIONS), whole.source), out)
    return store.load(out)


def _read_splits(folder: Path, options: Options) -> dict[str, NpzReader]:
    """Split -> its file; the log reports files that belong to no split."""
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
        logger.warning("%s is not converted: its name is not that of a published split", splits[name].name)
    readers = {name: NpzReader(path, options.names) for name, path in splits.items() if name in SPLITS}
    _check_names(options, readers)
    return readers


def _check_names(options: Options, readers: dict[str, NpzReader]) -> None:
    """Check that ``names=`` maps our array names to names that occur in some file."""
    from trisect.data.convert import causal3dident, episodes, published

    our_arrays = (*published.ARRAYS, *causal3dident.ARRAYS, *episodes.ARRAYS)
    stored = sorted({name for reader in readers.values() for name in reader.stored})
    for ours, theirs in (options.names or {}).items():
        checks.one_of(ours, our_arrays, "an array that names= maps")
        checks.one_of(theirs, stored, f"the array that names= maps to '{ours}'")
