"""Latents of consecutive frames, and the interventions between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.inspect.refused import without_pairs
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows

MAX_TRAIN_FRAMES = 20_000
"""Largest number of training frames that scores without labels and baselines use."""


@dataclass(frozen=True)
class Transitions:
    """Latents of frames, and the pairs of frames that follow each other.

    Attributes:
        latents: (frames, latents) float.
        pairs: (pairs, 2) int, row numbers of z^t and z^{t+1}.
        targets: (pairs, variables) bool, the interventions between the two frames; the targeted variables in order.

    Raises:
        ValueError: the shapes do not match, a pair has no such row, a target is not 0/1, a latent is NaN or infinite.
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

    @property
    def episodes(self) -> Int[np.ndarray, " pairs"]:
        """Number of the episode of every pair, from 0: a pair belongs to that of the pair before if it starts there."""
        return np.cumsum(~self._follows) - (1 if len(self) else 0)

    def targets_before(self) -> tuple[Bool[np.ndarray, " pairs"], Bool[np.ndarray, "pairs variables"]]:
        """Which pairs have a pair before them in their episode, and the targets I^t of that pair; else False."""
        before = np.concatenate([np.zeros_like(self.targets[:1]), self.targets[:-1]])
        return self._follows, before & self._follows[:, None]

    @property
    def _follows(self) -> Bool[np.ndarray, " pairs"]:
        return np.concatenate([np.zeros(min(len(self), 1), dtype=bool), self.pairs[1:, 0] == self.pairs[:-1, 1]])

    def first(self, max_pairs: int) -> tuple[Transitions, slice]:
        """The first pairs, and the range of frames that they use; their row numbers start at 0 in that range."""
        pairs = self.pairs[:max_pairs]
        start, stop = (int(pairs.min()), int(pairs.max()) + 1) if len(pairs) else (0, 0)
        return Transitions(self.latents[start:stop], pairs - start, self.targets[:max_pairs]), slice(start, stop)

    def sampled(self, max_pairs: int, rng: np.random.Generator) -> Transitions:
        """At most ``max_pairs`` of the pairs, drawn without repetition."""
        if len(self) <= max_pairs:
            return self
        kept = np.sort(rng.choice(len(self), max_pairs, replace=False))
        return Transitions(self.latents, self.pairs[kept], self.targets[kept])


def transitions_of(latents: np.ndarray, recording: Recording, variables: Sequence[str]) -> Transitions:
    """The transitions of a recording.

    Args:
        latents: (frames, latents), latents of its frames.
        recording: determines which frames follow each other, and the interventions.
        variables: names of the target columns to use, in order.
    """
    before, targets = transition_rows(recording, variables)
    return Transitions(latents, np.stack([before, before + 1], axis=1), targets)


def scored_recordings(data: Dataset) -> tuple[Recording, Recording, Recording]:
    """The recordings to score: the first training frames, the test sequences, and the frames on which R2 is measured.

    The last are the independent test frames, or the test sequences if there are none; never training frames.

    Raises:
        ValueError: a split is missing, or no episode of ``train`` or of ``test`` has two frames.
    """
    train, test = data.recording("train"), data.recording("test")
    for name, recording in (("train", train), ("test", test)):
        if refusal := without_pairs(name, recording):
            raise ValueError(str(refusal))
    independent = data.recording("test_indep") if "test_indep" in data else test
    return train.rows(0, min(len(train), MAX_TRAIN_FRAMES)), test, independent


def scored_pairs(
    targets: Bool[np.ndarray, "pairs variables"], num_rows: int
) -> Bool[np.ndarray, "rows pairs variables"]:
    """The pairs that count for entry (i, j): those with I_i = 0 if i is a variable and i != j, else all.

    If the policy picks one target per step, I_i = 1 implies I_j = 0.
    """
    num_variables = targets.shape[1]
    counts = np.ones((num_rows, *targets.shape), dtype=bool)
    counts[:num_variables] = ~targets.T[:, :, None]
    diagonal = np.arange(num_variables)
    counts[diagonal, :, diagonal] = True
    return counts
