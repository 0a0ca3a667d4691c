"""``tools/ship.py``, which puts a run's model into the package, and the card that it writes."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import trisect
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data.generate import generate
from trisect.methods.recipe import Recipe
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.recipes import RECIPES, citris_nf, closed_form
from trisect.worlds import make

pytestmark = pytest.mark.slow

TOOLS = Path(__file__).resolve().parents[1] / "tools"


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    """The folder of the tools, from which modules are imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOLS)
        yield TOOLS


@pytest.fixture(scope="module")
def ship(tools: Path) -> ModuleType:
    return importlib.import_module("ship")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with small data and an evaluated run on them, hardly trained."""
    folder = tmp_path_factory.mktemp("trained")
    generate(make("ball_in_boxes"), folder / "data", num_frames=600, seed=3, episode_length=50)
    recipe = closed_form(seed=1)
    training = replace(recipe.autoencoder_training, steps=3, logger=None)
    network = AutoencoderSettings(num_latents=4, hidden=8, rank=2, networks="profile")
    recipe = replace(recipe, autoencoder=network, autoencoder_training=training)
    run = trisect.train(recipe, folder / "data", folder / "run", progress=False, despite_errors=True)
    trisect.evaluate(run, quick=True)
    return folder


def test_a_model_and_its_card_replace_the_former_ones(ship, trained, tmp_path) -> None:
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "old").touch()
    folder = ship.ship(trained / "run", "boxes", None, into=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["boxes"]
    assert {file.name for file in folder.iterdir()} == {"card.md", "model.json", "model.safetensors"}
    before, after = trisect.load_run(trained / "run").model, trisect.load_export(folder)
    assert all(torch.equal(value, after.state_dict()[name]) for name, value in before.state_dict().items())


def test_the_card_s_commands_repeat_the_data_and_the_run(ship, trained, tmp_path) -> None:
    text = (ship.ship(trained / "run", "boxes", None, into=tmp_path) / "card.md").read_text(encoding="utf-8")
    commands = text.split("```sh\n")[1].split("```")[0].replace(" \\\n", " ").splitlines()
    assert commands[0] == ("trisect generate ball-in-boxes --frames 600 --seed 3 --out data/boxes --episode-length 50")
    trisect_, train, name, *flags = commands[1].split()
    assert (trisect_, train, name) == ("trisect", "train", "closed-form")
    recipe, options = recipe_from_flags(name, RECIPES[name](), flags)
    assert recipe == trisect.load_run(trained / "run").recipe
    assert (options["data"], options["out"]) == ("data/boxes", "runs/boxes")
    assert commands[2] == "trisect evaluate runs/boxes"
    assert str(trained) not in text


def test_the_card_of_a_run_with_a_reused_autoencoder_repeats_both(ship, trained, tmp_path) -> None:
    generate(make("ball_in_boxes"), tmp_path / "data", num_frames=400, seed=5)
    settings = {"autoencoder": trained / "run", "despite_errors": True, "progress": False}
    run = trisect.train(closed_form(seed=2), tmp_path / "data", tmp_path / "run", **settings)
    trisect.evaluate(run, quick=True)
    text = (ship.ship(run.folder, "boxes", None, into=tmp_path / "models") / "card.md").read_text(encoding="utf-8")
    commands = text.split("```sh\n")[1].split("```")[0].replace(" \\\n", " ").splitlines()
    first, second = "boxes-autoencoder", "boxes"
    assert [line.split(" --")[0] for line in commands] == [
        *("trisect generate ball-in-boxes", "trisect train closed-form") * 2,
        "trisect evaluate runs/boxes",
    ]
    assert f"--seed 3 --out data/{first}" in commands[0] and f"--seed 5 --out data/{second}" in commands[2]
    for line, seed in ((commands[1], 1), (commands[3], 2)):
        flags = line.split()[3:]
        recipe, options = recipe_from_flags("closed-form", closed_form(), flags)
        assert recipe == replace(trisect.load_run(trained / "run").recipe, seed=seed)
        assert options["data"] == f"data/{first if seed == 1 else second}"
    assert options["autoencoder_of"] == f"runs/{first}"
    assert run.data_hash in text and trisect.load_run(trained / "run").data_hash in text
    shutil.rmtree(tmp_path / "models")
    with pytest.raises(ValueError, match="autoencoder_data must be given for a reused autoencoder; got none"):
        importlib.import_module("reproduction").commands("boxes", run, trisect.load(tmp_path / "data"))
    with pytest.raises(ValueError, match="the autoencoder data in .* must be those of .*run; got others"):
        ship.ship(run.folder, "boxes", None, tmp_path / "data", into=tmp_path / "models")


def test_the_card_names_the_stages_on_a_gpu(ship, trained, tmp_path) -> None:
    run, data = trisect.load_run(trained / "run"), trisect.load(trained / "data")
    described = trisect.export(run, tmp_path / "out")
    write = importlib.import_module("model_card").card
    assert "CPU-seconds in total. To train the model again" in " ".join(write("boxes", run, described, data).split())
    run.history["autoencoder"] |= {"device": "card X", "wall_seconds": 61.6}
    text = " ".join(write("boxes", run, described, data).split())
    assert "CPU-seconds in total; its autoencoder took 62 seconds on one card X. To train the model again" in text


def test_the_card_has_distances_by_a_causal_encoder_if_there_is_one(ship, trained, tmp_path) -> None:
    run, data = trisect.load_run(trained / "run"), trisect.load(trained / "data")
    described = trisect.export(run, tmp_path / "out")
    write = importlib.import_module("model_card").card
    assert "by causal encoder" not in write("boxes", run, described, data)
    for number, row in enumerate(described["scores"]["triplets"]["rows"].values()):
        row["mean"] = 0.125 + number
    lines = write("boxes", run, described, data).splitlines()
    assert next(line for line in lines if line.startswith("| mixed by")).split("|")[-2].strip() == "by causal encoder"
    assert next(line for line in lines if line.startswith("| this model")).split("|")[-2].strip() == "0.125"


def test_the_limits_of_an_angle_follow_from_its_latents(tools) -> None:
    known_limits = importlib.import_module("model_card")._known_limits
    world = make("pong")
    data = trisect.data.Dataset(
        {"train": trisect.data.simulate(world, 20, np.random.default_rng(0))}, {"world": {"name": "pong"}}
    )
    r2 = {"rows": ["ball_vel_dir", "noise"], "columns": ["ball_vel_dir"], "matrix": [[1.0], [0.0]]}
    scores = {"r2": r2, "verdicts": {}, "baselines": {"all latents": {"r2": r2}}, "warnings": []}
    two, one = (" ".join(known_limits(scores, {"ball_vel_dir": latents}, data)) for latents in ([0, 1], [0]))
    assert "and ball_vel_dir as a closed curve" in two and "circle" not in two
    assert "One latent cannot represent the whole angle ball_vel_dir" in one and "closed curve" not in one


def test_limits_follow_from_the_scores(ship, trained, tmp_path) -> None:
    run, data = trisect.load_run(trained / "run"), trisect.load(trained / "data")
    described = trisect.export(run, tmp_path / "out")
    scores = described["scores"]
    scores["r2"]["matrix"] = [[0.9, 0.05, None], [0.0, 0.2, 1.0], [0.0, 0.0, 0.0]]
    scores["verdicts"] |= {"ball_b": "mostly identified", "ball_y": "identified"}
    scores["baselines"]["all latents"]["r2"]["matrix"][0] = [1.0, 0.02, 1.0]
    limits = importlib.import_module("model_card").card("boxes", run, described, data).split("## Limits")[1]
    assert "- Never intervened on, so they cannot be identified: ball_x." in limits
    assert "- The latents do not contain ball_x, so decoded frames do not show their values." in limits
    assert "closed curve" not in limits and "circle" not in limits
    assert "- ball_b is mostly identified." in limits and "ball_y is" not in limits
    assert "- The slot of ball_y also predicts ball_x (R2 0.200)." in limits and "slot of ball_b" not in limits


def changed(**parts: dict) -> Recipe:
    recipe = citris_nf(16, seed=2)
    return replace(recipe, **{name: replace(getattr(recipe, name), **values) for name, values in parts.items()})


@pytest.mark.parametrize(
    ("recipe", "name", "flags"),
    [
        (citris_nf(), "citris-nf", {}),
        (RECIPES["citris-nf-vectors"](), "citris-nf-vectors", {}),
        (closed_form(seed=4), "closed-form", {"seed": "4"}),
        (
            changed(flow_training={"clip": None, "betas": (0.8, 0.9)}, classifier={"conditional": False}),
            "citris-nf",
            {
                "seed": "2",
                "autoencoder.num_latents": "16",
                "reduction.components": "16",
                "classifier.conditional": "false",
                "flow_training.clip": "null",
                "flow_training.betas": "[0.8, 0.9]",
            },
        ),
    ],
)
def test_flags_lead_from_a_named_recipe_to_any(tools, recipe, name, flags) -> None:
    assert importlib.import_module("reproduction").flags_of(recipe) == (name, flags)


def test_runs_that_cannot_be_shipped_are_refused_and_nothing_changes(ship, trained, tmp_path) -> None:
    with pytest.raises(ValueError, match="the name must be like ball-in-boxes; got '../x'"):
        ship.ship(trained / "run", "../x", None, into=tmp_path)
    with pytest.raises(ValueError, match="the data of the run must be where the run has them; .*pass --data"):
        ship.ship(trained / "run", "boxes", tmp_path / "data", into=tmp_path)
    generate(make("ball_in_boxes"), tmp_path / "others", num_frames=60, seed=0)
    with pytest.raises(ValueError, match="the data in .*others must be those of .*run; got others; generate"):
        ship.ship(trained / "run", "boxes", tmp_path / "others", into=tmp_path)
    shutil.copytree(trained / "run", tmp_path / "unscored")
    (tmp_path / "unscored" / "report.json").unlink()
    with pytest.raises(ValueError, match=r"unscored must be evaluated; got no report; call trisect evaluate"):
        ship.ship(tmp_path / "unscored", "boxes", None, into=tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"others", "unscored"}
