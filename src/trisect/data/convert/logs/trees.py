"""Named arrays, possibly in folders or groups, as logs: the part that numpy files, HDF5 and zarr have in common.

A group holds an episode, or a whole recording, if most of its arrays have one row per frame; rows may also be one less,
where row t led to frame t+1. Arrays of pictures have a height and a width; other arrays become columns. Groups that
lie side by side with the same arrays are episodes of one recording.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.episodes import MARKS
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.pictures import (
    ArrayPictures,
    EncodedPictures,
    Pictures,
    Size,
    is_encoded,
    natural,
    read_rows,
)
from trisect.data.convert.logs.roles import Columns, left_out, read_columns
from trisect.data.convert.logs.table import Table, table_of
from trisect.data.convert.options import Options
from trisect.data.sequences import check_episode_starts

logger = logging.getLogger(__name__)

Arrays = Mapping[str, Any]
"""Path of an array, with /, -> the array: it has shape, dtype and slicing."""
ROLES = {
    "targets": ("targets", "interventions", "intervention_targets"),
    "factors": ("factors", "latents"),
    "actions": ("actions", "action"),
}
"""Role -> names of arrays that evidently have it."""
OBSERVED = ("observations", "observation", "obs", "state", "states", "vectors", "embeddings")
"""Arrays, or groups of arrays, that are observed where there are no pictures."""
NEVER = ("reward", "rewards", "discount", "discounts", "next_observations", "next_obs", "returns", *MARKS)
"""Arrays that are no observations."""
KEYS = {
    "targets": ("keys_targets", "keys", "variables", "causal_keys"),
    "factors": ("keys", "factor_names", "causal_keys"),
}
"""Arrays of texts that name the columns of others."""
MOST_COLUMNS = 4096


def is_picture(array: Any) -> bool:
    """Whether an array (T, ...) holds pictures: rows of height, width and channels, or of grey bytes."""
    numeric, axes = np.dtype(array.dtype).kind in "biuf", len(array.shape)
    if is_encoded(array):
        return True
    return numeric and (axes == 4 or (axes == 3 and array.dtype == np.uint8 and min(array.shape[1:]) >= 8))


def num_frames(arrays: Arrays) -> int:
    """Number of frames of a group: that of its pictures, else the length that fits most arrays."""
    pictures = [int(array.shape[0]) for array in arrays.values() if len(array.shape) and is_picture(array)]
    lengths = Counter(pictures or [int(array.shape[0]) for array in arrays.values() if len(array.shape)])
    fitting = {length: count + (0 if pictures else lengths[length - 1]) for length, count in lengths.items()}
    return max(fitting, key=lambda length: (fitting[length], length)) if fitting else 0


def log_of(arrays: Arrays, name: str, what: str, options: Options) -> tuple[Log, list[str]]:
    """A group as a log, and the arrays in it that have no row per frame.

    Args:
        arrays: the arrays of the group.
        name: name of the episode or experiment.
        what: name of the group in error messages, such as ``"'demo.hdf5/data/demo_0'"``.
        options: what the user declares.
    """
    rows = num_frames(arrays)
    cameras = {key: each for key, each in arrays.items() if len(each.shape) and is_picture(each)}
    pictures = {
        key: _pictures(each, f"'{key}' of {what}", options.size)
        for key, each in cameras.items()
        if each.shape[0] == rows
    }
    columns: dict[str, np.ndarray] = {}
    late, other = [], []
    for key, array in arrays.items():
        length = int(array.shape[0]) if len(array.shape) else 0
        if key in pictures:
            continue
        if rows < 2 or length not in (rows, rows - 1) or not _is_readable(array):
            _require_unused(key, length, rows, options.columns or Columns(), what)
            other.append(key)
            continue
        values = _texts(read_rows(array, 0, length, f"'{key}' of {what}")).reshape(
            length, *([-1] if len(array.shape) > 1 else [])
        )
        columns[key] = values if length == rows else _first_row(values)
        late += [key] if length == rows - 1 else []
    must, todo = "one with arrays of a row per frame", "name the folder or file that holds the episodes"
    checks.require(bool(columns or pictures), f"the group {what}", must, ", ".join(arrays) or "none", todo)
    table = table_of(columns or {"frame": np.arange(rows)}, what, late)
    return Log(name, _named(table, arrays), pictures, _starts(arrays, rows)), other


def _require_unused(key: str, length: int, rows: int, declared: Columns, what: str) -> None:
    """Raise `ValueError` if an array that is not one of a row per frame is named by the user, or like a role."""
    evident = key.rpartition("/")[2] in (name for names in ROLES.values() for name in names)
    must = f"of {rows} rows, one per frame, or of {rows - 1}, where row t led to frame t+1"
    got, todo = f"{key} has {length} rows for {rows} frames", "drop or add rows, or rename it"
    used = key in declared.named or (evident and length > 0)
    checks.require(not used, f"the array '{key}' of {what}", must, got, todo)


def _pictures(array: Any, what: str, size: Size | None) -> Pictures:
    return EncodedPictures(array, what, size) if is_encoded(array) else ArrayPictures(array, what)


def _is_readable(array: Any) -> bool:
    """Whether an array (T, ...) holds numbers or texts, and not too many for columns."""
    if 0 in array.shape:
        return False
    kind = np.dtype(array.dtype).kind
    texts = kind in "UST" or (kind == "O" and isinstance(np.asarray(array[:1]).flat[0], (bytes, str)))
    return (texts or kind in "biuf") and int(np.prod(array.shape[1:])) <= MOST_COLUMNS


def _texts(values: np.ndarray) -> np.ndarray:
    """Bytes as texts; other values as they are."""
    if values.dtype.kind not in "SOT":
        return values
    texts = [each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in values.flat]
    return np.array(texts).reshape(values.shape)


def _first_row(values: np.ndarray) -> np.ndarray:
    """The values with an empty row before the first one; whole numbers and flags become floats for that."""
    if values.dtype.kind in "biuf":
        values = values.astype(np.float64)
    empty: Any = np.nan if values.dtype.kind == "f" else values.dtype.type()
    return np.concatenate([np.full((1, *values.shape[1:]), empty, values.dtype), values])


def _named(table: Table, arrays: Arrays) -> Table:
    """The table with columns called after an array of their names, where there is one."""
    names: dict[str, str] = {}
    for role, keys in KEYS.items():
        for array in (each for each in table.arrays if each.rpartition("/")[2] in ROLES[role]):
            given = next((arrays[key] for key in keys if key in arrays), None)
            texts = [] if given is None else [str(each) for each in _texts(np.asarray(given[:]))]
            columns = table.arrays[array]
            if len(texts) == len(columns):
                names |= {column: f"{array}.{text}" for column, text in zip(columns, texts)}
    frame = table.frame.rename(columns=names)
    renamed = {array: [names.get(each, each) for each in columns] for array, columns in table.arrays.items()}
    for column in (each for each in frame.columns if "/" in each and frame[each].dtype.kind in "biuf"):
        parts = column.split("/")[:-1]
        for group in ("/".join(parts[: depth + 1]) for depth in range(len(parts))):
            renamed.setdefault(group, []).append(column)
    return Table(frame, table.what, renamed, [names.get(each, each) for each in table.late])


def _starts(arrays: Arrays, rows: int) -> np.ndarray | None:
    """Rows where episodes start, by an array with an entry per episode: their starts, or their ends."""
    for key, array in arrays.items():
        kind = key.rpartition("/")[2]
        if kind == "episode_ends" and len(array.shape) == 1:
            ends = np.asarray(array[:]).astype(np.int64)
            must, what = f"ascending to the number of frames, {rows}", f"the array '{key}'"
            whole = len(ends) > 0 and ends[-1] == rows and bool((np.diff(ends, prepend=0) > 0).all())
            checks.require(whole, what, must, checks.listed([str(each) for each in ends[-3:]]) or "none")
            return np.concatenate([[0], ends[:-1]]).astype(np.int64)
        if kind == "episode_starts" and len(array.shape) == 1 and int(array.shape[0]) != rows:
            return check_episode_starts(np.asarray(array[:]), rows)
    return None


def groups_of(arrays: Arrays) -> list[tuple[str, Arrays]]:
    """Episodes in a tree: name -> the arrays of each; the whole tree, under the name "", if nothing is repeated.

    The deepest common folder whose folders hold arrays of the same names is taken, such as ``data`` with ``demo_0`` and
    ``demo_1``, or the root with ``episode_0`` and ``episode_1``.
    """
    parents = {"/".join(key.split("/")[:depth]) for key in arrays for depth in range(key.count("/") + 1)}
    for parent in sorted(parents, key=lambda each: (each.count("/") if each else -1, each)):
        children: dict[str, dict[str, Any]] = {}
        prefix = f"{parent}/" if parent else ""
        for key, array in arrays.items():
            if key.startswith(prefix) and "/" in key[len(prefix) :]:
                child, _, rest = key[len(prefix) :].partition("/")
                children.setdefault(child, {})[rest] = array
        if _are_episodes(children):
            return sorted(children.items(), key=lambda item: natural(checks.path(item[0], "an episode")))
    return [("", dict(arrays))]


def _are_episodes(children: Mapping[str, Arrays]) -> bool:
    """Whether groups hold the same arrays, each with rows, and are numbered."""
    numbered = all(any(letter.isdigit() for letter in name) for name in children)
    first = next(iter(children.values()), {})
    common = set(first).intersection(*children.values())
    alike = all(2 * len(common) > len(each) for each in children.values())
    return bool(children) and numbered and alike and all(num_frames(each) > 1 for each in children.values())


def found_in(
    form: str,
    groups: Sequence[tuple[str, str, Arrays]],
    options: Options,
    alignment: Alignment | None = None,
    whole: bool = False,
) -> Found:
    """The logs of groups with the roles that the names of their arrays show.

    Args:
        form: what was found, in words.
        groups: name, name in error messages, and arrays of every group.
        options: what the user declares.
        alignment: what a row means by the format.
        whole: whether every group is an episode, whatever flags are in it.
    """
    logs: list[Log] = []
    other: dict[str, None] = {}
    for name, what, arrays in groups:
        log, unread = log_of(arrays, name, what, options)
        logs.append(replace(log, starts=np.zeros(1, np.int64)) if whole else log)
        other |= dict.fromkeys(unread)
    said = [] if len(groups) == 1 else [f"{len(groups)} episodes, one per group"]
    return Found(form, logs, evident(options.columns or Columns(), logs[0]), alignment, said, list(other))


def evident(declared: Columns, log: Log) -> Columns:
    """The roles that the user declares, with those that names of arrays show."""
    roles, table = declared, log.table
    for role, names in ROLES.items():
        free = {*left_out(roles, table)}
        fitting = [
            name for name in table.known if name.rpartition("/")[2] in names and free >= {*table.columns_of([name])}
        ]
        if fitting and not getattr(roles, role):
            roles = read_columns({**asdict(roles), role: fitting[:1]})
    if roles.sensors or log.pictures:
        return roles
    single = _single(table, roles)
    kinds = ([name for name in single if word in _words(name)] for word in OBSERVED)
    return replace(roles, sensors=tuple(next(filter(None, kinds), single)))


def _single(table: Table, roles: Columns) -> list[str]:
    """Arrays and columns of numbers without a role that may be observed."""
    arrays = table.array_of
    free = dict.fromkeys(arrays.get(name, name) for name in left_out(roles, table) if table.is_numeric(name))
    return [name for name in free if not _words(name) & {*NEVER}]


def _words(name: str) -> set[str]:
    """The parts of a path, in lower case."""
    return {*name.lower().replace(".", "/").split("/")}
