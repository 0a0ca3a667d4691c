"""Make notebooks from the pages of the tutorials, and run them.

    python tools/notebook.py make                        # notebooks without outputs, beside the pages in docs/tutorials
    python tools/notebook.py run --out build/tutorials   # executed notebooks with their outputs

The pages are the source; a test checks that the notebooks beside them equal the result of `make`.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

PAGES = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
CELL_SECONDS = 1800


def notebook_of(page: Path) -> NotebookNode:
    """The notebook of a page, without outputs; the same page gives the same notebook, including the cell names."""
    notebook = jupytext.reads(page.read_text(encoding="utf-8"), fmt="md:myst")
    notebook.metadata.pop("jupytext", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    nbformat.validate(notebook)
    return notebook


def text_of(notebook: NotebookNode) -> str:
    """The text of an ``.ipynb`` file."""
    return nbformat.writes(notebook) + "\n"


def executed(page: Path, folder: Path) -> NotebookNode:
    """The notebook of a page after a run in an existing folder; the run stops at the first error."""
    notebook = notebook_of(page)
    client = NotebookClient(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def _make(pages: list[Path]) -> None:
    for page in pages:
        page.with_suffix(".ipynb").write_text(text_of(notebook_of(page)), encoding="utf-8")


def _run(pages: list[Path], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for page in pages:
        began = time.perf_counter()
        target = out / page.with_suffix(".ipynb").name
        target.write_text(text_of(executed(page, out)), encoding="utf-8")
        for picture in page.parent.glob("*.png"):  # pictures that pages link to
            shutil.copy(picture, out)
        print(f"{target}: {time.perf_counter() - began:.0f} s")


def main() -> None:
    """Make the notebooks, or run them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("make", "run"))
    parser.add_argument("pages", nargs="*", type=Path, default=sorted(PAGES.glob("*.md")))
    parser.add_argument("--out", type=Path, default=Path("build/tutorials"), help="folder of the executed notebooks")
    arguments = parser.parse_args()
    if arguments.verb == "make":
        _make(arguments.pages)
    else:
        _run(arguments.pages, arguments.out)


if __name__ == "__main__":
    main()
