"""Which row of a table belongs to which frame: here outside conventions are turned into ours.

Ours: row t says what was intervened on to produce frame t, and the first row of an episode has no meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from trisect import checks
from trisect.data.precision import check_numbers

Alignment: TypeAlias = Literal["cause", "effect"]
ALIGNMENTS = ("cause", "effect")
SET_POINTS = (
    "if they are levels or set-points, pass encode='switch' (trisect convert --encode switch), which marks the rows in "
    "which they change"
)


def align_targets(
    targets: np.ndarray, num_frames: int, alignment: Alignment | None, what: str, names: Sequence[str] = ()
) -> np.ndarray:
    """Targets with one row per frame, where row t produced frame t.

    Args:
        targets: (T-1, K), where row t produced frame t+1; or (T, K), where ``alignment`` must say what a row means.
        num_frames: T.
        alignment: ``"cause"``: row t produced frame t+1 (of T rows, the last has no meaning); ``"effect"``: row t
            produced frame t (of T rows, the first has no meaning); None: unknown.
        what: name of the targets in error messages.
        names: of the columns, for error messages.

    Returns:
        (T, K) bool; the first row is False.

    Raises:
        ValueError: another number of rows, T rows without an alignment, or values other than 0 and 1.

    Example:
        >>> align_targets(np.array([[1], [0]]), 3, None, "the targets").ravel().tolist()
        [False, True, False]
    """
    rows = meaningful(targets, num_frames, alignment, what)
    cleared = targets.copy()
    cleared[: rows.start], cleared[rows.stop :] = 0, 0
    checked = checks.indicator(cleared, what, columns=names, todo=SET_POINTS)[rows]
    return np.concatenate([np.zeros((1, targets.shape[1]), dtype=bool), checked])


def align_actions(actions: np.ndarray, num_frames: int, alignment: Alignment | None, what: str) -> np.ndarray:
    """Actions with one row per frame, where row t led to frame t; arguments as for `align_targets`.

    Returns:
        (T, A) float32; the first row has no meaning: it is that of the file if there is one, else 0.

    Raises:
        ValueError: another number of rows, T rows without an alignment, or values that are not finite.
    """
    todo = "pass one column per action, actions[:, None] for one"
    checks.require(actions.ndim == 2, f"the shape of {what}", "(rows, actions)", actions.shape, todo)
    rows = check_numbers(actions[meaningful(actions, num_frames, alignment, what)], what)
    has_first = len(actions) == num_frames and alignment == "effect" and bool(np.isfinite(actions[0]).all())
    first = actions[:1] if has_first else np.zeros((1, actions.shape[1]))
    return np.concatenate([first, rows]).astype(np.float32)


def meaningful(rows: np.ndarray, num_frames: int, alignment: Alignment | None, what: str) -> slice:
    """The T-1 rows that led from one frame to the next; arguments and errors as for `align_targets`."""
    if alignment is not None:
        checks.one_of(alignment, ALIGNMENTS, f"the alignment of {what}")
    _check_rows(len(rows), num_frames, alignment, what)
    first = 1 if len(rows) == num_frames and alignment == "effect" else 0
    return slice(first, first + num_frames - 1)


def _check_rows(num_rows: int, num_frames: int, alignment: Alignment | None, what: str) -> None:
    got = f"{num_rows} rows for {num_frames} frames"
    if num_rows == num_frames - 1:
        must = f"{num_frames} rows where row t produced frame t"
        todo = "if row t produced frame t+1, leave alignment='effect' out"
        checks.require(alignment != "effect", what, must, got, todo)
        return
    rule = f"{num_frames - 1} rows, one less than frames, where row t produced frame t+1"
    todo = "drop or add rows"
    if num_rows == num_frames:
        todo = "if row t produced frame t+1 pass alignment='cause', if row t produced frame t pass alignment='effect'"
        todo += " (--alignment cause or effect)"
    checks.require(num_rows == num_frames and alignment is not None, what, rule, got, todo)
