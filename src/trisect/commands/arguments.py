"""Parsing that the arguments of all verbs have in common."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from trisect import checks


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one sentence, with the closest flag, instead of printing the usage."""

    def error(self, message: str) -> NoReturn:
        flags = [flag for action in self._actions for flag in action.option_strings]
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            flag = unknown.split()[0].split("=")[0]
            hint = checks.did_you_mean(flag, flags) or f"see {self.prog} --help"
            raise checks.UsageError(checks.sentence("a flag", "one of this command's flags", flag, hint))
        raise checks.UsageError(f"{message}; see {self.prog} --help")


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


def external_functions(options: dict[str, Any]) -> dict[str, Any]:
    """The class paths of encoder and decoder that were passed; their modules may be in the working directory."""
    paths = {name: options[name] for name in ("encoder", "decoder") if options.get(name) is not None}
    if paths and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return paths
