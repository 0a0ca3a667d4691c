"""Levels and switches: two ways to record the same interventions, and the conversion of one into the other.

| column | a 1 in row t says | made by |
|---|---|---|
| level | something is on, or another value is in force, while frame t is produced | a valve that is held, a set-point |
| switch | something was switched to produce frame t, and stays so until the next 1 | the log of a button |
| jump | a value that always changes a little has jumped to produce frame t | a command of a robot |

A switch is a row in which the level differs from that of the row before, in the same episode; a level is the parity of
the switches so far in the episode. A column of 0 and 1 whose 1s evidently last is a level already. Level -> switch ->
level is exact up to the level at the start of each episode, which switches do not hold: it becomes 0.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from trisect import checks
from trisect.data.convert.alignment import Alignment, meaningful
from trisect.data.durations import HELD, held_columns, lag_correlation

logger = logging.getLogger(__name__)

Encoding: TypeAlias = str
"""``"switch"``, ``"level"``, or ``"jump:0.1"`` with any number."""
ENCODINGS = ("switch", "level")
JUMP = "jump:"
Encode: TypeAlias = Encoding | Mapping[str, Encoding]
"""One encoding for all columns, or column -> its encoding; the key ``"*"`` stands for all that are not named."""
REST = "*"
DONE = {
    "switch": "1 marks the rows in which its level changed; the first row of an episode is no switch",
    "jump": "1 marks the rows in which its value differs from the row before by more than the given step",
    "level": "1 while switched on, counted from 0 at the start of each episode",
    "kept": "left as they are, since their 1s last and so are a level already",
    "two values": "1 while the higher of two values is in force",
}
"""What was done to a column -> in words, for people who read the data set."""
Encoder: TypeAlias = Callable[[np.ndarray, np.ndarray, bool], np.ndarray]
MARKS = (
    "the 1s in the column '%s' of %s do not last; if each marks one event, leave the column as it is: encoded as "
    "switches, each counts twice"
)
PERHAPS_A_LEVEL = (
    "the 1s in the column '%s' of %s seem to last, but are too few to be sure, and are counted as switches; if the "
    "column is a level already, leave it as it is"
)
EVER_CHANGING = (
    "the column '%s' of %s changes in %d of %d rows; if it is a quantity that always changes, make a column of it that "
    "is 1 above a threshold"
)


def check_encode(encode: object, what: str) -> None:
    """Raise `ValueError` unless this is an `Encode`, whatever the names of the columns."""
    given: list[Any] = list(encode.values()) if isinstance(encode, Mapping) else [encode]
    for each in given:
        if not (isinstance(each, str) and each.startswith(JUMP)):
            checks.one_of(each, (*ENCODINGS, f"{JUMP}NUMBER"), what)
            continue
        must, text = "above 0", each.removeprefix(JUMP)
        checks.require(_number(text) > 0, f"the step of {what}", must, checks.quoted(text, 40), f"such as {JUMP}0.1")


def _number(text: str) -> float:
    """A finite number from a text; 0 if it is none."""
    try:
        return float(text) if math.isfinite(float(text)) else 0.0
    except ValueError:
        return 0.0


def by_column(encode: Encode | None, names: Sequence[str], what: str) -> dict[str, Encoding]:
    """Column -> its encoding, in the order of the columns; those that stay as they are are left out.

    Args:
        encode: what the user declares; None: all columns stay as they are.
        names: of the columns.
        what: name of the columns in error messages.

    Raises:
        ValueError: an encoding, or the name of a column, is unknown.

    Example:
        >>> by_column({"*": "switch", "fan": "level"}, ["valve", "fan"], "the targets")
        {'valve': 'switch', 'fan': 'level'}
    """
    if encode is None:
        return {}
    check_encode(encode, f"the encoding of {what}")
    given = encode if isinstance(encode, Mapping) else {REST: encode}
    for name in given:
        checks.one_of(name, [*names, REST], f"a column of {what} to encode")
    chosen = {name: given.get(name, given.get(REST)) for name in names}
    return {name: encoding for name, encoding in chosen.items() if encoding is not None}


class TargetEncoder:
    """Encodes the columns of one or several recordings by the same rules.

    Args:
        encode: what the user declares, see `by_column`.
        names: of the columns.
        tables: the targets (rows, K) of every recording that has any, as numbers; the values of a level are taken from
            all of them.
        what: name of the targets in error messages.

    Attributes:
        done: column -> what was done, a key of `DONE`.

    Raises:
        ValueError: an encoding or a name is unknown, or a column to encode as a level has more than two values.
    """

    def __init__(self, encode: Encode | None, names: Sequence[str], tables: Sequence[np.ndarray], what: str):
        self.names, self.what = tuple(names), what
        self.done: dict[str, str] = {}
        self._encoders: dict[str, Encoder] = {}
        for name, encoding in by_column(encode, names, what).items() if tables else ():
            columns = [table[:, self.names.index(name)] for table in tables]
            self.done[name], self._encoders[name] = self._choose(name, encoding, columns)

    def _choose(self, name: str, encoding: Encoding, columns: Sequence[np.ndarray]) -> tuple[str, Encoder]:
        whole = np.concatenate(columns)
        values = np.unique(whole[np.isfinite(whole)])
        is_indicator = bool(np.isin(values, (0, 1)).all())
        if encoding.startswith(JUMP):
            step = _number(encoding.removeprefix(JUMP))
            return "jump", lambda column, starts, known: switches(column, starts, known, step)
        if encoding == "switch":
            self._doubt_switches(name, whole, is_indicator)
            return "switch", switches
        if is_indicator:
            return self._choose_level(name, whole == 1)
        must = "switches, 0 or 1, or a level of two values, to be encoded as a level"
        got = f"{len(values)} different values, {checks.listed([f'{value:g}' for value in values[:5]], 60)}"
        todo = f"pass encode={{'{checks.shown(name)}': 'switch'}} (--encode {checks.shown(name)}=switch), which marks "
        todo += (
            "the rows in which the value changed, or make a column that is 1 at one of the values, or above a threshold"
        )
        checks.require(len(values) <= 2, f"the column '{checks.shown(name)}' of {self.what}", must, got, todo)
        high = values[-1:]
        return "two values", lambda column, _starts, _known: np.isin(column, high) & (len(values) == 2)

    def _choose_level(self, name: str, ones: np.ndarray) -> tuple[str, Encoder]:
        """What to do with a column of 0 and 1 (rows,) bool that is to be a level."""
        if _lasts(ones):
            return "kept", _kept
        if _lag(ones)[0] > HELD:
            logger.warning(PERHAPS_A_LEVEL, name, self.what)
        return "level", _counted

    def _doubt_switches(self, name: str, whole: np.ndarray, is_indicator: bool) -> None:
        """Warn of a column that is hardly a level or a set-point, from its values (rows,) in all recordings."""
        changes, ones = int(np.count_nonzero(np.diff(whole))), whole == 1
        if is_indicator and ones.any() and not _lasts(ones):
            logger.warning(MARKS, name, self.what)
        elif not is_indicator and 2 * changes > len(whole):
            logger.warning(EVER_CHANGING, name, self.what, changes, len(whole) - 1)

    def encoded(
        self, values: np.ndarray, num_frames: int, alignment: Alignment | None, starts: np.ndarray | None
    ) -> np.ndarray:
        """The targets of one recording in their own layout, with the columns to encode as 0 and 1 in rows with meaning.

        Args:
            values: (T-1, K) or (T, K) numbers, see `trisect.data.convert.alignment.align_targets`.
            num_frames: T.
            alignment: what a row means.
            starts: rows where episodes start; one episode if None.

        Raises:
            ValueError: the rows do not fit the frames, or a value of a column to encode is not finite.
        """
        rows = meaningful(values, num_frames, alignment, self.what)
        if not self._encoders:
            return values
        first_is_known = len(values) == num_frames and rows.start == 1
        borders = np.zeros(1, dtype=np.int64) if starts is None else starts
        result = values.copy()
        for name, encoder in self._encoders.items():
            at = self.names.index(name)
            column = np.concatenate([values[:1, at] if first_is_known else [np.nan], values[rows, at]]).astype(float)
            self._check_finite(column, borders, name)
            result[rows, at] = encoder(column, borders, first_is_known)[1:]
        return result

    def _check_finite(self, column: np.ndarray, starts: np.ndarray, name: str) -> None:
        """Raise `ValueError` for a value that is not finite, except in the first rows of episodes."""
        bad = np.setdiff1d(np.flatnonzero(~np.isfinite(column)), starts)
        if len(bad):
            got = f"{column[bad[0]]:g} at frame {bad[0]}"
            what = f"the column '{checks.shown(name)}' of {self.what}"
            raise ValueError(checks.sentence(what, "finite", got, "repair or drop that row"))


def _lasts(flags: np.ndarray) -> bool:
    """Whether 1s (rows,) bool evidently last for several rows."""
    return bool(held_columns(*_lag(flags))[0])


def _lag(flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lag correlation of 1s (rows,) bool, and its chance, (1,) each."""
    return lag_correlation(flags[:, None], np.zeros(1, dtype=np.int64))


