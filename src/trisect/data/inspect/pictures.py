"""Checks of the observations: their range, channels without information, frames that stand still."""

from __future__ import annotations

import numpy as np

from trisect.data.inspect.findings import Finding
from trisect.data.inspect.refused import QUOTE, standing_still
from trisect.data.recording import Recording
from trisect.rows import chunks_of

MIN_RANGE = 16
"""Smallest number of grey levels that frames should span."""
STILL_EFFECTS = 0.05
"""Share of interventions without any change in the picture above which there is a warning."""
MIN_STILL = 5
CHUNK_BYTES = 1 << 24


def picture_findings(recording: Recording) -> list[Finding]:
    """Findings about the frames or vectors of a recording of any length; reads some megabytes at a time."""
    low, high = _extremes(recording.observations)
    frames = recording.observations.dtype == np.uint8
    span = high.astype(np.float64) - low
    findings = _flat(span, recording.observations)
    if frames and not findings:
        findings += _dark(low, high) + _channels(low, high, recording.frames_per_observation)
    return findings + _standing(recording)


def _extremes(observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of every pixel and channel, or of every entry of vectors."""
    low, high = observations[0], observations[0]
    for rows in chunks_of(observations, CHUNK_BYTES):
        part = observations[rows]
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    return np.asarray(low), np.asarray(high)


def _flat(span: np.ndarray, observations: np.ndarray) -> list[Finding]:
    """An error if nothing varies, else a note about constant entries of vectors."""
    frames = observations.dtype == np.uint8
    things = "frames" if frames else "vectors"
    if not span.any():
        what = f"all {things} are the same"
        so = f"nothing can be learned, and {QUOTE} {standing_still(observations).head}"
        todo = "check the recording, or convert the right array"
        return [Finding("error", "constant-observations", what, "no value ever changes", so, todo)]
    if frames or span.all():
        return []
    columns = np.flatnonzero(span == 0)
    what = f"{len(columns)} of {len(span)} entries of the vectors never change"
    evidence = f"entries {', '.join(map(str, columns[:8]))}{' ...' if len(columns) > 8 else ''}"
    return [
        Finding("note", "constant-entries", what, evidence, "they carry no information", "leave them out, if you like")
    ]


def _dark(low: np.ndarray, high: np.ndarray) -> list[Finding]:
    least, most = int(low.min()), int(high.max())
    if most - least >= MIN_RANGE:
        return []
    what, todo = "the frames hardly use the range from 0 to 255", "convert again with --levels, such as --levels 0..1"
    so = "differences between frames are hardly visible"
    return [Finding("warning", "narrow-range", what, f"values {least} to {most}", so, todo)]


def _channels(low: np.ndarray, high: np.ndarray, frames: int) -> list[Finding]:
    """Notes about channels that never change, and about a varying last channel besides grey or colour.

    Args:
        low, high: extremes of every pixel and channel.
        frames: number of frames that an observation holds along its channels.
    """
    varies = (high != low).any(axis=(0, 1))
    findings = []
    for channel in np.flatnonzero(~varies):
        what, evidence = f"channel {channel} of {len(varies)} never changes", "it is the same in every frame"
        so, todo = "it carries no information", "leave it out, if you like"
        findings.append(Finding("note", "constant-channel", what, evidence, so, todo))
    channels = len(varies) // frames
    if channels in (2, 4) and varies[-1]:
        what = f"the last of {channels} channels varies"
        evidence = f"values {low[..., -1].min()} to {high[..., -1].max()}"
        todo = "save the frames without it if it is only transparency"
        findings.append(Finding("note", "extra-channel", what, evidence, "the model treats it like a colour", todo))
    return findings


def _standing(recording: Recording) -> list[Finding]:
    """A warning or a note about rows that repeat the previous row, with or without interventions."""
    rows = recording.windows(2) + 1
    if not len(rows):
        return []
    parts = chunks_of(recording.observations, CHUNK_BYTES, len(rows))
    same = np.concatenate([_repeats(recording.observations, rows[part]) for part in parts])
    acted = recording.targets[rows].any(axis=1)
    still, num_acted = int((same & acted).sum()), int(acted.sum())
    evidence = f"{int(same.sum())} of all {len(rows)} rows equal the previous row; "
    evidence += f"so do {still} of the {num_acted} rows with interventions"
    if still >= MIN_STILL and still > STILL_EFFECTS * num_acted:
        what, todo = "some interventions change nothing in the picture", "look for dropped or repeated frames"
        consequence = "the camera may have stopped while the log went on"
        return [Finding("warning", "frozen-frames", what, evidence, consequence, todo)]
    if same.mean() > 0.01:
        what, consequence = "some rows repeat the previous row", "they carry little information"
        return [Finding("note", "repeated-frames", what, evidence, consequence, "keep or remove them, as you like")]
    return []


def _repeats(observations: np.ndarray, rows: np.ndarray) -> np.ndarray:
    after, before = observations[rows], observations[rows - 1]
    return np.asarray((after == before).reshape(len(rows), -1).all(axis=1))
