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
from trisect.models import acting
from trisect.models.assignment import Assignment
from trisect.models.flows.flow import Flow
from trisect.models.priors.transition import TransitionPrior
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents
from trisect.models.target_classifier import TargetClassifier

R = TypeVar("R", bound=Representation)

BEYOND = 1.0
"""How far frames may leave [-1, 1]: decoded ones do, where a decoder is not bounded; levels of 0..255 by far more."""


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
        prior_trained: whether the prior may be drawn from; the closed form trains none.

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
            ValueError: frames or vectors of another size than the model's, or float frames of another range.
        """
        with torch.no_grad():
            given = as_observations(observations).to(self._assignment.logits.device)
            return self.flow(self.representation.encode(given))[0]

    def decode(self, z: Latents) -> Float[Tensor, "batch *observation"]:
        """Observations of latents: frames (batch, channels, height, width), close to [-1, 1], or vectors."""
        return self.representation.decode(self.flow.inverse(z))

    def slots(self, z: Latents) -> dict[str, Float[Tensor, "batch slot_latents"]]:
        """The latents of each slot, by its name; a slot may be empty (zero columns)."""
        chosen = self.assignment().argmax(dim=-1)
        return {name: z[:, chosen == i] for i, name in enumerate(self.slot_names)}

    def intervene(
        self,
        observations: Tensor | np.ndarray,
        values: acting.Values,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch *observation"]:
        """Observations with other values in some slots, decoded; see `trisect.models.acting.intervene`.

        Args:
            observations: N of them, as `encode` takes them.
            values: slot name -> N observations or one for all, whose latents of that slot are taken; latents, as
                `trisect.models.acting.SlotValues`; or "sample", a draw from what an intervention on it does.
            generator: of "sample"; None draws the same in every call.
        """
        return acting.intervene(self, observations, values, generator)

    def rollout(
        self,
        observations: Tensor | np.ndarray,
        targets: Tensor | np.ndarray,
        generator: torch.Generator | None = None,
        seed: int = 0,
        mean: bool = False,
    ) -> Float[Tensor, "batch steps *observation"]:
        """Predicted observations under chosen interventions; see `trisect.models.acting.rollout`.

        Args:
            observations: N of them to start from, as `encode` takes them.
            targets: (N or 1, steps, K) 0/1, row s made predicted frame s.
            generator: of the noise; None makes one from ``seed``.
            seed: same seed, same result.
            mean: without noise.
        """
        return acting.rollout(self, observations, targets, generator, seed, mean)

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
    """Frames at rest (uint8, channels last) as a model takes them; anything else as a float tensor.

    Raises:
        ValueError: float frames outside [-1, 1]. Frames in 0..1 cannot be told from bright ones, and pass.
    """
    tensor = torch.tensor(np.ascontiguousarray(observations)) if isinstance(observations, np.ndarray) else observations
    if tensor.dtype == torch.uint8:
        return frames_to_float(tensor)
    return _of_right_range(tensor.float()) if tensor.ndim == 4 else tensor.float()


def _of_right_range(frames: Tensor) -> Tensor:
    """Float frames, if they are in [-1, 1] or just beyond it."""
    if frames.numel() == 0:
        return frames
    low, high = (float(value) for value in frames.aminmax())
    looks = ", which look like 0..255" if low >= 0 and high <= 255 else ""
    todo = "pass uint8 frames at rest, (N, height, width, channels), as they are, or scale levels v to v / 255 * 2 - 1"
    inside = low >= -1 - BEYOND and high <= 1 + BEYOND
    checks.require(inside, "float frames", "within [-1, 1]", f"values from {low:.3g} to {high:.3g}{looks}", todo)
    return frames
