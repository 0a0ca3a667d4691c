"""Effects of the step are told from effects that last, where interventions are held for several steps.

While an intervention is held, a slot may predict it because it shows the change at the moment when it is made, or
because it shows its consequences later, when the past shows them too. So the steps at which an intervention may begin
are scored alone, those with I^t = 0: does the slot of z^{t+1} tell I^{t+1} = 1 from I^{t+1} = 0? In the same way those
at which it may end, with I^t = 1. The first step of an episode has no step before it and counts for neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from trisect.evaluation.auroc import UNDEFINED, Gain, block_sums, compared, gain_of
from trisect.evaluation.score_matrix import number
from trisect.evaluation.shifts import Readings, shifted
from trisect.evaluation.transitions import Transitions

HELD_MORE = 0.3  # interventions last if one follows on one so much more often than on none
FEWEST = 2
"""Beginnings, or ends, that are needed to score them."""


@dataclass(frozen=True)
class Switch:
    """How well a slot shows that interventions begin, or that they end.

    Attributes:
        auroc, past: AUROC of the slot with the past, and of the past alone; NaN with too few switches.
        gain: their difference with its 95 % interval.
        p_value: probability that a slot that adds nothing does as well.
        count: switches among the held-out pairs.
    """

    auroc: float
    past: float
    gain: Gain
    p_value: float
    count: int

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        numbers = {"auroc": self.auroc, "past": self.past, "over_past": self.gain.value, "p_value": self.p_value}
        interval = [number(self.gain.low), number(self.gain.high)]
        return {name: number(value) for name, value in numbers.items()} | {"interval": interval, "count": self.count}


@dataclass(frozen=True)
class Onset:
    """What the own slot of a variable shows of interventions that last.

    Attributes:
        variable: its name.
        begins, ends: how well the slot shows that they begin, and that they end.
    """

    variable: str
    begins: Switch
    ends: Switch

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {"variable": self.variable, "begins": self.begins.to_json(), "ends": self.ends.to_json()}


def onsets(read: Readings, test: Transitions, names: tuple[str, ...], rng: np.random.Generator) -> tuple[Onset, ...]:
    """Score the beginnings and the ends of interventions on the variables whose interventions last.

    Args:
        read: held-out logits of every variable's target, from its own slot and from the past.
        test: the held-out pairs.
        names: the variables.
        rng: draws the shifts for the p-values.
    """
    follows, before = test.targets_before()
    found = []
    for j, name in enumerate(names):
        off, on, target = follows & ~before[:, j], follows & before[:, j], test.targets[:, j]
        if lasting(target[off], target[on]):
            own = Readings(*(logits[:, [j]] for logits in read))
            begins = _switch(own.some(off), target[off], test.episodes[off], rng)
            ends = _switch(own.some(on).negated(), ~target[on], test.episodes[on], rng)
            found.append(Onset(name, begins, ends))
    return tuple(found)


def lasting(after_none: Bool[np.ndarray, " off"], after_one: Bool[np.ndarray, " on"]) -> bool:
    """Whether interventions last: one follows on one much more often than on none."""
    if len(after_none) == 0 or len(after_one) == 0:
        return False
    return bool(after_one.mean() - after_none.mean() > HELD_MORE)


def _switch(
    read: Readings, label: Bool[np.ndarray, " pairs"], episodes: Int[np.ndarray, " pairs"], rng: np.random.Generator
) -> Switch:
    count = int(label.sum())
    if min(count, len(label) - count) < FEWEST:
        return Switch(float("nan"), float("nan"), UNDEFINED, float("nan"), count)
    own, before, deviation = compared(read.slot[:, 0], read.past[:, 0], label)
    p_value = shifted(read, label[:, None], episodes, rng).p_values()[0]
    return Switch(own, before, gain_of(own - before, block_sums(deviation)), float(p_value), count)
