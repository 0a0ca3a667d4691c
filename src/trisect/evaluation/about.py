"""Facts about an evaluation for its report: the numbers of samples, the date, the version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from trisect.data.dataset import Dataset
from trisect.evaluation.transitions import scored_recordings
from trisect.version import __version__


def data_facts(data: Dataset, max_samples: int) -> dict[str, Any]:
    """The numbers of samples, the date and the version.

    Args:
        data: the data set.
        max_samples: largest number of frames whose factors are scored.
    """
    train, test, scored = scored_recordings(data)
    return {
        "samples": {
            "training_frames": len(train),
            "test_frames": len(test),
            "scored_frames": min(len(scored), max_samples),
            "scored_split": "test_indep" if "test_indep" in data else "test",
        },
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "version": __version__,
    }
