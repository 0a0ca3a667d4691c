"""`trisect export` on data sets: flags, files, and the way back; `tests/runs/export` has runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.cli import main
from trisect.data import save, simulate
from trisect.data.dataset import Dataset
from trisect.worlds import make


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    splits = {name: simulate(world, num, rng, 20) for name, num in (("train", 60), ("val", 20), ("test", 20))}
    return save(Dataset(splits), tmp_path / "boxes")


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("layout", ["lerobot", "huggingface"])
def test_a_data_set_goes_out_and_comes_back(layout: str, boxes: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert run("export", boxes, "--as", layout, "--out", out, "--fps", "5") == 0
    shown = capsys.readouterr()
    assert f"to read it back: trisect convert {out} --out FOLDER" in shown.out and "files, 0." in shown.out
    assert "frames: 100 of 100" in shown.err
    assert run("convert", out, "--out", tmp_path / "back") == 0
    given, back = trisect.load(boxes), trisect.load(tmp_path / "back")
    assert list(back) == ["train", "val", "test"] and back.variables == given.variables
    assert all(np.array_equal(back[name].observations, given[name].observations) for name in given)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "must be named with --as; got none; pass one of --as lerobot, --as huggingface"),
        (["--as", "hdf5"], 2, "--as must be one of lerobot, huggingface; got 'hdf5'"),
        (["--as", "lerobot", "--onnx"], 2, "--onnx is for a run, and boxes holds a data set: leave it out"),
        (["--as", "lerobot", "--data", "x"], 2, "--data is for a run, and boxes holds a data set: leave it out"),
        (["--as", "lerobot", "--fps", "0"], 2, "--fps must be a whole number of at least 1; got '0'"),
    ],
)
def test_flags_that_do_not_fit_a_data_set(words, code, message, boxes, monkeypatch, capsys) -> None:
    monkeypatch.chdir(boxes.parent)
    assert run("export", "boxes", "--out", "out", *words) == code
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(("flag", "value"), [("--as", "lerobot"), ("--fps", "3")])
def test_flags_that_do_not_fit_a_run(flag, value, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run", "run.json").write_text("{}")
    assert run("export", "run", "--out", "out", flag, value) == 2
    assert f"{flag} is for a data set, and run holds a run: leave it out" in capsys.readouterr().err


def test_a_folder_that_is_neither_is_said_to_be(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.partial").mkdir()
    assert run("export", "data.partial", "--out", "out", "--as", "lerobot") == 1
    assert "must be a folder with a meta.json" in capsys.readouterr().err
    assert run("export", "nowhere", "--out", "out") == 1
    assert "no run.json in it" in capsys.readouterr().err


def test_an_existing_folder_is_refused(boxes: Path, capsys) -> None:
    assert run("export", boxes, "--as", "lerobot", "--out", boxes) == 1
    assert "the folder to export to must be new" in capsys.readouterr().err
