"""Settings of a transition prior, and building the prior that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from trisect import checks
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import TransitionPrior

PRIORS: dict[tuple[str, str], Callable[[int, int, int], TransitionPrior]] = {
    ("factorised", "imperfect"): ImperfectPrior,
    ("factorised", "perfect"): PerfectPrior,
    ("autoregressive", "imperfect"): partial(AutoregressivePrior, perfect=False),
    ("autoregressive", "perfect"): partial(AutoregressivePrior, perfect=True),
}
"""Kind and interventions of a prior -> function that builds it from L, K and the hidden units per latent."""

PRIOR_KINDS = tuple(dict.fromkeys(kind for kind, _ in PRIORS))
INTERVENTIONS = tuple(dict.fromkeys(interventions for _, interventions in PRIORS))


@dataclass(frozen=True)
class PriorSettings:
    """Settings of the transition prior.

    Attributes:
        interventions: "imperfect" lets an intervened variable depend on its past, by another rule; "perfect" does
            not, and is the better choice if you know that interventions are perfect.
        hidden: hidden units per latent; the paper uses 16 for the autoregressive kind.
        kind: "factorised" assumes that the latents of a slot are independent of each other given the previous frame:
            fast, and sufficient if a flow can make them independent. "autoregressive" lets each latent depend on those
            before it in its slot: for variables that fill several latents and move as one, such as positions in the
            plane or rotations. It needs a pass per slot in training and a pass per latent in roll-outs.
    """

    interventions: str = "imperfect"
    hidden: int = 32
    kind: str = "factorised"

    def __post_init__(self) -> None:
        checks.one_of(self.interventions, INTERVENTIONS, "interventions of a prior")
        checks.size(self.hidden, "hidden of a prior")
        checks.one_of(self.kind, PRIOR_KINDS, "the kind of a prior")


def prior_for(settings: PriorSettings, num_latents: int, num_variables: int) -> TransitionPrior:
    """Build a new transition prior from settings."""
    return PRIORS[settings.kind, settings.interventions](num_latents, num_variables, settings.hidden)
