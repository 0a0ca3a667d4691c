"""What a format's reader hands on: logs, and what the format says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trisect.data.convert.alignment import Alignment
from trisect.data.convert.logs.pictures import ChosenPictures, Pictures
from trisect.data.convert.logs.roles import Columns
from trisect.data.convert.logs.table import Table
from trisect.data.export.facts import Facts


@dataclass(frozen=True)
class Log:
    """A stretch of time with a row per frame: an experiment, an episode, or a whole recording.

    Attributes:
        name: name of the experiment.
        table: its columns.
        pictures: name of a camera -> its pictures, one per row.
        starts: rows where episodes start, where the format says so; None: columns may mark them.
    """

    name: str
    table: Table
    pictures: Mapping[str, Pictures] = field(default_factory=dict)
    starts: np.ndarray | None = None

    def rows(self, rows: np.ndarray) -> Log:
        """Some of the rows, by number; ``starts`` must be set anew."""
        chosen = {name: ChosenPictures(pictures, rows) for name, pictures in self.pictures.items()}
        return replace(self, table=self.table.rows(rows), pictures=chosen)


@dataclass(frozen=True)
class Found:
    """The logs of a folder or a file.

    Attributes:
        form: what was found, in words, such as ``"a table"``.
        logs: at least one, with the same columns.
        roles: what the user, the format and the names of the columns say.
        alignment: what a row means by the format: "cause" if row t led to frame t+1, "effect" if it led to frame t.
        said: further facts, a sentence each.
        left_out: what the files hold and nobody reads, apart from columns.
        facts: what a data set that trisect exported says about itself; every log is a split then, under its name.
    """

    form: str
    logs: Sequence[Log]
    roles: Columns
    alignment: Alignment | None = None
    said: Sequence[str] = ()
    left_out: Sequence[str] = ()
    facts: Facts | None = None
