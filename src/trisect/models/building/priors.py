"""The transition prior that settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trisect.models.autoregressive_prior import AutoregressivePrior
from trisect.models.building.settings import PriorSettings
from trisect.models.priors import ImperfectPrior, PerfectPrior, TransitionPrior

PRIORS: dict[tuple[str, str], Callable[[int, int, int], TransitionPrior]] = {
    ("factorised", "imperfect"): ImperfectPrior,
    ("factorised", "perfect"): PerfectPrior,
    ("autoregressive", "imperfect"): partial(AutoregressivePrior, perfect=False),
    ("autoregressive", "perfect"): partial(AutoregressivePrior, perfect=True),
}
"""Kind and interventions of a prior -> what makes it of L, K and the hidden units per latent."""


def prior_for(settings: PriorSettings, num_latents: int, num_variables: int) -> TransitionPrior:
    """A fresh transition prior of the settings' kind."""
    return PRIORS[settings.kind, settings.interventions](num_latents, num_variables, settings.hidden)
