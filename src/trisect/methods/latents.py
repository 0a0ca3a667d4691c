"""Latents of whole recordings under a frozen representation, cached in the run folder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from trisect.data.recording import Recording
from trisect.evaluation.encode import encode_on_device
from trisect.files import replacing
from trisect.models.representations.representation import Representation

logger = logging.getLogger("trisect")


def latents_of(encoder: Representation, recording: Recording, cache: Path, key: str) -> Recording:
    """The recording with the encoder's latents as observations, read from the cache or computed and cached.

    Args:
        encoder: a frozen representation.
        recording: recording of frames or vectors.
        cache: folder of cached latents.
        key: hash of the encoder's weights and of the data.
    """
    file = cache / f"{key}.npy"
    if file.exists():
        logger.info("reusing the latents of %d frames in %s", len(recording), file)
        latents = np.load(file)
    else:
        latents = encode_on_device(encoder, recording.observations)
        cache.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            np.save(temporary, latents)
    return replace(recording, observations=latents)
