"""Converting existing recordings into data folders: one module per outside format."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks

if TYPE_CHECKING:
    from trisect.data.convert.dialect import Dialect
    from trisect.data.convert.npz import NpzReader
    from trisect.data.convert.options import Options
    from trisect.data.dataset import Dataset, Split

__all__ = ["convert"]

logger = logging.getLogger(__name__)


def convert(
    folder: str | Path, out: str | Path, *, progress: Callable[[int, int], None] | None = None, **options: Any
) -> Dataset:
    """Convert a folder into a data folder; the format is recognised by the content of the files, never by their path.

    Args:
        folder: folder of ``.npz`` files, one per split: see `trisect.data.convert.published` for files that name
            their columns, `trisect.data.convert.causal3dident` for those of Temporal Causal3DIdent. Or a single
            ``.npz`` file, or a table (CSV, TSV, Parquet), or a folder of tables with or without pictures, see
            `trisect.data.convert.tables.door`: these are cut into train, val and test, see `trisect.data.splitting`.
        out: the data folder to make.
        progress: called with the number of pictures that are read and of all, if there are any beside a table.
        options: fields of `trisect.data.convert.options.Options`: ``variables``, ``alignment``, ``group``, ``names``,
            ``channels``, ``levels``, ``encode``, ``stack``, ``stacked``, ``columns``, ``interventions``.

    Returns:
        The data set, memory-mapped. Frames pass through in blocks; memory stays flat.

    Raises:
        FileNotFoundError: the folder does not exist, or holds no file of a known format.
        FileExistsError: ``out`` exists.
        ValueError: an option is unknown; arrays are missing, ambiguous, or of wrong shape or range; or names do not
            match.
    """
    from trisect.data.convert.options import read_options

    folder, out = checks.path(folder, "the folder to convert"), checks.path(out, "the folder of a data set to make")
    settings = read_options(options)
    if _holds_tables(folder):
        from trisect.data.convert.tables.door import convert_tables

        return convert_tables(folder, out, settings, progress or (lambda done, total: None))
    for name in ("columns", "interventions"):
        given, must = getattr(settings, name), "left out for data without a table"
        checks.require(given is None, f"the option '{name}' of convert", must, "one given")
    if folder.is_file():
        return _convert_one_file(folder, out, settings)
    _check_folder(folder)
    readers = _read_splits(folder, settings)
    from trisect.data.convert.splits import convert_splits

    dialect = _dialect(readers["train"], settings)
    if settings.stack == 1:
        return convert_splits(readers, dialect, out, settings)
    return _made_of(readers, dialect, out, settings, dict)


def _holds_tables(path: Path) -> bool:
    """Whether this is a table, or a folder of tables without ``.npz`` files."""
    from trisect.data.convert.tables.door import tables_in

    return bool(tables_in(path)) and not (path / "meta.json").is_file() and not any(path.glob("*.npz"))


def _check_folder(folder: Path) -> None:
    """Raise `FileNotFoundError` unless the folder exists and holds ``.npz`` files."""
    if not folder.exists():
        what, must, got = "the folder to convert", "a folder", f"'{folder}'"
        if folder.suffix:
            what, must, got = "the file to convert", "there", f"no file '{folder}'"
        raise FileNotFoundError(checks.sentence(what, must, got, "check the path"))
    if (folder / "meta.json").is_file():
        checks.refuse(
            f"'{folder}' holds a data set already: use it as it is, for example with trisect inspect {folder}"
        )
    if any(folder.glob("*.npz")):
        return
    from trisect.data.convert import foreign

    found = foreign.most_common(folder)
    names = [path.name for path in sorted(folder.iterdir())[:8]]
    got, todo = ", ".join(names) or "an empty folder", "see trisect.data.convert"
    if found is not None:
        form, count = found
        got, todo = f"{count} files of which each is {form.name}", form.todo
    raise FileNotFoundError(checks.sentence(f"the folder '{folder}'", "one with .npz files", got, todo))


def _dialect(train: NpzReader, options: Options) -> Dialect:
    """The family of files that the training split belongs to."""
    from trisect.data.convert.causal3dident import Causal3DIdent, is_causal3dident
    from trisect.data.convert.published import Published

    return Causal3DIdent() if is_causal3dident(train) else Published(options.variables is not None)


def _convert_one_file(file: Path, out: Path, options: Options) -> Dataset:
    """Convert a file, then cut it into splits and write them to ``out``."""
    from trisect.data import arrays, splitting
    from trisect.data.convert.npz import NpzReader
    from trisect.data.writer import require_new

    require_new(out)
    _check_format(file)
    readers = {"train": NpzReader(file, options.names)}
    _check_names(options, readers)

    def cut(whole: Dataset) -> Mapping[str, Split]:
        return splitting.cut(whole.recording("train"), arrays.FRACTIONS)

    return _made_of(readers, _dialect(readers["train"], options), out, options, cut)


def _made_of(
    readers: dict[str, NpzReader],
    dialect: Dialect,
    out: Path,
    options: Options,
    splits: Callable[[Dataset], Mapping[str, Split]],
) -> Dataset:
    """Convert files in a temporary folder, and write the splits of the result, with stacked frames, to ``out``."""
    from trisect.data import stacking, store
    from trisect.data.convert.splits import convert_splits
    from trisect.data.dataset import Dataset
    from trisect.data.writer import require_new
    from trisect.files import temporary_folder

    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as temporary:
        whole = convert_splits(readers, dialect, temporary / "whole", options)
        stacked = stacking.stacked_splits(splits(whole), options.stack)
        store.save(Dataset(stacked, whole.source), out)
    return store.load(out)


def _check_format(file: Path) -> None:
    """Raise `ValueError` that says what a file is and what reads it, unless it may be an ``.npz`` file."""
    from trisect.data.convert import foreign

    form = foreign.recognise(file)
    if form is not None:
        raise ValueError(checks.sentence(f"the file '{file}'", "an .npz archive", form.name, form.todo))


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
    used = {name: path for name, path in splits.items() if name in SPLITS}
    for path in used.values():
        _check_format(path)
    readers = {name: NpzReader(path, options.names) for name, path in used.items()}
    _check_names(options, readers)
    return readers


def _check_names(options: Options, readers: dict[str, NpzReader]) -> None:
    """Check that ``names=`` maps our array names to names that occur in some file."""
    from trisect.data.convert import causal3dident, episodes, published

    our_arrays = (*published.ARRAYS, *causal3dident.ARRAYS, *episodes.ARRAYS)
    stored = sorted({name for reader in readers.values() for name in reader.stored})
    for ours, theirs in (options.names or {}).items():
        checks.one_of(ours, our_arrays, "an array that --name or names= maps")
        checks.one_of(theirs, stored, f"the array that --name or names= maps to '{ours}'")
