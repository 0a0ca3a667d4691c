"""Parsing that the arguments of all verbs have in common."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from trisect import checks
from trisect.commands.flag_errors import in_one_sentence


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one sentence, with the closest flag; ``-`` and ``_`` are equivalent in flags."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        arguments = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args([in_known_spelling(each, self._flags()) for each in arguments], namespace)

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            word = unknown.split()[0].split("=")[0]
            hint = checks.did_you_mean(word, self._flags()) or f"see {self.prog} --help"
            raise checks.UsageError(checks.sentence("a flag", "one of this command's flags", word, hint))
        raise checks.UsageError(f"{in_one_sentence(message)}; see {self.prog} --help")

    def _flags(self) -> list[str]:
        return [flag for action in self._actions for flag in action.option_strings]


def in_known_spelling(argument: str, known: Iterable[str]) -> str:
    """The known spelling of a flag that differs only in ``-`` and ``_``; any other argument is returned unchanged."""
    name, equals, value = argument.partition("=")
    spellings = {flag.replace("-", "_"): flag for flag in known}
    return f"{spellings.get(name.replace('-', '_'), name)}{equals}{value}"


def at_least(minimum: int) -> Callable[[str], int]:
    """The type of a flag whose value is a whole number of at least ``minimum``."""

    def whole(text: str) -> int:
        is_whole = re.fullmatch(r"[+-]?\d{1,18}", text.strip().replace("_", "")) is not None
        if not is_whole or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {minimum}; got {text!r}")
        return int(text)

    return whole


def parser_for(verb: str, description: str) -> Parser:
    """An empty parser for a verb."""
    return Parser(prog=f"trisect {verb}", description=description, allow_abbrev=False)


def pairs(texts: Iterable[str], flag: str) -> dict[str, str]:
    """The ``NAME=VALUE`` texts of a repeatable flag as a dictionary; raises `UsageError` for any other text."""
    with checks.usage():
        for text in texts:
            checks.require("=" in text, f"a {flag} argument", "NAME=VALUE", repr(text))
    return dict(text.split("=", 1) for text in texts)


def plain_value(text: str) -> Any:
    """The value of a JSON text; any other text is returned unchanged."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def add_external_functions(parser: argparse.ArgumentParser) -> None:
    """Add the flags ``--encoder`` and ``--decoder``, which `external_functions` reads."""
    for name in ("encoder", "decoder"):
        what = f"the external {name} that the run was trained with, as package.module:Name"
        parser.add_argument(f"--{name}", metavar="PATH", help=what)


def external_functions(options: dict[str, Any]) -> dict[str, Any]:
    """The class paths of encoder and decoder that were passed; their modules may be in the working directory."""
    paths = {name: options[name] for name in ("encoder", "decoder") if options.get(name) is not None}
    if paths and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return paths
