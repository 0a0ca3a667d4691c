from __future__ import annotations

import inspect
import json
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest
from tests.varied import varied

from trisect.commands.recipe_flags import recipe_from_flags
from trisect.methods.citris_nf import CitrisNfRecipe, StartedFlowSettings
from trisect.methods.earlier import current_make
from trisect.methods.recipe import Recipe
from trisect.methods.table import recipe_from_json
from trisect.models.priors.factory import PriorSettings
from trisect.recipes import RECIPES, citris_nf, citris_vae, closed_form, convolutional, on_gpu

PLACES = ["--data", "in", "--out", "out"]


def changed(*flags: str, recipe: Recipe | None = None) -> Recipe:
    return recipe_from_flags("citris-nf", recipe or citris_nf(), [*PLACES, *flags])[0]


def leaves(settings: object, prefix: str = "") -> list[str]:
    names = []
    for field in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        names += leaves(value, f"{prefix}{field.name}.") if is_dataclass(value) else [prefix + field.name]
    return names


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_arguments_of_recipes() -> None:
    assert citris_nf(num_latents=16, seed=3).autoencoder.num_latents == 16
    assert (closed_form(seed=3).seed, closed_form().method, citris_nf().method) == (3, "closed-form", "citris-nf")


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_presets_take_the_number_of_latents_first_and_the_rest_by_name(name: str) -> None:
    first, *others = inspect.signature(RECIPES[name]).parameters.values()
    assert first.name == "num_latents" and others[0].name == "seed"
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in others)
    assert {each.name for each in others} <= {"seed", "interventions"}


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_seed_of_a_run_is_that_of_all_its_parts(name: str) -> None:
    preset = RECIPES[name]
    by_flag = recipe_from_flags(name, preset(), [*PLACES, "--seed", "5"])[0]
    read = recipe_from_json(json.loads(json.dumps(preset(seed=5).to_json())))
    for recipe in (preset(seed=5), replace(preset(), seed=5), replace(preset(seed=3), seed=5), by_flag, read):
        assert recipe == preset(seed=5)
        assert {seed for place, seed in seeds(recipe).items()} == {5}, seeds(recipe)
    assert set(seeds(replace(read, seed=6)).values()) == {6}


def seeds(recipe: Recipe) -> dict[str, int]:
    """Every seed among the settings, by its place."""
    flat = {place: place.split(".") for place in leaves(recipe) if place.split(".")[-1] == "seed"}
    return {place: _at(recipe, path) for place, path in flat.items()}


def _at(settings: object, path: list[str]) -> int:
    return _at(getattr(settings, path[0]), path[1:]) if path else settings  # type: ignore[return-value]


def test_a_part_may_have_a_seed_of_its_own() -> None:
    own = replace(closed_form().closed_form, seed=7)
    recipe = replace(closed_form(), closed_form=own)
    assert replace(recipe, seed=5).closed_form.seed == 7
    assert changed("--closed_form.seed", "7", "--seed", "5").closed_form.seed == 7  # type: ignore[attr-defined]
    assert replace(closed_form(seed=5), closed_form=replace(own, seed=5)) == closed_form(seed=5)


def test_a_stored_recipe_without_the_number_of_latents_cannot_be_built_without_data() -> None:
    for recipe in (closed_form(), citris_vae()):
        with pytest.raises(ValueError, match="num_latents of the .* settings must be a number, to build a model"):
            recipe.num_latents((8, 8, 1), {})


def test_the_glimpse_recipe_assumes_perfect_interventions() -> None:
    assert RECIPES["citris-nf-glimpse"]().prior.interventions == "perfect"
    recipe = RECIPES["citris-nf-glimpse"](20, seed=4, interventions="imperfect")
    assert (recipe.autoencoder.num_latents, recipe.seed, recipe.prior.interventions) == (20, 4, "imperfect")
    assert recipe.autoencoder.networks == "glimpse"


