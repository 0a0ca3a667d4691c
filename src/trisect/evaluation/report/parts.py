"""The parts that every section of a page is built from: tables, figures, lists, numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from trisect.evaluation.report import figures
from trisect.evaluation.score_matrix import ScoreMatrix, Scores
from trisect.markup import Markup, breaking, element, joined

SQUARED = Markup("R&sup2;")


def section(title: str, *body: object) -> Markup:
    """A section with its heading."""
    return element("section", element("h2", title), *body)


def paragraph(*words: object, note: bool = False) -> Markup:
    """A paragraph, in small print if it is a note."""
    return element("p", *words, class_="note") if note else element("p", *words)


def bullets(sentences: Iterable[object]) -> Markup:
    """A list of sentences."""
    return element("ul", *(element("li", sentence) for sentence in sentences))


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Markup:
    """A table that scrolls on its own if it is wide."""
    top = element("tr", *(element("th", cell) for cell in head))
    lines = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element("div", element("table", element("thead", top), element("tbody", *lines)), class_="table")


def picture(png: bytes, caption: object, alt: str) -> Markup:
    """A figure at the size that it was drawn for.

    Args:
        png: the picture.
        caption: what is written above it; may be empty.
        alt: what it shows, in words, for those who cannot see it.
    """
    width, height = figures.png_size(png)
    image = element("img", src=figures.data_url(png), width=width, height=height, alt=alt)
    return element("figure", element("figcaption", caption) if caption else "", image)


def matrix_picture(scores: ScoreMatrix, caption: Markup | str, score: str) -> Markup:
    """A score matrix with names for its axes."""
    png = figures.matrix_figure(scores.matrix, scores.rows, scores.columns)
    entries = ", ".join(f"{name} {number(scores[name, name])}" for name in scores.rows[:-1] if name in scores.columns)
    return picture(png, caption, f"{score} of every variable (columns) in every slot (rows). Own slots: {entries}.")


def score_table(lines: Mapping[str, Scores], notes: Mapping[str, str]) -> Markup:
    """The summary numbers of several score matrices."""
    rows = [
        [
            name,
            *map(number, (scores.r2.diag, scores.r2.sep_slots, scores.r2.sep_variables, scores.spearman.diag)),
            notes.get(name.removeprefix("probe "), ""),
        ]
        for name, scores in lines.items()
    ]
    return table(("", joined([SQUARED, " own slot"]), "leak / slot", "leak / variable", "Spearman own slot", ""), rows)


def number(value: float) -> str:
    """A score with two digits, or n/a."""
    return "n/a" if math.isnan(value) else f"{value:.2f}".replace("-0.00", "0.00")


def fine(value: float) -> str:
    """A distance with three digits, or n/a."""
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def amount(value: Any) -> str:
    """A cost: whole numbers from 100 on, three digits below; anything but a number as it is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "n/a" if value is None else str(value)
    return "n/a" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def setting(value: Any) -> str:
    """The value of a setting; lists without brackets."""
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def between(ends: tuple[float, float] | None) -> str:
    """An interval in words; empty if there is none."""
    if ends is None or any(math.isnan(end) for end in ends):
        return ""
    return f"{number(ends[0])}\u00a0to\u00a0{number(ends[1])}"  # spaces that do not break


def mark(verdict: str) -> Markup:
    """A verdict, coloured by its first word."""
    return element("span", verdict, class_=f"verdict {verdict.split()[0]}")


def names_breaking(names: Iterable[str]) -> list[Markup]:
    """Names that may be broken into lines."""
    return [breaking(name) for name in names]
