"""Which row of a table belongs to which frame: the border where outside conventions become ours.

Ours: row t says what was intervened on to produce frame t, and the first row of an episode means nothing.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from trisect import checks

Alignment: TypeAlias = Literal["cause", "effect"]
ALIGNMENTS = ("cause", "effect")


def align_targets(targets: np.ndarray, num_frames: int, alignment: Alignment | None, what: str) -> np.ndarray:
    """Targets with one row per frame, row t having produced frame t.

    Args:
        targets: (T-1, K): row t made frame t+1; or (T, K), for which ``alignment`` must say what a row means.
        num_frames: T.
        alignment: ``"cause"``: row t made frame t+1 (of T rows, the last means nothing); ``"effect"``: row t made
            frame t (of T rows, the first means nothing); None: not said.
        what: whose targets they are, for messages.

    Returns:
        (T, K) bool, the first row False.

    Raises:
        ValueError: another number of rows, T rows without an alignment, or values other than 0 and 1.

    Example:
        >>> align_targets(np.array([[1], [0]]), 3, None, "the targets").ravel().tolist()
        [False, True, False]
    """
    rows = _meaningful(targets, num_frames, alignment, what)
    known = targets.copy()
    known[: rows.start], known[rows.stop :] = 0, 0
    return np.concatenate([np.zeros((1, targets.shape[1]), dtype=bool), checks.indicator(known, what)[rows]])


def align_actions(actions: np.ndarray, num_frames: int, alignment: Alignment | None, what: str) -> np.ndarray:
    """Actions with one row per frame, row t having led to frame t; arguments as for `align_targets`.

    Returns:
        (T, A) float32; the first row, which means nothing, is 0, or the file's own where it has one.

    Raises:
        ValueError: another number of rows, T rows without an alignment, or values that are not finite.
    """
    rows = checks.finite(actions[_meaningful(actions, num_frames, alignment, what)], what)
    own = len(actions) == num_frames and alignment == "effect" and bool(np.isfinite(actions[0]).all())
    first = actions[:1] if own else np.zeros((1, actions.shape[1]))
    return np.concatenate([first, rows]).astype(np.float32)


def _meaningful(rows: np.ndarray, num_frames: int, alignment: Alignment | None, what: str) -> slice:
    """The T-1 rows that led from a frame to the next."""
    if alignment is not None:
        checks.one_of(alignment, ALIGNMENTS, f"the alignment of {what}")
    _check_rows(len(rows), num_frames, alignment, what)
    first = 1 if len(rows) == num_frames and alignment == "effect" else 0
    return slice(first, first + num_frames - 1)


def _check_rows(num_rows: int, num_frames: int, alignment: Alignment | None, what: str) -> None:
    got = f"{num_rows} rows for {num_frames} frames"
    if num_rows == num_frames - 1:
        checks.require(alignment != "effect", what, f"{num_frames} rows where row t made frame t", got)
        return
    rule = f"{num_frames - 1} rows, one less than frames, row t having made frame t+1"
    todo = "drop or add rows"
    if num_rows == num_frames:
        todo = "if row t made frame t+1 pass alignment='cause', if row t made frame t pass alignment='effect'"
    checks.require(num_rows == num_frames and alignment is not None, what, rule, got, todo)
