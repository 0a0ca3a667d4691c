"""How objects look as text and in a notebook: short, and with every text from data escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

MOST_WORDS, MOST_ROWS = 12, 50


def few(words: Sequence[str], most: int = MOST_WORDS) -> str:
    """Words for a representation, separated by commas: the first ones, and how many there are.

    Example:
        >>> few(["lamp", "cart", "fan"], most=2)
        'lamp, cart, ... (3 in all)'
    """
    shown = [word if len(word) <= 60 else f"{word[:57]}..." for word in words[:most]]
    return ", ".join(shown if len(words) <= most else [*shown, f"... ({len(words)} in all)"])


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML, for ``_repr_html_``; all texts are escaped, and at most 50 rows are shown.

    Example:
        >>> table("<b>", ["name"], [["a & b"]])
        '<table><caption>&lt;b&gt;</caption><tr><th>name</th></tr><tr><td>a &amp; b</td></tr></table>'
    """
    every = list(rows)
    body = "".join(_row("td", row) for row in every[:MOST_ROWS])
    body += _row("td", [f"... and {len(every) - MOST_ROWS} more"]) if len(every) > MOST_ROWS else ""
    return f"<table><caption>{html.escape(title)}</caption>{_row('th', header)}{body}</table>"


def _row(cell: str, values: Sequence[object]) -> str:
    return "<tr>" + "".join(f"<{cell}>{html.escape(str(value))}</{cell}>" for value in values) + "</tr>"
