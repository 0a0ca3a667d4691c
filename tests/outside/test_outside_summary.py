from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def report() -> dict[str, Any]:
    """A report with two variables, in which slot a predicts 0.2 of b beyond its own, and b's drawing is off by .4."""
    return {
        "targeted": ["a", "b"],
        "r2": {"rows": ["a", "b", "noise"], "columns": ["a", "b"], "matrix": [[0.987, 0.3], [0.0, 0.999], [0.1, 0.2]]},
        "leakage_beyond": {
            "rows": ["a", "b", "noise"],
            "columns": ["a", "b"],
            "matrix": [[0.0, 0.2], [0.1, 0.0], [0.5, 0.5]],
        },
        "visibility": {
            "a": {"frames": {"auroc": 0.9}, "latents": {"auroc": 0.8}, "slot": {"auroc": 0.7}},
            "b": {"frames": {"auroc": 1.0}, "latents": {"auroc": 0.9}, "slot": {"auroc": 0.5}},
        },
        "decoding": {"slots": {"a": {"swapped": 0.2}, "b": {"swapped": 0.4}}},
        "statements": [{"variable": "a", "verdict": "found"}, {"variable": "b", "verdict": "cannot tell"}],
        "cost": {"cpu_seconds": 123.4},
    }


def test_a_row_summarises_a_report(benchmark_module: Any) -> None:
    row = benchmark_module("summary").row(report(), "world-1")
    assert row == ["world-1", "a .99, b 1.00", "0.150", ".95, .85, .60", "b", ".30", "123"]


def test_a_quick_report_without_statements_leaves_cells_empty(benchmark_module: Any) -> None:
    given = report() | {"decoding": None, "statements": None}
    given["visibility"] = {name: {"slot": each["slot"]} for name, each in given["visibility"].items()}
    given["r2"]["matrix"][0] = [None, 0.3]
    given["r2"]["matrix"][1] = [0.0, -0.03]
    assert benchmark_module("summary").row(given, "w")[1:6] == ["a n/a, b -.03", "0.150", ", , .60", "", ""]


def test_errors_above_1_are_not_cut(benchmark_module: Any) -> None:
    given = report()
    given["decoding"]["slots"]["b"]["swapped"] = 2.3
    assert benchmark_module("summary").row(given, "w")[5] == "1.25"


def test_the_table_names_every_run(
    benchmark_module: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(report()))
    monkeypatch.setattr("sys.argv", ["summary.py", str(tmp_path / "one"), str(tmp_path / "two")])
    benchmark_module("summary").main()
    lines = capsys.readouterr().out.splitlines()
    monkeypatch.setattr("sys.argv", ["summary.py", str(tmp_path / "three")])
    with pytest.raises(SystemExit):
        benchmark_module("summary").main()
    assert "a run must be evaluated; got no report.json" in capsys.readouterr().err
    assert len(lines) == 4 and lines[2].startswith("| one | a .99") and lines[3].startswith("| two |")
