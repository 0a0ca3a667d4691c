"""What the site reads in place of a page's own text: the cards of the pretrained models, and notebooks to download."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sphinx.application import Sphinx

import trisect

CARDS = PurePosixPath("model-cards")
NOTEBOOK = re.compile(r"\[([\w-]+\.ipynb)\]\(\1\)")


def put_card(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the card of a model in place of its page's text."""
    page = PurePosixPath(docname)
    if page.parent == CARDS and page.name != "index":
        source[0] = trisect.models.card(page.name)


def offer_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make the link to the notebook of a page a download: to Sphinx the page and its notebook have the same name."""
    source[0] = NOTEBOOK.sub(r"{download}`\1`", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", put_card)
    app.connect("source-read", offer_notebook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
