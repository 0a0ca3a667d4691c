"""The sections of a page on scores: what every slot contains, with labels and without, and what to compare it with."""

from __future__ import annotations

import math

from trisect.evaluation.intervention_matrix import InterventionMatrix, interval
from trisect.evaluation.report import figures
from trisect.evaluation.report.parts import (
    SQUARED,
    between,
    mark,
    matrix_picture,
    number,
    paragraph,
    picture,
    score_table,
    section,
    table,
)
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.verdicts import IDENTIFIED, MOSTLY, apart, beyond_own, dependent, verdicts
from trisect.evaluation.score_matrix import Scores
from trisect.evaluation.suite import Evaluation
from trisect.markup import Markup, element, joined

PROBE_NOTES = {
    "published": "trained for 100 epochs, as in the papers, for comparison with their tables",
    "long": "trained for 3,000 steps or more; each entry uses the best checkpoint or closed-form regression: the "
    "strictest test for leakage",
    "ridge": "closed-form regression on random features: quick, used for the baselines and for chance",
}
BASELINE_NOTES = {
    "this model": "the model's latents and assignment",
    "all latents": "every slot sees all latents: an upper bound, all that the encoder contains",
    "closed form": "the latents before the flow, identified in closed form",
    "shuffled targets": "closed form with targets shuffled over time, mean of several shuffles: must be near chance",
    "random encoder": "random features of the observations, identified in closed form",
    "principal components": "principal components of the observations, identified in closed form",
}
OWN_METHOD = "the same method as this model, run again on the frames that are scored"


def cards(report: Report) -> Markup | str:
    """The few numbers to look at first."""
    headline, matrix = report.evaluation.headline, report.evaluation.label_free
    boxes = [*(_labelled(report.evaluation) if headline else []), *(_unlabelled(matrix) if matrix else [])]
    shown = [_card(*box) for box in boxes if not math.isnan(box[1])]
    return element("div", *shown, class_="cards") if shown else ""


def _labelled(evaluation: Evaluation) -> list[tuple[object, float, object]]:
    headline = evaluation.headline
    assert headline is not None
    r2 = headline.r2
    wrong = joined(["of the largest ", SQUARED, " of a wrong variable; 0 is best"])
    leak = joined(["mean over variables of the largest ", SQUARED, " in a wrong slot; 0 is best"])
    return [
        (joined([SQUARED, " in own slot"]), r2.diag, "mean over targeted variables; 1 is best"),
        ("Leakage per slot", r2.sep_slots, joined(["mean over slots ", wrong])),
        ("Leakage per variable", r2.sep_variables, leak),
        *_beyond(evaluation),
        ("Spearman in own slot", headline.spearman.diag, "mean over targeted variables; 1 is best"),
    ]


def _beyond(evaluation: Evaluation) -> list[tuple[object, float, object]]:
    """Leakage beyond the world's own, where variables may depend on each other in the scored samples."""
    beyond = beyond_own(evaluation)
    if beyond is None or (evaluation.independent and not dependent(evaluation)):
        return []
    note = joined(
        ["mean over slots of the largest ", SQUARED, " that the true own variable does not explain; 0 is best"]
    )
    return [("Leakage beyond the world's own", beyond.sep_slots, note)]


def _unlabelled(matrix: InterventionMatrix) -> list[tuple[object, float, object]]:
    own, others = matrix.own_gain, matrix.others_gain
    past = f"the past alone {number(matrix.past_diag)}, 95 % interval of the difference {interval(own)}"
    past += "" if math.isnan(matrix.p_diag) else f", p = {matrix.p_diag:.3f}"
    elsewhere = f"best is the past alone, {number(matrix.off_diag - others.value)}"
    return [
        ("Predicting own interventions", matrix.diag, f"mean AUROC, without labels; 1 is best; {past}"),
        ("Predicting others' interventions", matrix.off_diag, f"the same for other variables; {elsewhere}"),
    ]


def _card(name: object, value: float, note: object) -> Markup:
    parts = ((name, "name"), (number(value), "value"), (note, "note"))
    return element("div", *(element("p", words, class_=kind) for words, kind in parts), class_="card")


