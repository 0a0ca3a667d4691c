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
        (["FILE", "--variable", "box=categorical:x"], 2, "the kind of --variable box (categorical:x): invalid literal"),
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


SET_POINTS = np.stack([np.arange(29) // 4 * 1.5, np.arange(29) // 6 % 2, TARGETS[:, 0]], axis=1)


@pytest.mark.parametrize("before", [True, False])
def test_set_points_are_encoded_by_flags(before: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags, folder = ["--encode", "lamp=switch", "arm=switch"], file(tmp_path, targets=SET_POINTS)
    arguments = [*flags, folder] if before else [folder, *flags]
    assert main(["convert", *arguments, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "targets of lamp were encoded: 1 marks the rows in which its level changed" in printed
    assert "targets of box were" not in printed
    targets = np.concatenate([split.targets for split in load(tmp_path / "out").values()])
    changed = np.diff(SET_POINTS[:, :2], axis=0, prepend=SET_POINTS[:1, :2]) != 0
    cuts = np.cumsum([len(split) for split in load(tmp_path / "out").values()])[:-1]
    rows = np.setdiff1d(np.arange(1, 30), cuts)
    assert np.array_equal(targets[rows, :2], changed[rows - 1])
    assert np.array_equal(targets[rows, 2], TARGETS[rows - 1, 0])


def test_one_encoding_is_for_all_that_are_not_named(tmp_path: Path) -> None:
    given = ["convert", file(tmp_path, targets=SET_POINTS), "--out", str(tmp_path / "out")]
    assert main([*given, "--encode=switch", "--encode", "box=level"]) == 0
    assert load(tmp_path / "out").source["encoded"] == {"lamp": "switch", "arm": "switch", "box": "level"}


def test_a_name_with_an_equals_sign_can_be_encoded(tmp_path: Path) -> None:
    log = np.arange(30)[:, None] // 5 % 2
    np.savez(tmp_path / "log.npz", vectors=np.random.default_rng(0).normal(size=(30, 3)), targets=log, keys=["a=b"])
    given = ["convert", str(tmp_path / "log.npz"), "--out", str(tmp_path / "out"), "--alignment", "effect"]
    assert main([*given, "--encode", "a=b=switch"]) == 0
    assert load(tmp_path / "out").source["encoded"] == {"a=b": "switch"}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            [],
            "must be 0 or 1; got 1.5 at row 4, column 0 (lamp); if they are levels or set-points, pass encode='switch'",
        ),
        (["--encode", "switch="], "the option 'encode' of convert must be one of switch, level, jump:NUMBER; got ''"),
        (["--encode", "fan=switch"], "must be one of lamp, arm, box, *; got 'fan'"),
        (
            ["--encode", "level"],
            "the column 'lamp' of the targets of 'mine.npz' must be switches, 0 or 1, or a level of",
        ),
    ],
)
def test_what_cannot_be_encoded_is_one_sentence(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", file(tmp_path, targets=SET_POINTS), "--out", str(tmp_path / "out"), *flags]) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
