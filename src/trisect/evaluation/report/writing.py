"""Writing a report: ``report.json`` for programs and ``report.html`` for people."""

from __future__ import annotations

import json
import os
from pathlib import Path

from trisect.evaluation.report.page import render
from trisect.evaluation.report.report import Report
from trisect.files import write_atomically


def write_report(report: Report, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.html`` into a folder, each of them atomically.

    Returns:
        The two paths.

    Raises:
        ValueError: the recipe contains NaN or infinity.
        TypeError: the recipe contains something that JSON cannot store.
        FileNotFoundError: the folder does not exist.
    """
    text = json.dumps(report.to_json(), indent=2, allow_nan=False)
    json_path, html_path = Path(folder) / "report.json", Path(folder) / "report.html"
    write_atomically(json_path, text + "\n")
    write_atomically(html_path, render(report))
    return json_path, html_path
