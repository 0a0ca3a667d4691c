from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trisect.checks import UsageError
from trisect.commands import recipe_flags
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.recipes import RECIPES
from trisect.runs.causal_encoder import CausalEncoderRecipe

FOLDERS = ["--data", "d", "--out", "o"]
ALL: dict[str, Any] = {**{name: preset() for name, preset in RECIPES.items()}, "causal-encoder": CausalEncoderRecipe()}


def message_of(name: str, *flags: str) -> str:
    """The sentence by which flags are refused."""
    with pytest.raises(UsageError) as refused:
        recipe_from_flags(name, ALL[name], [*FOLDERS, *flags])
    return str(refused.value)


@pytest.mark.parametrize("name", list(ALL))
def test_every_flag_has_a_text(name: str) -> None:
    actions = recipe_flags._parser(name, ALL[name])._actions
    assert len(actions) > 30
    assert not [action.option_strings for action in actions if not (action.help or "").strip()]
    assert not [action.option_strings for action in actions if "configuration file." in action.help]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--flow_training.steps", "many"], "--flow_training.steps must be a whole number; got 'many'"),
        (["--flow_training.betas", "1.5"], "--flow_training.betas must be two numbers, such as .*; got '1.5'"),
        (["--flow_training.clip", "much"], "--flow_training.clip must be a number or null; got 'much'"),
        (["--reduction.standardise", "maybe"], "--reduction.standardise must be true or false; got 'maybe'"),
        (["--flow_training.steps", "0"], "steps of TrainingSettings must be an integer of at least 1; got 0"),
        (["--device", "gqu"], "--device must be one of auto, cpu, gpu, mps; got 'gqu'; did you mean 'gpu'?"),
        (["--flow.num_blocks"], "--flow.num_blocks needs a value after it"),
        (["more"], "every argument must be a flag or its value; got 'more'"),
        (["--flow", "nowhere.yaml"], "--flow must be a YAML file that can be read; got 'nowhere.yaml'; check the path"),
        (["--num_latent", "8"], "got --num_latent; did you mean '--autoencoder.num_latents'?"),
        (
            ["--steps", "8"],
            "did you mean '--slot_functions.steps' or '--autoencoder_training.steps' or '--drawing_training.steps' or "
            "'--flow_training.steps'?",
        ),
        (["--sead", "8"], "got --sead; did you mean '--seed'?$"),
        (
            ["--variational.beta", "2"],
            "--variational.beta cannot be used with citris-nf, .* setting of citris-vae only",
        ),
        (["--closed_form.parting.enabled", "false"], "parting.enabled is now called --closed_form.splitting.enabled"),
        (["--closed_form.min_ratio", "3"], "--closed_form.min_ratio is gone, since .* p-value .*; leave it out$"),
        (["--closed-form.relative-ratio", "3"], "--closed-form.relative-ratio is gone, since .*; leave it out$"),
        (["--closed_form.straightening.max-stretch", "3"], "--closed_form.straightening.max-stretch is gone, since"),
        (["--variational.noise-bonus", "2"], "--variational.noise-bonus cannot be used with citris-nf, because"),
        (["--autoencoder.networks", "fast"], "--autoencoder.networks fast is now called .* profile"),
    ],
)
def test_wrong_flags_are_one_sentence(flags: list[str], message: str) -> None:
    shown = message_of("citris-nf", *flags)
    assert len(shown) < 400 and "\n" not in shown
    with pytest.raises(UsageError, match=message.replace("?", r"\?").replace("]", r"\]")):
        recipe_from_flags("citris-nf", ALL["citris-nf"], [*FOLDERS, *flags])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("closed_form:\n  parting:\n    enabled: false\n", "is now called --closed_form.splitting.enabled"),
        (
            "autoencoder:\n  networks: fast\n",
            "--autoencoder.networks fast is now called --autoencoder.networks profile",
        ),
        ("variational:\n  beta: 3\n", "--variational.beta cannot be used with citris-nf"),
        ("flow_training: 3\n", "'flow_training' of the recipe must be a mapping of fields; got 3"),
        ("resume: maybe\n", "--resume must be true or false; got 'maybe'"),
        ("seed: null\n", "the seed of a recipe must be an integer of at least 0; got None"),
        ("a sentence\n", "of --config must be a mapping of options, such as seed: 1; got scalar"),
        ("seed: [1, 2\n", "of --config must be YAML; got expected ',' or ']'"),
    ],
)
def test_wrong_configuration_files_are_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    assert message in message_of("citris-nf", "--config", str(file))


@pytest.mark.parametrize("flag", ["--encoder", "--decoder", "--autoencoder-of"])
def test_an_encoder_is_offered_where_the_method_takes_one(flag: str) -> None:
    helps = {name: recipe_flags._parser(name, recipe).format_help() for name, recipe in ALL.items()}
    takes = {name for name, text in helps.items() if flag in text}
    assert takes == {name for name in ALL if name.startswith(("closed-form", "citris-nf"))}
    for name in ("citris-vae", "causal-encoder"):
        shown = message_of(name, flag, "module:Name")
        assert shown == f"{flag} cannot be used with {name}; use closed-form or citris-nf"


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="--out is missing; see trisect train citris-nf --help"):
        recipe_from_flags("citris-nf", ALL["citris-nf"], ["--data", "d"])


def test_none_is_null_as_in_yaml_for_settings_only() -> None:
    flags = ["--flow_training.clip", "None", "--flow_training.logger=None", "--data", "None", "--out", "o"]
    recipe, options = recipe_from_flags("citris-nf", ALL["citris-nf"], flags)
    assert (recipe.flow_training.clip, recipe.flow_training.logger, options["data"]) == (None, None, "None")


def test_dashes_and_underscores_are_alike() -> None:
    recipe, options = recipe_from_flags("citris-nf", ALL["citris-nf"], [*FOLDERS, "--flow-training.steps", "7"])
    assert recipe.flow_training.steps == 7
    _, options = recipe_from_flags("citris-nf", ALL["citris-nf"], [*FOLDERS, "--despite_errors"])
    assert options["despite_errors"] is True
