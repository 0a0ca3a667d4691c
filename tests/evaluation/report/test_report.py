from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from trisect.evaluation.report.page import render
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.writing import write_report
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation, EvaluationInput, EvaluationSettings, evaluate_latents
from trisect.files import write_atomically

VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    """Checks that every tag is closed in the right order, and collects tags, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
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
    assert page.tags.count("img") == 5


def test_names_cannot_inject_html(report):
    evil = "<script>alert(1)</script>"
    hostile = replace(report, title=evil, recipe={evil: evil}, warnings=(evil,), history={})
    page = render(hostile)
    assert evil not in page and page.count("&lt;script&gt;") >= 4
    parsed(page)


def test_a_run_without_labels(tmp_path: Path):
    evaluation = Evaluation(Slots(np.eye(2, dtype=bool), ("a", "noise")), warnings=("no ground-truth factors",))
    json_path, html_path = write_report(Report("bare", ("a",), evaluation), tmp_path)
    stored = json.loads(json_path.read_text())
    assert stored["r2"] is None and stored["label_free"] is None and stored["verdicts"] is None
    assert "There are no ground-truth factors" in stored["paragraph"]
    assert "no ground-truth factors" in " ".join(parsed(html_path.read_text()).text)


def test_the_same_report_twice_is_the_same_page(report):
    assert render(report) == render(report)


def test_writing_is_all_or_nothing(report, tmp_path: Path):
    target = tmp_path / "report.json"
    target.write_text("old")
    with pytest.raises(ValueError):
        write_report(replace(report, recipe={"rate": float("nan")}), tmp_path)
    with pytest.raises(UnicodeEncodeError):
        write_atomically(target, "new \ud800")
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    write_atomically(target, "new")
    assert target.read_text() == "new" and target.stat().st_mode & 0o444 == 0o444


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
