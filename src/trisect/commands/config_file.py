"""YAML files of options, checked before they are parsed: small, shallow, plain, and without repeated keys.

A few lines of YAML can stand for billions of values, if aliases are repeated, or name Python objects to make. The file
is scanned event by event, and refused at the first event that a file of options has no need for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from trisect import checks

LARGEST = 1 << 16
"""Largest size of a file of options, in characters; all options of a recipe take 4,000."""
DEEPEST = 10
MOST_ALIASES = 20
LONGEST_VALUE = 1000
FLAG = "--config"


def check_configs(flags: list[str]) -> None:
    """Check every file (or text) that follows ``--config``.

    Raises:
        FileNotFoundError: there is no such file.
        UsageError: a file is too large, too deep, not YAML, repeats a key, or uses tags or many aliases.
    """
    for number, flag in enumerate(flags):
        name, equals, value = flag.partition("=")
        if name == FLAG and (equals or number + 1 < len(flags)):
            with checks.usage():
                _check(value if equals else flags[number + 1])


def checked_text(file: Path, flag: str) -> str:
    """The text of a file of options that follows another flag; errors as of `check_configs`, but `ValueError`."""
    text, what = _file_text(file, flag)
    _check_text(text, what)
    return text


def _check(value: str) -> None:
    _check_text(*_text_of(value))


def _check_text(text: str, what: str) -> None:
    state = _State(what)
    try:
        for event in _events(text, what):
            state.take(event)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        got = f"{problem or 'characters that YAML forbids'}{f' in line {mark.line + 1}' if mark else ''}"
        todo = "write one option per line, such as seed: 1"
        raise ValueError(checks.sentence(what, "YAML", checks.shown(got, 160), todo)) from error
    checks.require(state.num_documents == 1, what, "one mapping of options", f"{state.num_documents} of them")


def _text_of(value: str) -> tuple[str, str]:
    """The YAML text, and its name in messages; a value that is no path is a text itself."""
    if "\n" in value or value.lstrip().startswith("{"):
        checks.require(len(value) <= LARGEST, f"the text of {FLAG}", f"at most {LARGEST} characters", len(value))
        return value, f"the text of {FLAG}"
    return _file_text(Path(value), FLAG)


def _file_text(path: Path, flag: str) -> tuple[str, str]:
    what = f"the file '{checks.shown(path, 200)}' of {flag}"
    if not path.is_file():
        raise FileNotFoundError(checks.sentence(what, "there", "no such file", "check the path"))
    size = path.stat().st_size
    checks.require(size <= LARGEST, what, f"at most {LARGEST} bytes", size, "keep only the options that you change")
    try:
        return path.read_text(encoding="utf-8"), what
    except UnicodeDecodeError as error:
        raise ValueError(checks.sentence(what, "text in UTF-8", str(error), "save it as UTF-8")) from error


def _events(text: str, what: str) -> Iterator[Event]:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        tag = getattr(event, "tag", None)
        checks.require(tag in (None, "!"), what, "without tags", checks.shown(tag), "remove it")
        yield event


@dataclass
class _Open:
    """A collection that has begun.

    Attributes:
        anchor: the name by which aliases refer to it.
        keys: its keys so far, if it is a mapping.
        is_key: whether a key comes next.
    """

    anchor: str | None
    keys: set[str] | None
    is_key: bool = True


@dataclass
class _State:
    """What was seen of a file so far."""

    what: str
    open: list[_Open] = field(default_factory=list)
    num_aliases: int = 0
    num_documents: int = 0

    def take(self, event: Event) -> None:
        """Take one more event."""
        if isinstance(event, CollectionEndEvent):
            self.open.pop()
            return
        if not isinstance(event, NodeEvent):
            return
        if not self.open:
            is_mapping, got = isinstance(event, MappingStartEvent), type(event).__name__.removesuffix("Event").lower()
            checks.require(is_mapping, self.what, "a mapping of options, such as seed: 1", got.removesuffix("start"))
            self.num_documents += 1
        self._check_value(event)
        self._check_key(event)
        if isinstance(event, CollectionStartEvent):
            self.open.append(_Open(event.anchor, set() if isinstance(event, MappingStartEvent) else None))
            checks.require(len(self.open) <= DEEPEST, self.what, f"at most {DEEPEST} levels deep", "a deeper one")

    def _check_value(self, event: NodeEvent) -> None:
        if isinstance(event, ScalarEvent):
            length, must = len(event.value), f"one with values of at most {LONGEST_VALUE} characters"
            checks.require(length <= LONGEST_VALUE, self.what, must, f"one of {length}")
        if isinstance(event, AliasEvent):
            self.num_aliases += 1
            few, must = self.num_aliases <= MOST_ALIASES, f"one with at most {MOST_ALIASES} aliases"
            checks.require(few, self.what, must, "more", "write the values out")
            is_endless = any(inner.anchor == event.anchor for inner in self.open)
            checks.require(not is_endless, self.what, "without values that contain themselves", "one that does")

    def _check_key(self, event: NodeEvent) -> None:
        if not self.open or self.open[-1].keys is None:
            return
        inner = self.open[-1]
        if inner.is_key:
            assert inner.keys is not None
            key = event.value if isinstance(event, ScalarEvent) else None
            checks.require(key is not None, self.what, "one whose keys are texts", "another key")
            is_new = key not in inner.keys
            checks.require(is_new, self.what, "one that sets each option once", f"{checks.quoted(key)} twice")
            inner.keys.add(str(key))
        inner.is_key = not inner.is_key
