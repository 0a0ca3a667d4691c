"""``report.html``: the report as one page, in the order of the questions that readers ask."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trisect.evaluation.report import figures, summary
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.style import STYLE
from trisect.evaluation.report.verdicts import verdicts
from trisect.evaluation.score_matrix import ScoreMatrix, Scores

MAX_FRAMES = 10
PROBE_NOTES = {
    "published": "trained for 100 epochs, as in the papers, for comparison with their tables",
    "long": "trained for 3,000 steps or more; each entry uses the best checkpoint or closed-form regression: the "
    "strictest test for leakage",
    "ridge": "closed-form regression on random features: quick, used for the baselines and for chance",
}


def render(report: Report) -> str:
    """The whole page as a text."""
    body = "\n".join(section for section in _sections(report) if section)
    title = html.escape(report.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title} - trisect report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header><p class=kicker>trisect report</p><h1>{title}</h1></header>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    first, *others = summary.sentences(report.evaluation)
    yield f'<p class="lead">{html.escape(first)}</p>{_list(others)}'
    yield _warnings(report)
    yield _cards(report)
    yield _verdicts(report)
    yield _correlations(report)
    yield _baselines(report)
    yield _label_free(report)
    yield _triplets(report)
    yield _active_units(report)
    yield _reconstructions(report)
    yield _findings(report)
    yield _curves(report)
    yield _run(report)


def _warnings(report: Report) -> str:
    warnings = report.all_warnings
    return f'<aside class="warnings"><h2>Warnings</h2>{_list(warnings)}</aside>' if warnings else ""


def _cards(report: Report) -> str:
    headline, matrix = report.evaluation.headline, report.evaluation.label_free
    cards = []
    if headline is not None:
        r2 = headline.r2
        cards += [
            ("R&sup2; in own slot", r2.diag, "mean over targeted variables; 1 is best"),
            ("Leakage per slot", r2.sep_slots, "mean over slots of the largest R&sup2; of a wrong variable; 0 is best"),
            (
                "Leakage per variable",
                r2.sep_variables,
                "mean over variables of the largest R&sup2; in a wrong slot; 0 is best",
            ),
            ("Spearman in own slot", headline.spearman.diag, "mean over targeted variables; 1 is best"),
        ]
    if matrix is not None:
        cards += [
            ("Predicting own interventions", matrix.diag, "mean AUROC of the slots, without labels; 1 is best"),
            ("Predicting others' interventions", matrix.off_diag, "the same for other variables; 0.5 is best"),
        ]
    boxes = "".join(
        f'<div class="card"><p class="name">{name}</p><p class="value">{_number(value)}</p>'
        f'<p class="note">{note}</p></div>'
        for name, value, note in cards
    )
    return f'<div class="cards">{boxes}</div>' if boxes else ""


def _verdicts(report: Report) -> str:
    headline, slots = report.evaluation.headline, report.evaluation.slots
    if headline is None:
        return ""
    rows = []
    for name, verdict in verdicts(headline.r2).items():
        slot = name if name in slots.variables else slots.names[-1]
        others = [other for other in slots.variables if other != slot]
        wrong = max(((headline.r2[other, name], other) for other in others), default=(math.nan, ""))
        elsewhere = "n/a" if math.isnan(wrong[0]) else f"{_number(wrong[0])} in {html.escape(wrong[1])}"
        mark = f'<span class="verdict {verdict.split()[0]}">{verdict}</span>'
        cells = (html.escape(name), mark, html.escape(slot), _number(headline.r2[slot, name]), elsewhere)
        rows.append([*cells, ", ".join(str(latent) for latent in slots.columns(slot)) or "none"])
    head = (
        "variable",
        "verdict",
        "slot",
        "R&sup2; in that slot",
        "largest R&sup2; in other slots",
        "latents in the slot",
    )
    return _section("Variables", _table(head, rows))


def _correlations(report: Report) -> str:
    headline = report.evaluation.headline
    if headline is None:
        return ""
    note = (
        "Rows are slots, columns are variables. Each entry is the score of a probe that sees only the latents of one "
        "slot and predicts the variable on samples that it was not trained on. A frame marks the slot where a variable "
        "belongs (dashed: the noise slot, because the variable is never intervened on). "
        f"Probe: <b>{headline.probe}</b>, {PROBE_NOTES.get(headline.probe, '')}."
    )
    pictures = "".join(
        _figure(_matrix(scores), caption)
        for scores, caption in ((headline.r2, "R&sup2;"), (headline.spearman, "Spearman"))
    )
    excluded = {**headline.r2.excluded, **headline.spearman.excluded}
    left_out = "; ".join(f"{html.escape(name)}: {html.escape(why)}" for name, why in excluded.items())
    left_out = f"<p class=note>Left out of the means: {left_out}.</p>" if left_out else ""
    probes = _score_table({f"probe {name}": scores for name, scores in report.evaluation.probes.items()}, PROBE_NOTES)
    return _section("What each slot contains", f"<p>{note}</p><div class=figures>{pictures}</div>{left_out}{probes}")


def _baselines(report: Report) -> str:
    baselines, by_chance = report.evaluation.baselines, report.evaluation.chance
    parts = []
    if baselines is not None:
        model = report.evaluation.probes.get(baselines.probe)
        lines = ({"this model": model} if model else {}) | dict(baselines.scores)
        note = f"All scores use the probe <b>{baselines.probe}</b>, on the same samples."
        parts.append(f"<p>{note}</p>{_score_table(lines, BASELINE_NOTES)}")
    if by_chance is not None:
        parts.append(
            f"<p>Chance: over {by_chance.num_assignments} random assignments of the same latents to slots of the same "
            f"sizes, the 95th percentile of the mean R&sup2; in own slot is <b>{_number(by_chance.r2)}</b> "
            f"(Spearman {_number(by_chance.spearman)}). With the same probe, the model's assignment reaches "
            f"<b>{_number(by_chance.own_r2)}</b> (Spearman {_number(by_chance.own_spearman)}).</p>"
        )
    return _section("Comparison with baselines and chance", "".join(parts)) if parts else ""


BASELINE_NOTES = {
    "this model": "the model's latents and assignment",
    "all latents": "every slot sees all latents: an upper bound, all that the encoder contains",
    "closed form": "the latents before the flow, identified in closed form",
    "shuffled targets": "closed form with targets shuffled over time, mean of several shuffles: must be near chance",
    "random encoder": "random features of the observations, identified in closed form",
    "principal components": "principal components of the observations, identified in closed form",
}


def _label_free(report: Report) -> str:
    matrix, confidence = report.evaluation.label_free, report.evaluation.confidence
    if matrix is None:
        return ""
    note = (
        "No ground truth is used here. Each entry says how well a classifier predicts interventions on the column's "
        "variable from the previous frame and the row's slot (AUROC on held-out transitions). Best is 1 on the "
        "diagonal and 0.5 elsewhere."
    )
    picture = _figure(figures.matrix_figure(matrix.matrix, matrix.rows, matrix.columns, (0.5, 1.0)), "AUROC")
    past = ", ".join(f"{html.escape(name)} {_number(value)}" for name, value in zip(matrix.columns, matrix.baseline))
    facts = [f"AUROC from the previous frame alone: {past}."]
    if report.evaluation.nll is not None:
        facts.append(f"Held-out negative log-likelihood: {report.evaluation.nll:.3f} nats per transition.")
    if confidence is not None:
        facts.append(
            f"A latent's most probable slot has a probability of {confidence['mean']:.2f} on average and of at least "
            f"{confidence['min']:.2f}."
        )
    body = f"<p>{note}</p><div class=figures>{picture}</div><p class=note>{' '.join(facts)}</p>"
    return _section("Without labels", body)


def _triplets(report: Report) -> str:
    scores = report.triplets
    if scores is None:
        return ""
    note = (
        "Each slot's latents are taken from the first or the second frame, as a mask says for the slot's variable, and "
        "the mix is decoded. The scores say how far the result is from the true third frame: means over "
        f"{scores.num_triplets:,} triplets, smaller is better. Frames are compared in grey levels of 255, latents in "
        "their standard deviations."
    )
    comparisons = (
        "Oracle: the true third frame, encoded and decoded. True frames: the third frames themselves, which shows the "
        "causal encoder's own error. First frame: nothing is changed. Random slots: the same latents, assigned to "
        "slots at random. Random encoder: random features, identified in closed form and mapped back linearly."
    )
    has_variables = bool(next(iter(scores.rows.values())).variables)
    if has_variables:
        note += " A causal encoder measures the variables, in half ranges, half turns or the share of wrong categories."
    names = [*scores.targeted, "mean"] if has_variables else []
    rows = [
        [
            html.escape(name),
            *(_fine(score.variables[each]) for each in scores.targeted if has_variables),
            *([_fine(score.mean(scores.targeted))] if has_variables else []),
            _fine(score.observation),
            _fine(score.latents),
        ]
        for name, score in scores.rows.items()
    ]
    breaking = (html.escape(name).replace("_", "_<wbr>") for name in names)
    table = _table(("", *breaking, "frames", "latents"), rows)
    picture = "" if scores.pictures is None else _figure(figures.frames_figure(scores.pictures), "")
    return _section("Triplets", f"<p>{note}</p>{table}<p class=note>{comparisons}</p>{picture}")


def _active_units(report: Report) -> str:
    units = report.evaluation.active_units
    if units is None:
        return ""
    body = f"{html.escape(units.sentence)} KL per latent: {', '.join(_number(float(value)) for value in units.kl)}."
    return _section("Active latents", f"<p>{body}</p>")


def _reconstructions(report: Report) -> str:
    if report.pictures is None:
        return ""
    png = figures.reconstruction_figure(*(frames[:MAX_FRAMES] for frames in report.pictures))
    return _section("Reconstructions", _figure(png, ""))


def _curves(report: Report) -> str:
    return _section("Training", _figure(figures.curves_figure(report.history), "")) if report.history else ""


def _findings(report: Report) -> str:
    """What the inspection reports about the training data, one finding per line."""
    rows = [
        [
            f'<span class="level {finding["level"]}">{finding["level"]}</span>',
            html.escape(finding["what"]),
            html.escape(finding["evidence"]),
            html.escape(f"{finding['consequence']}; {finding['advice']}"),
        ]
        for finding in report.findings
    ]
    return (
        _section("The training data", _table(("", "finding", "evidence", "consequence and advice"), rows))
        if rows
        else ""
    )


def _run(report: Report) -> str:
    cost = _table(("cost", ""), [[_words(name), _amount(value)] for name, value in report.cost.items()])
    recipe = _table(("recipe", ""), [[html.escape(name), _value(value)] for name, value in _flat(report.recipe)])
    tables = [table for table, values in ((cost, report.cost), (recipe, report.recipe)) if values]
    return _section("The run", f"<div class=pair>{''.join(tables)}</div>") if tables else ""


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _matrix(scores: ScoreMatrix) -> bytes:
    return figures.matrix_figure(scores.matrix, scores.rows, scores.columns)


def _figure(png: bytes, caption: str) -> str:
    width, height = figures.png_size(png)
    title = f"<figcaption>{caption}</figcaption>" if caption else ""
    image = f'<img src="{figures.data_url(png)}" width="{width}" height="{height}" alt="{caption}">'
    return f"<figure>{title}{image}</figure>"


def _score_table(lines: Mapping[str, Scores], notes: Mapping[str, str]) -> str:
    rows = [
        [
            html.escape(name),
            *(
                _number(value)
                for value in (scores.r2.diag, scores.r2.sep_slots, scores.r2.sep_variables, scores.spearman.diag)
            ),
            notes.get(name.removeprefix("probe "), ""),
        ]
        for name, scores in lines.items()
    ]
    head = ("", "R&sup2; own slot", "leak / slot", "leak / variable", "Spearman own slot", "")
    return _table(head, rows)


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in sentences) + "</ul>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _number(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2f}".replace("-0.00", "0.00")


def _fine(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.3f}"


def _amount(value: float | int | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _value(value: Any) -> str:
    return html.escape(", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value))


def _words(name: str) -> str:
    return html.escape(name.replace("_mb", " (MB)").replace("_", " "))
