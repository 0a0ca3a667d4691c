"""Latents of the frames of a recording, with what is known of each frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from trisect import checks
from trisect.rows import chunks

BLOCK_ROWS = 16384
"""Frames that are encoded, written and held at a time."""
OF_COLUMNS = ("slots", "variables", "factor_names")
"""Fields of `Latents` that name columns; all others have a row per frame."""


@dataclass(frozen=True, eq=False)
class Latents:
    """What a run says about N frames, and what is known of them. The rows of a split are in the order of its frames.

    Attributes:
        latents: (N, L) float32.
        slots: (L,) text, the slot that each latent belongs to: a variable or ``noise``.
        split: (N,) text, the split that each frame belongs to.
        episode: (N,) int, number of the episode within the split, from 0.
        frame: (N,) int, row of the frame within the split, from 0.
        time: (N,) int, row of the frame within the episode, from 0.
        targets: (N, K) bool, what was intervened on to produce each frame; False in the first row of an episode.
        variables: (K,) text, the variables of the data, which name the columns of ``targets``.
        factors: (N, D) float, the true values of the frames, NaN in a split without them; None if no split has them.
        factor_names: (D,) text, or None.

    Example:
        >>> two = np.arange(2)
        >>> found = Latents(np.ones((2, 2)), np.array(["lamp", "noise"]), np.array(["test"] * 2), two, two, two,
        ...                 np.zeros((2, 1), bool), np.array(["lamp"]))
        >>> found.of("lamp").tolist(), found.latent_columns
        ([[1.0], [1.0]], ('lamp.0', 'noise.0'))
    """

    latents: Float[np.ndarray, "frames latents"]
    slots: Shaped[np.ndarray, " latents"]
    split: Shaped[np.ndarray, " frames"]
    episode: Int[np.ndarray, " frames"]
    frame: Int[np.ndarray, " frames"]
    time: Int[np.ndarray, " frames"]
    targets: Bool[np.ndarray, "frames variables"]
    variables: Shaped[np.ndarray, " variables"]
    factors: Float[np.ndarray, "frames factors"] | None = None
    factor_names: Shaped[np.ndarray, " factors"] | None = None

    def __len__(self) -> int:
        return len(self.latents)

    def __repr__(self) -> str:
        slots = ", ".join(f"{name} {count}" for name, count in Counter(self.slots.tolist()).items())
        return f"Latents({len(self)} frames; latents: {checks.shown(slots, 200)})"

    def of(self, slot: str) -> Float[np.ndarray, "frames slot_latents"]:
        """The latents of one slot; `ValueError` if no latent belongs to it."""
        return self.latents[:, self.slots == checks.one_of(slot, dict.fromkeys(self.slots.tolist()), "the slot")]

    def arrays(self) -> dict[str, np.ndarray]:
        """Field -> its array, without what is not known."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def latent_columns(self) -> tuple[str, ...]:
        """The name of each latent in a table: its slot and its number within the slot."""
        return numbered(self.slots.tolist())

    def rows(self, first: int, stop: int) -> Latents:
        """The rows ``first`` to ``stop`` - 1, which share the memory of these."""
        return Latents(
            **{name: value if name in OF_COLUMNS else value[first:stop] for name, value in self.arrays().items()}
        )

    def blocks(self) -> Iterator[Latents]:
        """All rows in order, some thousands at a time."""
        return (self.rows(rows.start, rows.stop) for rows in chunks(len(self), BLOCK_ROWS))


def numbered(slots: Sequence[str]) -> tuple[str, ...]:
    """Names of latents, from the slot of each.

    Example:
        >>> numbered(["lamp", "noise", "lamp"])
        ('lamp.0', 'noise.0', 'lamp.1')
    """
    return tuple(f"{slot}.{slots[:latent].count(slot)}" for latent, slot in enumerate(slots))


def joined(blocks: Sequence[Latents]) -> Latents:
    """Blocks of rows as one; a single block is returned as it is.

    Args:
        blocks: at least one block; all have the same columns.
    """
    if len(blocks) == 1:
        return blocks[0]
    first = blocks[0].arrays()
    values = {name: [getattr(block, name) for block in blocks] for name in first if name not in OF_COLUMNS}
    return Latents(**{**first, **{name: np.concatenate(parts) for name, parts in values.items()}})
