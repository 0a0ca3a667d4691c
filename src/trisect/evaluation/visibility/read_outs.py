"""What the frames show, the latents hold, and the slots keep of every variable's interventions.

Four probes are compared on the same held-out transitions, by the same score (`explained`): the frames x^t and x^{t+1},
all latents z^t and z^{t+1}, z^t with the variable's own slot of z^{t+1}, and the past z^t alone. Where a probe finds
much and the next one little, something was lost between them: by the encoder, or by the identification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from trisect.evaluation.progress import part
from trisect.evaluation.score_matrix import number
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.evaluation.visibility.explained import Explained, explained
from trisect.evaluation.visibility.value import Value, value_of

FRAMES, LATENTS, SLOT, PAST, ALONE = "frames", "latents", "slot", "past", "alone"
MAX_TRAIN_PAIRS, MAX_TEST_PAIRS = 20_000, 10_000
"""Largest numbers of transitions that the probes learn from, and that they are scored on."""


class Score(NamedTuple):
    """What one probe explains of one variable's targets: share and AUROC, each with its standard error."""

    share: float
    error: float
    auroc: float
    auroc_error: float


class Difference(NamedTuple):
    """By how much the share of one probe exceeds that of another, and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Visibility:
    """Who sees the interventions on which variable.

    Attributes:
        variables: names of the targeted variables.
        read: probe -> what it explains: "frames" (only of recordings of frames), "latents", "slot", "past", and
            "alone" (z^{t+1} without z^t).
        alone: the same on transitions without an intervention on another variable, see `explained`.
        counts: (variables,), held-out interventions.
        values: variable -> whether its slot holds a value or only changes.
        noise_is_empty: whether no latent belongs to the noise slot.
        never: names of variables of the data without interventions.
        latents_r2, slot_r2: variable -> R2 of its true value from all latents, and from its slot; empty without labels.
    """

    variables: tuple[str, ...]
    read: Mapping[str, Explained]
    counts: np.ndarray
    alone: Mapping[str, Explained] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    noise_is_empty: bool = False
    never: tuple[str, ...] = ()
    latents_r2: Mapping[str, float] = field(default_factory=dict)
    slot_r2: Mapping[str, float] = field(default_factory=dict)

    def score(self, probe: str, name: str, *, alone: bool = False) -> Score:
        """What a probe explains of a variable's targets; alone where no other variable is intervened on."""
        of, at = (self.alone if alone and probe in self.alone else self.read)[probe], self.variables.index(name)
        return Score(*(float(each[at]) for each in (of.share, of.error, of.auroc, of.auroc_error)))

    def difference(self, probe: str, other: str, name: str) -> Difference:
        """By how much a probe explains more than another one."""
        value, error = self.read[probe].beyond(self.read[other])
        at = self.variables.index(name)
        return Difference(float(value[at]), float(error[at]))

    def seen_alone(self, probe: str, name: str) -> Difference:
        """By how much a probe explains more than the past where no other variable is intervened on.

        Where these transitions are too few to say, all of them count.
        """
        if probe in self.alone:
            value, error = self.alone[probe].beyond(self.alone[PAST])
            at = self.variables.index(name)
            if not np.isnan(value[at]):
                return Difference(float(value[at]), float(error[at]))
        return self.difference(probe, PAST, name)

    def best(self, name: str, *probes: str) -> str:
        """The probe among those that were trained that explains most."""
        shares = {each: self.score(each, name).share for each in probes if each in self.read}
        return max(shares, key=lambda each: shares[each])

    def count(self, name: str) -> int:
        """Number of held-out interventions on a variable."""
        return int(self.counts[self.variables.index(name)])

    def entry(self, name: str) -> dict[str, Any]:
        """The numbers of one variable in plain types; undefined is None."""
        scores = {
            probe: {key: number(value) for key, value in self.score(probe, name)._asdict().items()}
            for probe in self.read
        }
        value = self.values.get(name)
        return {
            **scores,
            "held_out_interventions": self.count(name),
            "value": value.to_json() if value is not None else None,
            "latents_r2": number(self.latents_r2.get(name)),
            "slot_r2": number(self.slot_r2.get(name)),
        }


def visibility(
    train: Transitions,
    test: Transitions,
    slots: Slots,
    rng: np.random.Generator,
    frames: tuple[np.ndarray, np.ndarray] | None = None,
) -> Visibility:
    """Train all probes on some transitions and score them on others.

    Args:
        train, test: transitions with latents of the same model.
        slots: which latent belongs to which slot.
        rng: trains the probes; those of latents do not depend on whether there are frames.
        frames: frames of the rows of ``train`` and of ``test``, (frames, height, width, channels) uint8.
    """
    from trisect.evaluation.visibility.frame_probe import FramePairs, read_frames
    from trisect.evaluation.visibility.latent_probe import latent_logits

    sampling, reading, seeing, valuing = rng.spawn(4)
    train = train.sampled(MAX_TRAIN_PAIRS, sampling)
    test = Transitions(test.latents, test.pairs[:MAX_TEST_PAIRS], test.targets[:MAX_TEST_PAIRS])
    with part(0.0, 0.3):
        logits = latent_logits(train, test, slots, reading)
    read = {LATENTS: logits.latents, SLOT: logits.slots, PAST: logits.past, ALONE: logits.alone}
    if frames is not None:
        first, second = (FramePairs(of, pairs.pairs[:, 0], pairs.targets) for of, pairs in zip(frames, (train, test)))
        with part(0.3, 1.0):
            read = {FRAMES: read_frames(first, second, int(seeing.integers(2**62))), **read}
    return Visibility(
        slots.variables,
        {probe: explained(each, test.targets) for probe, each in read.items()},
        test.targets.sum(axis=0),
        {probe: explained(each, test.targets, alone=True) for probe, each in read.items()},
        {name: value_of(train, test, slots, name, valuing) for name in slots.variables},
        not len(slots.columns(slots.names[-1])),
    )
