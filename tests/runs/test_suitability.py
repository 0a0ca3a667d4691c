"""Training refuses data with errors unless they are ignored, logs warnings, and the report contains the findings."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.edited import edit_json

import trisect
from trisect.cli import main
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.recipes import closed_form
from trisect.variables import anonymous

NAMES = ("a", "b", "c")


def drifting(shift: int = 0, rates: tuple[float, ...] = (0.1, 0.1, 0.1), num: int = 2000) -> Dataset:
    """Vectors of three numbers that drift, and jump at interventions; targets may be shifted by some rows."""
    rng = np.random.default_rng(0)
    targets = rng.random((num, 3)) < rates
    values = np.zeros((num, 3))
    for t in range(1, num):
        drifted = 0.9 * values[t - 1] + 0.1 * rng.normal(size=3)
        values[t] = np.where(targets[t], 2 * rng.normal(size=3), drifted)
    mixed = (values @ rng.normal(size=(3, 3))).astype(np.float32)
    whole = Recording(mixed, np.roll(targets, shift, axis=0), anonymous(NAMES))
    first, second = num - 600, num - 300
    return Dataset({"train": whole.rows(0, first), "val": whole.rows(first, second), "test": whole.rows(second, num)})


def train(data: Dataset, out: Path, **options: bool) -> trisect.runs.train.Run:
    return trisect.train(closed_form(), data, out, progress=False, **options)


def test_shifted_targets_are_refused_before_anything_is_written(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"without errors .*got the effect of row t.*despite_errors=True"):
        train(drifting(shift=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ignored_errors_are_in_the_report(tmp_path) -> None:
    data = drifting(shift=1)
    run = train(data, tmp_path / "run", despite_errors=True)
    report = trisect.evaluate(run, data, quick=True)
    assert [each["code"] for each in report["findings"] if each["level"] == "error"] == ["shifted"]
    assert any("In the data: the effect of row t" in sentence for sentence in report["warnings"])
    assert "In the data: the effect of row t" in (tmp_path / "run" / "report.html").read_text()


def test_sound_data_are_trained_on_without_a_warning(tmp_path, caplog) -> None:
    data = drifting()
    with caplog.at_level(logging.WARNING):
        run = train(data, tmp_path / "run")
    assert not caplog.records
    codes = [each["code"] for each in run.findings]
    assert "aligned" in codes and all(each["level"] == "note" for each in run.findings)
    assert trisect.load_run(tmp_path / "run").findings == run.findings
    report = trisect.evaluate(run, data, quick=True)
    assert [each["code"] for each in report["findings"]] == codes
    assert not any("In the data" in sentence for sentence in report["warnings"])


def test_warnings_are_logged(tmp_path, caplog) -> None:
    data = drifting(rates=(0.1, 0.1, 0.008))
    with caplog.at_level(logging.WARNING):
        train(data, tmp_path / "run")
    assert any("few steps intervene on c" in record.getMessage() for record in caplog.records)


def test_a_run_without_stored_findings_is_read(tmp_path) -> None:
    train(drifting(), tmp_path / "run")
    edit_json(tmp_path / "run" / "run.json", lambda described: described.pop("findings"))
    assert trisect.load_run(tmp_path / "run").findings == ()


def test_the_command_line_refuses_unless_errors_are_ignored(tmp_path, capsys) -> None:
    store.save(drifting(shift=-1), tmp_path / "data")
    given = ["train", "closed-form", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run"), "--quiet"]
    assert main(given) == 1
    assert "--despite-errors" in capsys.readouterr().err
    assert main([*given, "--despite-errors"]) == 0
