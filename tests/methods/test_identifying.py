"""The closed form with more directions for variables whose slot shows too little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data import from_arrays
from trisect.data.recording import Recording
from trisect.methods import identifying
from trisect.methods.identifying import identified
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, Statement
from trisect.recipes import closed_form
from trisect.settings import settings_from_json
from trisect.training.stage import StageContext
from trisect.variables import anonymous

NAMES = ("a", "b")
SETTINGS = ClosedFormSettings(num_features=50)


@pytest.fixture(scope="module")
def latents() -> Recording:
    """Six latents, rotated: a, three of its fine waves of falling size, b, and noise."""
    rng = np.random.default_rng(0)
    targets = rng.random((6000, 2)) < 0.1
    c = np.zeros((6000, 2))
    for t in range(1, 6000):
        c[t] = np.where(targets[t], rng.uniform(-1, 1, 2), 0.95 * c[t - 1] + 0.03 * rng.normal(size=2))
    a = c[:, 0]
    waves = [np.cos(9 * a) / 8, np.sin(12 * a) / 14, np.cos(16 * a) / 22]
    parts = np.column_stack([a, *waves, c[:, 1], np.zeros(6000)]) + 0.03 * rng.normal(size=(6000, 6))
    z = parts @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return Recording(z.astype(np.float32), targets, anonymous(NAMES))


def columns(found: Identification) -> list[int]:
    """Number of latents in the slots of a and b."""
    return np.bincount(found.slots, minlength=3)[:2].tolist()


def doubting(enough: dict[str, int]) -> Callable[..., tuple[Statement, ...]]:
    """In place of the check: a variable is doubted until its slot has enough latents."""

    def checked(found: Identification, *_: object) -> tuple[Statement, ...]:
        has = dict(zip(NAMES, columns(found)))
        return tuple(
            replace(each, verdict=CANNOT_TELL, reason="of the test")
            if has[each.variable] < enough[each.variable]
            else each
            for each in found.statements
        )

    return checked


def test_a_least_number_of_directions_is_kept_where_they_show_something(latents: Recording) -> None:
    z, targets = latents.observations, latents.targets[1:]
    usual = identify(z[:-1], z[1:], targets, SETTINGS, NAMES)
    more = identify(z[:-1], z[1:], targets, replace(SETTINGS, least_directions={"a": 3, "b": 2}), NAMES)
    assert columns(usual) == [1, 1]
    assert columns(more) == [3, 1]  # further directions of b show nothing


@pytest.mark.parametrize(
    ("enough", "expected", "left"),
    [
        ({"a": 1, "b": 1}, [1, 1], []),
        ({"a": 2, "b": 1}, [2, 1], []),
        ({"a": 3, "b": 2}, [3, 1], ["b"]),
        ({"a": 7, "b": 1}, [1, 1], ["a"]),
    ],
)
def test_directions_are_added_until_a_slot_shows_enough(
    latents: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enough: dict[str, int],
    expected: list[int],
    left: list[str],
) -> None:
    monkeypatch.setattr(identifying, "checked_statements", doubting(enough))
    context = StageContext(tmp_path, 0, "", "", progress=False)
    found = identified(latents, NAMES, SETTINGS, context, held_out=latents)
    assert columns(found) == expected
    assert [each.variable for each in found.statements if each.verdict != FOUND] == left


def test_nothing_is_checked_without_held_out_latents(
    latents: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identifying, "checked_statements", doubting({"a": 9, "b": 9}))
    found = identified(latents, NAMES, SETTINGS, StageContext(tmp_path, 0, "", "", progress=False))
    assert {each.verdict for each in found.statements} == {FOUND}


def test_the_user_may_ask_for_more_directions(latents: Recording, tmp_path: Path) -> None:
    settings = replace(SETTINGS, least_directions={"a": 2})
    found = identified(latents, NAMES, settings, StageContext(tmp_path, 0, "", "", progress=False))
    assert columns(found)[0] == 2


@pytest.mark.parametrize("number", [0, 7])
def test_a_number_of_directions_is_checked(number: int) -> None:
    with pytest.raises(ValueError, match="the least number of directions of 'a' must be"):
        ClosedFormSettings(least_directions={"a": number})


def test_directions_of_a_variable_that_is_not_there_are_refused(latents: Recording, tmp_path: Path) -> None:
    data = from_arrays(latents.observations, latents.targets, NAMES, alignment="effect")
    recipe = replace(closed_form(), closed_form=replace(SETTINGS, least_directions={"c": 2}))
    with pytest.raises(ValueError, match="a variable in closed_form.least_directions must be one of a, b"):
        trisect.train(recipe, data, tmp_path / "run", progress=False)


@pytest.mark.parametrize("wrong", [3, {"a": "many"}, ["a"]])
def test_settings_of_another_kind_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="'least_directions' of the settings must be of type dict"):
        settings_from_json(ClosedFormSettings, {"least_directions": wrong}, "the settings")


def test_the_command_line_takes_directions_of_a_variable() -> None:
    flags = ["--data", "d", "--out", "o", "--closed_form.least_directions", '{"a": 2}']
    recipe, _ = recipe_from_flags("closed-form", closed_form(), flags)
    assert recipe.closed_form.least_directions == {"a": 2}
