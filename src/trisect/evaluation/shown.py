"""What held-out interventions show of each slot without labels: found, cannot tell, or not there.

The words are those of `trisect.models.closed_form.statement`, which says what the *training* data allow to say. Here
the slots of any model get a verdict by what they add to the past on *held-out* pairs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from trisect.evaluation.auroc import Gain
from trisect.evaluation.intervention_matrix import ADDS, SETTLED, InterventionMatrix
from trisect.evaluation.onsets import Onset, Switch
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE

FEWEST = 5  # held-out interventions, beginnings or ends; with fewer a slot is neither found nor absent
CERTAIN = 0.01  # a slot is found only if chance does as well with at most this probability
HELD = 0.75  # a past that reaches a higher AUROC shows a policy that holds its interventions, or follows the state
MOST_INTERVENTIONS = 10**9  # a larger number is no advice
BEGINS, GOES_ON = "begins", "goes on"
TOO_FEW, LITTLE, PAST = "too few interventions", "adds little", "the past predicts them"
"""Causes of a "cannot tell"."""


class Shown(NamedTuple):
    """The verdict on the own slot of a variable.

    Attributes:
        verdict: "found", "cannot tell", or "not there": the interventions suffice, and the slot does not predict them.
        settling: number of held-out interventions that would settle a "cannot tell"; None if unknown or not a matter
            of numbers.
        reason: why it is not found, as a clause; empty if it is.
        cause: of a "cannot tell": `TOO_FEW`, `LITTLE` or `PAST`; else empty.
    """

    verdict: str
    settling: int | None = None
    reason: str = ""
    cause: str = ""


def shown(matrix: InterventionMatrix) -> dict[str, Shown]:
    """Variable -> what its own slot shows.

    A slot is found if it closes a fifth or more of the gap between the AUROC of the past alone (or 1/2, if that is
    more) and 1, on at least five interventions, with an interval above 0 and a p-value of at most .01; or if it does so
    for the first steps, or the ends, of interventions that last. It is not there if its interval lies below that fifth.
    """
    return {name: _verdict(matrix, name) for name in matrix.columns}


def _verdict(matrix: InterventionMatrix, name: str) -> Shown:
    at = matrix.place(name, name)
    own, past = float(matrix.matrix[at]), float(matrix.past[at])
    if math.isnan(own):
        return Shown(CANNOT_TELL, None, "the held-out pairs do not contain it both with and without intervention")
    count, p_value = int(matrix.counts[at[1]]), float(matrix.p_values[at])
    whole = _over_chance(Switch(own, past, matrix.gain(name, name), p_value, count))
    gain = whole.gain
    if (past <= SETTLED and _is_found(whole)) or onset_shows(matrix, name) == BEGINS:
        return Shown(FOUND)
    scores = f"AUROC {own:.2f}; the past alone {past:.2f}"
    if past > SETTLED or (past > HELD and gain.low <= 0 and gain.high < (1 - past) / 2):
        reason = f"the past alone predicts its interventions, and its slot no better ({scores})"
        return Shown(CANNOT_TELL, None, reason, PAST)
    if _is_absent(whole):
        return Shown(NOT_THERE, None, f"its slot does not predict its interventions ({scores})")
    if gain.low > 0 and gain.value < _least(past):
        reason = f"its slot adds little to what the past says of its interventions ({scores})"
        return Shown(CANNOT_TELL, None, reason, LITTLE)
    needed = settling(whole) if onset_shows(matrix, name) is None else None  # steps of one that lasts are no trials
    return Shown(CANNOT_TELL, needed, f"there are too few held-out interventions ({scores})", TOO_FEW)


def onset_shows(matrix: InterventionMatrix, name: str) -> str | None:
    """What the slot of a variable shows whose interventions last: "begins", "goes on", "cannot tell".

    "begins": that they begin, or that they end; "goes on": neither, although there are enough of both to tell. None if
    the interventions on the variable do not last.
    """
    onset = next((each for each in matrix.onsets if each.variable == name), None)
    if onset is None:
        return None
    if any(map(_is_found, _switches(onset))):
        return BEGINS
    return GOES_ON if all(map(_is_absent, _switches(onset))) else CANNOT_TELL


def found_switches(onset: Onset) -> tuple[bool, bool]:
    """Whether the slot shows that interventions begin, and that they end."""
    begins, ends = map(_is_found, _switches(onset))
    return begins, ends


def settling(score: Switch) -> int | None:
    """Number of interventions that would settle a verdict, estimated: the interval narrows with its square root.

    A difference that suffices must exceed half of its interval. A smaller one must have an interval no wider than what
    a found slot adds at least, so that it cannot hold both that and 0. Twice the present number is the least advice.
    """
    half, least = (score.gain.high - score.gain.low) / 2, _least(score.past)
    wanted = score.gain.value if score.gain.value >= least else least / 2
    if 0 < score.count < FEWEST:
        return 2 * FEWEST
    if score.count == 0 or not half > 0 or wanted <= 0:
        return None
    needed = max(score.count * (half / wanted) ** 2, 2.0 * score.count, float(FEWEST))
    digits = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    rounded = math.ceil(needed / digits) * digits
    return rounded if rounded <= MOST_INTERVENTIONS else None


def _is_found(score: Switch) -> bool:
    by_chance = score.p_value > CERTAIN  # False if it was not computed
    return bool(_is_enough(score) and score.gain.value >= _least(score.past) and score.gain.low > 0 and not by_chance)


def _is_absent(score: Switch) -> bool:
    """Whether the interval lies below what a found slot adds; False without a score."""
    return _is_enough(score) and score.gain.high < _least(score.past)


def _is_enough(score: Switch) -> bool:
    """Whether there are enough interventions to tell; 0 stands for a number that is not known."""
    return score.count == 0 or score.count >= FEWEST


def _least(past: float) -> float:
    """What a found slot adds to the past at least."""
    return ADDS * (1 - past)


def _over_chance(score: Switch) -> Switch:
    """The score over a past of at least 1/2: a past that does worse than guessing makes no slot better."""
    lacking = max(0.5 - score.past, 0.0)
    return replace(score, past=score.past + lacking, gain=Gain(*(each - lacking for each in score.gain)))


def _switches(onset: Onset) -> tuple[Switch, Switch]:
    return _over_chance(onset.begins), _over_chance(onset.ends)
