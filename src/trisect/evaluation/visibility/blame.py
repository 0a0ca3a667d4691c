"""The verdicts on all variables in words: what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from trisect.evaluation.visibility.read_outs import ALONE, FRAMES, LATENTS, PAST, SLOT, Score, Visibility
from trisect.evaluation.visibility.verdict import (
    BY_PAST,
    BY_VALUE,
    CANNOT_TELL,
    CHANGE,
    FEW,
    LOST,
    NOT_IDENTIFIED,
    NOT_VISIBLE,
    Verdict,
    is_clear,
    keeps_half,
    tells_alone,
    verdict_on,
)

TRAIN_LONGER = "train longer (--autoencoder_training.steps), use more latents (--autoencoder.num_latents)"
IDENTIFY = "record more interventions, use `citris-nf` instead of `closed-form`, or several latents per variable"
LOOK = (
    "check the targets (their column and alignment: `trisect inspect`), the camera (is it hidden, or are the frames "
    "too small?), and whether its interventions change it at all"
)


@dataclass(frozen=True)
class Blame:
    """The verdict on one variable.

    Attributes:
        variable: its name.
        verdict: one of `trisect.evaluation.visibility.verdict.VERDICTS`.
        sentence: what was seen and what to do; empty if the variable is fine.
    """

    variable: str
    verdict: str
    sentence: str = ""


def blames(seen: Visibility) -> tuple[Blame, ...]:
    """The verdict on every variable."""
    return tuple(_blame(seen, name, verdict_on(seen, name)) for name in seen.variables)


def sentences(seen: Visibility) -> list[str]:
    """A sentence on every variable that is not fine."""
    return [each.sentence for each in blames(seen) if each.sentence]


def warnings(seen: Visibility) -> list[str]:
    """Sentences on frames that alone show their own interventions, and on an empty noise slot."""
    told = [_alone(seen, name) for name in seen.variables if tells_alone(seen, name)]
    return [*told, *([_no_noise(seen)] if seen.noise_is_empty else [])]


def _blame(seen: Visibility, name: str, given: Verdict) -> Blame:
    verdict, cause = given
    if verdict in (LOST, NOT_IDENTIFIED) and cause == BY_VALUE:
        return Blame(name, verdict, _by_value(seen, name, verdict))
    words = {NOT_VISIBLE: _not_visible, LOST: _lost, NOT_IDENTIFIED: _not_identified, CHANGE: _change}
    if verdict in words:
        return Blame(name, verdict, words[verdict](seen, name))
    return Blame(name, verdict, _cannot_tell(seen, name, cause) if verdict == CANNOT_TELL else "")


def _not_visible(seen: Visibility, name: str) -> str:
    best, things = seen.score(seen.best(name, FRAMES, LATENTS), name, alone=True), _things(seen)
    return (
        f"{name}: the {things} are not seen to show its interventions ({_auroc(best)}, and "
        f"{seen.score(PAST, name, alone=True).auroc:.2f} from the past alone): {LOOK}."
    )


def _cannot_tell(seen: Visibility, name: str, cause: str) -> str:
    number, past = f"{seen.count(name)} held-out interventions on {name}", seen.score(PAST, name)
    why = f"{number} are too few to say whether the {_things(seen)} show them"
    if cause == FEW:
        why = f"{number} are too few"
    elif cause == BY_PAST:
        why = f"the past alone predicts its interventions ({_auroc(past)}), so that little is left to be shown"
    return f"{name}: cannot tell whether it is visible and who loses it, because {why}."


def _lost(seen: Visibility, name: str) -> str:
    held = seen.best(name, LATENTS, SLOT)
    how = "part of it" if keeps_half(seen, name, FRAMES, held) else "it"
    return (
        f"{name}: the encoder loses {how}: the frames show its interventions ({_auroc(seen.score(FRAMES, name))}), all "
        f"latents together {_less(seen, name, held, 'show', 'do')}: {TRAIN_LONGER} or other networks "
        "(--autoencoder.networks), or larger pictures."
    )


def _not_identified(seen: Visibility, name: str) -> str:
    how = "holds only part of it" if keeps_half(seen, name, LATENTS, SLOT) else "does not"
    return (
        f"{name}: the latents hold it, but its slot {how}: all latents together show its interventions "
        f"({_auroc(seen.score(LATENTS, name))}), its slot {_less(seen, name, SLOT, 'shows', 'does')}: {IDENTIFY}."
    )


def _less(seen: Visibility, name: str, probe: str, shows: str, does: str) -> str:
    """In what way a probe shows less than the one before."""
    score = _auroc(seen.score(probe, name))
    some = is_clear(seen.difference(probe, PAST, name))
    return f"{shows} less of them ({score})" if some else f"{does} not ({score})"


def _change(seen: Visibility, name: str) -> str:
    value = seen.values[name]
    before, after = (f"R2 {max(share, 0):.2f}" for share in (value.predicted, value.lasting))
    but = f"what they put into it is not visible in the next frame ({after})"
    if value.is_new:
        but = f"it is neither predictable from the frame before ({before}) nor visible in the next one ({after})"
    what_to_do = "record single, sharp frames" if tells_alone(seen, name) else "check that frames are single and sharp"
    return (
        f"{name}: its slot shows its interventions ({_auroc(seen.score(SLOT, name))}), but {but}: it holds changes of "
        f"{name} rather than its value, or {name} is drawn anew in every frame; {what_to_do}."
    )


def _by_value(seen: Visibility, name: str, verdict: str) -> str:
    """What the true values show where the interventions show nothing wrong."""
    held, own = seen.latents_r2[name], seen.slot_r2[name]
    if verdict == NOT_IDENTIFIED:
        text = f"all latents together predict the true value (R2 {held:.2f}), its slot does less (R2 {own:.2f})"
        return f"{name}: the latents hold it better than its slot: {text}: {IDENTIFY}."
    shown = f"its interventions show in the latents ({_auroc(seen.score(LATENTS, name))})"
    return f"{name}: the encoder loses its value: {shown}, but its true value does not (R2 {held:.2f}): {TRAIN_LONGER}."


def _alone(seen: Visibility, name: str) -> str:
    return (
        f"one observation alone shows whether {name} was intervened on ({_auroc(seen.score(ALONE, name))}; with the "
        f"one before {seen.score(LATENTS, name).auroc:.2f}): observations may hold several frames (stacked or blurred) "
        f"or a marker of interventions, or interventions set values of {name} that do not occur otherwise; its slot "
        "may hold the jump, or the marker, instead of the value"
    )


def _no_noise(seen: Visibility) -> str:
    never = f" ({', '.join(seen.never)}, or the background)" if seen.never else " (such as a moving background)"
    return (
        f"no latent belongs to the noise slot: whatever the observations show that no intervention moves{never} must "
        "then sit in the slots of variables; use more latents (--autoencoder.num_latents) if there is any"
    )


def _things(seen: Visibility) -> str:
    return "frames" if FRAMES in seen.read else "observations"


def _auroc(score: Score) -> str:
    return f"AUROC {score.auroc:.2f}"
