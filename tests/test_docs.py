"""The documentation site is complete: links and images lead somewhere, every page is listed, every name exists.

`make docs-check` builds the site; these tests need no Sphinx.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import trisect

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINKING = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "README.md",
    *PAGES,
]
FENCED = re.compile(r"^(`{3,}).*?^\1`*$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|<img[^>]*\ssrc=\"([^\"]+)\"")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INCLUDE = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)


def api_names() -> Any:
    spec = importlib.util.spec_from_file_location("api_names", DOCS / "api_names.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def relative_links(text: str) -> list[str]:
    """Targets of links and images outside code, without those on other sites or on the same page."""
    found = ["".join(groups) for groups in LINK.findall(FENCED.sub("", text))]
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


def listed(index: Path) -> set[Path]:
    """The pages that the tables of contents of an index page list."""
    entries = [
        line.strip() for block in TOCTREE.findall(index.read_text(encoding="utf-8")) for line in block.split("\n")
    ]
    names = [re.sub(r".*<(.*)>", r"\1", entry) for entry in entries if entry and not entry.startswith(":")]
    return {index.parent / f"{name}.md" for name in names}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", LINKING, ids=name_of)
def test_links_and_images_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in [*relative_links(text), *INCLUDE.findall(text)]:
        assert (page.parent / link).exists(), f"{page.name} leads to {link}"


def test_links_are_found() -> None:
    text = 'See [a](b.md#c), ![d](e.png "f"), <img width="1" src="g.png">, [h](https://i.org) and [j](#k).\n'
    fenced = "```python\ntable[0](missing.md)\n```\n"
    assert relative_links(text + fenced) == ["b.md", "e.png", "g.png"]


def test_every_page_is_listed_once() -> None:
    indices = [page for page in PAGES if page.name == "index.md"]
    lists = [listed(index) for index in indices]
    assert set().union(*lists) == set(PAGES) - {DOCS / "index.md"}
    assert sum(map(len, lists)) == len(PAGES) - 1


def test_every_pretrained_model_has_a_page() -> None:
    pages = {page.stem for page in (DOCS / "model-cards").glob("*.md")} - {"index"}
    assert pages == set(trisect.models.available())


@pytest.mark.parametrize(("module", "name"), api_names().names())
def test_listed_names_exist_and_say_what_they_are(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name).__doc__


def test_every_function_of_the_package_is_listed() -> None:
    modules = {"data", "evaluation", "models", "recipes", "training", "worlds"}
    functions = {name for name in trisect.__all__ if not name.startswith("__")} - modules
    assert functions == set(api_names().PAGES["functions"]["trisect"])


def test_every_list_of_names_has_a_place() -> None:
    shown = [
        name for page in PAGES for name in re.findall(r"^```\{api\} (\w+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(shown) == sorted(api_names().PAGES)
