"""What a conversion would do is said before it is done, and written to a plan that can be changed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.data.convert.formats import FORMATS, encode_film, record, write_d4rl, write_pictures

import trisect
from trisect.cli import main
from trisect.data import Dataset
from trisect.data.convert import understand
from trisect.data.convert.plans import options_of


def equal(one: Dataset, other: Dataset) -> bool:
    arrays = ("observations", "targets", "factors", "starts")
    return [*one] == [*other] and all(
        np.array_equal(getattr(one[split], name), getattr(other[split], name)) for split in one for name in arrays
    )


@pytest.mark.parametrize("name", [*FORMATS, "d4rl"])
def test_a_plan_says_all_that_was_understood(name: str, tmp_path: Path) -> None:
    """Converting by the plan alone, after a round through YAML, gives the same data set."""
    write = FORMATS.get(name, write_d4rl)
    options = write(record(), tmp_path / "in")
    plan = yaml.safe_load(yaml.safe_dump(understand(tmp_path / "in", **options).plan, sort_keys=False))
    planned = trisect.convert(tmp_path / "in", tmp_path / "planned", **options_of(plan))
    assert equal(trisect.convert(tmp_path / "in", tmp_path / "out", **options), planned)
    assert plan["columns"]["targets"] and plan.get("alignment") in ("cause", "effect", None)


def test_a_plan_is_written_changed_and_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pictures(record(), tmp_path / "in")
    plan, flags = (
        tmp_path / "plan.yaml",
        ["--targets", "lamp,cart", "--alignment", "effect", "--factors", "light,place"],
    )
    assert main(["convert", str(tmp_path / "in"), *flags, "--dry-run", "--plan", str(plan)]) == 0
    said = capsys.readouterr()
    assert "found: tables and pictures" in said.out and "targets: lamp, cart" in said.out and "--dry-run" in said.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "plan.yaml"]
    text = plan.read_text()
    assert text.startswith("# ") and "#   factors: light, place" in text
    plan.write_text(text.replace("size:", "").replace("stack: 1\n", "stack: 2\n") + "size: [8, 12]\n")
    assert main(["convert", str(tmp_path / "in"), "--plan", str(plan), "--out", str(tmp_path / "out")]) == 0
    assert trisect.load(tmp_path / "out").observation_shape == (8, 12, 6)


def test_flags_come_before_the_plan(tmp_path: Path) -> None:
    write_pictures(record(), tmp_path / "in")
    plan = tmp_path / "plan.yaml"
    plan.write_text("alignment: cause\nsize: [8, 12]\ncolumns: {targets: [lamp], factors: [light], missing: hold}\n")
    command = ["convert", str(tmp_path / "in"), "--plan", str(plan), "--out", str(tmp_path / "out")]
    assert main([*command, "--alignment", "effect", "--targets", "cart", "--factors", "place", "--size", "4x6"]) == 0
    data = trisect.load(tmp_path / "out")
    assert data.variables.names == ("cart",) and data.observation_shape == (4, 6, 3)
    assert data.source["alignment"] == "effect"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("alignement: cause\n", 2, "an option in a plan must be one of .*; did you mean 'alignment'"),
        ("- a\n", 2, "must be a mapping of options"),
        ("columns: {targts: [lamp]}\n", 1, "a role of columns must be one of .*; did you mean 'targets'"),
        ("variables: {lamp: number}\n", 2, "the kind of the variable lamp must be continuous"),
        ("size: [8]\n", 1, "the option 'size' of convert must be height and width in pixels"),
        ("rate: fast\n", 1, "the option 'rate' of convert must be a number"),
        ("x: &a [1]\ny: !!python/object:os.system\n", 2, "without tags"),
    ],
)
def test_wrong_plans_are_refused_in_a_sentence(
    text: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(record((20,)), tmp_path / "in")
    (tmp_path / "plan.yaml").write_text(text)
    command = ["convert", str(tmp_path / "in"), "--plan", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out")]
    assert main(command) == code
    assert re.search(message, capsys.readouterr().err) and not (tmp_path / "out").exists()


def test_what_npz_files_of_splits_hold_is_said_without_reading_their_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = record((60,))
    (tmp_path / "in").mkdir()
    for split in ("train", "val"):
        arrays = {"images": recorded.frames, "targets": recorded.targets[1:], "latents": recorded.factors}
        np.savez(tmp_path / "in" / f"{split}.npz", **arrays, keys=np.array(["lamp", "cart"]), notes=np.arange(3))
    flags = ["--variable", "lamp=continuous", "--variable", "cart=continuous"]
    assert main(["convert", str(tmp_path / "in"), "--dry-run", *flags]) == 0
    said = capsys.readouterr().out
    assert "observations (16, 24, 3)" in said and "arrays that are not read: notes" in said
    assert "split val: 60 rows" in said and [each.name for each in tmp_path.iterdir()] == ["in"]
    single = tmp_path / "in" / "train.npz"
    assert main(["convert", str(single), "--dry-run", "--plan", str(tmp_path / "plan.yaml"), *flags]) == 0
    assert main(["convert", str(single), "--plan", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert len(trisect.load(tmp_path / "out")["test"]) == 12


def test_the_contact_sheet_shows_the_frames_around_interventions(tmp_path: Path) -> None:
    write_pictures(record(), tmp_path / "in")
    flags = ["--targets", "lamp,cart", "--alignment", "effect"]
    assert main(["convert", str(tmp_path / "in"), *flags, "--dry-run", "--sheet", str(tmp_path / "a.png")]) == 0
    out = ["--out", str(tmp_path / "out"), "--sheet", str(tmp_path / "b.png")]
    assert main(["convert", str(tmp_path / "in"), *flags, *out]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(("text", "code"), [("64by64", 2), ("0x4", 1), ("", 2)])
def test_a_wrong_size_is_refused(text: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    encode_film(record((20,)).frames, tmp_path / "in" / "film.mkv")
    (tmp_path / "in" / "log.csv").write_text("lamp\n" + "0\n1\n" * 10)
    command = ["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--targets", "lamp", "--size", text]
    assert main([*command, "--alignment", "effect"]) == code
