"""Exporting data sets to the layouts of other libraries: LeRobot, and Hugging Face ``datasets``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trisect import checks

if TYPE_CHECKING:
    from trisect.data.dataset import Dataset

__all__ = ["LAYOUTS", "export_data"]

logger = logging.getLogger("trisect")

LAYOUTS = ("lerobot", "huggingface")


def export_data(
    data: Dataset | str | Path,
    out: str | Path,
    *,
    layout: str,
    fps: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the recordings of a data set in the layout of another library; `trisect.convert` reads them back.

    Nothing is lost: `trisect.convert` gives the same splits, episodes, observations, targets, factors, actions and
    variables, bit by bit. Pictures become PNG, or lists of numbers where they have 2 or more than 4 channels. Row t's
    target led to frame t. What the other library has no place for stands under the key ``"trisect"``, see
    `trisect.data.export.facts`. Triplets have no place and are left out, which the log says. Memory stays flat.

    | layout | what is written |
    |---|---|
    | ``"lerobot"`` | a data set of LeRobot, format 3.0, with its pictures in Parquet; all splits, one after the other |
    | ``"huggingface"`` | Parquet files for every split, and a data card, ``README.md`` |

    Args:
        data: a data set, or its folder.
        out: the folder to make; it appears whole or not at all.
        layout: ``"lerobot"`` or ``"huggingface"``.
        fps: frames per second, from 1, for the column ``timestamp``.
        progress: called with the number of frames that are written and of all.

    Returns:
        The folder.

    Raises:
        FileExistsError: ``out`` exists.
        FileNotFoundError: the folder holds no data set.
        ImportError: a package that writes Parquet or PNG is not installed.
        ValueError: the data set holds nothing but triplets, the layout is unknown, or a split cannot be named there.

    Example:
        >>> trisect.export_data("data/boxes", "boxes-lerobot", layout="lerobot")  # doctest: +SKIP
    """
    from trisect.data import store
    from trisect.data.export import huggingface, lerobot
    from trisect.data.export.rows import Rows, require_packages
    from trisect.files import appears_whole

    out = checks.path(out, "the folder to export to")
    writers = {"lerobot": lerobot.write, "huggingface": huggingface.write}
    write = writers[checks.one_of(layout, LAYOUTS, "the layout to export to")]
    checks.positive_int(fps, "the frames per second of an export")
    require_packages()
    rows = Rows(store.opened(data, "the data to export")[1], fps)
    with appears_whole(out) as folder:
        if rows.left_out:
            logger.warning("triplets have no place in the layout %s: %s left out", layout, ", ".join(rows.left_out))
        write(rows, folder, progress)
    return out
