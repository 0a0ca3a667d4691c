"""Who is to blame, per variable: the recording, the encoder, or the identification; and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trisect.evaluation.visibility.read_outs import (
    ALONE,
    FRAMES,
    LATENTS,
    PAST,
    SLOT,
    Difference,
    Score,
    Visibility,
)

NOT_VISIBLE, LOST, NOT_IDENTIFIED = "not visible", "lost by the encoder", "not identified"
CHANGE, FINE, CANNOT_TELL = "holds the change, not the value", "fine", "cannot tell"
VERDICTS = (NOT_VISIBLE, LOST, NOT_IDENTIFIED, CHANGE, FINE, CANNOT_TELL)

FEWEST = 10
"""Held-out interventions; with fewer, nothing is said."""
ERRORS = 2.0
"""Standard errors by which a difference must exceed 0."""
SEEN = 0.03
"""Share beyond the past from which interventions count as seen."""
HIDDEN = 0.06
"""Interventions are not visible if the share beyond the past, with its error, lies below this."""
MUCH = 0.2
"""Share of what one reader explains beyond the past by which the next must fall short, to be blamed."""
HALF = 0.5
CONTAINS, MOSTLY, BETTER = 0.95, 0.8, 0.1
"""R2 from which a true value is contained, or mostly; and by how much one R2 is clearly larger than another."""
TELLS, NEARLY = 0.95, 0.9
"""One frame alone tells a target if its AUROC is surely above the first, and it explains this share of the pair's."""


@dataclass(frozen=True)
class Blame:
    """The verdict on one variable.

    Attributes:
        variable: its name.
        verdict: one of `VERDICTS`.
        sentence: what was seen and what to do; empty if the variable is fine.
    """

    variable: str
    verdict: str
    sentence: str = ""


def blames(seen: Visibility) -> tuple[Blame, ...]:
    """The verdict on every variable.

    With labels, a slot that predicts the true value with an R2 of 0.95 is fine whatever else was seen, and an encoder
    whose latents do so together has lost nothing.
    """
    return tuple(_blame(seen, name) for name in seen.variables)


def sentences(seen: Visibility) -> list[str]:
    """A sentence on every variable that is not fine."""
    return [each.sentence for each in blames(seen) if each.sentence]


def warnings(seen: Visibility) -> list[str]:
    """Sentences on frames that alone show their own interventions, and on an empty noise slot."""
    told = [_alone(seen, name) for name in seen.variables if tells_alone(seen, name)]
    return [*told, *([_no_noise(seen)] if seen.noise_is_empty else [])]


def tells_alone(seen: Visibility, name: str) -> bool:
    """Whether z^{t+1} alone surely tells whether a variable was intervened on, nearly as well as with z^t."""
    alone, pair = seen.score(ALONE, name), seen.score(LATENTS, name)
    sure = alone.auroc - ERRORS * alone.auroc_error > TELLS
    return seen.count(name) >= FEWEST and sure and alone.share >= NEARLY * pair.share


def _blame(seen: Visibility, name: str) -> Blame:
    own, best = seen.score(SLOT, name), seen.best(name, FRAMES, LATENTS, SLOT)
    if seen.slot_r2.get(name, math.nan) >= CONTAINS:
        return Blame(name, FINE)
    if seen.count(name) < FEWEST or math.isnan(own.share):
        why = f"there are {seen.count(name)} held-out interventions on {name}, too few"
        return Blame(name, CANNOT_TELL, f"{name}: cannot tell who loses it, because {why}.")
    if not _is_clear(beyond := seen.difference(best, PAST, name), SEEN):
        return _unseen(seen, name, beyond)
    verdict = _loser(seen, name)
    if verdict == LOST:
        return Blame(name, LOST, _lost(seen, name))
    if _holds_change(seen, name):
        return Blame(name, CHANGE, _change(seen, name))
    if verdict == NOT_IDENTIFIED:
        return Blame(name, NOT_IDENTIFIED, _not_identified(seen, name))
    return _by_value(seen, name)


def _loser(seen: Visibility, name: str) -> str:
    """Where most is lost on the way from the frames to the slot; `FINE` if nothing much is."""
    held = seen.best(name, LATENTS, SLOT)
    losses = {}
    if FRAMES in seen.read and not seen.latents_r2.get(name, math.nan) >= CONTAINS:
        losses[LOST] = _loss(seen, name, FRAMES, held)
    gap = seen.latents_r2.get(name, math.nan) - seen.slot_r2.get(name, math.nan)
    if not gap < BETTER:
        losses[NOT_IDENTIFIED] = _loss(seen, name, LATENTS, SLOT)
    largest = max(losses, key=lambda each: losses[each], default=FINE)
    return largest if losses.get(largest, 0.0) > 0 else FINE


def _loss(seen: Visibility, name: str, reader: str, following: str) -> float:
    """What the next reader misses if that is clear; else 0."""
    missed, whole = seen.difference(reader, following, name), seen.difference(reader, PAST, name).value
    return missed.value if _is_clear(missed, max(SEEN, MUCH * whole)) else 0.0


def _holds_change(seen: Visibility, name: str) -> bool:
    """Whether a slot that predicts its interventions holds no value; or alone shows them."""
    value = seen.values.get(name)
    if value is None or not _is_clear(seen.difference(SLOT, PAST, name), SEEN):
        return False
    return value.fades and (value.is_new or tells_alone(seen, name))


def _is_clear(difference: Difference, least: float) -> bool:
    return difference.value > max(least, ERRORS * difference.error)


