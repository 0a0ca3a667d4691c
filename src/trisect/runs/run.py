"""A finished run: its content, and loading it from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from trisect import checks
from trisect.methods.earlier import make_in
from trisect.methods.method import Blueprint
from trisect.methods.recipe import Recipe
from trisect.methods.table import METHODS, method_of, recipe_from_json
from trisect.models.slot_model import SlotModel
from trisect.models.weights import load_weights
from trisect.notebook import few, table
from trisect.runs import external_encoder, run_folder
from trisect.runs.external_encoder import External, ExternalFunctions
from trisect.runs.run_folder import FINISHED, MODEL, RUN
from trisect.training.history import Cost


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: run folder.
        recipe: recipe of the run.
        model: the model with the trained weights, in evaluation mode.
        data_path: the data set's folder, or None for data in memory.
        data_hash: SHA-256 of the training and validation recordings.
        cost: CPU seconds, wall seconds and peak memory.
        history: stage -> its ``terms``, ``scores`` and ``steps``, as the engine recorded them.
        findings: findings of the inspection of the data, as `trisect.data.inspect.findings.Finding.to_json` returns
            them.
        reused: facts about a reused autoencoder: the ``fingerprint`` of its weights, the ``seed`` of its run, and
            ``path`` and ``hash`` of its ``data``; None if the run trained its autoencoder or has none.
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
        slots = few([f"{name} {len(latents)}" for name, latents in self.model.slot_columns().items()])
        cost = f"{self.cost.cpu_seconds:.0f} CPU-seconds"
        return f"Run({str(self.folder)!r}: {self.recipe.method}, seed {self.recipe.seed}; latents: {slots}; {cost})"

    def _repr_html_(self) -> str:
        """A table of the latents of every slot, for notebooks."""
        cost, recipe = f"{self.cost.cpu_seconds:.0f} CPU-seconds", self.recipe
        title = f"Run in {self.folder}: {recipe.method}, seed {recipe.seed}, {cost}"
        rows = [(name, few([str(each) for each in latents])) for name, latents in self.model.slot_columns().items()]
        return table(title, ("slot", "latents"), rows)


def load_run(folder: str | Path, **external: Unpack[ExternalFunctions]) -> Run:
    """Load a finished run: its recipe, its model with the trained weights, its cost. Reads no pickles, imports no code.

    Args:
        folder: run folder.
        external: the ``encoder=`` and ``decoder=`` that the run was trained with, if any.

    Raises:
        FileNotFoundError: the folder holds no run, or an unfinished one.
        ValueError: the run was trained with an external encoder, and you pass none or a different one.
    """
    return load_with_encoder(folder, external_encoder.external_functions(external))


def load_with_encoder(folder: str | Path, external: External | None) -> Run:
    """`load_run` with functions that are already imported."""
    folder = checks.path(folder, "the folder of a run", "pass the folder that train made")
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    finished = run_folder.read(folder / FINISHED, "cost", "history")
    method, todo = dict(described["recipe"]).get("method"), "load a causal encoder with load_causal_encoder"
    checks.require(
        method in METHODS, f"the method of the run in {folder}", f"one of {', '.join(METHODS)}", method, todo
    )
    recipe, facts = recipe_from_json(described["recipe"]), described["data"]
    model = _built(folder, recipe, described, finished, external)
    load_weights(model, folder / MODEL)
    path = None if facts["path"] is None else Path(facts["path"])
    findings, reused = tuple(described.get("findings", ())), described.get("autoencoder")
    cost = Cost(**finished["cost"])
    return Run(folder, recipe, model.eval(), path, facts["hash"], cost, finished["history"], findings, reused)


def _built(
    folder: Path,
    recipe: Recipe,
    described: Mapping[str, Any],
    finished: Mapping[str, Any],
    external: External | None,
) -> SlotModel[Any]:
    """The model of a finished run, to load weights into."""
    shape, targeted = tuple(described["data"]["shape"]), tuple(described["data"]["targeted"])
    is_external = "encoder" in described
    if external is not None and not is_external:
        checks.refuse(f"encoder= cannot be used with the run in {folder}, which has no external encoder")
    representation = external_encoder.recalled(folder, described["encoder"], external) if is_external else None
    blueprint = Blueprint(shape, targeted, make_in(finished), folder / FINISHED, representation)
    return method_of(recipe).build(recipe, blueprint)
