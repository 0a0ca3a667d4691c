"""The sections of a page on the model itself: what it decodes, its latents, and its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trisect.evaluation.report import figures
from trisect.evaluation.report.parts import amount, fine, names_breaking, number, paragraph, picture, section, table
from trisect.evaluation.report.report import Report
from trisect.markup import Markup

if TYPE_CHECKING:
    from trisect.evaluation.decoding import Decoding
    from trisect.evaluation.triplets import TripletScores

MAX_FRAMES = 10
TRIPLET_NOTE = (
    "Each slot's latents are taken from the first or the second frame, as a mask says for the slot's variable, and the "
    "mix is decoded. The scores say how far the result is from the true third frame: means over {num:,} triplets, "
    "smaller is better. Frames are compared in grey levels of 255, latents in their standard deviations. A decoder "
    "blurs every frame, so the column for frames after decoding compares with the true third frame encoded and "
    "decoded, which leaves the blur out."
)
COMPARISONS = (
    "Oracle: the true third frame, encoded and decoded: what the decoder's blur alone costs. True frames: the third "
    "frames themselves, which shows the causal encoder's own error. First frame: nothing is changed, and nothing is "
    "decoded, so it has no blur; decoded: the same with the blur. Random slots: the same latents, assigned to slots at "
    "random. Random encoder: random features, identified in closed form and mapped back linearly."
)
READ_BACK = (
    "The model's own encoder reads the slots of {num:,} decoded test observations: as they are, and with one slot "
    "taken from another observation. Errors are in units of the slot's spread: 0 is exact, 1 is that of a picture "
    "which always shows the mean. They say whether decoding shows a change, not whether the slot is right."
)
MEASURED = " A causal encoder measures the variables, in half ranges, half turns or the share of wrong categories."


def triplets(report: Report) -> Markup | str:
    """Distances of mixed frames from the true ones."""
    scores = report.triplets
    if scores is None:
        return ""
    has_variables = bool(next(iter(scores.rows.values())).variables)
    note = TRIPLET_NOTE.format(num=scores.num_triplets) + (MEASURED if has_variables else "")
    shown = "" if scores.pictures is None else _mixes(scores)
    return section(
        "Triplets",
        paragraph(note),
        _distances(scores, has_variables),
        *(paragraph(sentence) for sentence in scores.sentences()),
        paragraph(COMPARISONS, note=True),
        shown,
    )


def _distances(scores: TripletScores, has_variables: bool) -> Markup:
    names = [*scores.targeted, "mean"] if has_variables else []
    rows = [
        [
            name,
            *(fine(score.variables[each]) for each in scores.targeted if has_variables),
            *([fine(score.mean(scores.targeted))] if has_variables else []),
            *(fine(score.observation), fine(score.decoded), fine(score.latents)),
        ]
        for name, score in scores.rows.items()
    ]
    return table(("", *names_breaking(names), "frames", "frames after decoding", "latents"), rows)


def _mixes(scores: TripletScores) -> Markup:
    assert scores.pictures is not None
    alt = f"Rows of frames: {', '.join(scores.pictures)}. A good model's row looks like the row of the third frames."
    return picture(figures.frames_figure(scores.pictures), "", alt)


def active_units(report: Report) -> Markup | str:
    """Latents of a variational model that carry information."""
    units = report.evaluation.active_units
    if units is None:
        return ""
    return section(
        "Active latents",
        paragraph(f"{units.sentence} KL per latent: {', '.join(number(float(value)) for value in units.kl)}."),
    )


def reconstructions(report: Report) -> Markup | str:
    """Frames and what the model decodes from their latents, and how far one can tell from these what was put in."""
    shown: list[Markup] = []
    if report.pictures is not None:
        png = figures.reconstruction_figure(*(frames[:MAX_FRAMES] for frames in report.pictures))
        shown.append(picture(png, "", "Original frames above, the model's reconstructions below."))
    if report.decoding is not None:
        shown += _read_back(report.decoding)
    return section("Reconstructions", *shown) if shown else ""


def _read_back(decoding: Decoding) -> list[Markup]:
    """The errors of decoded observations as a table."""
    rows = []
    for name, each in decoding.slots.items():
        others = f"{number(each.others)} ({each.other})" if each.other else "n/a"
        rows.append([name, number(each.kept), number(each.swapped), others])
    head = ("slot", "read back", "read back where swapped", "largest error of another variable there")
    share = "" if decoding.undrawn is None else f" {decoding.undrawn:.1%} of what stands out in frames is not drawn."
    note = READ_BACK.format(num=decoding.num_observations)
    return [paragraph(note + share), *([table(head, rows)] if rows else [])]


def views(report: Report) -> Markup | str:
    """Pictures of what the slots do, made elsewhere."""
    if not report.views:
        return ""
    shown = (picture(view.png, view.caption, view.alt) for view in report.views)
    return section("What each slot changes", *shown)


def training(report: Report) -> Markup | str:
    """The curves of all stages."""
    if not report.history:
        return ""
    alt = f"Training curves over the steps: {', '.join(list(report.history)[: figures.MAX_CURVES])}."
    return section("Training", _kept(report), picture(figures.curves_figure(report.history), "", alt))


def _kept(report: Report) -> Markup | str:
    """Which weights every stage ended with, and what they scored on held-out data."""
    columns = ("steps", "kept_step", "kept_score", "best_step", "best_score", "criterion")
    rows = [[stage, *(amount(facts.get(name)) for name in columns)] for stage, facts in report.training.items()]
    head = ("stage", "steps", "weights kept of step", "their held-out score", "lowest score at step", "it was", "term")
    return table(head, rows) if rows else ""
