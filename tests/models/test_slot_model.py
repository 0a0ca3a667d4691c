"""What the models with an assignment share; each one's own tests hold the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.flow import Chain
from trisect.models.priors.factorised import PerfectPrior
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.slot_model import Parts, SlotModel, as_observations
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings


def parts() -> Parts[VectorRepresentation]:
    classifier = TargetClassifier(3, 2, TargetClassifierSettings(hidden=2))
    return Parts(VectorRepresentation(3), Chain([]), Assignment(3, 2), PerfectPrior(3, 2, 2), classifier)


def test_it_is_made_only_as_one_of_its_kinds() -> None:
    with pytest.raises(TypeError, match="abstract"):
        SlotModel(parts(), ("a", "b"))  # type: ignore[abstract]


def test_latents_without_a_posterior_have_no_kl() -> None:
    model = CausalModel(parts(), ("a", "b"), ObjectiveSettings())  # type: ignore[arg-type]
    assert model.latent_kl([], torch.Generator()) is None


def test_each_kind_has_its_classifiers_speed() -> None:
    model = CausalModel(parts(), ("a", "b"), ObjectiveSettings())  # type: ignore[arg-type]
    speeds = {group.name: group.learning_rate_factor for group in model.parameter_groups(None)}
    assert speeds == {"model": 1.0, "classifier": pytest.approx(4 / 3)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.full((1, 2, 2, 1), 255, np.uint8), torch.ones(1, 1, 2, 2)),
        (torch.zeros(1, 2, 2, 3, dtype=torch.uint8), -torch.ones(1, 3, 2, 2)),
        (np.array([[0.5, -3.0]]), torch.tensor([[0.5, -3.0]])),
    ],
)
def test_observations_as_a_model_takes_them(given, expected: torch.Tensor) -> None:
    found = as_observations(given)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
