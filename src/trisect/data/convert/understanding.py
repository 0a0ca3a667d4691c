"""What a conversion would make of a file or folder, before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.dialect import Dialect
from trisect.data.convert.logs.reading import Reading, read_logs
from trisect.data.convert.npz import NpzReader
from trisect.data.convert.options import Options
from trisect.data.convert.plans import plan_of
from trisect.data.convert.splits import without_frames
from trisect.data.description import describe
from trisect.data.recording import Recording


@dataclass(frozen=True)
class Understood:
    """What was understood, see `trisect.data.convert.understand`.

    Attributes:
        text: the roles of columns and arrays, what is left out, variables, episodes and splits, in lines.
        plan: the keywords of `trisect.convert` that say all of it, in plain types, to be written to a file and changed.
        train: the training split; its observations are to be passed to ``frames``.
        frames: from observations of ``train`` (N, ...) to pictures (N, height, width, channels) uint8; None for
            vectors.
    """

    text: str
    plan: dict[str, Any]
    train: Recording
    frames: Callable[[np.ndarray], np.ndarray] | None

    def __str__(self) -> str:
        return self.text

    def contact_sheet(self) -> bytes:
        """A PNG with the frames around an intervention on every variable.

        Raises:
            ValueError: the observations are vectors, or there are no interventions.
        """
        from trisect.data.inspect.sheet import contact_sheet

        checks.require(self.frames is not None, "a contact sheet", "of frames", "vectors")
        return contact_sheet(self.train, self.frames)


def understood_logs(path: Path, options: Options) -> Understood:
    """What is understood of logs; arguments and errors as of `trisect.data.convert.logs.reading.read_logs`."""
    reading: Reading = read_logs(path, options)
    text = describe(path, reading.data, reading.observation_shape)
    frames = None if reading.frame is None else reading.observations
    plan = plan_of(options, reading.data.variables, reading.columns, reading.alignment)
    return Understood(text, plan, reading.data.recording("train"), frames)


def understood_splits(path: Path, readers: dict[str, NpzReader], dialect: Dialect, options: Options) -> Understood:
    """What is understood of ``.npz`` files of splits; arguments as of `trisect.data.convert.splits.convert_splits`."""
    data, shape = without_frames(readers, dialect, options)
    return Understood(describe(path, data, shape), plan_of(options, data.variables), data.recording("train"), None)
