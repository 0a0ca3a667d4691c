"""Functions that users pass: checked, called, recognised, and sent to other processes."""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType

from trisect import checks
from trisect.files import brief


def require_function(function: object, what: str, *arguments: str) -> None:
    """Raise `TypeError` unless something can be called with that many arguments.

    Args:
        function: what should be a function.
        what: name of the function in error messages.
        arguments: what it is called with, in words, one for each argument.
    """
    if not (callable(function) and _takes(function, len(arguments))):
        got = f"one of {_signature(function)}" if callable(function) else checks.quoted(function, 100)
        raise TypeError(checks.sentence(what, f"a function of {' and '.join(arguments)}", got))


def _takes(function: object, number: int) -> bool:
    try:
        inspect.signature(function).bind(*range(number))  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # a function that does not say what it takes
        return True
    return True


def _signature(function: object) -> str:
    try:
        return str(inspect.signature(function))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "unknown arguments"


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Say in one sentence which function of the user failed, as a `ValueError`.

    Args:
        what: name of the function in error messages.

    Example:
        >>> with calling("the agent"):
        ...     1 / 0
        Traceback (most recent call last):
        ValueError: the agent must be a function that does not fail; got ZeroDivisionError: division by zero; correct it
    """
    try:
        yield
    except Exception as error:
        got = f"{type(error).__name__}: {brief(error)}"
        raise ValueError(checks.sentence(what, "a function that does not fail", got, "correct it")) from error


def fingerprint(function: object) -> str:
    """A text that changes with the code of a function, though not with values that it finds elsewhere.

    Of a partial function it changes with the arguments, too. Other objects that can be called are only described.

    Example:
        >>> fingerprint(lambda x: x + 1) == fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
        True
    """
    code = getattr(function, "__code__", None)
    if isinstance(function, functools.partial):
        return f"{fingerprint(function.func)} {described((function.args, function.keywords))}"
    if not isinstance(code, CodeType):
        return described(function)
    return hashlib.sha256(repr(_content(code)).encode()).hexdigest()[:16]


def _content(code: CodeType) -> tuple[object, ...]:
    """What a function does, without names of files and numbers of lines."""
    constants = tuple(_content(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts)
    return code.co_code, code.co_names, constants


def described(value: object) -> str:
    """The representation of a value, without the places of objects in memory, which change from run to run.

    Example:
        >>> described([object(), 3])
        '[<object object>, 3]'
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def require_sendable(functions: Mapping[str, object]) -> None:
    """Raise `ValueError` unless all of the functions can be sent to other processes.

    Args:
        functions: name in error messages -> the function.
    """
    for what, function in functions.items():
        try:
            pickle.dumps(function)
        except Exception as error:  # a class may raise anything here
            must, todo = "a function at the top of a module, for several workers", "move it there, or pass workers=1"
            raise ValueError(checks.sentence(what, must, checks.quoted(function, 100), todo)) from error
