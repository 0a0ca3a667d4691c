"""Who is to blame, per variable: the recording, the encoder, or the identification."""

from __future__ import annotations

import math
from typing import NamedTuple

from trisect.evaluation.visibility.read_outs import ALONE, FRAMES, LATENTS, PAST, SLOT, Difference, Visibility

NOT_VISIBLE, LOST, NOT_IDENTIFIED = "not visible", "lost by the encoder", "not identified"
CHANGE, FINE, CANNOT_TELL = "holds the change, not the value", "fine", "cannot tell"
VERDICTS = (NOT_VISIBLE, LOST, NOT_IDENTIFIED, CHANGE, FINE, CANNOT_TELL)

FEW, HARDLY, BY_PAST, BY_VALUE = "few", "hardly", "by the past", "by value"
"""Causes: few interventions, too few for what they show, the past tells them, or the true values say it alone."""

FEWEST = 10
"""Held-out interventions; with fewer, nothing is said."""
ERRORS = 2.0
"""Standard errors by which a difference must exceed 0."""
SEEN = 0.03
"""Share beyond the past from which interventions count as seen."""
HIDDEN = 0.06
"""Interventions are not visible if the share beyond the past, with its error, lies below this."""
MUCH = 0.25
"""Share of what one probe explains beyond the past that the next must miss to be blamed: the probes of latents and of
frames differ by up to .17 on encoders that hold everything."""
HALF = 0.5
CONTAINS, MOSTLY, BETTER = 0.95, 0.8, 0.1
"""R2 from which a true value is contained, or mostly; and by how much one R2 is clearly larger than another."""
TELLS, NEARLY = 0.95, 0.9
"""One frame alone tells a target if its AUROC is surely above the first, and it explains this share of the pair's."""


class Verdict(NamedTuple):
    """One of `VERDICTS`, and its cause where there are several."""

    kind: str
    cause: str = ""


def verdict_on(seen: Visibility, name: str) -> Verdict:
    """The verdict on one variable.

    With labels, a slot that predicts the true value with an R2 of 0.95 is fine whatever else was seen, and an encoder
    whose latents do so together has lost nothing.
    """
    own_r2 = seen.slot_r2.get(name, math.nan)
    if own_r2 >= CONTAINS:
        return Verdict(FINE)
    if seen.count(name) < FEWEST or math.isnan(seen.score(SLOT, name).share):
        return Verdict(CANNOT_TELL, FEW)
    beyond = seen.seen_alone(seen.best(name, FRAMES, LATENTS, SLOT), name)
    if not is_clear(beyond, SEEN):
        return Verdict(FINE) if own_r2 >= MOSTLY else _unseen(seen, name, beyond)
    loser = _loser(seen, name)
    if loser != LOST and _holds_change(seen, name):
        return Verdict(CHANGE)
    return Verdict(loser) if loser != FINE else _by_value(seen, name)


def tells_alone(seen: Visibility, name: str) -> bool:
    """Whether z^{t+1} alone surely tells whether a variable was intervened on, nearly as well as with z^t."""
    alone, pair = seen.score(ALONE, name), seen.score(LATENTS, name)
    sure = alone.auroc - ERRORS * alone.auroc_error > TELLS
    return seen.count(name) >= FEWEST and sure and alone.share >= NEARLY * pair.share


def slot_misses_much(seen: Visibility, name: str) -> bool:
    """Whether a slot clearly misses much of what all latents show; no labels are used."""
    return _loss(seen, name, LATENTS, SLOT) > 0


def keeps_half(seen: Visibility, name: str, probe: str, following: str) -> bool:
    """Whether the next probe explains half of what this one does beyond the past."""
    whole, left = (seen.difference(each, PAST, name).value for each in (probe, following))
    return left >= HALF * whole


def is_clear(difference: Difference, least: float = SEEN) -> bool:
    """Whether a difference exceeds both a least value and its error."""
    return difference.value > max(least, ERRORS * difference.error)


def _unseen(seen: Visibility, name: str, beyond: Difference) -> Verdict:
    if beyond.value + ERRORS * beyond.error >= HIDDEN:
        return Verdict(CANNOT_TELL, HARDLY)
    return Verdict(CANNOT_TELL, BY_PAST) if seen.score(PAST, name).auroc > TELLS else Verdict(NOT_VISIBLE)


def _loser(seen: Visibility, name: str) -> str:
    """Where most is lost on the way from the frames to the slot; `FINE` if nothing much is."""
    held, gap = seen.latents_r2.get(name, math.nan), _gap(seen, name)
    losses = {FINE: 0.0}
    if FRAMES in seen.read and not held >= CONTAINS:
        losses[LOST] = _loss(seen, name, FRAMES, seen.best(name, LATENTS, SLOT))
    if not gap < BETTER:  # without labels NaN
        losses[NOT_IDENTIFIED] = _loss(seen, name, LATENTS, SLOT)
    return max(losses, key=lambda each: losses[each])


def _loss(seen: Visibility, name: str, probe: str, following: str) -> float:
    """What the next probe misses if that is clear; else 0."""
    missed, whole = seen.difference(probe, following, name), seen.difference(probe, PAST, name).value
    return missed.value if is_clear(missed, max(SEEN, MUCH * whole)) else 0.0


def _holds_change(seen: Visibility, name: str) -> bool:
    """Whether a slot that predicts its interventions holds no value: nothing of it lasts, and nothing is predictable.

    In stacked frames the change may be predictable, as the speed of a ball is; there it is enough that nothing lasts.
    """
    value = seen.values.get(name)
    if value is None or not is_clear(seen.difference(SLOT, PAST, name)):
        return False
    return value.fades and (value.is_new or tells_alone(seen, name))


def _by_value(seen: Visibility, name: str) -> Verdict:
    """The verdict where interventions show nothing wrong, by the true values if there are any."""
    held, own = (each.get(name, math.nan) for each in (seen.latents_r2, seen.slot_r2))
    if math.isnan(own) or math.isnan(held) or own >= MOSTLY:
        return Verdict(FINE)
    return Verdict(NOT_IDENTIFIED if _gap(seen, name) >= BETTER else LOST, BY_VALUE)


def _gap(seen: Visibility, name: str) -> float:
    """R2 of all latents minus that of the slot; NaN without labels."""
    return seen.latents_r2.get(name, math.nan) - seen.slot_r2.get(name, math.nan)