def _unseen(seen: Visibility, name: str, beyond: Difference) -> Blame:
    things = "frames" if FRAMES in seen.read else "observations"
    if seen.slot_r2.get(name, math.nan) >= MOSTLY:
        return Blame(name, FINE)
    if beyond.value + ERRORS * beyond.error >= HIDDEN:
        number = f"{seen.count(name)} held-out interventions"
        why = f"{number} on {name} are too few to say whether the {things} show them"
        return Blame(name, CANNOT_TELL, f"{name}: cannot tell who loses it, because {why}.")
    past = seen.score(PAST, name)
    if past.auroc > TELLS:
        why = f"the past alone predicts its interventions (AUROC {past.auroc:.2f}), so that nothing is left to be shown"
        return Blame(name, CANNOT_TELL, f"{name}: cannot tell who loses it, because {why}.")
    best = seen.score(seen.best(name, FRAMES, LATENTS), name)
    return Blame(
        name,
        NOT_VISIBLE,
        f"{name}: the {things} are not seen to show its interventions ({_auroc(best)}, and {past.auroc:.2f} from the "
        "past alone): check the targets (their column and alignment: `trisect inspect`), the camera (is it hidden, or "
        "are the frames too small?), and whether its interventions change it at all.",
    )


def _lost(seen: Visibility, name: str) -> str:
    held = seen.best(name, LATENTS, SLOT)
    how = "part of it" if _keeps_half(seen, name, FRAMES, held) else "it"
    return (
        f"{name}: the encoder loses {how}: the frames show its interventions ({_auroc(seen.score(FRAMES, name))}), all "
        f"latents together {_less(seen, name, held)}: train longer (--autoencoder_training.steps), use more latents "
        "(--autoencoder.num_latents) or other networks (--autoencoder.networks), or larger pictures."
    )


def _not_identified(seen: Visibility, name: str) -> str:
    how = "holds only part of it" if _keeps_half(seen, name, LATENTS, SLOT) else "does not"
    return (
        f"{name}: the latents hold it, but its slot {how}: all latents together show its interventions "
        f"({_auroc(seen.score(LATENTS, name))}), its slot {_less(seen, name, SLOT)}: {_IDENTIFY}."
    )


def _less(seen: Visibility, name: str, reader: str) -> str:
    """In what way a reader shows less than the one before."""
    shows = _is_clear(seen.difference(reader, PAST, name), SEEN)
    return (
        f"{'shows' if reader == SLOT else 'show'} less of them ({_auroc(seen.score(reader, name))})"
        if shows
        else (f"{'does' if reader == SLOT else 'do'} not ({_auroc(seen.score(reader, name))})")
    )


_IDENTIFY = "record more interventions, use `citris-nf` instead of `closed-form`, or several latents per variable"


def _change(seen: Visibility, name: str) -> str:
    value, stacked = seen.values[name], tells_alone(seen, name)
    more = f"nothing that an intervention puts into it is seen in the next frame (R2 {max(value.lasting, 0):.2f}"
    new = f", and {max(value.predicted, 0):.2f} of it from the frame before)" if value.is_new else ")"
    end = "record single, sharp frames" if stacked else "if X lasts, use single frames".replace("X", name)
    return (
        f"{name}: the slot shows its interventions ({_auroc(seen.score(SLOT, name))}), but {more}{new}: it holds "
        f"changes of {name} rather than its value, or {name} is drawn anew in every frame; {end}."
    )


def _by_value(seen: Visibility, name: str) -> Blame:
    """The verdict where interventions show nothing wrong, by the true values if there are any."""
    held, own = (each.get(name, math.nan) for each in (seen.latents_r2, seen.slot_r2))
    if math.isnan(own) or math.isnan(held) or own >= MOSTLY:
        return Blame(name, FINE)
    if held >= own + BETTER:
        text = f"all latents together predict the true value (R2 {held:.2f}), its slot does less (R2 {own:.2f})"
        return Blame(name, NOT_IDENTIFIED, f"{name}: the latents hold it better than its slot: {text}: {_IDENTIFY}.")
    text = f"its interventions show in the latents ({_auroc(seen.score(LATENTS, name))}), but its true value does not"
    return Blame(
        name,
        LOST,
        f"{name}: the encoder loses its value: {text} (R2 {held:.2f}): train longer (--autoencoder_training.steps), or "
        "use more latents (--autoencoder.num_latents) or single frames.",
    )


def _keeps_half(seen: Visibility, name: str, reader: str, following: str) -> bool:
    """Whether the next reader explains half of what this one does beyond the past."""
    whole, left = (seen.difference(each, PAST, name).value for each in (reader, following))
    return left >= HALF * whole


def _alone(seen: Visibility, name: str) -> str:
    alone = seen.score(ALONE, name)
    return (
        f"one observation alone shows whether {name} was intervened on (AUROC {alone.auroc:.2f}; with the one before "
        f"{seen.score(LATENTS, name).auroc:.2f}): observations may hold several frames (stacked or blurred) or a "
        f"marker of interventions, or interventions set values of {name} that do not occur otherwise; its slot may "
        "hold the jump, or the marker, instead of the value"
    )


def _no_noise(seen: Visibility) -> str:
    never = f" ({', '.join(seen.never)}, or the background)" if seen.never else " (such as a moving background)"
    return (
        f"no latent belongs to the noise slot: whatever the observations show that no intervention moves{never} must "
        "then sit in the slots of variables; use more latents (--autoencoder.num_latents) if there is any"
    )


def _auroc(score: Score) -> str:
    return f"AUROC {score.auroc:.2f}"
