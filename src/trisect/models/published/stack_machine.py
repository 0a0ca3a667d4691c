"""A pickle's stack machine without functions: it builds plain values, and asks for whatever else a pickle names.

A pickle is a program that may call any function by name. This machine looks no name up: it hands known names to its
owner, who says what they stand for, and refuses all others. It knows the operations that plain values need.
"""

from __future__ import annotations

import pickletools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from trisect import archives, checks


@dataclass(frozen=True)
class Name:
    """A function or class that a pickle names; it is never looked up.

    Attributes:
        name: module and name, with a space between them.
    """

    name: str


class _Mark:
    """A mark on the stack."""


class StackMachine(ABC):
    """Runs one pickle.

    Args:
        what: what the pickle is part of, for messages.

    Attributes:
        names: the names that `call` knows.
    """

    names: ClassVar[Collection[str]]

    def __init__(self, what: str):
        self.what = what
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    @abstractmethod
    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """What a call of one of `names` stands for."""

    @abstractmethod
    def refer(self, persistent_id: Any) -> Any:
        """The object outside the pickle that it refers to."""

    def require(self, condition: bool, got: str) -> None:
        """Raise `ValueError` unless the condition holds."""
        archives.require(condition, self.what, "of tensors and plain values", got, "do not trust it")

    def run(self, data: bytes) -> Any:
        """The object that a pickle describes.

        Raises:
            ValueError: the pickle is damaged, or needs more than plain values and the known names.
        """
        for operation, argument, _ in pickletools.genops(data):
            if operation.name == "STOP":
                self.require(not isinstance(value := self._pop(), _Mark), "a pickle that ends too early")
                return value
            step = STEPS.get(operation.name)
            self.require(step is not None, f"the operation {operation.name}")
            assert step is not None
            try:
                step(self, argument)
            except (IndexError, TypeError) as error:
                self.require(False, f"a damaged pickle ({operation.name}: {error})")
        return None

    def mapping(self, target: Any, pairs: Iterable[tuple[Any, Any]]) -> Any:
        """Add pairs to a dictionary; keys are texts and numbers, because others may take forever to compare."""
        self.require(isinstance(target, dict), "items of something else than a dictionary")
        for key, value in pairs:
            self.require(key is None or isinstance(key, str | int | float | bytes), f"a key, {type(key).__name__}")
            target[key] = value
        return target

    def _pop(self) -> Any:
        self.require(len(self.stack) > 0, "a pickle that ends too early")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        values = []
        while not isinstance(value := self._pop(), _Mark):
            values.append(value)
        return values[::-1]

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _tuple(self, count: int) -> None:
        self.stack.append(tuple([self._pop() for _ in range(count)][::-1]))

    def _extend(self, values: list[Any]) -> None:
        self.require(isinstance(self.stack[-1], list), "items of something else than a list")
        self.stack[-1].extend(values)

    def _set_items(self, values: list[Any]) -> None:
        self.mapping(self.stack[-1], zip(values[::2], values[1::2]))

    def _put(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def _get(self, number: int) -> None:
        self.require(number in self.memo, "a reference to nothing")
        self.stack.append(self.memo[number])

    def _name(self, name: str) -> None:
        kind = "a tensor of another kind" if _is_tensor(name) else "an object that reading would execute"
        self.require(name in self.names, f"{kind} ({checks.shown(name.replace(' ', '.'))})")
        self.stack.append(Name(name))

    def _name_from_stack(self) -> None:
        name, module = self._pop(), self._pop()
        self._name(f"{module} {name}" if isinstance(name, str) and isinstance(module, str) else "")

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        is_call = isinstance(function, Name) and isinstance(arguments, tuple)
        self.require(is_call, "a call of something else than a function")
        self.stack.append(self.call(function.name, arguments))

    def _build(self) -> None:
        """Drop the attributes of a dictionary, which nobody needs."""
        self._pop()
        self.require(isinstance(self.stack[-1], dict), "attributes of something else than a dictionary")


def _is_tensor(name: str) -> bool:
    return name.startswith("torch._utils _rebuild") or (name.startswith("torch") and name.endswith("Storage"))


Step = Callable[[StackMachine, Any], None]


def _all(step: Step, *names: str) -> dict[str, Step]:
    return dict.fromkeys(names, step)


STEPS: dict[str, Step] = {
    **_all(lambda machine, _: None, "PROTO", "FRAME"),
    **_all(StackMachine._push, "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    **_all(StackMachine._push, "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"),
    "NONE": lambda machine, _: machine._push(None),
    "NEWTRUE": lambda machine, _: machine._push(True),
    "NEWFALSE": lambda machine, _: machine._push(False),
    "EMPTY_DICT": lambda machine, _: machine._push({}),
    "EMPTY_LIST": lambda machine, _: machine._push([]),
    "EMPTY_TUPLE": lambda machine, _: machine._push(()),
    "MARK": lambda machine, _: machine._push(_Mark()),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._pop_to_mark())),
    "APPEND": lambda machine, _: machine._extend([machine._pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._pop_to_mark()),
    "SETITEM": lambda machine, _: machine._set_items([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._pop_to_mark()),
    **_all(StackMachine._put, "BINPUT", "LONG_BINPUT"),
    "MEMOIZE": lambda machine, _: machine._put(len(machine.memo)),
    **_all(StackMachine._get, "BINGET", "LONG_BINGET"),
    "GLOBAL": StackMachine._name,
    "STACK_GLOBAL": lambda machine, _: machine._name_from_stack(),
    "REDUCE": lambda machine, _: machine._reduce(),
    "BUILD": lambda machine, _: machine._build(),
    "BINPERSID": lambda machine, _: machine._push(machine.refer(machine._pop())),
}
"""Name of an operation -> what the machine does, given the operation's argument."""
