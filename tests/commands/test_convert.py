"""What `trisect convert` says and does at a shell prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trisect import load
from trisect.cli import main
from trisect.variables import Angle, Categorical, Continuous

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
TARGETS = RNG.random((29, 3)) < 0.4
KEYS = np.array(["lamp", "arm", "box"])


def file(folder: Path, **changes: np.ndarray) -> str:
    arrays = {"images": IMAGES, "targets": TARGETS, "keys": KEYS, **changes}
    np.savez(folder / "mine.npz", **arrays)
    return str(folder / "mine.npz")


def test_variables_may_be_declared_by_flags(tmp_path: Path) -> None:
    truth = np.stack([RNG.random(30), RNG.uniform(-3, 3, 30), RNG.integers(0, 3, 30)], axis=1)
    flags = ["--variable", "lamp=continuous:0:1", "--variable", "arm=angle", "--variable", "box=categorical:3"]
    assert main(["convert", file(tmp_path, latents=truth), "--out", str(tmp_path / "out"), *flags]) == 0
    assert load(tmp_path / "out").variables.factors == (Continuous("lamp", 0, 1), Angle("arm"), Categorical("box", 3))


@pytest.mark.parametrize("flags", [["--levels", "-1..1"], ["--levels=-1..1"]])
def test_a_range_may_begin_with_a_minus(tmp_path: Path, flags: list[str]) -> None:
    images = (IMAGES / 127.5 - 1).astype(np.float32)
    assert main(["convert", file(tmp_path, images=images), "--out", str(tmp_path / "out"), *flags]) == 0
    parts = [split.observations for split in load(tmp_path / "out").values()]
    assert np.array_equal(np.concatenate(parts), IMAGES)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope.npz"], 1, "the file to convert must be there; got no file 'nope.npz'; check the path"),
        (
            ["FILE", "--variable", "lamp=number"],
            2,
            "the kind of --variable lamp must be continuous, continuous:LOW:HIGH",
        ),
        (["FILE", "--variable", "box=categorical:x"], 2, "--variable box=categorical:x: invalid literal"),
        (["FILE", "--variable", "lamp=continuous:2:1"], 2, "the range of factor 'lamp' must be low < high"),
        (["FILE", "--variable", "noise=angle"], 2, "must be other than 'noise'"),
        (["FILE", "--name", "image=images"], 1, "an array that --name or names= maps must be one of images"),
    ],
)
def test_wrong_arguments_get_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    given = [file(tmp_path) if word == "FILE" else word for word in arguments]
    assert main(["convert", *given, "--out", str(tmp_path / "out")]) == code
    shown = capsys.readouterr().err
    assert said in shown and "Traceback" not in shown


def test_factors_without_kinds_get_the_flag_that_declares_them(tmp_path: Path, capsys) -> None:
    assert main(["convert", file(tmp_path, latents=np.zeros((30, 3))), "--out", str(tmp_path / "out")]) == 1
    assert "--variable NAME=KIND for each, such as --variable lamp=continuous" in capsys.readouterr().err
