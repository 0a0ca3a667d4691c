"""One grammar of error messages: *what* of *whom* must be *what*; got *what*; what to do.

Input is checked once, at the public edge, with the functions of this module; inside the library `assert`
states our own invariants only. The functions return what they checked, so that a check reads as a conversion.
Options that cannot be combined get a plain sentence instead, see `refuse`.
"""

from __future__ import annotations

import difflib
import math
import os
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import numpy as np

LONGEST_PART = 300
LARGEST_SIZE = 2**14
"""Largest number of characters of each part of a sentence."""
_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother, _BRIEF.maxlong = 3, 200, 200, 40
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = _BRIEF.maxset = 20


class UsageError(ValueError):
    """A command line that cannot be run: an unknown verb or flag, a missing or malformed argument."""


@contextmanager
def usage() -> Iterator[None]:
    """Raise any `ValueError` of the block as a `UsageError`."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error


def sentence(what: str, must: str, got: object, todo: str = "") -> str:
    """Compose one error message.

    Args:
        what: the checked value and what it belongs to, such as ``"the targets of split 'train'"``.
        must: what it must be, such as ``"0 or 1"``.
        got: what it is instead.
        todo: what the user can do about it; may be empty.

    Example:
        >>> sentence("the batch size of a loader", "a positive integer", 0, "pass batch_size=64")
        'the batch size of a loader must be a positive integer; got 0; pass batch_size=64'
    """
    tail = f"; {shown(todo, LONGEST_PART)}" if todo else ""
    return f"{shown(what, LONGEST_PART)} must be {shown(must, LONGEST_PART)}; got {shown(got, LONGEST_PART)}{tail}"


def shown(value: object, most: int = 60) -> str:
    """A value as text in one line: long texts without their middle, control characters and line breaks escaped.

    Args:
        value: any value; what comes from a file or a user may be of any length.
        most: largest number of characters, at least 10.

    Example:
        >>> shown("a" * 30 + "\\n" + "b" * 30, 16)
        'aaaaaaa...bbbbbb'
    """
    text = _BRIEF.repr(value) if isinstance(value, list | tuple | dict | set) else str(value)
    if len(text) > most:
        kept = most - 3
        text = f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def quoted(value: object, most: int = 60) -> str:
    """The representation of a value from a file, shortened, and without descending into deep or endless structures."""
    try:
        return shown(_BRIEF.repr(value), most)
    except ValueError:  # an integer of too many digits
        return f"a {type(value).__name__} that is too long to show"


def require(condition: bool | np.bool_, what: str, must: str, got: object, todo: str = "") -> None:
    """Raise `ValueError` with the sentence unless the condition holds."""
    if not condition:
        raise ValueError(sentence(what, must, got, todo))


def refuse(message: str) -> NoReturn:
    """Raise `ValueError` with a plain sentence, for options that cannot be combined.

    Args:
        message: the sentence, such as ``"--encoder cannot be used with causal-encoder"``.
    """
    raise ValueError(message)


@contextmanager
def buildable(what: str, todo: str = "") -> Iterator[None]:
    """Raise an error of building a model of impossible sizes in the block as a `ValueError`, with one sentence."""
    try:
        yield
    except (RuntimeError, ArithmeticError, MemoryError, TypeError, IndexError, NotImplementedError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(sentence(what, "valid", shown(first, 120), todo)) from error


def positive_int(value: object, what: str, minimum: int = 1) -> int:
    """Return ``value`` as an int of at least ``minimum``, or raise `ValueError`."""
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    require(is_int and int(value) >= minimum, what, f"an integer of at least {minimum}", quoted(value))  # type: ignore[call-overload]
    return int(value)  # type: ignore[call-overload]


def size(value: object, what: str, minimum: int = 1) -> int:
    """Return ``value`` as the size of a part of a model, from ``minimum`` to `LARGEST_SIZE`, or raise `ValueError`.

    Example:
        >>> size(64, "hidden of a prior")
        64
    """
    number = positive_int(value, what, minimum)
    require(number <= LARGEST_SIZE, what, f"at most {LARGEST_SIZE}", quoted(value), "a model of that size fits nowhere")
    return number


def seed(value: object, what: str) -> int:
    """Return ``value`` as a seed, an int from 0 to 2**63 - 1, or raise `ValueError`."""
    number = positive_int(value, what, 0)
    require(number < 2**63, what, "an integer from 0 to 2**63 - 1", quoted(value))
    return number


def in_range(value: object, what: str, low: float, high: float, *, open_low: bool = False) -> float:
    """Return ``value`` as a finite float in [low, high] ((low, high] when ``open_low``), or raise `ValueError`."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    number = _as_float(value) if is_number else math.nan
    inside = math.isfinite(number) and (low < number if open_low else low <= number) and number <= high
    bracket = "(" if open_low else "["
    require(inside, what, f"a number in {bracket}{low:g}, {high:g}]", quoted(value))
    return number