def test_the_convolutional_recipe_changes_nothing_else() -> None:
    recipe = convolutional(closed_form(16, seed=3), steps=1200)
    assert recipe.autoencoder.networks == "conv" and recipe.autoencoder_training.precision == "bf16"
    assert recipe.autoencoder_training.steps == 1200
    same = replace(
        recipe,
        autoencoder=closed_form(16).autoencoder,
        autoencoder_training=closed_form(16).autoencoder_training,
    )
    assert same == closed_form(16, seed=3)


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_for_a_gpu_have_larger_batches_and_fewer_larger_steps(name: str) -> None:
    before, after = RECIPES[name](), on_gpu(RECIPES[name](), larger=4)
    names = [field.name for field in fields(before)]
    for name in (name for name in names if name.endswith("batch_size")):
        assert getattr(after, name) == 4 * getattr(before, name)
    for stage in (name for name in names if name.endswith("training")):
        old, new = getattr(before, stage), getattr(after, stage)
        assert new.steps == round(old.steps / 2)
        assert new.learning_rate == pytest.approx(min(2 * old.learning_rate, 0.02))
        assert new.precision == ("bf16" if stage != "flow_training" else old.precision)
    with pytest.raises(ValueError, match="the factor by which batches grow must be an integer of at least 1; got 0"):
        on_gpu(before, larger=0)


def test_recipes_are_frozen_and_varied_by_replace() -> None:
    with pytest.raises(FrozenInstanceError):
        citris_nf().seed = 1  # type: ignore[misc]
    assert replace(citris_nf(), seed=1) == citris_nf(seed=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "the seed of a recipe must be an integer of at least 0; got -1"),
        ({"batch_size": 1}, "the batch_size of a recipe must be an integer of at least 2; got 1"),
    ],
)
def test_recipes_are_checked(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CitrisNfRecipe(**settings)


def test_parts_are_checked() -> None:
    with pytest.raises(ValueError, match="with the closed-form start must be even; got 3"):
        StartedFlowSettings(num_blocks=3)
    assert StartedFlowSettings(start="random", num_blocks=3).num_blocks == 3
    with pytest.raises(ValueError, match="did you mean 'perfect'"):
        PriorSettings(interventions="perfekt")
    with pytest.raises(ValueError, match="the kind of a prior must be one of factorised, autoregressive; got 'dense'"):
        PriorSettings(kind="dense")


def test_unknown_methods_get_a_suggestion() -> None:
    with pytest.raises(ValueError, match="the method of a recipe must be one of .*did you mean 'citris-nf'"):
        recipe_from_json({"method": "citris-fn"})


def test_recipes_of_earlier_versions_are_read() -> None:
    """Their files hold the settings of all methods, some under other names."""
    recipe = varied(citris_nf(16, seed=3), autoencoder={"networks": "profile"})
    everything = {**citris_vae().to_json(), **recipe.to_json()}
    for new in ("slot_functions", "drawing", "drawing_training"):
        del everything[new]  # which no earlier version had
    everything["closed_form"]["parting"] = everything["closed_form"].pop("splitting")
    everything["closed_form"]["straightening"] = everything["closed_form"].pop("leakage")
    everything["autoencoder"]["networks"] = everything["variational"]["networks"] = "fast"
    assert recipe_from_json(everything) == recipe
    everything |= {"method": "citris-vae", "classifier": citris_vae().to_json()["classifier"]}
    assert recipe_from_json(everything) == citris_vae(seed=3)


def test_keys_of_a_stored_recipe_have_no_order() -> None:
    stored = citris_nf(16, seed=3).to_json()
    assert recipe_from_json(dict(reversed(stored.items()))) == citris_nf(16, seed=3)


def test_recipes_stored_before_priors_had_kinds_keep_their_meaning() -> None:
    stored = citris_nf().to_json()
    del stored["prior"]["kind"]
    assert recipe_from_json(stored) == citris_nf()
    assert recipe_from_json(stored).prior.kind == "factorised"


def test_unknown_keys_get_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"a key of the recipe must be one of .*did you mean 'batch_size'"):
        recipe_from_json({"method": "citris-nf", "batch_sizes": 3})
    with pytest.raises(ValueError, match=r"a key of 'flow' of the recipe must be .*did you mean 'num_blocks'"):
        recipe_from_json({"method": "citris-nf", "flow": {"num_block": 2}})


def test_without_flags_nothing_changes() -> None:
    for name, make in RECIPES.items():
        recipe, options = recipe_from_flags(name, make(), PLACES)
        assert recipe == make()
        off = dict.fromkeys(("resume", "quiet", "despite_errors"), False)
        assert options == {"data": "in", "out": "out", "autoencoder_of": None, **off}


