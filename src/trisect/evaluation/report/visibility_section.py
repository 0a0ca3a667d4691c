"""The section of a page on who sees the interventions: the frames, all latents, the slots, the past."""

from __future__ import annotations

import math

from trisect.evaluation.report.parts import SQUARED, bullets, mark, number, paragraph, section, table
from trisect.evaluation.report.report import Report
from trisect.evaluation.visibility.blame import Blame, blames
from trisect.evaluation.visibility.read_outs import ALONE, FRAMES, LATENTS, PAST, SLOT, Visibility
from trisect.markup import Markup, joined

NAMES = {
    FRAMES: "frames",
    LATENTS: "all latents",
    SLOT: "own slot",
    PAST: "past alone",
    ALONE: "one observation alone",
}


def visibility(report: Report) -> Markup | str:
    """Who sees the interventions on every variable, and who loses them."""
    seen = report.evaluation.visibility
    if seen is None:
        return ""
    verdicts = blames(seen)
    with_frames = FRAMES in seen.read
    title = "What the frames show, and who loses it" if with_frames else "What the latents hold, and who loses it"
    note = (
        "Who sees whether a variable was intervened on? Networks of one kind, stronger than those of the intervention "
        "matrix, read its targets from "
        f"{'two consecutive frames, from ' if with_frames else ''}all latents of both, from the earlier latents with "
        "the variable's own slot of the later ones, from the earlier ones alone (the past), and from the later ones "
        "alone. Each entry: AUROC on held-out transitions, and in brackets the share of the target's entropy that is "
        "explained, with its standard error. Labels are used for the last columns only, if there are any."
    )
    values = (
        "A slot that holds the value of its variable is predictable from the frame before (predicted), and what an "
        "intervention has put into it is still there a frame later (lasting); both R2 are of transitions without an "
        "intervention on the variable. A slot that holds only changes has neither."
    )
    said = [each.sentence for each in verdicts if each.sentence]
    parts = [paragraph(note), bullets(said) if said else "", _table(seen, verdicts), paragraph(values, note=True)]
    return section(title, *parts)


def _table(seen: Visibility, verdicts: tuple[Blame, ...]) -> Markup:
    labels = bool(seen.slot_r2)
    squared = [joined([SQUARED, " all latents"]), joined([SQUARED, " own slot"])] if labels else []
    head = ("variable", "verdict", *(NAMES[probe] for probe in seen.read), "predicted", "lasting", *squared)
    return table(head, [_row(seen, each, labels) for each in verdicts])


def _row(seen: Visibility, blame: Blame, labels: bool) -> list[object]:
    name, value = blame.variable, seen.values.get(blame.variable)
    scores = [
        number(seen.score(probe, name).auroc) if probe in (PAST, ALONE) else _score(seen, probe, name)
        for probe in seen.read
    ]
    shares = [number(value.predicted), number(value.lasting)] if value is not None else ["", ""]
    true = [number(each.get(name, math.nan)) for each in (seen.latents_r2, seen.slot_r2)] if labels else []
    return [name, mark(blame.verdict), *scores, *shares, *true]


def _score(seen: Visibility, probe: str, name: str) -> str:
    score = seen.score(probe, name)
    return f"{number(score.auroc)} ({number(score.share)}\u00a0±\u00a0{number(score.error)})"
