from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from trisect.evaluation.baselines import Baselines
from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.report.figures import matrix_figure
from trisect.evaluation.report.page import render
from trisect.evaluation.report.report import Report, View
from trisect.evaluation.report.writing import write_report
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation, evaluate_latents
from trisect.files import replacing, write_atomically
from trisect.markup import printable
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, Statement

VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    """Checks that every tag is closed in the right order, and collects tags, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.alternatives: list[str | None] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.alternatives += [dict(attrs).get("alt")] if tag == "img" else []
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def report(baseline_input, impulse_world) -> Report:
    inputs = EvaluationInput(
        baseline_input.slots, baseline_input.transitions, impulse_world[1], baseline_input.latents, baseline_input.truth
    )
    identify = lambda latents, pairs, targets: (latents, np.eye(4, dtype=bool))  # noqa: E731
    evaluation = evaluate_latents(
        inputs, identify, np.random.default_rng(0), EvaluationSettings(("ridge",), target_steps=200)
    )
    curves = {"nll": (np.arange(9), np.arange(9))}
    frames = baseline_input.observations[0][:4]
    recipe = {"name": "citris_nf", "model": {"num_latents": 4}}
    cost = {"cpu_seconds": 12.0, "steps": 100, "peak_memory_mb": float("nan")}
    variables = ("a", "b", "c", "rest")
    return Report("a run", variables, evaluation, recipe, cost, curves, (frames, frames), ("targets look late",))


PROMISED = {
    "recipe", "variables", "r2", "spearman", "label_free", "baselines", "triplets", "graph", "warnings", "cost",
    "probe", "chance", "paragraph",
}  # fmt: skip


def test_names_that_scripts_rely_on(report, tmp_path: Path):
    path, _ = write_report(report, tmp_path)
    stored = json.loads(path.read_text())
    assert set(stored) >= PROMISED
    for scores in (stored["r2"], stored["spearman"], stored["baselines"]["closed form"]["r2"]):
        assert set(scores) >= {"matrix", "rows", "columns", "diag", "sep_slots", "sep_variables"}
    assert set(stored["label_free"]) >= {"matrix", "diag", "off_diag", "nll"}
    assert stored["cost"] == {"cpu_seconds": 12.0, "wall_seconds": None, "steps": 100, "peak_memory_mb": None}
    assert stored["variables"] == ["a", "b", "c", "rest"] and stored["targeted"] == ["a", "b", "c"]
    assert stored["slots"] == {"a": [0], "b": [1], "c": [2], "noise": [3]}
    assert stored["verdicts"]["a"] == "identified" and stored["verdicts"]["rest"] == "never intervened on"
    assert stored["triplets"] is None and stored["graph"] is None and stored["baselines"]["random encoder"] is None
    assert stored["warnings"][0] == "targets look late" and len(stored["warnings"]) == 3
    assert stored["r2"]["diag"] == pytest.approx(report.evaluation.headline.r2.diag)


def test_the_page_is_one_file_that_loads_nothing(report, tmp_path: Path):
    _, path = write_report(report, tmp_path)
    page = parsed(path.read_text(encoding="utf-8"))
    assert page.addresses and all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"https?://|@import|url\(", path.read_text(encoding="utf-8"))
    text = " ".join(page.text)
    results = ["All 3 targeted variables are identified", "targets look late", "shuffled targets", "95th percentile"]
    for expected in [*results, "Without labels", "Reconstructions", "Training", "cpu seconds", "model.num_latents"]:
        assert expected in text, expected
    assert page.tags.count("img") == 6 == len(page.alternatives) and all(page.alternatives)
    assert "details" in page.tags, "the settings are folded"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "<!--",
    "]]>&lt;&#x3c;script>",
    "javascript:alert(1)",
    "$\\frac{a$",
    "\u202egnirts\x00\ud800",
    "<" * 100,
]


def hostile_report(report: Report, evil: str) -> Report:
    """The report with this text in every field that holds text."""
    slots = Slots(report.evaluation.slots.assignment, (evil, "b", "c", "noise"))
    headline, free = report.evaluation.headline, report.evaluation.label_free
    renamed = {
        name: replace(
            getattr(headline, name), rows=slots.names, columns=(evil, "b", "c", f"{evil}!"), excluded={evil: evil}
        )
        for name in ("r2", "spearman")
    }
    scores = replace(headline, **renamed, probe=evil, read=tuple(each._replace(factor=evil) for each in headline.read))
    evaluation = replace(
        report.evaluation,
        slots=slots,
        probes={evil: scores},
        baselines=Baselines({evil: scores}, {}, evil),
        label_free=replace(free, rows=slots.names, columns=slots.variables),
        confidence={"mean": 1.0, "min": 1.0},
        warnings=(evil,),
        notes=(evil,),
        dependence=None,
        equal_baselines=(evil,),
        statements=(
            Statement(evil, CANNOT_TELL, 0.1, 0.0, 0.2, 0.1, 0.5, 9, 90, evil),
            Statement(evil, FOUND, *[1.0] * 5, 9),
        ),
    )
    finding = dict.fromkeys(("level", "code", "what", "evidence", "consequence", "advice"), evil)
    return Report(
        title=evil,
        variables=(evil,),
        evaluation=evaluation,
        recipe={evil: {evil: [evil, evil]}},
        cost={evil: 3.0, "steps": 3},
        history={evil: (np.arange(3), np.arange(3))},
        pictures=report.pictures,
        warnings=(evil,),
        findings=(finding, {"level": evil}, {}),
        notes=(evil,),
        about={evil: {evil: evil}},
        training={evil: {evil: evil}},
        views=(View(report_png(), evil, evil),),
    )


def report_png() -> bytes:
    return matrix_figure(np.zeros((1, 1)), ("a",), ("a",))


@pytest.mark.parametrize("evil", HOSTILE)
def test_no_text_of_a_stranger_becomes_code(report, evil):
    """Every text of a report, whoever wrote it, is shown as text: no tag, no attribute, no address comes from it."""
    page = render(hostile_report(report, evil))
    got, plain = parsed(page), parsed(render(hostile_report(report, "plain")))
    assert got.tags == plain.tags and got.attributes == plain.attributes
    assert all(address.startswith("data:image/png;base64,") for address in got.addresses)
    assert " ".join(got.text).count(printable(evil)) >= 20
    page.encode()


def test_a_level_that_is_not_known_is_shown_as_text(report):
    page = render(replace(report, findings=({"level": '"><b>x', "what": "w"},)))
    assert '<span class="level">&quot;&gt;&lt;b&gt;x</span>' in page
    known = render(replace(report, findings=({"level": "note", "what": "w"},)))
    assert '<span class="level note">note</span>' in known


def test_a_note_is_not_among_the_orange_warnings(report):
    page = render(
        replace(report, warnings=(), evaluation=replace(report.evaluation, warnings=(), notes=("no factors",)))
    )
    assert "no factors" in page and "<h2>Warnings</h2>" not in page


def test_the_certainty_of_slots_that_contain_nothing_is_not_given(report):
    certain = replace(report.evaluation, confidence={"mean": 1.0, "min": 1.0})
    assert "has a probability of 1.00 on average" in render(replace(report, evaluation=certain))
    free = certain.label_free
    useless = replace(free, matrix=free.past.copy())
    page = render(replace(report, evaluation=replace(certain, label_free=useless)))
    assert "has a probability" not in page and "How certain the assignment is says nothing here" in page


def test_undefined_numbers_of_a_statement_are_null(report, tmp_path: Path) -> None:
    nan = float("nan")
    evaluation = replace(report.evaluation, statements=(Statement("a", FOUND, nan, nan, nan, nan, nan, 3),))
    path, page = write_report(replace(report, evaluation=evaluation), tmp_path)
    (stored,) = json.loads(path.read_text())["statements"]
    assert stored["expected_r2"] is None and stored["p_value"] is None and stored["num_interventions"] == 3
    text = " ".join(parsed(page.read_text(encoding="utf-8")).text)
    assert not re.search(r"\bnan\b", text), text


def test_a_run_without_labels(tmp_path: Path):
    evaluation = Evaluation(Slots(np.eye(2, dtype=bool), ("a", "noise")), notes=("no ground-truth factors",))
    json_path, html_path = write_report(Report("bare", ("a",), evaluation), tmp_path)
    stored = json.loads(json_path.read_text())
    assert stored["r2"] is None and stored["label_free"] is None and stored["verdicts"] is None
    assert "There are no ground-truth factors" in stored["paragraph"] and stored["notes"] == ["no ground-truth factors"]
    assert "no ground-truth factors" in " ".join(parsed(html_path.read_text()).text)


def test_the_same_report_twice_is_the_same_page(report):
    assert render(report) == render(report)


def test_writing_is_all_or_nothing(report, tmp_path: Path):
    target = tmp_path / "report.json"
    target.write_text("old")
    with pytest.raises(ValueError):
        write_report(replace(report, recipe={"rate": float("nan")}), tmp_path)
    with pytest.raises(AttributeError), replacing(target) as beside:
        beside.no_such_thing()
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    write_atomically(target, "new")
    assert target.read_text() == "new" and target.stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("written", [0, 1])
def test_there_is_no_json_without_its_page(report, tmp_path: Path, monkeypatch, written: int):
    """A process that is stopped between the files leaves none, or the page alone."""
    done: list[Path] = []

    def stopped(path: Path, content: str | bytes) -> None:
        if len(done) == written:
            raise KeyboardInterrupt
        write_atomically(path, content)
        done.append(path)

    monkeypatch.setattr("trisect.evaluation.report.writing.write_atomically", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_report(report, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"][:written]


def test_the_json_knows_its_page(report, tmp_path: Path):
    path, page = write_report(report, tmp_path)
    assert json.loads(path.read_text())["files"] == {"report.html": hashlib.sha256(page.read_bytes()).hexdigest()}


def test_a_missing_folder_is_an_error(report, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_report(report, tmp_path / "nowhere")


def test_reporting_needs_no_torch():
    code = "import sys; from trisect.evaluation.report import figures, page, report, summary; "
    code += "from trisect.evaluation import baselines, chance, correlation, label_free, scores, suite; "
    code += "assert 'torch' not in sys.modules; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_page_lists_the_findings_of_the_inspection(report) -> None:
    finding = {
        "level": "warning",
        "code": "seldom-apart",
        "what": "a & b are hardly ever apart",
        "evidence": "3 <of> 100 steps",
        "consequence": "they can hardly be separated",
        "advice": "record more",
        "variables": ["a", "b"],
    }
    page = parsed(render(replace(report, findings=(finding,))))
    texts = " ".join(page.text)
    assert "The training data" in texts and "a & b are hardly ever apart" in texts and "3 <of> 100 steps" in texts
    assert "they can hardly be separated; record more" in texts
    assert "The training data" not in " ".join(parsed(render(report)).text)


def test_an_error_in_the_data_comes_before_all_verdicts(report) -> None:
    """What the data cannot tell apart is not called identified without saying so."""
    finding = {"level": "error", "what": "c follows from a and b", "consequence": "they cannot be separated"}
    flawed = replace(report, findings=(finding, {**finding, "level": "warning", "what": "few steps"}))
    assert flawed.to_json()["paragraph"].startswith(
        "Error in the data: c follows from a and b, so they cannot be separated. All 3 targeted variables"
    )
    assert "few steps" not in flawed.to_json()["paragraph"]


def test_the_page_says_which_weights_were_kept(report) -> None:
    facts = {"criterion": "nll", "steps": 40, "kept_step": 40, "kept_score": 14.97, "best_step": 20, "best_score": 8.53}
    page = render(replace(report, training={"flow": facts}))
    row = "<td>flow</td><td>40</td><td>40</td><td>15</td><td>20</td><td>8.53</td><td>nll</td>"
    assert row in page
