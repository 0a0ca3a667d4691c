"""The pages of ``docs/model-cards`` show the cards that come with the pretrained models."""

from __future__ import annotations

from pathlib import PurePosixPath

from sphinx.application import Sphinx

import trisect

FOLDER = PurePosixPath("model-cards")


def put_card(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the card of a model in place of its page's text."""
    page = PurePosixPath(docname)
    if page.parent == FOLDER and page.name != "index":
        source[0] = trisect.models.card(page.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", put_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