@pytest.mark.parametrize(
    ("flags", "path", "value"),
    [
        (["--seed", "7"], "seed", 7),
        (["--autoencoder.num_latents=16"], "autoencoder.num_latents", 16),
        (["--flow_training.learning_rate", "1e-2"], "flow_training.learning_rate", 0.01),
        (["--flow_training.clip", "null"], "flow_training.clip", None),
        (["--flow_training.betas", "[0.8, 0.9]"], "flow_training.betas", (0.8, 0.9)),
        (["--flow.start", "random"], "flow.start", "random"),
        (["--prior.kind", "autoregressive"], "prior.kind", "autoregressive"),
        (["--classifier.conditional", "false"], "classifier.conditional", False),
    ],
)
def test_a_flag_changes_its_field_and_no_other(flags: list[str], path: str, value: object) -> None:
    expected = citris_nf().to_json()
    *groups, last = path.split(".")
    inner = expected
    for group in groups:
        inner = inner[group]
    inner[last] = value
    assert changed(*flags) == recipe_from_json(expected)
    assert changed(*flags) != citris_nf()


def test_the_recipe_s_own_values_are_the_defaults() -> None:
    assert changed("--seed", "2", recipe=closed_form(num_latents=5)) == closed_form(num_latents=5, seed=2)


def test_options_that_are_not_fields() -> None:
    options = recipe_from_flags("citris-nf", citris_nf(), [*PLACES, "--resume", "--quiet"])[1]
    assert options["resume"] is options["quiet"] is True


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--sead", "3"], "did you mean '--seed'"),
        (["--autoencoder.num_latent", "3"], "did you mean '--autoencoder.num_latents'"),
        (["--num_latents", "3"], "did you mean '--autoencoder.num_latents'"),
        (["--seed", "three"], "seed"),
        (["--batch_size", "1"], "the batch_size of a recipe must be an integer of at least 2; got 1"),
        (["--flow.num_blocks", "3"], "must be even; got 3"),
        (["--flow.start", "warm"], "the start of a flow must be one of closed-form, random; got 'warm'"),
    ],
)
def test_wrong_flags_are_refused(flags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(*flags)


def test_data_and_out_are_required() -> None:
    with pytest.raises(ValueError, match="data"):
        recipe_from_flags("citris-nf", citris_nf(), ["--out", "out"])


def test_a_file_sets_many_fields_and_flags_take_precedence(tmp_path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("seed: 5\nautoencoder:\n  num_latents: 12\nflow_training:\n  steps: 9\n")
    recipe = changed("--config", str(file), "--seed", "6")
    assert (recipe.seed, recipe.autoencoder.num_latents, recipe.flow_training.steps) == (6, 12, 9)
    assert recipe.autoencoder.hidden == citris_nf().autoencoder.hidden


def test_unknown_keys_of_a_file_get_a_suggestion(tmp_path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("autoencoder:\n  num_latent: 12\n")
    with pytest.raises(ValueError, match=r"num_latent.*did you mean '--autoencoder.num_latents'"):
        changed("--config", str(file))


@pytest.mark.parametrize("name", list(RECIPES))
def test_help_lists_and_describes_every_field_of_the_method_and_no_other(name: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        recipe_from_flags(name, RECIPES[name](), ["--help"])
    assert stop.value.code == 0
    shown = " ".join(capsys.readouterr().out.partition("options:")[2].split())
    flags = {part.split()[0]: part for part in shown.split(" --")[1:]}
    fields_of_recipe = set(leaves(RECIPES[name]()))
    assert fields_of_recipe <= flags.keys()
    others = {flag for recipe in RECIPES.values() for flag in leaves(recipe())} - fields_of_recipe
    assert not others & flags.keys()
    undescribed = [flag for flag in fields_of_recipe if len(re.sub(r"\(.*?\)", "", flags[flag]).split()) < 4]
    assert not undescribed


@pytest.mark.parametrize("flag", ["--despite-errors", "--despite_errors"])
def test_dashes_and_underscores_are_equivalent(flag: str) -> None:
    arguments = [*PLACES, flag, "--flow-batch-size", "32", "--autoencoder.num-latents=5"]
    recipe, options = recipe_from_flags("citris-nf", citris_nf(), arguments)
    assert options["despite_errors"] is True
    assert (recipe.flow_batch_size, recipe.autoencoder.num_latents) == (32, 5)


def test_one_device_for_all_stages() -> None:
    recipe = changed("--device", "cpu")
    assert recipe.autoencoder_training.accelerator == recipe.flow_training.accelerator == "cpu"
    usual, names = citris_nf(), ("autoencoder_training", "flow_training", "drawing_training")
    assert recipe.drawing_training.accelerator == "cpu"
    assert replace(recipe, **{name: getattr(usual, name) for name in names}) == usual
    with pytest.raises(ValueError, match="device"):
        changed("--device", "tpu")


def test_makes_of_earlier_versions_are_read() -> None:
    assert current_make({"num_partings": 2, "num_curves": 1}) == {"num_splits": 2, "num_curves": 1}
