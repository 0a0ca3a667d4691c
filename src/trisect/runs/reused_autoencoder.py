"""Reusing the autoencoder of another run, which may have been trained on other frames.

Several flows can share one autoencoder, which takes most of the training time. A recording with many interventions can
teach an autoencoder to distinguish properties that change together in the recording that a flow is trained on.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.files import reading, replacing
from trisect.methods.autoencoding import AUTOENCODER, AUTOENCODER_RECORD, fresh_autoencoder, settings_in
from trisect.methods.frozen_latents import FrozenLatentsRecipe
from trisect.methods.recipe import Recipe
from trisect.methods.table import method_of, names_with_encoder, recipe_from_json
from trisect.models.bounded_building import at_most
from trisect.models.stored_weights import kinds_in, num_values
from trisect.models.weights import load_weights, weights_hash
from trisect.runs import run_folder
from trisect.runs.description import read_facts
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.run_folder import RUN
from trisect.sealed import read_json


class LatentSource(ExternalFunctions, total=False):
    """The source of a run's latents, if the run does not train an autoencoder.

    Attributes:
        autoencoder: the folder of another run, whose autoencoder is reused. That run may have other data, with frames
            of the same shape and the same number of targets; the settings of its autoencoder replace the recipe's.
    """

    autoencoder: str | Path | None


@dataclass(frozen=True)
class ReusedAutoencoder:
    """A trained autoencoder in the folder of another run; that run need not be finished.

    Attributes:
        folder: folder of that run.
        recipe: recipe of that run.
        seed: seed that the autoencoder was trained with; if that run reused it too, the seed of the original run.
        data: ``path`` and ``hash`` of the data set that the autoencoder was trained on.
        fingerprint: SHA-256 of the weights.
    """

    folder: Path
    recipe: FrozenLatentsRecipe
    seed: int
    data: Mapping[str, Any]
    fingerprint: str

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with the settings of this autoencoder."""
        names = ("autoencoder", "autoencoder_training", "batch_size")
        return replace(recipe, **{name: getattr(self.recipe, name) for name in names})

    def describe(self) -> dict[str, Any]:
        """The description of the autoencoder in run.json, in plain types."""
        return {"fingerprint": self.fingerprint, "seed": self.seed, "data": dict(self.data)}

    def copy_into(self, folder: Path) -> None:
        """Copy weights and record into a run folder, to the files that the autoencoder's stage writes; atomic."""
        for name in (AUTOENCODER_RECORD, AUTOENCODER):
            with replacing(folder / name) as temporary:
                shutil.copyfile(self.folder / name, temporary)


def find(folder: str | Path, recipe: Recipe, shape: tuple[int, ...], num_variables: int) -> ReusedAutoencoder:
    """Find the autoencoder of the run in a folder, and check that it fits the recipe and the data.

    Args:
        folder: folder of the run with the autoencoder.
        recipe: recipe to use the autoencoder in.
        shape: shape of the observations, (height, width, channels) for frames.
        num_variables: K, the number of targeted variables.

    Raises:
        FileNotFoundError: the folder holds no run, or its autoencoder is not finished.
        ValueError: the recipe or the data need no autoencoder, it was made for frames of another shape or another
            number of targets, or a file is damaged.
    """
    folder = checks.path(folder, "the run whose autoencoder is reused", "pass the folder of a run")
    what = "the recipe for the autoencoder of another run"
    checks.require(method_of(recipe).takes_encoder, what, names_with_encoder(), recipe.method)
    checks.require(len(shape) == 3, "the data for the autoencoder of another run", "frames", "vectors")
    must, unfinished = "the folder of a run with a trained autoencoder", "train it, or continue with --resume"
    needed = {RUN: "name the folder of a run", AUTOENCODER: unfinished, AUTOENCODER_RECORD: unfinished}
    for name, todo in needed.items():
        if not (folder / name).exists():
            raise FileNotFoundError(checks.sentence(f"the folder {folder}", must, f"no {name} in it", todo))
    described = run_folder.read(folder / RUN, "recipe", "data")
    with reading(folder / RUN):
        return _read(folder, described, shape, num_variables)


def _read(folder: Path, described: Mapping[str, Any], shape: tuple[int, ...], num_variables: int) -> ReusedAutoencoder:
    source, what = recipe_from_json(described["recipe"]), f"the method of the run in {folder}"
    checks.require(isinstance(source, FrozenLatentsRecipe), what, names_with_encoder(), source.method)
    assert isinstance(source, FrozenLatentsRecipe)
    facts, what = read_facts(described, folder / RUN), f"the autoencoder in {folder}"
    fits, must = facts.shape == tuple(shape), f"for frames of shape {tuple(shape)}"
    checks.require(fits, what, must, facts.shape, "train one on such frames")
    count = len(facts.targeted)
    checks.require(count == num_variables, what, f"trained with {num_variables} targets", count)
    with reading(folder / AUTOENCODER_RECORD):
        settings = settings_in(read_json(folder / AUTOENCODER_RECORD), source.autoencoder)
    with at_most(num_values(kinds_in(folder / AUTOENCODER)), what):
        autoencoder = fresh_autoencoder(settings, shape, num_variables, source.seed)
    load_weights(autoencoder, folder / AUTOENCODER)
    trained_here: Mapping[str, Any] = {
        "seed": source.seed,
        "data": {key: described["data"][key] for key in ("path", "hash")},
    }
    source, origin = replace(source, autoencoder=settings), facts.reused or trained_here
    return ReusedAutoencoder(folder, source, origin["seed"], origin["data"], weights_hash(autoencoder))
