"""What every method in the table must do."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.edited import edit_json

import trisect
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data import Dataset, simulate
from trisect.methods.method import Blueprint, Method
from trisect.methods.recipe import Recipe
from trisect.methods.table import METHODS, PRESETS, method_of, recipe_from_json
from trisect.runs.run import Run
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

all_methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
FEW = TrainingSettings(steps=4, checkpoint_every=2, validate_every=2, log_every=2, logger=None)
SMALL = {"num_latents": 4, "hidden": 8, "rank": 2, "channels": 4, "hidden_per_variable": 2, "num_blocks": 2}


def small(settings: Any) -> Any:
    """Settings of any method with few, quick steps and small parts."""
    changes: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, TrainingSettings):
            changes[field.name] = FEW
        elif is_dataclass(value):
            changes[field.name] = small(value)
        elif field.name == "networks":
            changes[field.name] = "profile"
        elif field.name in SMALL:
            changes[field.name] = SMALL[field.name]
        elif field.name.endswith("batch_size"):
            changes[field.name] = 16
    return replace(settings, **changes)


def recipe_of(method: Method) -> Recipe:
    recipe: Recipe = small(next(iter(method.presets.values()))(seed=3))
    return recipe


@pytest.fixture(scope="module")
def data() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    sizes = {"train": 300, "val": 60, "test": 100}
    return Dataset({name: simulate(world, size, rng, 50) for name, size in sizes.items()})


@pytest.fixture(scope="module", params=METHODS.values(), ids=METHODS)
def trained(request: pytest.FixtureRequest, data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run of every method."""
    folder = tmp_path_factory.mktemp("run") / request.param.name
    return trisect.train(recipe_of(request.param), data, folder, progress=False)


def same_weights(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    first, second = one.state_dict(), two.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_names_agree() -> None:
    assert all(name == method.name == method.recipe.method for name, method in METHODS.items())
    assert set(METHODS) <= set(PRESETS), "every method has a preset with its name"
    for name, preset in PRESETS.items():
        assert name in method_of(preset()).presets
        assert getattr(trisect.recipes, name.replace("-", "_")) is preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json_and_flags(name: str) -> None:
    recipe = PRESETS[name]()
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe_from_flags(name, recipe, ["--data", "in", "--out", "out"])[0] == recipe


@all_methods
def test_recipes_have_a_docstring_line_for_every_setting(method: Method) -> None:
    documented = " ".join(str(cls.__doc__) for cls in method.recipe.__mro__ if is_dataclass(cls))
    missing = [field.name for field in fields(method.recipe) if f"{field.name}:" not in documented]
    assert not missing


def test_a_run_reloads_unchanged(trained: Run, data: Dataset) -> None:
    again = trisect.load_run(trained.folder)
    assert again.recipe == trained.recipe and not again.model.training
    assert same_weights(trained.model, again.model)
    frames = data["test"].observations[:5]
    assert torch.equal(again.model.encode(frames), trained.model.encode(frames))


def test_a_second_run_has_the_same_weights(trained: Run, data: Dataset, tmp_path: Path) -> None:
    assert same_weights(trisect.train(trained.recipe, data, tmp_path / "run", progress=False).model, trained.model)


def test_resuming_a_finished_run_changes_nothing(trained: Run, data: Dataset) -> None:
    before = {path.name: path.read_bytes() for path in trained.folder.iterdir() if path.is_file()}
    trisect.train(trained.recipe, data, trained.folder, resume=True, progress=False)
    assert {path.name: path.read_bytes() for path in trained.folder.iterdir() if path.is_file()} == before


def test_settings_without_effect_on_weights_may_change_on_resume(trained: Run, data: Dataset) -> None:
    values = {field.name: getattr(trained.recipe, field.name) for field in fields(trained.recipe)}
    changed: dict[str, Any] = {
        name: replace(value, log_every=3, accelerator="cpu")
        for name, value in values.items()
        if isinstance(value, TrainingSettings)
    }
    trisect.train(replace(trained.recipe, **changed), data, trained.folder, resume=True, progress=False)


def test_a_finished_run_of_an_earlier_version_is_resumed_and_exported_with_its_report(
    trained: Run, data: Dataset, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    trisect.evaluate(trisect.load_run(folder), data, quick=True)
    for name in ("run.json", "report.json"):
        edit_json(folder / name, lambda stored: stored.update(recipe=as_earlier(stored["recipe"]), signature="other"))
    resumed = trisect.train(trained.recipe, data, folder, resume=True, progress=False)
    assert resumed.recipe == trained.recipe and same_weights(resumed.model, trained.model)
    assert trisect.export(folder, tmp_path / "out")["scores"] is not None
    (folder / "finished.json").unlink()
    with pytest.raises(ValueError, match="got an unfinished run of an earlier version; choose another folder"):
        trisect.train(trained.recipe, data, folder, resume=True, progress=False)


def as_earlier(recipe: dict[str, Any]) -> dict[str, Any]:
    """A stored recipe as it was stored before every method had a recipe of its own."""
    every = {name: value for preset in PRESETS.values() for name, value in preset().to_json().items()}
    text = json.dumps({**every, **recipe})
    for today, earlier in (('"splitting"', '"parting"'), ('"leakage"', '"straightening"'), ('"profile"', '"fast"')):
        text = text.replace(today, earlier)
    stored: dict[str, Any] = json.loads(text)
    new = {"slot_functions", "drawing", "drawing_training"}  # which no earlier version had
    return {name: value for name, value in stored.items() if name in recipe or name not in new}


def test_models_export_and_load_again(trained: Run, data: Dataset, tmp_path: Path) -> None:
    trisect.export(trained, tmp_path / "out")
    again = trisect.load_export(tmp_path / "out")
    assert same_weights(again, trained.model)
    assert json.loads((tmp_path / "out" / "model.json").read_text())["method"] == trained.recipe.method


def test_models_have_the_recipe_s_number_of_latents(trained: Run, data: Dataset) -> None:
    shape, make_ = data.observation_shape, json.loads((trained.folder / "finished.json").read_text())["make"]
    assert trained.recipe.num_latents(shape, make_) == trained.model.representation.num_latents
    blueprint = Blueprint(shape, trained.model.variables, make_, trained.folder)
    built = method_of(trained.recipe).build(trained.recipe, blueprint)
    assert built.state_dict().keys() == trained.model.state_dict().keys()


def test_models_intervene_and_those_with_a_prior_roll_out(trained: Run, data: Dataset) -> None:
    frames, model = data["test"].observations[:4], trained.model
    for name in (name for name, latents in model.slot_columns().items() if latents):
        assert model.intervene(frames, {name: frames[::-1].copy()}).shape == (4, 3, 32, 32)
    targets = np.zeros((1, 2, len(model.variables)))
    if model.prior_trained:
        assert model.rollout(frames, targets).shape == (4, 2, 3, 32, 32)
    else:
        with pytest.raises(ValueError, match="prior"):
            model.rollout(frames, targets)


def test_reports_show_what_the_run_used_and_nothing_else(trained: Run, data: Dataset) -> None:
    report = trisect.evaluate(trained, data, quick=True)
    assert set(report["recipe"]) == {"method", *(field.name for field in fields(trained.recipe))}
    trainings = {name for name in report["recipe"] if name.endswith("training")} - {"drawing_training"}
    assert len(trainings) == len(trained.history)  # a code that is not reduced has no stage of drawing
