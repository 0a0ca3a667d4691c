"""Folders may have any name that the file system allows, also one whose bytes are not UTF-8."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import trisect
from trisect.cli import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems only have names in Unicode")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_name_in_another_encoding_serves_every_verb(tmp_path: Path, capsys) -> None:
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/r\xe9sultat"))
    data, out = tmp_path / "data", folder
    world = ["linear", "--set", "num_variables=2", "--set", "num_latents=3", "--episode-length", "50"]
    assert run("generate", *world, "--frames", "400", "--out", data) == 0
    training = ["--flow_training.steps", "3", "--flow.num_blocks", "2"]
    assert run("train", "citris-nf", "--data", data, "--out", out, *training) == 0
    assert run("evaluate", out, "--quick") == 0
    shown = capsys.readouterr()
    assert "next: trisect evaluate" in shown.out and "r\\udce9sultat" in shown.out
    assert (out / "report.html").stat().st_size > 1000
    for ending in (".npz", ".csv", ".parquet"):
        assert run("latents", out, "--out", f"{out}{ending}") == 0
        assert Path(f"{out}{ending}").stat().st_size > 1000
    assert run("export", out, "--out", f"{out}-export") == 0
    assert trisect.load_export(f"{out}-export").variables == ("c0", "c1")
    assert run("export", out, "--out", f"{out}-graphs", "--onnx") == 1
    assert "the folder for ONNX graphs must be one whose name is text in UTF-8; got" in capsys.readouterr().err
