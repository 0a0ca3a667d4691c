"""The public face: what type checkers see, what objects print, and the other ways to run the command."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mypy import api
from tests.varied import varied

import trisect
from trisect.data import Dataset, make_triplets, simulate
from trisect.moved import MOVED
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = """
import numpy as np
import trisect

data = trisect.load("data")
reveal_type(data)
reveal_type(trisect.from_arrays(np.zeros((9, 8, 8, 3), np.uint8), np.zeros((9, 1), bool)))
run = trisect.train(trisect.recipes.citris_nf(num_latents=8), data, "run", resume=True)
reveal_type(run)
reveal_type(trisect.load_run("run").model.encode(np.zeros((1, 4), np.float32)))
reveal_type(trisect.models.pretrained("pong"))
reveal_type(trisect.load_export("model"))
print(trisect.evaluate(run, quick=True)["r2"], trisect.inspect(data), trisect.export(run, "out"))
"""
WRONG = """
import trisect

trisect.load(3)
trisect.train(trisect.recipes.citris_nf(num_latent=8), "data", "run")
trisect.train(trisect.recipes.citris_nf(), "data", "run", encode=None)
trisect.evaluate("run", quik=True)
"""


def checked(script: str, folder: Path) -> str:
    """The output of a type checker for a user's script."""
    file = folder / "script.py"
    file.write_text(script)
    options = ["--python-version", "3.11", "--ignore-missing-imports", "--follow-imports", "silent"]
    shown, errors, _ = api.run([*options, "--cache-dir", str(PROJECT / ".mypy_cache"), str(file)])
    assert not errors
    return shown


@pytest.mark.slow
def test_a_type_checker_sees_what_users_get(tmp_path: Path) -> None:
    shown = checked(SCRIPT, tmp_path)
    types = [line.partition("Revealed type is ")[2] for line in shown.splitlines() if "Revealed type" in line]
    assert "error" not in shown
    dataset, model = "trisect.data.dataset.Dataset", "trisect.models.slot_model.SlotModel"
    expected = [dataset, dataset, "trisect.runs.run.Run", "torch._tensor.Tensor", model, model]
    assert all(name in shown_type for name, shown_type in zip(expected, types, strict=True)), types


@pytest.mark.slow
def test_a_type_checker_refuses_what_would_fail(tmp_path: Path) -> None:
    wrong = {int(line.split(":")[1]) for line in checked(WRONG, tmp_path).splitlines() if ": error:" in line}
    assert wrong == {4, 5, 6, 7}


def test_objects_print_short(tmp_path: Path) -> None:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    data = Dataset({name: simulate(world, num, rng, 50) for name, num in (("train", 200), ("val", 60), ("test", 60))})
    few = TrainingSettings(steps=1, logger=None)
    recipe = varied(trisect.recipes.closed_form(), autoencoder={"networks": "profile"}, autoencoder_training=few)
    run = trisect.train(recipe, data, tmp_path / "run", progress=False)
    reprs = [repr(each) for each in (data, data["train"], make_triplets(world, 3, rng), run, run.model)]
    assert max(map(len, reprs)) < 400
    assert reprs[1].startswith("Recording(200 frames of (32, 32, 3) in 4 episodes; interventions: ball_b ")
    assert reprs[1].endswith("; with factors)")
    assert reprs[2].startswith("Triplets(3 of observations (32, 32, 3); variables: ")
    assert reprs[4].startswith("CausalModel(latents per slot: ball_b ")
    page = run._repr_html_()
    assert "<td>ball_b</td>" in page and "closed-form, seed 0" in page
    rows = "<tr><td>train</td><td>200</td><td>4</td><td>ball_b "
    assert rows in data._repr_html_()
    assert "closed-form, seed 0; latents: " in reprs[3] and str(tmp_path / "run") in reprs[3]


def test_objects_of_many_variables_print_short_and_escaped() -> None:
    names, rng = [f"<b>variable & {number}</b>" for number in range(300)], np.random.default_rng(0)
    data = trisect.from_arrays(rng.random((900, 4)), rng.random((899, 300)) < 0.2, names)
    for each in (data, data["train"]):
        assert len(repr(each)) < 700 and "... (300 in all)" in repr(each)
        page = each._repr_html_()  # type: ignore[union-attr]
        assert page.startswith("<table>") and "<b>" not in page and "&lt;b&gt;variable &amp; 0" in page
        assert len(page) < 20_000
    assert "<tr><td>... and 250 more</td></tr>" in data["train"]._repr_html_()  # type: ignore[union-attr]


def test_worlds_print_their_settings_and_variables() -> None:
    assert repr(make("ball_in_boxes")) == "BallInBoxes(variables: ball_b, ball_x, ball_y)"
    shown = repr(make("linear", num_variables=2, num_latents=3))
    assert shown.startswith("LinearGaussian(num_variables=2, num_latents=3, ")
    assert shown.endswith("; variables: c0, c1, noise_0)")


def test_the_package_runs_as_a_module() -> None:
    shown = subprocess.run([sys.executable, "-m", "trisect", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["trisect", trisect.__version__]


@pytest.mark.parametrize(("former", "today"), MOVED.items())
def test_former_module_names_keep_working(former: str, today: str) -> None:
    assert importlib.import_module(former) is importlib.import_module(today)
    package, _, name = former.rpartition(".")
    assert getattr(importlib.import_module(package), name) is importlib.import_module(today)


def test_unknown_modules_are_still_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="trisect.evaluation.nowhere"):
        importlib.import_module("trisect.evaluation.nowhere")
