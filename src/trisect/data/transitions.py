"""The transitions of a recording: which frames follow each other, and what was intervened on between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from trisect.data.recording import Recording


def transition_rows(
    recording: Recording, names: Sequence[str]
) -> tuple[Int[np.ndarray, " pairs"], Bool[np.ndarray, "pairs variables"]]:
    """First rows of all pairs of consecutive frames, and the targets that made the second frame of each.

    Args:
        recording: pairs do not cross its episodes.
        names: variables whose target columns are taken, in this order.
    """
    before = recording.windows(2)
    return before, recording.targets[before + 1][:, target_columns(recording, names)]


def target_columns(recording: Recording, names: Sequence[str]) -> list[int]:
    """Columns of a recording's targets, by the names of variables."""
    return [recording.variables.index(name) for name in names]
