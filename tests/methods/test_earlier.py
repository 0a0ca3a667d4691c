"""Settings that are gone: dropped on reading, refused with a sentence as flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from trisect.checks import UsageError
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.methods.earlier import GONE, current_names
from trisect.methods.table import in_current_spelling, recipe_from_json
from trisect.recipes import RECIPES, citris_nf, closed_form
from trisect.settings import flat


@pytest.mark.parametrize("leakage", ["leakage", "straightening"])
def test_stored_settings_that_are_gone_are_dropped(leakage: str) -> None:
    for recipe in (closed_form(seed=3), citris_nf(16)):
        stored = recipe.to_json()
        stored["closed_form"] |= {"min_ratio": 4.0, "relative_ratio": 0.1}
        stored["closed_form"][leakage] = {**stored["closed_form"].pop("leakage"), "max_stretch": 4.0}
        assert recipe_from_json(stored) == recipe
        assert in_current_spelling(stored) == in_current_spelling(recipe.to_json())


def test_only_the_places_that_had_them_lose_them() -> None:
    kept = {"flow": {"min_ratio": 4.0}, "min_ratio": 1, "closed_form": {"leakage": {"min_ratio": 2}}}
    assert current_names(kept) == kept
    with pytest.raises(ValueError, match="a key of the recipe must be one of .*; got 'min_ratio'"):
        recipe_from_json({"method": "closed-form", "min_ratio": 4.0})


def test_no_recipe_has_a_setting_that_is_gone() -> None:
    for preset in RECIPES.values():
        assert not GONE.keys() & flat(preset().to_json()).keys()


@pytest.mark.parametrize("method", ["closed-form", "citris-nf"])
@pytest.mark.parametrize("key", [*GONE, "closed_form.straightening.max_stretch"])
def test_a_flag_that_is_gone_is_refused_in_one_sentence(method: str, key: str, tmp_path: Path) -> None:
    why = GONE[key.replace("straightening", "leakage")]
    file = tmp_path / "recipe.yaml"
    file.write_text("closed_form:\n  min_ratio: 4\n")
    for flags, name in (([f"--{key}", "4"], key), (["--config", str(file)], "closed_form.min_ratio")):
        with pytest.raises(UsageError) as refused:
            recipe_from_flags(method, RECIPES[method](), ["--data", "d", "--out", "o", *flags])
        expected = why if name == key else GONE[name]
        assert str(refused.value) == f"--{name} is gone, since {expected}; leave it out"
