"""Every page of docs/how-to runs: its python blocks one after the other, in an empty folder."""

from __future__ import annotations

import gc
import logging
import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trisect
from trisect.cli import main
from trisect.sealed import read_json

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "how-to"
PAGES = ("own-encoder", "embeddings", "own-vectors", "score-any-encoder")


def blocks(page: str) -> list[str]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def shell_commands(page: str) -> list[list[str]]:
    """The words of every command of the page, without the program's name."""
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    shown = "".join(re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    return [shlex.split(line)[1:] for line in shown.splitlines()]


def run(page: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": page}
    for number, block in enumerate(blocks(page)):
        exec(compile(block, f"{page}.md, block {number}", "exec"), names)
    return names


def diagonal(report: dict[str, Any], variables: list[str]) -> list[float]:
    r2 = report["r2"]
    return [r2["matrix"][r2["rows"].index(name)][r2["columns"].index(name)] for name in variables]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run(page)
    assert min(diagonal(names["report"], list(names["data"].targeted))) > 0.9
    if "restored" in names:
        given, restored = names["data"]["test"].observations, names["restored"].detach().numpy()
        lost = np.square(given[: len(restored)] - restored).mean() / given.var(axis=0).mean()
        assert lost < 3 * (1 - float(names["reduction"].explained))


def test_the_page_on_a_recording_of_ones_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("your-own-recording")
    assert {finding.level for finding in names["inspection"].findings} == {"note"}
    assert names["inspection"].alignment.lag == 0
    for report in (names["report"], names["sensor_report"]):
        lamp, cart, _ = np.array(report["label_free"]["matrix"])
        assert min(lamp[0], cart[1]) > 0.85 > 0.75 > max(lamp[1], cart[0])
    drawn = (names["swapped"].detach().numpy().transpose(0, 2, 3, 1) + 1) * 127.5
    here, there = names["here"], names["there"]
    assert np.abs(_cart(drawn) - _cart(there)).mean() < 1.5 < 4 < np.abs(_cart(here) - _cart(there)).mean()
    assert np.abs(drawn[:, 4, 4, 0] - here[:, 4, 4, 0]).mean() < 25, "the lamp stays"


def _cart(frames: np.ndarray) -> np.ndarray:
    """Where the cart of the page on a recording of one's own is, in pixels."""
    bright = (frames[:, 17, :, 2].astype(float) - 60).clip(min=0)
    return (bright @ np.arange(24.0)) / bright.sum(axis=1)


def test_the_page_on_inspection_finds_what_it_says() -> None:
    names = run("inspect")
    assert [finding.code for finding in names["found"].at("error")] == ["equal-targets"]
    assert [suggestion.group for suggestion in names["found"].suggestions] == [("lamp", "shade")]
    assert [finding.code for finding in trisect.inspect(names["late"]).at("error")] == ["shifted"]
    assert trisect.inspect(names["late"]).alignment.lag == -1
    assert {finding.level for finding in trisect.inspect(names["mended"]).findings} == {"note"}
    lamp, heater = trisect.inspect(names["log"]).facts[:2]
    assert lamp.startswith("targets of lamp: held, ") and "; switches fit better (--encode switch): " in lamp
    assert heater.startswith("targets of heater: held, ") and "; keep the level: " in heater
    assert "its effect shows in its own row (share 0." in lamp and "(most in its own row: share 0." in heater
    assert [each.kind for each in trisect.inspect(names["switched"]).kinds] == ["switches", "held"]


def test_the_page_on_a_sensor_log(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("sensor-log")
    _kinds_are_as_the_page_says(names["inspection"], names["data"])
    page = (FOLDER / "sensor-log.md").read_text(encoding="utf-8")
    assert "\n".join(map(str, names["run"].statements)) in page
    assert all(statement.low > 0.96 for statement in names["run"].statements[:3])
    short = {each.variable: each for each in names["first_try"].statements}
    assert short["valve"].verdict == short["relief"].verdict == "cannot tell"
    assert short["valve"].settling > short["valve"].num_interventions == 189
    assert short["lamp"].verdict == "found" and short["lamp"].num_interventions == 12
    model = names["first_try"].model
    follows = np.corrcoef(model.slots(model.encode(names["sensors"]))["lamp"][:, 0], names["light"])[0, 1]
    assert follows**2 > short["lamp"].low > 0.8
    for again in (names["with_history"], names["fewer"]):
        assert [each.verdict for each in again.statements] == ["found"] * 3 + ["not there"]
    _slots_follow_the_plant(names)
    assert "3 of the 4 variables are found (valve, lamp, relief)" in names["report"]["paragraph"]
    assert names["report"]["label_free"]["diag_p_value"] < 0.01
    _the_shell_says_the_same(names, caplog)


def _kinds_are_as_the_page_says(inspection: Any, switched: Any) -> None:
    valve, lamp, relief, spare = inspection.facts[:4]
    for fact, kind in ((valve, "held"), (lamp, "held"), (relief, "momentary"), (spare, "held")):
        assert fact.startswith(f"targets of {fact.split()[2].rstrip(':')}: {kind}")
    assert "switches fit better (--encode switch)" in lamp
    assert "keep the level" in valve
    assert "its effect shows in its own row" in lamp
    assert "its effect shows in its own row" in relief
    assert [each.kind for each in trisect.inspect(switched).kinds] == ["held", "switches", "momentary", "held"]


def _slots_follow_the_plant(names: dict[str, Any]) -> None:
    for slot, truth in (("valve", "temperature"), ("lamp", "light"), ("relief", "pressure")):
        follows = np.corrcoef(names["slots"][slot][:, 0], names[truth])[0, 1]
        assert abs(follows) > 0.99, slot


def _the_shell_says_the_same(names: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    commands = shell_commands("sensor-log")
    assert [words[0] for words in commands] == ["convert", "inspect", "train", "evaluate"]
    with caplog.at_level(logging.INFO, logger="trisect"):
        assert [main(words) for words in commands] == [0] * len(commands)
    said = trisect.load_run("runs/plant-shell").statements
    assert [each.verdict for each in said] == [each.verdict for each in names["with_history"].statements]
    assert all(f"closed form: {each}" in caplog.messages for each in said)


def test_the_page_on_tables(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("table")
    for command in shell_commands("table"):
        main(command)
    said = capsys.readouterr().out
    assert "image: file" in said and "columns left out: seconds" in said and "sensors: volt, ampere, hum" in said
    for name in ("film", "sensors"):
        report = read_json(tmp_path / "runs" / name / "report.json")
        assert min(diagonal(report, ["lamp", "cart"])) > 0.95
    assert min(diagonal(names["report"], ["lamp", "cart"])) > 0.95


@pytest.mark.filterwarnings("ignore::UserWarning:minari")
@pytest.mark.parametrize(
    ("page", "runs", "variables"),
    [
        ("episodes", ("recorded",), ["left", "right"]),
        ("episodes", ("demo",), ["actions_0", "actions_1"]),
        ("episodes", ("buffer",), ["moved_0", "moved_1"]),
        ("lerobot", ("robot",), ["lamp", "cart"]),
        ("minari", ("lamps",), ["moved_0", "moved_1"]),
    ],
)
def test_a_page_on_a_format(page, runs, variables, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Minari leaves a temporary folder to the garbage collector
        run(page).clear()
        gc.collect()
    for command in shell_commands(page):
        if any(f"{kind}/{name}" in command for kind in ("data", "runs") for name in runs):
            assert main(command) == 0
    for name in runs:
        report = read_json(tmp_path / "runs" / name / "report.json")
        assert min(diagonal(report, variables)) > 0.95


def test_the_page_on_films(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("film")
    assert [main(command) for command in shell_commands("film")] == [0] * 5
    page, said = (FOLDER / "film.md").read_text(encoding="utf-8"), capsys.readouterr().out
    shown = re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[0]
    assert shown in said
    data = trisect.load(tmp_path / "data" / "shots")
    truth = np.stack([names["place"], names["light"]], axis=1)[-len(data["test"]) :]
    model = trisect.load_run(tmp_path / "runs" / "shots").model
    slots = model.slots(model.encode(data["test"].observations))
    for place, name in enumerate(("cart", "lamp")):
        assert _explained(slots[name].numpy(), truth[:, place]) > 0.85
    report = read_json(tmp_path / "runs" / "shots" / "report.json")
    matrix = np.array(report["label_free"]["matrix"])
    assert min(matrix[0, 0], matrix[1, 1]) > 0.85 > 0.75 > max(matrix[0, 1], matrix[1, 0])


def _explained(latents: np.ndarray, truth: np.ndarray) -> float:
    """R2 of a polynomial of each latent, and of their products, that is fitted to the first half, on the second."""
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    powers = np.concatenate([scaled**power for power in range(6)] + [scaled.prod(axis=1, keepdims=True)], axis=1)
    half = len(truth) // 2
    weights = np.linalg.lstsq(powers[:half], truth[:half], rcond=None)[0]
    return float(1 - np.var(truth[half:] - powers[half:] @ weights) / np.var(truth[half:]))


def test_the_page_on_recording_a_simulator(tmp_path, monkeypatch) -> None:
    pytest.importorskip("gymnasium")
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.chdir(tmp_path)
    names = run("record")
    found, known, boxes = names["found"], names["known"]["train"], names["boxes"]
    assert not found.at("error") and found.alignment.lag == 0
    assert known.observations.shape == (500, 40, 60, 3) and known.targeted == ("cart", "pole")
    turned = np.setdiff1d(np.flatnonzero(known.targets[:, 2]), known.starts)
    follows = np.setdiff1d(np.flatnonzero(~known.targets[:, 2]), known.starts)
    jump = np.abs(known.factors[:, 2] - np.roll(known.factors[:, 2] + 0.02 * known.factors[:, 3], 1))
    assert np.median(jump[turned]) > 0.05 and jump[follows].max() < 1e-4
    assert boxes.targeted == ("ball_b", "ball_y")


def test_the_page_on_latents(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("latents")
    assert [main(words) for words in shell_commands("latents")] == [0]
    assert "again.parquet: 1000 frames of test; latents: c0 1, c1 1, noise 2" in capsys.readouterr().out
    table = names["table"]
    assert names["pandas"].read_parquet("again.parquet").equals(table)
    assert [*table.columns[:4]] == ["split", "episode", "frame", "time"]
    assert {"c0.0", "noise.0", "target.c0", "factor.c0"} <= set(table.columns)
    assert np.array_equal(table["c0.0"], names["found"].of("c0")[:, 0])
    assert names["r2"] > 0.95
    assert names["facts"]["method"] == "closed-form" and names["facts"]["slots"] == names["found"].slots.tolist()


def test_the_page_on_sharing_data(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run("share-data")
    commands = shell_commands("share-data")
    assert [words[0] for words in commands] == ["export", "export", "convert"]
    assert [main(words) for words in commands] == [0, 0, 0]
    data = trisect.load("data/boxes")
    for back in (names["back"], trisect.load("data/back-hub")):
        assert list(back) == list(data) and back.variables == data.variables
        for name, array in (
            (name, array) for name in data for array in ("observations", "targets", "factors", "starts")
        ):
            assert np.array_equal(getattr(back[name], array), getattr(data[name], array))
    assert names["table"].column_names[:2] == ["observation.images.frame", "target"]
    assert names["facts"]["alignment"] == "effect" and names["facts"]["splits"]["test"]["rows"] == 100


def test_the_page_on_published_checkpoints(shared, tmp_path, monkeypatch) -> None:
    for name in ("CITRISNF", "CausalEncoder", "Autoencoder"):
        (tmp_path / f"{name}.ckpt").symlink_to(shared / "golden" / f"{name}.ckpt")
    monkeypatch.chdir(tmp_path)
    names = run("published-checkpoints")
    assert names["mixed"].shape == (2, 3, 64, 64)
    assert names["run"].model.slot_names == ("x", "y", "alpha", "hue_object", "noise")
    assert [factor.name for factor in names["scorer"].model.factors] == ["pos-x", "pos-y", "rot-alpha", "hue-object"]


def test_pages_link_to_pages_that_exist() -> None:
    for page in FOLDER.glob("*.md"):
        for link in re.findall(r"\]\((\w[\w-]*\.md)\)", page.read_text(encoding="utf-8")):
            assert (FOLDER / link).is_file(), f"{page.name} links to {link}"
