"""Building a `CausalModel` around a representation: the parts that every method on frozen latents needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.flow import Chain
from trisect.models.priors.factory import PriorSettings, prior_for
from trisect.models.representations.representation import Representation
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings


@dataclass(frozen=True)
class PartSettings:
    """Settings of the parts of a `CausalModel` other than representation and flow.

    Attributes:
        prior: settings of the transition prior.
        classifier: settings of the target classifier.
        objectives: weights of the objectives.
    """

    prior: PriorSettings = field(default_factory=PriorSettings)
    classifier: TargetClassifierSettings = field(default_factory=TargetClassifierSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)


def fresh_model(
    seed: int,
    representation: Representation,
    variables: tuple[str, ...],
    flow: Callable[[], Chain],
    settings: PartSettings,
    latents: np.ndarray | None = None,
) -> CausalModel:
    """A model around a representation, with parts drawn from ``seed`` + 1.

    Args:
        seed: seed of the recipe.
        representation: a trained representation, or one whose weights are loaded later.
        variables: names of the targeted variables.
        flow: makes the flow.
        settings: settings of the other parts.
        latents: (frames, L) latents of the training recording, whose standard deviation is the unit of the noise; None
            if weights are loaded later.
    """
    num_latents, num_variables = representation.num_latents, len(variables)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed + 1)
        parts = Parts(
            representation,
            flow(),
            Assignment(num_latents, num_variables),
            prior_for(settings.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, settings.classifier),
        )
    model = CausalModel(parts, variables, settings.objectives)
    if latents is not None:
        model.deviation.copy_(torch.from_numpy(latents.std(axis=0)))
    return model
