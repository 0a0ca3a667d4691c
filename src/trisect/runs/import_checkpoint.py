"""Importing published checkpoints as run folders, which `load_run` and `evaluate` read like any other run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from trisect import checks
from trisect.methods.citris_nf import CitrisNfRecipe, StartedFlowSettings
from trisect.methods.citris_vae import CitrisVaeRecipe
from trisect.methods.recipe import Recipe
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.flows.factory import FlowSettings
from trisect.models.priors.factory import PriorSettings
from trisect.models.published import settings
from trisect.models.published.checkpoint import Checkpoint, read_checkpoint
from trisect.models.published.load import from_checkpoint
from trisect.models.published.sizes import latent_sizes, network_sizes
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.weights import save_weights
from trisect.runs import causal_encoder, run_folder
from trisect.runs.causal_encoder import CausalEncoderRecipe, TrainedCausalEncoder
from trisect.runs.run import Run, load_run
from trisect.runs.run_folder import FINISHED, MODEL, RUN
from trisect.sealed import write_json
from trisect.training.history import Cost
from trisect.variables import VariableSpace, anonymous
from trisect.version import __version__

UNKNOWN = "unknown"
"""Stored in place of the data's hash for an imported model."""


def import_checkpoint(
    path: str | Path, out: str | Path, variables: Sequence[str] | None = None
) -> Run | TrainedCausalEncoder:
    """Import a checkpoint of the published code as a run folder, or as the folder of a causal encoder.

    Args:
        path: a ``.ckpt`` file of CITRIS-VAE, CITRIS-NF or a causal encoder, see `trisect.models.published`.
        out: the folder to make; load it with `load_run` (or `load_causal_encoder`).
        variables: names of the model's variables in your data, in the order of the model.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the checkpoint is damaged or holds only an autoencoder; or ``out`` is not empty.
    """
    folder = checks.path(out, "the run folder to make")
    checkpoint = read_checkpoint(checks.path(path, "a checkpoint to import"))
    model = from_checkpoint(checkpoint, variables)
    if isinstance(model, Autoencoder):
        what, must = f"the checkpoint '{checkpoint.path.name}' to import", "a complete model or a causal encoder"
        todo = "load it with trisect.models.published.load, and pass its encode and decode to trisect.train"
        raise ValueError(checks.sentence(what, must, "only an autoencoder", todo))
    shape = network_sizes(checkpoint, "autoencoder." if checkpoint.kind == "citris-nf" else "").shape
    at_rest = [shape.height, shape.width, shape.channels]
    if isinstance(model, CausalEncoder):
        facts = _facts(at_rest, VariableSpace(model.factors))
        _write(folder, checkpoint, CausalEncoderRecipe(network=model.settings).to_json(), facts, model)
        return causal_encoder.load_causal_encoder(folder)
    recipe = recipe_of(checkpoint)
    facts = {**_facts(at_rest, anonymous(model.variables)), "targeted": list(model.variables)}
    _write(folder, checkpoint, recipe.to_json(), facts, model)
    return load_run(folder)


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    """The recipe that builds the same model; its training settings are defaults, since a checkpoint holds none."""
    sizes = latent_sizes(checkpoint)
    blocks, hidden = max(1, sizes.flow_blocks), max(1, sizes.flow_hidden)
    prior = PriorSettings(sizes.interventions, sizes.prior_hidden, sizes.prior_kind)
    classifier = settings.classifier_settings(checkpoint, sizes)
    if checkpoint.kind == CitrisVaeRecipe.method:
        variational = settings.variational_settings(checkpoint, sizes)
        flow = FlowSettings(blocks, hidden)
        return CitrisVaeRecipe(prior=prior, classifier=classifier, flow=flow, variational=variational)
    networks = network_sizes(checkpoint, "autoencoder.")
    return CitrisNfRecipe(
        prior=prior,
        classifier=classifier,
        flow=StartedFlowSettings(blocks, hidden, start="random"),
        autoencoder=settings.autoencoder_settings(checkpoint, networks, sizes.num_latents),
        objectives=settings.objective_settings(checkpoint),
    )


def _facts(shape: Sequence[int], variables: VariableSpace) -> dict[str, Any]:
    """The description of the data in run.json."""
    return {"path": None, "hash": UNKNOWN, "shape": list(shape), "variables": variables.to_json()}


def _write(
    folder: Path, checkpoint: Checkpoint, recipe: Mapping[str, Any], facts: Mapping[str, Any], model: nn.Module
) -> None:
    """Write a run folder, finished.json last."""
    run_folder.require_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = {"file": checkpoint.path.name, "kind": checkpoint.kind, "steps": checkpoint.step, "by": __version__}
    description = {"recipe": dict(recipe), "data": dict(facts), "signature": UNKNOWN, "imported": source}
    write_json(folder / RUN, description, indent=2)
    save_weights(model, folder / MODEL)
    finished = {"cost": asdict(Cost()), "history": {}, "distances": {}}
    write_json(folder / FINISHED, finished)
