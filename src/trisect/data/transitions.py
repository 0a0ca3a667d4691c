"""The transitions of a recording: pairs of consecutive frames, and what was intervened on between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from trisect.data.recording import Recording


def transition_rows(
    recording: Recording, names: Sequence[str]
) -> tuple[Int[np.ndarray, " pairs"], Bool[np.ndarray, "pairs variables"]]:
    """First rows of all pairs of consecutive frames, and the targets that produced the second frame of each pair.

    Args:
        recording: the recording; no pair crosses the border of an episode.
        names: variables whose target columns are returned, in this order.
    """
    before = recording.windows(2)
    return before, recording.targets[before + 1][:, target_columns(recording, names)]


def target_columns(recording: Recording, names: Sequence[str]) -> list[int]:
    """Positions of the variables' columns in the targets of a recording."""
    return [recording.variables.index(name) for name in names]
