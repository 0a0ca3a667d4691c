"""The data card of an exported data set: what its columns and rows mean, and how to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from trisect.data.description import describe_factors
from trisect.data.export.facts import (
    ACTION,
    EPISODE,
    FACTOR,
    FRAME,
    LISTED,
    MEANING,
    PICTURE,
    STATE,
    TARGET,
    TIME,
)
from trisect.data.export.rows import Rows

MEANINGS = {
    PICTURE: "the frame, as PNG without loss",
    LISTED: "the frame, as numbers: height, width, channels",
    STATE: "the observation, a vector",
    TARGET: "for each variable, whether it was intervened on to produce this frame",
    FACTOR: "the true values, in the order of the table of factors; for scores only",
    ACTION: "the action that led to this frame",
    TIME: "seconds since the start of the episode",
    FRAME: "number of the frame in its episode, from 0",
    EPISODE: "number of the episode in its split, from 0",
}
TEXT = """# Frames, and what was intervened on

{count} in {splits}. Every row is a frame of a recording in which some variables were changed from outside now and then.

Row meaning: {meaning}.

## Columns

| column | content |
|---|---|
{columns}

## Variables

The order is that of the numbers in `target`.

| variable | factors |
|---|---|
{variables}

Factors, in the order of the numbers in `factor`: {factors}.
{frames}
## Splits

| split | rows | episodes |
|---|---|---|
{rows}

## How to read it

With `datasets`:

```python
from datasets import load_dataset

data = load_dataset("path/to/this/folder")
```

With trisect, which gives back the data set that this one was made of, with kinds and ranges of the variables:

```
trisect convert path/to/this/folder --out data
```
"""


def card(rows: Rows, files: Mapping[str, str]) -> str:
    """The content of ``README.md``.

    Args:
        rows: the rows.
        files: split -> how its files begin.
    """
    facts, variables = rows.facts, rows.data.variables
    configs = [{"split": file, "path": f"data/{file}-*"} for file in files.values()]
    head = json.dumps([{"config_name": "default", "data_files": configs}])
    filled = {
        "count": f"{len(rows)} frames",
        "splits": f"{len(files)} splits" if len(files) > 1 else "one split",
        "meaning": MEANING,
        "columns": _lines([(f"`{each.name}`", MEANINGS[each.name]) for each in rows.features]),
        "variables": _lines([(name, describe_factors(variables, name)) for name in variables.names]),
        "factors": ", ".join(map(_plain, variables.factor_names)),
        "frames": _frames(facts.frames),
        "rows": _lines([(files[name], split.rows, split.episodes) for name, split in facts.splits.items()]),
    }
    return f"---\nconfigs: {head}\n---\n\n" + TEXT.format(**filled)


def _frames(number: int) -> str:
    if number == 1:
        return ""
    return f"\nEvery observation holds {number} frames side by side in its channels, the oldest first.\n"


def _lines(cells: list[tuple[object, ...]]) -> str:
    return "\n".join(f"| {' | '.join(_plain(str(cell)) for cell in row)} |" for row in cells)


def _plain(text: str) -> str:
    """A text that cannot end a cell of a table."""
    return text.replace("|", "\\|")
