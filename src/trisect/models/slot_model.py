"""SlotModel: the interface of every model with an assignment, however its latents are learned.

A representation and a flow map observations to latents. Each latent belongs to one slot: a targeted variable, or noise.
The classes that derive from it define how the parts are trained.
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
from trisect.models import acting
from trisect.models.assignment import Assignment
from trisect.models.flows.flow import Flow
from trisect.models.inputs import as_latents, as_observations, gradients_if_asked, warn_of_fractions
from trisect.models.priors.transition import TransitionPrior
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents
from trisect.models.target_classifier import TargetClassifier
from trisect.names import NOISE, checked_names
from trisect.notebook import few

R = TypeVar("R", bound=Representation)


@dataclass
class Parts(Generic[R]):
    """The parts that a `SlotModel` joins.

    Attributes:
        representation: maps observations to the inputs of the flow.
        flow: an invertible map of the representation's dimension.
        assignment: psi, which slot each latent belongs to.
        prior: the transition prior.
        classifier: the target classifier.
    """

    representation: R
    flow: Flow
    assignment: Assignment
    prior: TransitionPrior
    classifier: TargetClassifier


class SlotModel(nn.Module, ABC, Generic[R]):
    """Maps observations to latents that are assigned to causal variables.

    Args:
        parts: see `Parts`.
        variables: names of the targeted variables, in the order of the target columns.

    Attributes:
        classifier_speed: learning rate of the target classifier, as a multiple of the other parts'.
        prior_trained: whether the prior was trained, so that you can draw from it; the closed form trains none.

    Raises:
        ValueError: the parts disagree about the number of latents or of variables.
    """

    classifier_speed: float
    prior_trained: bool = True

    def __init__(self, parts: Parts[R], variables: Iterable[str]):
        super().__init__()
        self.representation, self.flow = parts.representation, parts.flow
        self.prior, self.classifier = parts.prior, parts.classifier
        self._assignment = parts.assignment
        self.variables = checked_names(variables, "the targeted variables of a model")
        num_latents = parts.representation.num_latents
        for name, part in (("an assignment", parts.assignment), ("a prior", parts.prior)):
            sizes = (part.num_latents, part.num_variables)
            checks.require(sizes == (num_latents, len(self.variables)), name, "of the model's size", sizes)

    def __repr__(self) -> str:
        slots = few([f"{name} {len(latents)}" for name, latents in self.slot_columns().items()])
        return f"{type(self).__name__}(latents per slot: {slots})"  # without layers: those of a part are in its repr

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The targeted variables, then "noise"."""
        return (*self.variables, NOISE)

    def assignment(self) -> Float[Tensor, "latents slots"]:
        """The hard assignment, one-hot: which slot each latent belongs to."""
        return self._assignment.hard()

    def probs(self) -> Float[Tensor, "latents slots"]:
        """The soft assignment psi; rows sum to one."""
        return self._assignment.probs().detach()

    def encode(self, observations: acting.Observations) -> Latents:
        """Latents of observations, without noise.

        Gradients are computed only for observations that require them: pass a tensor with ``requires_grad`` to keep
        them. For gradients of the weights, call ``model.flow(model.representation.encode(inputs))[0]``.

        Args:
            observations: float frames (batch, channels, height, width) in [-1, 1], frames at rest (batch, height,
                width, channels) uint8, or vectors (batch, D); tensors, arrays or lists of any precision.

        Raises:
            TypeError: the observations are not numbers.
            ValueError: frames or vectors have another size than the model's, or float frames another range.

        Warns:
            UserWarning: float frames look as if they were in 0..1.
        """
        inputs = as_observations(observations)
        if inputs.ndim == 4 and not _at_rest(observations):
            warn_of_fractions(inputs, self.representation)
        weights = self._assignment.logits
        exact = inputs.dtype == torch.float64 and self.takes_double
        inputs = inputs.to(weights.device) if exact else inputs.to(weights)
        with gradients_if_asked(inputs):
            return self.flow(self.representation.encode(inputs).to(weights))[0]

    def decode(self, z: Latents | acting.Observations) -> Float[Tensor, "batch *observation"]:
        """Observations of latents: frames (batch, channels, height, width), close to [-1, 1], or vectors.

        Gradients are computed only for latents that require them.

        Args:
            z: (batch, L); a tensor, an array or a list.

        Raises:
            ValueError: the latents have another shape.
        """
        latents = as_latents(z, self._assignment.logits, self.representation.num_latents)
        with gradients_if_asked(latents):
            return self.representation.decode(self.flow.inverse(latents))

    @property
    def takes_double(self) -> bool:
        """Whether `encode` makes use of float64, see `trisect.models.representations.representation`."""
        return self.representation.takes_double

    def slots(self, z: Latents) -> dict[str, Float[Tensor, "batch slot_latents"]]:
        """The latents of each slot by name; a slot may be empty (zero columns)."""
        slot_of_latent = self.assignment().argmax(dim=-1)
        return {name: z[:, slot_of_latent == i] for i, name in enumerate(self.slot_names)}

    def intervene(
        self,
        observations: acting.Observations,
        values: acting.Values,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch *observation"]:
        """Observations with other values in some slots, decoded; see `trisect.models.acting.intervene`.

        Args:
            observations: N observations, in any form that `encode` takes.
            values: slot name -> N observations or one for all frames, whose latents of that slot are used; latents, as
                `trisect.models.acting.SlotValues`; or "sample", a draw from the learned effect of an intervention on
                it.
            generator: random generator for "sample"; None gives the same draws in every call.
        """
        return acting.intervene(self, observations, values, generator)

    def rollout(
        self,
        observations: acting.Observations,
        targets: acting.Targets,
        generator: torch.Generator | None = None,
        seed: int = 0,
        mean: bool = False,
    ) -> Float[Tensor, "batch steps *observation"]:
        """Predicted observations under chosen interventions; see `trisect.models.acting.rollout`.

        Args:
            observations: N observations to start from, in any form that `encode` takes.
            targets: (N or 1, steps, K) 0/1; row s gives the interventions that lead to predicted frame s.
            generator: random generator for the noise; None makes one from ``seed``.
            seed: seed of the noise; the same seed gives the same result.
            mean: True uses no noise.
        """
        return acting.rollout(self, observations, targets, generator, seed, mean)

    def slot_columns(self) -> dict[str, list[int]]:
        """Indices of the latents of each slot, by name."""
        slots = self.assignment().argmax(dim=-1).tolist()
        return {name: [k for k, slot in enumerate(slots) if slot == i] for i, name in enumerate(self.slot_names)}

    def parameter_groups(self, settings: object) -> list[ParameterGroup]:
        """Two groups of parameters: the target classifier, which learns faster, and all others."""
        classifier = [p for p in self.classifier.parameters() if p.requires_grad]
        in_classifier = {id(p) for p in classifier}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in in_classifier]
        return [
            ParameterGroup("model", rest),
            ParameterGroup("classifier", classifier, learning_rate_factor=self.classifier_speed),
        ]

    def latent_kl(
        self, batches: Iterable[SequenceBatch], generator: torch.Generator
    ) -> Float[Tensor, "latents"] | None:
        """KL of each latent's posterior from the prior, in nats per frame; None for latents without a posterior.

        Args:
            batches: held-out windows of observations.
            generator: random generator for the samples.
        """
        return None

    @abstractmethod
    def initialise(self, batch: SequenceBatch) -> None:
        """Adapt to a first batch."""

    @abstractmethod
    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Named loss terms of a batch."""


def _at_rest(observations: object) -> bool:
    """Whether observations are uint8, whose range is known."""
    return getattr(observations, "dtype", None) in (torch.uint8, np.uint8)
