"""One grammar of error messages: *what* of *whom* must be *what*; got *what*; what to do.

Input is checked once, at the public edge, with the functions of this module; inside the library `assert`
states our own invariants only. The functions return what they checked, so that a check reads as a conversion.
Options that cannot be combined get a plain sentence instead, see `refuse`.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import numpy as np


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
    tail = f"; {todo}" if todo else ""
    return f"{what} must be {must}; got {got}{tail}"


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


def positive_int(value: object, what: str, minimum: int = 1) -> int:
    """Return ``value`` as an int of at least ``minimum``, or raise `ValueError`."""
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    require(is_int and int(value) >= minimum, what, f"an integer of at least {minimum}", repr(value))  # type: ignore[call-overload]
    return int(value)  # type: ignore[call-overload]


def in_range(value: object, what: str, low: float, high: float, *, open_low: bool = False) -> float:
    """Return ``value`` as a finite float in [low, high] ((low, high] when ``open_low``), or raise `ValueError`."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    number = float(value) if is_number else float("nan")  # type: ignore[arg-type]
    inside = math.isfinite(number) and (low < number if open_low else low <= number) and number <= high
    bracket = "(" if open_low else "["
    require(inside, what, f"a number in {bracket}{low:g}, {high:g}]", repr(value))
    return number


def one_of(value: str, options: Iterable[str], what: str) -> str:
    """Return ``value`` if it is one of the options, else raise `ValueError` with all options and the closest one."""
    choices = list(options)
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ValueError(sentence(what, "one of " + listed(choices, 280), short(repr(value)), hint))
    return value


def short(text: object, room: int = 80) -> str:
    """A text for a message in one line: its beginning and its length if it has more than ``room`` characters.

    Example:
        >>> short("a" * 100, room=5)
        'aaaaa... (100 characters)'
    """
    whole = str(text)
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in whole[:room])
    return line if len(whole) <= room else f"{line}... ({len(whole)} characters)"


def listed(words: Sequence[object], room: int = 200) -> str:
    """Words for a message, separated by commas: all of them, or as many as fit into ``room`` characters.

    Example:
        >>> listed(["lamp", "cart", "fan"], room=10)
        'lamp, cart, ... (3 in all)'
    """
    whole = [short(word) for word in words[: room + 1]]
    fitting = [word for k, word in enumerate(whole) if sum(map(len, whole[: k + 1])) + 2 * k <= room]
    return ", ".join(fitting if len(fitting) == len(words) else [*fitting, f"... ({len(words)} in all)"])


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A suggestion such as ``"did you mean 'ball_x'?"``, or an empty text if nothing is close.

    Example:
        >>> did_you_mean("num_latent", ["num_latents", "seed"])
        "did you mean 'num_latents'?"
    """
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def unique_names(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the names as a tuple if they are non-empty strings without repetition, else raise `ValueError`."""
    is_list = isinstance(names, Iterable) and not isinstance(names, str)
    require(is_list, what, "a list of names", short(repr(names)))
    names = tuple(names)
    for name in names:
        require(isinstance(name, str) and name != "", what, "non-empty strings", short(repr(name)))
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
    array: np.ndarray, what: str, axes: Sequence[str] = ("row", "column"), columns: Sequence[str] = ()
) -> np.ndarray:
    """Return a 0/1 array as bool, or raise `ValueError` with the position of the first other value along the axes.

    Args:
        array: numbers of any type.
        what: name of the array in error messages.
        axes: names of its axes.
        columns: names along the last axis, for the message.
    """
    if array.dtype == bool:
        return array
    bad = ~((array == 0) | (array == 1))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, at))
        place += f" ({short(columns[at[-1]])})" if columns else ""
        raise ValueError(sentence(what, "0 or 1", f"{array[at]}" + (f" at {place}" if place else "")))
    return array.astype(bool)
