"""What all models with an assignment share; the rest is in the tests of each model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.flow import Chain
from trisect.models.inputs import as_observations
from trisect.models.priors.factorised import PerfectPrior
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.slot_model import Parts, SlotModel
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings


def parts() -> Parts[VectorRepresentation]:
    classifier = TargetClassifier(3, 2, TargetClassifierSettings(hidden=2))
    return Parts(VectorRepresentation(3), Chain([]), Assignment(3, 2), PerfectPrior(3, 2, 2), classifier)


def test_the_base_class_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        SlotModel(parts(), ("a", "b"))  # type: ignore[abstract]


def test_latents_without_a_posterior_have_no_kl() -> None:
    model = CausalModel(parts(), ("a", "b"), ObjectiveSettings())  # type: ignore[arg-type]
    assert model.latent_kl([], torch.Generator()) is None


def test_the_classifier_has_the_model_s_classifier_speed() -> None:
    model = CausalModel(parts(), ("a", "b"), ObjectiveSettings())  # type: ignore[arg-type]
    speeds = {group.name: group.learning_rate_factor for group in model.parameter_groups(None)}
    assert speeds == {"model": 1.0, "classifier": pytest.approx(4 / 3)}


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        (np.full((1, 2, 2, 1), 255, np.uint8), torch.ones(1, 1, 2, 2)),
        (torch.zeros(1, 2, 2, 3, dtype=torch.uint8), -torch.ones(1, 3, 2, 2)),
        (np.array([[0.5, -3.0]]), torch.tensor([[0.5, -3.0]])),
    ],
)
def test_observations_as_a_model_takes_them(observations, expected: torch.Tensor) -> None:
    tensor = as_observations(observations)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor, expected)
