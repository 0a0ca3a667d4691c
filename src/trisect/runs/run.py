"""A finished run: its content, and loading it from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from trisect import checks
from trisect.files import reading
from trisect.methods.method import Blueprint
from trisect.methods.recipe import Recipe
from trisect.methods.table import METHODS, method_of, recipe_from_json
from trisect.models.closed_form.statement import Statement
from trisect.models.slot_model import SlotModel
from trisect.models.stored_weights import kinds_in
from trisect.models.weights import load_weights
from trisect.notebook import few, table
from trisect.runs import external_encoder, plausible, run_folder
from trisect.runs.description import read_facts, read_record
from trisect.runs.external_encoder import External, ExternalFunctions
from trisect.runs.plausible import Described
from trisect.runs.run_folder import FINISHED, MODEL, RUN
from trisect.runs.stored_statements import AGAIN, stored_statements
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
        statements: what the closed form says of each variable (`trisect.models.closed_form.statement.Statement`); empty
            if the method does not use it.
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
    statements: tuple[Statement, ...] = ()

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
        ValueError: a file is damaged, or describes another model than the weights belong to; or the run was trained
            with an external encoder, and you pass none or a different one.
    """
    return load_with_encoder(folder, external_encoder.external_functions(external))


def load_with_encoder(folder: str | Path, external: External | None) -> Run:
    """`load_run` with functions that are already imported."""
    folder = checks.path(folder, "the folder of a run", "pass the folder that train made")
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    finished = run_folder.read(folder / FINISHED, "cost", "history")
    with reading(folder / RUN, AGAIN):
        method, todo = dict(described["recipe"]).get("method"), "load a causal encoder with load_causal_encoder"
        what = f"the method of the run in {folder}"
        checks.require(method in METHODS, what, f"one of {', '.join(METHODS)}", checks.shown(method), todo)
        recipe = recipe_from_json(described["recipe"])
        facts = read_facts(described, folder / RUN)
    with reading(folder / FINISHED, AGAIN):
        cost, history, make = read_record(finished, folder / FINISHED)
    model = _built(folder, recipe, described, Blueprint(facts.shape, facts.targeted, make, folder / FINISHED), external)
    load_weights(model, folder / MODEL)
    return Run(
        folder,
        recipe,
        model.eval(),
        facts.path,
        facts.data_hash,
        cost,
        history,
        facts.findings,
        facts.reused,
        stored_statements(folder),
    )


def _built(
    folder: Path, recipe: Recipe, described: Mapping[str, Any], blueprint: Blueprint, external: External | None
) -> SlotModel[Any]:
    """The model of a finished run, to load weights into."""
    is_external = "encoder" in described
    if external is not None and not is_external:
        checks.refuse(f"encoder= cannot be used with the run in {folder}, which has no external encoder")
    if is_external:
        representation = external_encoder.recalled(folder, described["encoder"], external)
        blueprint = replace(blueprint, representation=representation)
    number, make = len(blueprint.targeted), blueprint.make
    facts = Described(folder / RUN, recipe, blueprint.shape, number, make, is_external, AGAIN)
    weights = folder / MODEL
    with reading(folder / RUN, AGAIN):
        return plausible.build(
            facts, kinds_in(weights, AGAIN), weights, lambda: method_of(recipe).build(recipe, blueprint)
        )
