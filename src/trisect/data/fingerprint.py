"""A hash of recordings, by which a run recognises its data."""

from __future__ import annotations

import hashlib

import numpy as np

from trisect.data.recording import Recording


def data_hash(recordings: list[Recording]) -> str:
    """SHA-256 of all observations, targets and episode starts, in hexadecimal."""
    digest = hashlib.sha256()
    for recording in recordings:
        for array in (recording.observations, recording.targets, recording.starts):
            digest.update(f"{array.shape}{array.dtype}".encode())
            for first in range(0, len(array), 4096):
                digest.update(np.ascontiguousarray(array[first : first + 4096]).data)
    return digest.hexdigest()
