"""``report.html``: the report as one page, in the order of the questions that readers ask."""

from __future__ import annotations

from collections.abc import Iterator

from trisect.evaluation.report import (
    model_sections,
    run_sections,
    score_sections,
    unlabelled_sections,
    visibility_section,
)
from trisect.evaluation.report.parts import bullets
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.style import STYLE
from trisect.markup import Markup, element, joined


def render(report: Report) -> str:
    """The whole page as a text."""
    title = f"{report.title} - trisect report"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    heading = element("header", element("p", "trisect report", class_="kicker"), element("h1", report.title))
    sections = joined(part for each in _sections(report) if each for part in ("\n", each))
    body = element("body", element("main", heading, sections))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _sections(report: Report) -> Iterator[Markup | str]:
    first, *others = report.sentences
    yield joined([element("p", first, class_="lead"), bullets(others)])
    yield run_sections.warnings(report)
    yield run_sections.notes(report)
    yield score_sections.cards(report)
    yield score_sections.variables(report)
    yield score_sections.contents(report)
    yield score_sections.comparison(report)
    yield unlabelled_sections.statements(report)
    yield unlabelled_sections.label_free(report)
    yield visibility_section.visibility(report)
    yield model_sections.triplets(report)
    yield model_sections.views(report)
    yield model_sections.active_units(report)
    yield model_sections.reconstructions(report)
    yield run_sections.findings(report)
    yield model_sections.training(report)
    yield run_sections.run(report)
