"""What the observations look like: ranges, channels that carry nothing, frames that stand still."""

from __future__ import annotations

import numpy as np

from trisect.data.inspect.findings import Finding
from trisect.data.recording import Recording
from trisect.rows import chunks_of

MIN_RANGE = 16
"""Grey levels that frames should span at least."""
STILL_EFFECTS = 0.05
"""Share of interventions without any change in the picture that is worth a warning."""
MIN_STILL = 5
CHUNK_BYTES = 1 << 24


def picture_findings(recording: Recording) -> list[Finding]:
    """Findings on the frames or vectors of a recording, of any length; read some megabytes at a time."""
    low, high = _extremes(recording.observations)
    frames = recording.observations.dtype == np.uint8
    span = high.astype(np.float64) - low
    found = _flat(span, frames)
    if frames and not found:
        found += _dark(low, high) + _channels(low, high)
    return found + _standing(recording)


def _extremes(observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value of every pixel and channel, or of every entry of vectors."""
    low, high = observations[0], observations[0]
    for rows in chunks_of(observations, CHUNK_BYTES):
        part = observations[rows]
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    return np.asarray(low), np.asarray(high)


def _flat(span: np.ndarray, frames: bool) -> list[Finding]:
    """Nothing varies at all, or some entries of vectors do not."""
    things = "frames" if frames else "vectors"
    if not span.any():
        what = f"all {things} are the same"
        todo = "record again, or convert the right array"
        return [
            Finding("error", "constant-observations", what, "no value ever changes", "nothing can be learned", todo)
        ]
    if frames or span.all():
        return []
    columns = np.flatnonzero(span == 0)
    what = f"{len(columns)} of {len(span)} entries of the vectors never change"
    evidence = f"entries {', '.join(map(str, columns[:8]))}{' ...' if len(columns) > 8 else ''}"
    return [Finding("note", "constant-entries", what, evidence, "they carry nothing", "they may be left out")]


def _dark(low: np.ndarray, high: np.ndarray) -> list[Finding]:
    least, most = int(low.min()), int(high.max())
    if most - least >= MIN_RANGE:
        return []
    what, todo = "the frames hardly use the range from 0 to 255", "convert again with --levels, such as --levels 0..1"
    return [Finding("warning", "narrow-range", what, f"values {least} to {most}", "little can be seen", todo)]


def _channels(low: np.ndarray, high: np.ndarray) -> list[Finding]:
    """Channels that never change, and a last channel beyond grey or colour that does."""
    varies = (high != low).any(axis=(0, 1))
    found = []
    for channel in np.flatnonzero(~varies):
        what, evidence = f"channel {channel} of {len(varies)} never changes", "the same in every frame"
        found.append(Finding("note", "constant-channel", what, evidence, "it carries nothing", "it may be left out"))
    if len(varies) in (2, 4) and varies[-1]:
        what = f"the last of {len(varies)} channels varies"
        evidence = f"values {low[..., -1].min()} to {high[..., -1].max()}"
        todo = "save the frames without it if it is mere transparency"
        found.append(Finding("note", "extra-channel", what, evidence, "it is learned from like a colour", todo))
    return found


def _standing(recording: Recording) -> list[Finding]:
    """Rows that repeat the row before, and how many of them were intervened on."""
    rows = recording.windows(2) + 1
    if not len(rows):
        return []
    parts = chunks_of(recording.observations, CHUNK_BYTES, len(rows))
    same = np.concatenate([_repeats(recording.observations, rows[part]) for part in parts])
    acted = recording.targets[rows].any(axis=1)
    still, num_acted = int((same & acted).sum()), int(acted.sum())
    evidence = f"{int(same.sum())} of {len(rows)} rows equal the row before, {still} of {num_acted} with interventions"
    if still >= MIN_STILL and still > STILL_EFFECTS * num_acted:
        what, todo = "interventions that change nothing in the picture", "look for dropped or repeated frames"
        consequence = "the frames may have frozen while the record went on"
        return [Finding("warning", "frozen-frames", what, evidence, consequence, todo)]
    if same.mean() > 0.01:
        what, consequence = "rows that repeat the row before", "they tell little"
        return [Finding("note", "repeated-frames", what, evidence, consequence, "none of them has to be removed")]
    return []


def _repeats(observations: np.ndarray, rows: np.ndarray) -> np.ndarray:
    after, before = observations[rows], observations[rows - 1]
    return np.asarray((after == before).reshape(len(rows), -1).all(axis=1))
