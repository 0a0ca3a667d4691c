"""The autoencoder of another run, for a run that trains none: frames may teach it of which no model is wanted.

Several flows so share one autoencoder, which takes most of the time. A recording with many interventions, or with
other habits, may show things apart that go together in the recording that a flow is trained on.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.files import replacing
from trisect.methods.frozen_latents import AUTOENCODER, AUTOENCODER_RECORD, FrozenLatentsRecipe, autoencoder_for
from trisect.methods.recipe import Recipe
from trisect.methods.table import recipe_from_json
from trisect.models.weights import load_weights, weights_hash
from trisect.runs import run_folder
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.run_folder import RUN


class LatentSource(ExternalFunctions, total=False):
    """What gives the latents of a run in place of an autoencoder of its own.

    Attributes:
        autoencoder: the folder of another run, on the same or on other frames of the same shape and as many targets,
            whose autoencoder is taken; its settings take the place of the recipe's.
    """

    autoencoder: str | Path | None


@dataclass(frozen=True)
class ReusedAutoencoder:
    """A trained autoencoder in the folder of a run, which need not have gone further.

    Attributes:
        folder: of that run.
        recipe: of that run.
        seed: that it was trained with, there or in the run that it was taken from before.
        data: ``path`` and ``hash`` of the data set that it was trained on.
        fingerprint: SHA-256 of the weights.
    """

    folder: Path
    recipe: FrozenLatentsRecipe
    seed: int
    data: Mapping[str, Any]
    fingerprint: str

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with the settings that this autoencoder was made by."""
        names = ("autoencoder", "autoencoder_training", "batch_size")
        return replace(recipe, **{name: getattr(self.recipe, name) for name in names})

    def describe(self) -> dict[str, Any]:
        """What run.json says of it, in plain types."""
        return {"fingerprint": self.fingerprint, "seed": self.seed, "data": dict(self.data)}

    def copy_into(self, folder: Path) -> None:
        """Lay weights and record into the folder of a run, where the autoencoder's stage would; whole or not at all."""
        if (folder / AUTOENCODER).exists():
            return
        for name in (AUTOENCODER_RECORD, AUTOENCODER):
            with replacing(folder / name) as beside:
                shutil.copyfile(self.folder / name, beside)


def find(folder: str | Path, recipe: Recipe, shape: tuple[int, ...], num_variables: int) -> ReusedAutoencoder:
    """The autoencoder of the run in a folder, checked to fit.

    Args:
        folder: of the run.
        recipe: that it shall be used in.
        shape: of the observations, (height, width, channels) of frames.
        num_variables: K, targeted ones.

    Raises:
        FileNotFoundError: no run is there, or its autoencoder is not finished.
        ValueError: the recipe or the data have no use for one, it is made for other frames or another number of
            targets, or a file is damaged.
    """
    folder = Path(folder)
    what = "the recipe for the autoencoder of another run"
    checks.require(isinstance(recipe, FrozenLatentsRecipe), what, "citris-nf or closed-form", recipe.method)
    checks.require(len(shape) == 3, "the data for the autoencoder of another run", "frames", "vectors")
    must, unfinished = "the folder of a run with a trained autoencoder", "train it, or go on with --resume"
    needed = {RUN: "name the folder of a run", AUTOENCODER: unfinished, AUTOENCODER_RECORD: unfinished}
    for name, todo in needed.items():
        if not (folder / name).exists():
            raise FileNotFoundError(checks.sentence(f"the folder {folder}", must, f"no {name} in it", todo))
    described = run_folder.read(folder / RUN, "recipe", "data")
    theirs = recipe_from_json(described["recipe"])
    checks.require(isinstance(theirs, FrozenLatentsRecipe), what, "one of citris-nf or closed-form", theirs.method)
    assert isinstance(theirs, FrozenLatentsRecipe)
    facts, what = described["data"], f"the autoencoder in {folder}"
    fits, must = tuple(facts["shape"]) == tuple(shape), f"for frames of shape {tuple(shape)}"
    checks.require(fits, what, must, tuple(facts["shape"]), "train one on such frames")
    count = len(facts["targeted"])
    checks.require(count == num_variables, what, f"trained with {num_variables} targets", count)
    autoencoder = autoencoder_for(theirs, shape, num_variables)
    load_weights(autoencoder, folder / AUTOENCODER)
    own = {"seed": theirs.seed, "data": {key: facts[key] for key in ("path", "hash")}}
    origin = described.get("autoencoder", own)
    return ReusedAutoencoder(folder, theirs, origin["seed"], origin["data"], weights_hash(autoencoder))
