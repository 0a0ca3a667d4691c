"""A finished run: what it holds, and reading it back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from trisect import checks
from trisect.methods.earlier import current_make
from trisect.methods.method import Blueprint
from trisect.methods.recipe import Recipe
from trisect.methods.table import METHODS, method_of, recipe_from_json
from trisect.models.slot_model import SlotModel
from trisect.models.weights import load_weights
from trisect.runs import external_encoder, run_folder
from trisect.runs.external_encoder import External, ExternalFunctions
from trisect.runs.run_folder import FINISHED, MODEL, RUN
from trisect.training.history import Cost


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        recipe: what was run.
        model: with the trained weights, in evaluation mode.
        data_path: the data set's folder, or None for data in memory.
        data_hash: SHA-256 of the training and validation recordings.
        cost: CPU seconds, wall seconds and peak memory.
        history: per stage, ``terms`` and ``scores`` as the engine recorded them, and ``steps``.
        findings: what the inspection found in the data, as `trisect.data.inspect.findings.Finding.to_json` gives it.
        reused: of a reused autoencoder: the ``fingerprint`` of its weights, the ``seed`` of its run, and ``path`` and
            ``hash`` of its ``data``; None where the run trained its own or has none.
    """

    folder: Path
    recipe: Recipe
    model: SlotModel[Any]
    data_path: Path | None
    data_hash: str
    cost: Cost
    history: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...] = ()
    reused: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        slots = ", ".join(f"{name} {len(latents)}" for name, latents in self.model.slot_columns().items())
        cost = f"{self.cost.cpu_seconds:.0f} CPU-seconds"
        return f"Run({str(self.folder)!r}: {self.recipe.method}, seed {self.recipe.seed}; latents: {slots}; {cost})"


def load_run(folder: str | Path, **external: Unpack[ExternalFunctions]) -> Run:
    """A finished run: its recipe, its model with the trained weights, its cost. Reads no pickles, imports no code.

    Args:
        folder: of the run.
        external: the ``encoder=`` and ``decoder=`` that the run was trained with, if it was.

    Raises:
        FileNotFoundError: no run is there, or it is not finished.
        ValueError: the run was trained with an external encoder, and none or another one is passed.
    """
    return load_with(folder, external_encoder.external_functions(external))


def load_with(folder: str | Path, external: External | None) -> Run:
    """`load_run` with functions that are imported already."""
    folder = Path(folder)
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    finished = run_folder.read(folder / FINISHED, "cost", "history")
    method, todo = dict(described["recipe"]).get("method"), "load a causal encoder with load_causal_encoder"
    checks.require(
        method in METHODS, f"the method of the run in {folder}", f"one of {', '.join(METHODS)}", method, todo
    )
    recipe, facts = recipe_from_json(described["recipe"]), described["data"]
    model = _untrained(folder, recipe, described, finished, external)
    load_weights(model, folder / MODEL)
    path = None if facts["path"] is None else Path(facts["path"])
    findings, reused = tuple(described.get("findings", ())), described.get("autoencoder")
    cost = Cost(**finished["cost"])
    return Run(folder, recipe, model.eval(), path, facts["hash"], cost, finished["history"], findings, reused)


def _untrained(
    folder: Path,
    recipe: Recipe,
    described: Mapping[str, Any],
    finished: Mapping[str, Any],
    external: External | None,
) -> SlotModel[Any]:
    """The model of a finished run, for weights to be loaded into."""
    shape, targeted = tuple(described["data"]["shape"]), tuple(described["data"]["targeted"])
    is_external, todo = "encoder" in described, "load it without"
    fits = is_external or external is None
    checks.require(fits, f"the run in {folder}", "one with an external encoder", "one without", todo)
    representation = external_encoder.recalled(folder, described["encoder"], external) if is_external else None
    blueprint = Blueprint(shape, targeted, current_make(finished), folder / FINISHED, representation)
    return method_of(recipe).build(recipe, blueprint)
