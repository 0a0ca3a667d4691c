"""One sentence for every message of the parsers of arguments, `argparse` and `jsonargparse`."""

from __future__ import annotations

import re
from collections.abc import Callable

from trisect import checks

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "tuple": "two numbers, such as [0.9, 0.999]",
    "NoneType": "null",
}
"""Name of a type -> what a value of this type is called."""
LONGEST = 200


def in_one_sentence(message: str) -> str:
    """The sentence for a message of a parser; a message without one is returned in one line.

    Example:
        >>> in_one_sentence('Parser key "flow_training.steps": Expected a <class \\'int\\'>. Got value: many')
        "--flow_training.steps must be a whole number; got 'many'"
    """
    line = " ".join(message.split())
    for pattern, sentence in _SENTENCES.items():
        if match := re.fullmatch(pattern, line):
            return sentence(*match.groups())
    return line[:LONGEST]


def unknown_key(message: str) -> str | None:
    """The key, with dots, that a configuration file may not hold according to a message; None for other messages."""
    if match := re.search(r"Group '(\S+)' does not accept option '(\S+)'", message):
        return ".".join(match.groups())
    match = re.search(r"Option '(\S+)' is not accepted", message)
    return match and match.group(1)


def _choice(flag: str, got: str, known: str) -> str:
    choices = re.findall(r"[^', ]+", known)
    got = got.strip("'\"")
    return checks.sentence(_long(flag), f"one of {', '.join(choices)}", repr(got), checks.did_you_mean(got, choices))


def _number(flag: str, got: str) -> str:
    return checks.sentence(_long(flag), "a whole number", got[:LONGEST])


def _kind(key: str, kinds: str, got: str) -> str:
    names = [KINDS.get(kind, kind) for kind in re.findall(r"<class '(\w+)'>", kinds)]
    return checks.sentence(f"--{key}", " or ".join(names) or "of another type", repr(got)[:LONGEST])


def _file(key: str, got: str) -> str:
    return checks.sentence(f"--{key}", "a YAML file that can be read", f"'{got}'", "check the path")


def _mapping(got: str) -> str:
    return checks.sentence("the file of --config", "a mapping of settings", repr(got[:LONGEST]), "write NAME: VALUE")


def _long(flag: str) -> str:
    """The long name of a flag that has a short one too."""
    return flag.split("/")[-1]


_SENTENCES: dict[str, Callable[..., str]] = {
    r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)": _choice,
    r'Parser key "(\S+)": (.*) not among choices \((.*)\)': lambda key, *rest: _choice(f"--{key}", *rest),
    r"argument (\S+): invalid \w+ value: (.*)": _number,
    r"argument (\S+): expected (?:one|at least one) argument": lambda flag: f"{_long(flag)} needs a value after it",
    r"argument (\S+): (must be .*)": lambda flag, rest: f"{_long(flag)} {rest}",
    r'Parser key "(\S+)": Expected a (<.*>)\. Got value: (.*)': _kind,
    r'Parser key "(\S+)": Does not validate .*Subtypes: \[(.*?)\] Errors: .* Given value: (.*)': _kind,
    r'Parser key "(\S+)": (?:File does not exist|Path is not a file|File is not readable): \'(.*)\'': _file,
    r'Parser key "(\S+)": Unable to load config \'(.*?)\'.*': _file,
    r"Unexpected config: ?(.*)": _mapping,
    r"Problems parsing config: (.*)": lambda why: checks.sentence("the file of --config", "YAML", why[:LONGEST]),
    r"unrecognized arguments: (.*)": lambda got: checks.sentence("every argument", "a flag or its value", repr(got)),
}
"""Pattern of a message -> function from its parts to the sentence."""
