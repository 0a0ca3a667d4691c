"""The public functions say in one sentence what they take, whatever they get."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trisect
from trisect import recipes
from trisect.data import Dataset, save, simulate
from trisect.data.generate import generate
from trisect.worlds import make

CREATED = "created"
"""A folder that no call may leave behind."""
FOLDERS: dict[str, Callable[[Any], Any]] = {
    "load": trisect.load,
    "save": lambda bad: save(some_data(), bad),
    "inspect": trisect.inspect,
    "load_run": trisect.load_run,
    "load_export": trisect.load_export,
    "export": lambda bad: trisect.export(bad, CREATED),
    "latents": lambda bad: trisect.latents(bad, f"{CREATED}.csv"),
    "train on": lambda bad: trisect.train(recipes.citris_nf(), bad, CREATED),
    "train into": lambda bad: trisect.train(recipes.citris_nf(), some_data(), bad),
    "import_checkpoint": lambda bad: recipes.import_checkpoint(bad, CREATED),
    "import_checkpoint into": lambda bad: recipes.import_checkpoint("model.ckpt", bad),
    "load_causal_encoder": recipes.load_causal_encoder,
    "train_causal_encoder on": lambda bad: recipes.train_causal_encoder(bad, CREATED),
    "train_causal_encoder into": lambda bad: recipes.train_causal_encoder(some_data(), bad),
    "convert": lambda bad: trisect.convert(bad, CREATED),
    "convert into": lambda bad: trisect.convert("published", bad),
    "generate": lambda bad: generate(make("linear"), bad, num_frames=100, seed=0),
}
"""Function -> a call with a value in place of a path."""


def some_data() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset({name: simulate(make("linear"), 100, rng) for name in ("train", "val")})


@pytest.mark.parametrize("bad", [None, 3, "", b"bytes", [], np.zeros(3)], ids=repr)
@pytest.mark.parametrize("function", FOLDERS)
def test_what_is_no_path_is_named(function: str, bad: object, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError) as refused:
        FOLDERS[function](bad)
    shown = str(refused.value)
    expected = re.escape(" ".join(repr(bad).split()))
    assert re.match(rf"(the|a) [a-z ]+ must be a path; got {expected}", shown), shown
    assert not list(tmp_path.iterdir())


def with_a_number_for_settings() -> recipes.Recipe:
    """Tests check the types of all arguments of constructors, which nothing does for users."""
    recipe = recipes.citris_nf()
    object.__setattr__(recipe, "flow_training", 3)
    return recipe


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "no recipe": (lambda: trisect.train(None, some_data(), CREATED), "the recipe to train must be a Recipe; got None"),
    "a name for a recipe": (lambda: trisect.train("citris-nf", some_data(), CREATED), "must be a Recipe; got 'citris"),
    "a recording for data": (
        lambda: trisect.train(recipes.citris_nf(), some_data()["train"], CREATED),
        r"the data to train on must be a path; got Recording\(.*; pass a Dataset, or the folder of one",
    ),
    "a number for settings": (
        lambda: trisect.train(with_a_number_for_settings(), some_data(), CREATED),
        "flow_training of the recipe must be a TrainingSettings; got 3",
    ),
    "another recipe for a causal encoder": (
        lambda: recipes.train_causal_encoder(some_data(), CREATED, recipes.citris_nf()),
        "the recipe of a causal encoder must be a CausalEncoderRecipe; got CitrisNfRecipe",
    ),
    "no recipe for a GPU": (lambda: recipes.on_gpu(None), "the recipe for a GPU must be a Recipe; got None"),
    "a recipe without an autoencoder": (
        lambda: recipes.convolutional(recipes.citris_vae()),
        "the recipe must be one with an autoencoder; got CitrisVaeRecipe",
    ),
    "splits without names": (lambda: Dataset([]), "a data set must be a mapping from names to recordings; got list"),
    "a number for a split": (
        lambda: Dataset({"train": 3}),
        "the split 'train' must be a Recording or Triplets; got int",
    ),
    "sizes without names": (
        lambda: generate(make("linear"), CREATED, num_frames=50, seed=0, splits=[3]),
        r"the splits to generate must be a mapping from names to sizes; got \[3\]",
    ),
    "a name for a world": (
        lambda: generate("pong", CREATED, num_frames=100, seed=0),
        r"must be a World; got 'pong'; make one, such as trisect.worlds.make\('pong'\)",
    ),
    "a name for a simulated world": (lambda: simulate("pong", 9, np.random.default_rng(0)), "must be a World; got 'po"),
    "a number for a generator": (lambda: simulate(make("linear"), 9, 0), "rng of simulate must be a generator; got 0"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_wrong_kinds_of_arguments_are_named(case: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, message = OTHERS[case]
    with pytest.raises(TypeError, match=message):
        call()
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_run_is_called_a_file(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="must be a finished run; got a file"):
        trisect.load_run(tmp_path / "run.json")


@pytest.mark.parametrize("name", ["ball-in-boxes", "Ball_In_Boxes", "ball_in_boxes"])
def test_names_of_worlds_take_dashes(name: str) -> None:
    assert make(name).name == "ball_in_boxes"
    assert trisect.models.card("Causal3DIdent_teapot") == trisect.models.card("causal3dident-teapot")


def test_settings_of_a_world_without_any_are_refused() -> None:
    with pytest.raises(ValueError, match="world 'ball_in_boxes' has no settings; leave out size"):
        make("ball_in_boxes", size=3)