def _kept(column: np.ndarray, _starts: np.ndarray, _known: bool) -> np.ndarray:
    return np.asarray(column == 1)


def _counted(column: np.ndarray, starts: np.ndarray, _known: bool) -> np.ndarray:
    return levels(column == 1, starts)


def switches(values: np.ndarray, starts: np.ndarray, first_is_known: bool = True, step: float = 0.0) -> np.ndarray:
    """The rows in which a level changed: (T,) bool.

    Args:
        values: (T,) the level of every row, any number of different values.
        starts: rows where episodes start; they are no switches.
        first_is_known: whether the first row of an episode holds the level in force then; if not, the second row, too,
            is no switch.
        step: size up to which a difference is no switch.

    Example:
        >>> switches(np.array([0, 0, 1.5, 1.5, 3.0, 3.0]), np.array([0, 4])).astype(int).tolist()
        [0, 0, 1, 0, 0, 0]
    """
    changed = np.zeros(len(values), dtype=bool)
    before, after = values[:-1], values[1:]
    changed[1:] = np.abs(after.astype(np.float64) - before) > step if step else after != before
    unknown = starts if first_is_known else np.concatenate([starts, starts + 1])
    after_gap = starts[~np.isfinite(values[starts])] + 1
    ignored = np.concatenate([unknown, after_gap])
    changed[ignored[ignored < len(values)]] = False
    return changed


def levels(flags: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The level that switches make, 0 at the start of every episode: (T,) bool.

    Args:
        flags: (T,) bool, the rows in which something was switched; those in the first row of an episode are ignored.
        starts: rows where episodes start.

    Example:
        >>> levels(np.array([0, 1, 0, 0, 1, 0], bool), np.array([0])).astype(int).tolist()
        [0, 1, 1, 1, 0, 0]
    """
    total = np.cumsum(flags, dtype=np.int64)
    lengths = np.diff(np.append(starts, len(flags)))
    return (total - np.repeat(total[starts], lengths)) % 2 == 1
