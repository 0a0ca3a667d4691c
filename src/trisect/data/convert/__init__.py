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
    from trisect.data.convert.understanding import Understood
    from trisect.data.dataset import Dataset, Split

__all__ = ["convert", "understand"]

logger = logging.getLogger(__name__)

WHAT = "the folder to convert"
TODO = "pass a table in memory to trisect.from_dataframe, and arrays to trisect.from_arrays"
KNOWN = (
    "put a table (CSV, TSV, Parquet) beside pictures or a film, or convert .npz files, .npy arrays, HDF5, zarr, "
    "LeRobot or Minari"
)
OF_LOGS = ("columns", "interventions", "size", "rate", "offset")
"""Options of convert that say nothing about the ``.npz`` files of splits."""


def convert(
    folder: str | Path, out: str | Path, *, progress: Callable[[int, int], None] | None = None, **options: Any
) -> Dataset:
    """Convert a folder or file into a data folder; the format is recognised by content, never by the path.

    Two kinds of recordings are told apart. **Splits** are ``.npz`` files called train, val, test and so on, or a single
    one: see `trisect.data.convert.published` for files that name their columns, and
    `trisect.data.convert.causal3dident` for those of Temporal Causal3DIdent. **Logs** are anything else with a row per
    frame, cut into train, val and test, see `trisect.data.splitting`:

    | what | where |
    |---|---|
    | tables (CSV, TSV, Parquet), alone or beside pictures or films | `trisect.data.convert.logs.beside_tables` |
    | numpy arrays, and episodes in ``.npz`` files | `trisect.data.convert.logs.numpy_files` |
    | HDF5: robomimic, Minari, D4RL and others | `trisect.data.convert.logs.hdf5` |
    | zarr stores | `trisect.data.convert.logs.zarr_stores` |
    | data sets of LeRobot, formats 2 and 3 | `trisect.data.convert.logs.lerobot` |
    | data sets of Minari in Arrow or Parquet | `trisect.data.convert.logs.minari` |

    A conversion of pictures that was interrupted continues when it is called again. Memory stays flat.

    Args:
        folder: the folder or file.
        out: the data folder to make.
        progress: called with the number of frames of logs that are written and of all.
        options: fields of `trisect.data.convert.options.Options`: ``variables``, ``alignment``, ``group``, ``names``,
            ``channels``, ``levels``, ``encode``, ``stack``, ``stacked``, ``columns``, ``interventions``, ``size``,
            ``rate``, ``offset``.

    Returns:
        The data set, memory-mapped.

    Raises:
        FileNotFoundError: the folder does not exist, or holds no file of a known format.
        FileExistsError: ``out`` exists.
        ImportError: a package that reads the format is not installed.
        ValueError: an option is unknown; arrays are missing, ambiguous, or of wrong shape or range; or names do not
            match.
    """
    from trisect.data.convert.options import read_options

    folder, out = checks.path(folder, WHAT, TODO), checks.path(out, "the folder of a data set to make")
    settings = read_options(options)
    if _holds_logs(folder):
        return _convert_logs(folder, out, settings, progress or (lambda done, total: None))
    if not folder.is_file():
        _check_folder(folder)
    _check_options_of_splits(settings)
    if folder.is_file():
        return _convert_one_file(folder, out, settings)
    readers = _read_splits(folder, settings)
    from trisect.data.convert.splits import convert_splits

    dialect = _dialect(readers["train"], settings)
    if settings.stack == 1:
        return convert_splits(readers, dialect, out, settings)
    return _made_of(readers, dialect, out, settings, dict)


def understand(folder: str | Path, **options: Any) -> Understood:
    """What `convert` would make of a folder or file; nothing is written.

    Args:
        folder: the folder or file.
        options: as of `convert`.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `convert`.
    """
    from trisect.data.convert.options import read_options
    from trisect.data.convert.understanding import understood_logs, understood_splits

    folder = checks.path(folder, WHAT, TODO)
    settings = read_options(options)
    if _holds_logs(folder):
        return understood_logs(folder, settings)
    if not folder.is_file():
        _check_folder(folder)
    _check_options_of_splits(settings)
    readers = _one_reader(folder, settings) if folder.is_file() else _read_splits(_check_folder(folder), settings)
    return understood_splits(folder, readers, _dialect(readers["train"], settings), settings)


def _check_options_of_splits(options: Options) -> None:
    for name in OF_LOGS:
        given, must = getattr(options, name), "left out for .npz files of splits"
        checks.require(given is None, f"the option '{name}' of convert", must, "one given")


def _convert_logs(path: Path, out: Path, options: Options, progress: Callable[[int, int], None]) -> Dataset:
    """Convert logs, cut into splits."""
    from trisect.data.convert.logs.reading import read_logs
    from trisect.data.convert.logs.writing import digest_of, write_logs
    from trisect.data.functions import described
    from trisect.data.writer import require_new

    require_new(out)
    files = {"from": str(path.resolve()), "files": digest_of(path)}
    marker = {"writing": "convert", **files, "options": described(options)}
    return write_logs(read_logs(path, options), out, marker, progress)


def _holds_logs(path: Path) -> bool:
    """Whether this holds logs, rather than the ``.npz`` files of splits, or a finished data set."""
    from trisect.data.convert.causal3dident import FILES
    from trisect.data.convert.logs.find import reader_of
    from trisect.data.convert.splits import SPLITS

    if not path.exists() or (path / "meta.json").is_file():
        return False
    if path.is_dir() and {file.stem for file in path.glob("*.npz")} & {*SPLITS, *FILES}:
        return False
    return reader_of(path) is not None


def _check_folder(folder: Path) -> Path:
    """The folder; `FileNotFoundError` unless it exists and holds ``.npz`` files."""
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
        return folder
    from trisect.data.convert import foreign

    found = foreign.most_common(folder)
    names = [path.name for path in sorted(folder.iterdir())[:8]]
    got, todo = ", ".join(names) or "an empty folder", KNOWN
    if found is not None:
        form, count = found
        got, todo = f"{count} files of which each is {form.name}", form.todo
    raise FileNotFoundError(checks.sentence(f"the folder '{folder}'", "one with a recording", got, todo))


def _dialect(train: NpzReader, options: Options) -> Dialect:
    """The family of files that the training split belongs to."""
    from trisect.data.convert.causal3dident import Causal3DIdent, is_causal3dident
    from trisect.data.convert.published import Published

    return Causal3DIdent() if is_causal3dident(train) else Published(options.variables is not None)


def _convert_one_file(file: Path, out: Path, options: Options) -> Dataset:
    """Convert a file, then cut it into splits and write them to ``out``."""
    from trisect.data import arrays, splitting
    from trisect.data.writer import require_new

    require_new(out)
    readers = _one_reader(file, options)

    def cut(whole: Dataset) -> Mapping[str, Split]:
        return splitting.cut(whole.recording("train"), arrays.FRACTIONS)

    return _made_of(readers, _dialect(readers["train"], options), out, options, cut)


def _one_reader(file: Path, options: Options) -> dict[str, NpzReader]:
    """A file as the training split."""
    from trisect.data.convert.npz import NpzReader

    _check_format(file)
    readers = {"train": NpzReader(file, options.names)}
    _check_names(options, readers)
    return readers


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
