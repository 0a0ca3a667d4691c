"""Latents of consecutive frames and what was intervened on between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows

MAX_TRAIN_FRAMES = 20_000
"""Training frames that scores without labels and baselines are taken from at most."""


@dataclass(frozen=True)
class Transitions:
    """Latents of frames, and which frames follow each other.

    Attributes:
        latents: (frames, latents) float.
        pairs: (pairs, 2) int, row numbers of z^t and z^{t+1}.
        targets: (pairs, variables) bool, what was intervened on between them; the targeted variables in their order.

    Raises:
        ValueError: shapes do not fit, a pair points outside, a target is not 0/1, a latent is NaN or infinite.
    """

    latents: np.ndarray
    pairs: np.ndarray
    targets: np.ndarray

    def __post_init__(self) -> None:
        checks.shape(self.latents, "the latents of transitions", None, None)
        checks.finite(self.latents, "the latents of transitions")
        checks.shape(self.pairs, "the pairs of transitions", None, 2)
        checks.shape(self.targets, "the targets of transitions", len(self.pairs), None)
        object.__setattr__(self, "targets", checks.indicator(self.targets, "the targets of transitions"))
        inside = len(self.pairs) == 0 or (self.pairs.min() >= 0 and self.pairs.max() < len(self.latents))
        checks.require(bool(inside), "the pairs of transitions", f"row numbers below {len(self.latents)}", "others")

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def prev(self) -> np.ndarray:
        """z^t of every pair, (pairs, latents)."""
        return self.latents[self.pairs[:, 0]]

    @property
    def next(self) -> np.ndarray:
        """z^{t+1} of every pair, (pairs, latents)."""
        return self.latents[self.pairs[:, 1]]

    def first(self, max_pairs: int) -> tuple[Transitions, slice]:
        """The first so many pairs, with the range of frames that they touch; rows count from that range's start."""
        pairs = self.pairs[:max_pairs]
        start, stop = (int(pairs.min()), int(pairs.max()) + 1) if len(pairs) else (0, 0)
        return Transitions(self.latents[start:stop], pairs - start, self.targets[:max_pairs]), slice(start, stop)

    def sampled(self, max_pairs: int, rng: np.random.Generator) -> Transitions:
        """At most so many of the pairs, drawn without repetition."""
        if len(self) <= max_pairs:
            return self
        kept = np.sort(rng.choice(len(self), max_pairs, replace=False))
        return Transitions(self.latents, self.pairs[kept], self.targets[kept])


def transitions_of(latents: np.ndarray, recording: Recording, variables: Sequence[str]) -> Transitions:
    """The transitions of a recording.

    Args:
        latents: (frames, latents) of its frames.
        recording: says which frames follow each other, and what was intervened on.
        variables: names of the target columns to take, in their order.
    """
    before, targets = transition_rows(recording, variables)
    return Transitions(latents, np.stack([before, before + 1], axis=1), targets)


def scored_recordings(data: Dataset) -> tuple[Recording, Recording, Recording]:
    """What scores are taken from: the first training frames, the test sequences, and the frames that R2 is read on.

    Those are the independent test frames, or the test sequences where there are none; never training frames.
    """
    train, test = data.recording("train"), data.recording("test")
    independent = data.recording("test_indep") if "test_indep" in data else test
    return train.rows(0, min(len(train), MAX_TRAIN_FRAMES)), test, independent


def scored_pairs(
    targets: Bool[np.ndarray, "pairs variables"], num_rows: int
) -> Bool[np.ndarray, "rows pairs variables"]:
    """Which pairs count for entry (i, j): those with I_i = 0, as far as i is a variable and i != j.

    Where policies pick one target a step, I_i = 1 would say that I_j = 0.
    """
    num_variables = targets.shape[1]
    counts = np.ones((num_rows, *targets.shape), dtype=bool)
    counts[:num_variables] = ~targets.T[:, :, None]
    own = np.arange(num_variables)
    counts[own, :, own] = True
    return counts
