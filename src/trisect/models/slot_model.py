"""SlotModel: what every model with an assignment offers, however its latents were learned.

Observations go through a representation and a flow to latents, each of which belongs to one slot: a targeted variable,
or noise. How the parts are trained is the business of the models that derive from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.batches import LossTerms, ParameterGroup, SequenceBatch, Step
from trisect.frames import frames_to_float
from trisect.models.assignment import Assignment
from trisect.models.flows import Flow
from trisect.models.images import Latents
from trisect.models.priors import TransitionPrior
from trisect.models.representation import Representation
from trisect.models.target_classifier import TargetClassifier

R = TypeVar("R", bound=Representation)


@dataclass
class Parts(Generic[R]):
    """The parts that a `SlotModel` joins.

    Attributes:
        representation: gives the latents that the flow sees.
        flow: invertible, of the representation's dimension.
        assignment: psi.
        prior: transition prior.
        classifier: target classifier.
    """

    representation: R
    flow: Flow
    assignment: Assignment
    prior: TransitionPrior
    classifier: TargetClassifier


class SlotModel(nn.Module, ABC, Generic[R]):
    """Observations in, latents assigned to causal variables out.

    Args:
        parts: see `Parts`.
        variables: names of the targeted variables, in the order of the target columns.

    Attributes:
        classifier_speed: learning rate of the target classifier, as a multiple of the other parts'.

    Raises:
        ValueError: the parts disagree about the number of latents or of variables.
    """

    classifier_speed: float

    def __init__(self, parts: Parts[R], variables: Iterable[str]):
        super().__init__()
        self.representation, self.flow = parts.representation, parts.flow
        self.prior, self.classifier = parts.prior, parts.classifier
        self._assignment = parts.assignment
        self.variables = checks.unique_names(list(variables), "the targeted variables of a model")
        num_latents = parts.representation.num_latents
        for name, got in (("an assignment", parts.assignment), ("a prior", parts.prior)):
            sizes = (got.num_latents, got.num_variables)
            checks.require(sizes == (num_latents, len(self.variables)), name, "of the model's size", sizes)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The targeted variables, then "noise"."""
        return (*self.variables, "noise")

    def assignment(self) -> Float[Tensor, "latents slots"]:
        """The hard assignment, one-hot: which slot each latent belongs to."""
        return self._assignment.hard()

    def probs(self) -> Float[Tensor, "latents slots"]:
        """The soft assignment psi; rows sum to one."""
        return self._assignment.probs().detach()

    def encode(self, observations: Tensor | np.ndarray) -> Latents:
        """Latents of observations, without noise.

        Args:
            observations: frames as a model takes them (batch, channels, height, width) float in [-1, 1], frames at
                rest (batch, height, width, channels) uint8, or vectors (batch, D); tensors or arrays.

        Raises:
            ValueError: frames or vectors of another size than the model's.
        """
        with torch.no_grad():
            return self.flow(self.representation.encode(as_observations(observations)))[0]

    def decode(self, z: Latents) -> Float[Tensor, "batch *observation"]:
        """Observations of latents: frames (batch, channels, height, width), close to [-1, 1], or vectors."""
        return self.representation.decode(self.flow.inverse(z))

    def slots(self, z: Latents) -> dict[str, Float[Tensor, "batch slot_latents"]]:
        """The latents of each slot, by its name; a slot may be empty (zero columns)."""
        chosen = self.assignment().argmax(dim=-1)
        return {name: z[:, chosen == i] for i, name in enumerate(self.slot_names)}

    def slot_columns(self) -> dict[str, list[int]]:
        """Which latents belong to each slot, by its name."""
        chosen = self.assignment().argmax(dim=-1).tolist()
        return {name: [k for k, slot in enumerate(chosen) if slot == i] for i, name in enumerate(self.slot_names)}

    def parameter_groups(self, settings: object) -> list[ParameterGroup]:
        """The classifier learns faster than the latents that it judges."""
        classifier = [p for p in self.classifier.parameters() if p.requires_grad]
        mine = {id(p) for p in classifier}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in mine]
        return [
            ParameterGroup("model", rest),
            ParameterGroup("classifier", classifier, learning_rate_factor=self.classifier_speed),
        ]

    def latent_kl(
        self, batches: Iterable[SequenceBatch], generator: torch.Generator
    ) -> Float[Tensor, "latents"] | None:
        """Nats per frame that each latent's posterior is away from the prior; None for latents without a posterior.

        Args:
            batches: held-out windows of observations.
            generator: of the samples that it takes.
        """
        return None

    @abstractmethod
    def initialise(self, batch: SequenceBatch) -> None:
        """Adapt to a first batch."""

    @abstractmethod
    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Named loss terms of a batch."""


def as_observations(observations: Tensor | np.ndarray) -> Tensor:
    """Frames at rest (uint8, channels last) as a model takes them; anything else as a float tensor."""
    tensor = torch.from_numpy(np.array(observations)) if isinstance(observations, np.ndarray) else observations
    return frames_to_float(tensor) if tensor.dtype == torch.uint8 else tensor.float()
