"""Writing a report: ``report.json`` for programs and ``report.html`` for people."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from trisect import sealed
from trisect.evaluation.report.page import render
from trisect.evaluation.report.report import Report
from trisect.files import write_atomically

PAGE, NUMBERS = "report.html", "report.json"


def write_report(report: Report, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write ``report.html`` and then ``report.json`` into a folder, each of them atomically.

    The JSON holds the SHA-256 of the page under ``files``, and its own. If writing is interrupted, the JSON is
    missing; there is never a JSON without its page.

    Returns:
        The paths of the JSON and of the page.

    Raises:
        ValueError: the recipe contains NaN or infinity.
        TypeError: the recipe contains something that JSON cannot store.
        FileNotFoundError: the folder does not exist.
    """
    page = render(report).encode()
    content = {**report.to_json(), "files": {PAGE: hashlib.sha256(page).hexdigest()}}
    text = sealed.to_text(content, indent=2, allow_nan=False)
    json_path, html_path = Path(folder) / NUMBERS, Path(folder) / PAGE
    json_path.unlink(missing_ok=True)
    write_atomically(html_path, page)
    write_atomically(json_path, text)
    return json_path, html_path
