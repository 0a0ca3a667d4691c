"""Data sets as ``datasets`` of Hugging Face loads them: Parquet files for every split, and a data card.

``load_dataset(FOLDER)`` needs no code of trisect. The metadata of the schema of every file say what a row means.
"""

from __future__ import annotations

from pathlib import Path

from trisect import checks
from trisect.data.export.card import card
from trisect.data.export.facts import KEY
from trisect.data.export.features import schema_of, table_of
from trisect.data.export.parts import Parts
from trisect.data.export.rows import Rows
from trisect.data.progress import Progress, RowCounter


def write(rows: Rows, folder: Path, progress: Progress | None) -> None:
    """Write a data set; arguments as of `trisect.data.export.lerobot.write`.

    Raises:
        ValueError: two splits would have one name, for ``-`` becomes ``_``.
    """
    files = file_names(list(rows.recordings))
    counter = RowCounter(0, len(rows), progress)
    for name in rows.recordings:
        _write_split(rows, name, folder / "data" / files[name], counter)
    (folder / "README.md").write_text(card(rows, files), encoding="utf-8")


def file_names(splits: list[str]) -> dict[str, str]:
    """Split -> how its files begin: names of splits may have no ``-`` there."""
    names = {name: name.replace("-", "_") for name in splits}
    checks.unique_names(list(names.values()), "the names of the splits, with _ in place of -,")
    return names


def _write_split(rows: Rows, name: str, beginning: Path, counter: RowCounter) -> None:
    recording, facts = rows.recordings[name], rows.facts.to_json()
    schema = schema_of(rows.features, {KEY: {**facts, "split": name}})
    with Parts(schema, lambda number: beginning.with_name(f"{beginning.name}-{number}")) as parts:
        for block in rows.blocks(recording):
            parts.write(table_of(rows.features, schema, block.values, block.paths), block.is_whole)
            counter.add(block.rows.stop - block.rows.start)
    for number, file in enumerate(parts.written):
        file.rename(file.with_name(f"{beginning.name}-{number:05d}-of-{len(parts.written):05d}.parquet"))
