"""Arrays of a file that no one reads: they are listed, with what they may be, rather than ignored in silence."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from trisect import checks
from trisect.data.convert.episodes import MARKS
from trisect.data.convert.npz import NpzReader

logger = logging.getLogger(__name__)

HINTS = (
    (r"first", "is_first"),
    (r"start|begin", "episode_starts"),
    (r"done|end|last|term|reset|trunc|timeout", "dones"),
    (r"episode|traj|session|trial|rollout|run", "episode_ids"),
    (r"factor|latent|truth|state|causal", "latents"),
    (r"name|key|label", "keys"),
    (r"action|command|control", "actions"),
    (r"target|interv", "targets"),
)
"""Part of a name -> our name of what the array may be."""


def unread_arrays(readers: Mapping[str, NpzReader], arrays: Sequence[str]) -> list[str]:
    """Names of the arrays that are in a file but not read; the log names them and what they may be.

    Args:
        readers: split -> its file.
        arrays: our names of the arrays that are read, apart from marks of episodes.
    """
    known = {*arrays, *MARKS}
    unread = {key: None for reader in readers.values() for key in reader.keys if key not in known}
    if unread:
        taken = {key for reader in readers.values() for key in reader.keys if key in known}
        hints = [f"--name {ours}={name}" for name in unread if (ours := _hint(name)) and ours not in taken]
        advice = f"; to read one, give it our name, for example {checks.listed(hints)}" if hints else ""
        logger.warning("arrays that are not read: %s%s", checks.listed(list(unread)), advice)
    return list(unread)


def _hint(name: str) -> str | None:
    """Our name of what an array seems to be by its name."""
    return next((ours for pattern, ours in HINTS if re.search(pattern, name.lower())), None)
