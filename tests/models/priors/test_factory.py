from __future__ import annotations

import pytest

from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.factory import INTERVENTIONS, PRIOR_KINDS, PRIORS, PriorSettings, prior_for

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


def test_the_default_is_factorised() -> None:
    assert isinstance(prior_for(PriorSettings(), 5, 2), ImperfectPrior)
