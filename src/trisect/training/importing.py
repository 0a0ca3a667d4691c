"""Published checkpoints as run folders: what `load_run` and `evaluate` take like any other run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from trisect import __version__, checks
from trisect.evaluation.report import write_atomically
from trisect.models.autoencoder import Autoencoder
from trisect.models.building.settings import FlowSettings, PriorSettings
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.published import settings
from trisect.models.published.checkpoint import Checkpoint, read_checkpoint
from trisect.models.published.load import from_checkpoint
from trisect.models.published.sizes import latent_sizes, network_sizes
from trisect.training import causal_encoder, runs, stages
from trisect.training.causal_encoder import CausalEncoderRecipe, TrainedCausalEncoder
from trisect.training.history import Cost
from trisect.training.recipe import Recipe
from trisect.training.run_folder import FINISHED, MODEL, RUN
from trisect.training.runs import Run
from trisect.variables import VariableSpace, anonymous

UNKNOWN = "unknown"
"""Hash of the data that an imported model was trained on."""


def import_run(path: str | Path, out: str | Path, variables: Sequence[str] | None) -> Run | TrainedCausalEncoder:
    """See `trisect.recipes.import_checkpoint`."""
    checkpoint, folder = read_checkpoint(path), Path(out)
    model = from_checkpoint(checkpoint, variables)
    if isinstance(model, Autoencoder):
        what, must = f"the checkpoint '{checkpoint.path.name}' to import", "a whole model, or a causal encoder"
        todo = "load it with trisect.models.published.load, and train around its encode and decode"
        raise ValueError(checks.sentence(what, must, "an autoencoder alone", todo))
    shape = network_sizes(checkpoint, "autoencoder." if checkpoint.kind == "citris-nf" else "").shape
    at_rest = [shape.height, shape.width, shape.channels]
    if isinstance(model, CausalEncoder):
        reads = VariableSpace(model.factors)
        _write(folder, checkpoint, CausalEncoderRecipe(network=model.settings).to_json(), _facts(at_rest, reads), model)
        return causal_encoder.load(folder)
    recipe = recipe_of(checkpoint)
    facts = {**_facts(at_rest, anonymous(model.variables)), "targeted": list(model.variables)}
    _write(folder, checkpoint, recipe.to_json(), facts, model)
    return runs.load_run(folder)


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    """The recipe under which our training would build the same model; how it was trained is not told by it."""
    sizes = latent_sizes(checkpoint)
    parts: dict[str, Any] = {
        "method": checkpoint.kind,
        "prior": PriorSettings(sizes.interventions, sizes.prior_hidden, sizes.prior_kind),
        "classifier": settings.classifier_settings(checkpoint, sizes),
        "flow": FlowSettings("random", max(1, sizes.flow_blocks), max(1, sizes.flow_hidden)),
    }
    if checkpoint.kind == "citris-vae":
        return Recipe(**parts, variational=settings.variational_settings(checkpoint, sizes))
    networks = network_sizes(checkpoint, "autoencoder.")
    return Recipe(
        **parts,
        autoencoder=settings.autoencoder_settings(checkpoint, networks, sizes.num_latents),
        objectives=settings.objective_settings(checkpoint),
    )


def _facts(shape: Sequence[int], variables: VariableSpace) -> dict[str, Any]:
    """What a run says of its data."""
    return {"path": None, "hash": UNKNOWN, "shape": list(shape), "variables": variables.to_json()}


def _write(
    folder: Path, checkpoint: Checkpoint, recipe: Mapping[str, Any], facts: Mapping[str, Any], model: nn.Module
) -> None:
    """A run folder, finished.json last."""
    empty = not folder.exists() or not any(folder.iterdir())
    checks.require(empty, f"the folder {folder}", "empty or new", "one with other files", "choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    source = {"file": checkpoint.path.name, "kind": checkpoint.kind, "steps": checkpoint.step, "by": __version__}
    description = {"recipe": dict(recipe), "data": dict(facts), "signature": UNKNOWN, "imported": source}
    write_atomically(folder / RUN, json.dumps(description, indent=2) + "\n")
    stages.save_weights(model, folder / MODEL)
    finished = {"cost": asdict(Cost()), "history": {}, "distances": {}}
    write_atomically(folder / FINISHED, json.dumps(finished) + "\n")
