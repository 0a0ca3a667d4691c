"""Latents of whole recordings under a frozen representation, cached in the run folder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from trisect.data.recording import Recording
from trisect.evaluation.encode import encode_on_device
from trisect.models.representations.representation import Representation
from trisect.models.weights import DamagedTensorsError, load_tensors, save_tensors
from trisect.training.progress import say

logger = logging.getLogger("trisect")

LATENTS = "latents"


def latents_of(
    encoder: Representation, recording: Recording, cache: Path, key: str, *, show: bool = False
) -> Recording:
    """The recording with the encoder's latents as observations, read from the cache or computed and cached.

    Damaged latents in the cache are computed again.

    Args:
        encoder: a frozen representation.
        recording: recording of frames or vectors.
        cache: folder of cached latents.
        key: hash of the encoder's weights and of the data.
        show: say when latents are computed.
    """
    file = cache / f"{key}.safetensors"
    latents = _cached(file, len(recording))
    if latents is None:
        text = f"computing the latents of {len(recording)} frames"
        say(text) if show else logger.info("%s", text)
        latents = encode_on_device(encoder, recording.observations)
        cache.mkdir(parents=True, exist_ok=True)
        save_tensors({LATENTS: torch.from_numpy(latents)}, file)
    return replace(recording, observations=latents)


def _cached(file: Path, num_frames: int) -> np.ndarray | None:
    """The latents in a file of the cache; None, with a log message, if there is none or it is damaged."""
    if not file.exists():
        return None
    try:
        latents = load_tensors(file)[LATENTS].numpy()
    except (DamagedTensorsError, KeyError) as error:
        logger.warning("the cached latents are computed again: %s", error)
        return None
    logger.info("reusing the latents of %d frames in %s", num_frames, file)
    return latents
