"""The examples in the docstrings of every module run and give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import trisect

MODULES = sorted(info.name for info in pkgutil.walk_packages(trisect.__path__, "trisect."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_the_vocabulary_has_examples() -> None:
    examples = {name: len(doctest.DocTestFinder().find(importlib.import_module(name))) for name in MODULES}
    assert {"trisect.checks", "trisect.graph", "trisect.variables"} <= set(examples)
    assert all(doctest.testmod(importlib.import_module(f"trisect.{name}")).attempted for name in ("checks", "graph"))