def _as_float(value: object) -> float:
    """The number as a float; an integer that no float can hold is infinite."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf


def one_of(value: str, options: Iterable[str], what: str) -> str:
    """Return ``value`` if it is one of the options, else raise `ValueError` with all options and the closest one."""
    choices = list(options)
    if not isinstance(value, str) or value not in choices:
        must = f"one of {listed(choices, 280)}" if choices else "left out, because there is nothing to choose from"
        raise ValueError(sentence(what, must, quoted(value, 80), did_you_mean(str(value), choices)))
    return value


def listed(words: Sequence[object], room: int = 200) -> str:
    """Words for a message, separated by commas: all of them, or as many as fit into ``room`` characters.

    Example:
        >>> listed(["lamp", "cart", "fan"], room=10)
        'lamp, cart, ... (3 in all)'
    """
    whole = [shown(word) for word in words[: room + 1]]
    fitting = [word for k, word in enumerate(whole) if sum(map(len, whole[: k + 1])) + 2 * k <= room]
    return ", ".join(fitting if len(fitting) == len(words) else [*fitting, f"... ({len(words)} in all)"])


def named(value: str, options: Iterable[str], what: str) -> str:
    """Return the option that differs from ``value`` in ``-``, ``_`` and capital letters at most, else see `one_of`.

    Example:
        >>> named("Ball-in-Boxes", ["ball_in_boxes", "pong"], "the name of a world")
        'ball_in_boxes'
    """
    choices = list(options)
    spelled = {choice.lower().replace("-", "_"): choice for choice in choices}
    return one_of(spelled.get(str(value).lower().replace("-", "_"), value), choices, what)


def path(value: object, what: str, todo: str = "") -> Path:
    """Return a text or path as a `Path`, or raise `TypeError`; an empty text is no path.

    Args:
        value: the path.
        what: the thing at the path, such as ``"the folder of a run"``.
        todo: what to pass instead.
    """
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise TypeError(sentence(what, "a path", quoted(value, 100), todo))
    return Path(value)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A suggestion such as ``"did you mean 'ball_x'?"``, or an empty text if nothing is close.

    Example:
        >>> did_you_mean("num_latent", ["num_latents", "seed"])
        "did you mean 'num_latents'?"
    """
    close = difflib.get_close_matches(str(word)[:LONGEST_PART], list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def unique_names(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the names as a tuple if they are non-empty strings without repetition, else raise `ValueError`."""
    is_list = isinstance(names, Iterable) and not isinstance(names, str)
    require(is_list, what, "a list of names", quoted(names, 80))
    names = tuple(names)
    for name in names:
        require(isinstance(name, str) and name != "", what, "non-empty strings", quoted(name, 80))
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    require(not repeated, what, "all different", listed(repeated) + " more than once", "rename one")
    return tuple(names)


def finite(array: np.ndarray, what: str) -> np.ndarray:
    """Return the array if it has no NaN or infinity, else raise `ValueError` with the first bad row."""
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        row, *_ = np.argwhere(~np.isfinite(np.atleast_1d(array)))[0].tolist()
        first = np.atleast_1d(array)[row].ravel()[:4]
        raise ValueError(sentence(what, "finite", f"{first} in row {row}", "repair or drop that row"))
    return array


def shape(array: np.ndarray, what: str, *axes: int | None) -> np.ndarray:
    """Return the array if its shape fits ``axes`` (None: any length), else raise `ValueError`."""
    fits = array.ndim == len(axes) and all(a is None or a == n for a, n in zip(axes, array.shape))
    expected = "(" + ", ".join("any" if a is None else str(a) for a in axes) + ")"
    require(fits, f"the shape of {what}", expected, array.shape)
    return array


def indicator(
    array: np.ndarray,
    what: str,
    axes: Sequence[str] = ("row", "column"),
    columns: Sequence[str] = (),
    todo: str = "",
) -> np.ndarray:
    """Return a 0/1 array as bool, or raise `ValueError` with the position of the first other value along the axes.

    Args:
        array: numbers of any type.
        what: name of the array in error messages.
        axes: names of its axes.
        columns: names along the last axis, for the message.
        todo: what the user can do about another value; may be empty.
    """
    if array.dtype == bool:
        return array
    bad = ~((array == 0) | (array == 1))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, at))
        place += f" ({shown(columns[at[-1]])})" if columns else ""
        raise ValueError(sentence(what, "0 or 1", f"{array[at]}" + (f" at {place}" if place else ""), todo))
    return array.astype(bool)
