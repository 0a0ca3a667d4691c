from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.data import Dataset, simulate
from trisect.models.autoregressive_prior import AutoregressivePrior
from trisect.models.identification import blank_identification
from trisect.models.priors import ImperfectPrior, PerfectPrior
from trisect.models.representation import VectorRepresentation
from trisect.recipes import citris_nf, closed_form
from trisect.training.building import PRIORS, model_for, prior_for
from trisect.training.recipe import INTERVENTIONS, PRIOR_KINDS, PriorSettings, Recipe
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

CLASSES = {
    ("factorised", "imperfect"): ImperfectPrior,
    ("factorised", "perfect"): PerfectPrior,
    ("autoregressive", "imperfect"): AutoregressivePrior,
    ("autoregressive", "perfect"): AutoregressivePrior,
}


@pytest.mark.parametrize("kind", PRIOR_KINDS)
@pytest.mark.parametrize("interventions", INTERVENTIONS)
def test_settings_choose_the_prior(kind: str, interventions: str) -> None:
    prior = prior_for(PriorSettings(interventions, hidden=7, kind=kind), 5, 2)
    assert type(prior) is CLASSES[kind, interventions]
    assert (prior.num_latents, prior.num_variables, prior.hidden) == (5, 2, 7)
    if isinstance(prior, AutoregressivePrior):
        assert prior.perfect == (interventions == "perfect")


def test_every_setting_has_a_prior() -> None:
    assert set(PRIORS) == {(kind, interventions) for kind in PRIOR_KINDS for interventions in INTERVENTIONS}


def test_the_default_stays_factorised() -> None:
    assert isinstance(prior_for(citris_nf().prior, 5, 2), ImperfectPrior)


@pytest.mark.parametrize(("recipe", "trained"), [(citris_nf(), True), (closed_form(), False)])
def test_only_a_recipe_that_trains_the_prior_says_so(recipe: Recipe, trained: bool) -> None:
    model = model_for(recipe, VectorRepresentation(3), ("a", "b"), blank_identification(3, 2, 0))
    assert model.prior_trained is trained


@pytest.mark.parametrize("interventions", INTERVENTIONS)
def test_a_run_with_an_autoregressive_prior_reloads_as_it_was(tmp_path: Path, interventions: str) -> None:
    recipe = citris_nf()
    recipe = replace(
        recipe,
        flow_batch_size=8,
        flow=replace(recipe.flow, start="random", num_blocks=2, hidden_per_variable=2),
        prior=PriorSettings(interventions, hidden=4, kind="autoregressive"),
        flow_training=TrainingSettings(steps=6, checkpoint_every=5, validate_every=3, log_every=2, logger=None),
    )
    world, rng = make("linear", num_variables=2, num_latents=3), np.random.default_rng(0)
    data = Dataset({name: simulate(world, size, rng, 50) for name, size in (("train", 400), ("val", 100))})
    model = trisect.train(recipe, data, tmp_path / "run", progress=False).model
    again = trisect.load_run(tmp_path / "run").model
    assert isinstance(again.prior, AutoregressivePrior)
    for (name, one), two in zip(model.state_dict().items(), again.state_dict().values()):
        assert torch.equal(one, two), name