def variables(report: Report) -> Markup | str:
    """A line per variable: its verdict, its score, and where else it is."""
    evaluation = report.evaluation
    if evaluation.headline is None:
        return ""
    rows = [_variable(evaluation, *pair) for pair in verdicts(evaluation.headline.r2).items()]
    own, wrong = joined([SQUARED, " in that slot"]), joined(["largest ", SQUARED, " in other slots"])
    beyond = ["of it beyond the world's own"] if _beyond(evaluation) else []
    head = ("variable", "verdict", "slot", own, "95 % interval", wrong, *beyond, "latents in the slot")
    note = "Intervals are over the scored samples, not over seeds: train several seeds to know how far results vary."
    return section("Variables", table(head, rows), paragraph(note, note=True))


def _variable(evaluation: Evaluation, name: str, verdict: str) -> list[object]:
    headline, slots = evaluation.headline, evaluation.slots
    assert headline is not None
    slot = name if name in slots.variables else slots.names[-1]
    others = [other for other in slots.names if other != slot]
    wrong = max(((headline.r2[other, name], other) for other in others), default=(math.nan, ""))
    elsewhere = "n/a" if math.isnan(wrong[0]) else f"{number(wrong[0])} in {wrong[1]}"
    score = headline.r2[slot, name]
    shown = number(score) if math.isnan(score) else apart(score, IDENTIFIED, MOSTLY)
    latents = ", ".join(str(latent) for latent in slots.columns(slot)) or "none"
    beyond = [_beyond_in(evaluation, wrong[1], name)] if _beyond(evaluation) else []
    return [name, mark(verdict), slot, shown, between(headline.intervals.get(name)), elsewhere, *beyond, latents]


def _beyond_in(evaluation: Evaluation, slot: str, name: str) -> str:
    beyond = beyond_own(evaluation)
    return number(beyond[slot, name]) if beyond is not None and slot else ""


def contents(report: Report) -> Markup | str:
    """Both score matrices, and the same numbers by the other probes."""
    headline = report.evaluation.headline
    if headline is None:
        return ""
    note = (
        "Rows are slots, columns are variables. Each entry is the score of a probe that sees only the latents of one "
        "slot and predicts the variable on samples that it was not trained on. A frame marks the slot where a variable "
        "belongs (dashed: the noise slot, because the variable is never intervened on). Probe: "
    )
    probe = (element("b", headline.probe), f", {PROBE_NOTES.get(headline.probe, '')}.")
    pictures = (matrix_picture(headline.r2, SQUARED, "R2"), matrix_picture(headline.spearman, "Spearman", "Spearman"))
    excluded = {**headline.r2.excluded, **headline.spearman.excluded}
    left_out = "; ".join(f"{name}: {why}" for name, why in excluded.items())
    return section(
        "What each slot contains",
        paragraph(note, *probe),
        element("div", *pictures, class_="figures"),
        paragraph(f"Left out of the means: {left_out}.", note=True) if left_out else "",
        _scatter(headline),
        score_table({f"probe {name}": scores for name, scores in report.evaluation.probes.items()}, PROBE_NOTES),
    )


def _scatter(headline: Scores) -> Markup | str:
    read = [each for each in headline.read if each.factor not in headline.r2.excluded]
    if not read:
        return ""
    caption = "True values against those that the probe reads from the variable's own slot"
    shown = ", ".join(each.factor for each in read[: figures.MAX_CURVES])
    return picture(figures.scatter_figure(read), caption, f"Scatter plots of {shown}: the diagonal is a perfect slot.")


def comparison(report: Report) -> Markup | str:
    """The scores of the baselines, and of random assignments."""
    baselines, by_chance = report.evaluation.baselines, report.evaluation.chance
    parts: list[object] = []
    if baselines is not None:
        model = report.evaluation.probes.get(baselines.probe)
        lines = ({"this model": model} if model else {}) | dict(baselines.scores)
        notes = BASELINE_NOTES | dict.fromkeys(report.evaluation.equal_baselines, OWN_METHOD)
        probe = element("b", baselines.probe)
        parts += [paragraph("All scores use the probe ", probe, ", on the same samples."), score_table(lines, notes)]
    if by_chance is not None:
        parts.append(
            paragraph(
                f"Chance: over {by_chance.num_assignments} random assignments of the same latents to slots of the same "
                "sizes, the 95th percentile of the mean ",
                *(SQUARED, " in own slot is ", element("b", number(by_chance.r2))),
                f" (Spearman {number(by_chance.spearman)}). With the same probe, the model's assignment reaches ",
                element("b", number(by_chance.own_r2)),
                f" (Spearman {number(by_chance.own_spearman)}).",
            )
        )
    return section("Comparison with baselines and chance", *parts) if parts else ""
