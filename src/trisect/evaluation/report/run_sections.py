"""The sections of a page on the run: warnings, the data, the settings, and how to repeat it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trisect.evaluation.report.parts import amount, bullets, paragraph, section, setting, table
from trisect.evaluation.report.report import Report
from trisect.markup import Markup, element

LEVELS = ("note", "warning", "error")
"""Levels of findings that have a colour; any other is shown as text."""


def warnings(report: Report) -> Markup | str:
    """What limits the scores."""
    if not report.all_warnings:
        return ""
    return element("aside", element("h2", "Warnings"), bullets(report.all_warnings), class_="warnings")


def notes(report: Report) -> Markup | str:
    """What was left out, and why."""
    return paragraph("Left out: ", "; ".join(report.all_notes), ".", note=True) if report.all_notes else ""


def findings(report: Report) -> Markup | str:
    """What the inspection reports about the training data, one finding per line."""
    rows = [list(_finding(each)) for each in report.findings]
    return (
        section("The training data", table(("", "finding", "evidence", "consequence and advice"), rows)) if rows else ""
    )


def _finding(finding: Mapping[str, Any]) -> Iterator[object]:
    level = str(finding.get("level", ""))
    yield element("span", level, class_=f"level {level}" if level in LEVELS else "level")
    yield finding.get("what", "")
    yield finding.get("evidence", "")
    yield "; ".join(str(finding[key]) for key in ("consequence", "advice") if key in finding)


def run(report: Report) -> Markup | str:
    """Facts about the run, its cost, and its settings, folded."""
    about = table(("", ""), [[words(name), setting(value)] for name, value in flat(report.about)])
    cost = table(("cost", ""), [[words(name), amount(value)] for name, value in report.cost.items()])
    recipe = table(("setting", ""), [[name, setting(value)] for name, value in flat(report.recipe)])
    count = sum(1 for _ in flat(report.recipe))
    folded = element("details", element("summary", f"The recipe: {count} settings"), recipe)
    parts = [part for part, given in ((about, report.about), (cost, report.cost)) if given]
    return section("The run", *parts, folded if report.recipe else "") if parts or report.recipe else ""


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as lines with dotted names."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def words(name: str) -> str:
    """The name of a fact as words."""
    return name.replace("_mb", " (MB)").replace("_", " ").replace(".", ": ")
