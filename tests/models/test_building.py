from __future__ import annotations

import pytest

from trisect.models.autoregressive_prior import AutoregressivePrior
from trisect.models.building.priors import PRIORS, prior_for
from trisect.models.building.settings import INTERVENTIONS, PRIOR_KINDS, ModelSettings, PriorSettings
from trisect.models.building.staged import model_for
from trisect.models.identification import blank_identification
from trisect.models.priors import ImperfectPrior, PerfectPrior
from trisect.models.representation import VectorRepresentation

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
    assert isinstance(prior_for(ModelSettings().prior, 5, 2), ImperfectPrior)


@pytest.mark.parametrize(("method", "trained"), [("citris-nf", True), ("closed-form", False)])
def test_only_a_method_that_trains_the_prior_says_so(method: str, trained: bool) -> None:
    settings, start = ModelSettings(method=method), blank_identification(3, 2, 0)
    assert model_for(settings, VectorRepresentation(3), ("a", "b"), start).prior_trained is trained
