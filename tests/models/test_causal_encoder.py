"""The causal encoder: outputs by hand-set heads, distances by hand, losses by formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from trisect.batches import LabelledBatch, Step
from trisect.models.causal_encoder import CausalEncoder, CausalEncoderSettings, distances
from trisect.models.shapes import FrameShape
from trisect.variables import Angle, Categorical, Continuous

FACTORS = (Continuous("x", 1.0, 5.0), Angle("a"), Categorical("c", 3), Continuous("free"))
SHAPE = FrameShape(3, 8, 8)
STEP = Step(0, 0.0, torch.Generator())


def predicting(*outputs: float) -> CausalEncoder:
    """An encoder whose heads output these numbers for every frame: x, sin, cos, three logits, free."""
    model = CausalEncoder(SHAPE, FACTORS, CausalEncoderSettings(features=4)).eval()
    with torch.no_grad():
        for head, part in zip(model.heads, torch.tensor(outputs).split([1, 2, 3, 1])):
            assert isinstance(head, nn.Linear)
            head.weight.zero_()
            head.bias.copy_(part)
    return model


def test_predictions_have_the_factors_own_units() -> None:
    model = predicting(0.7, -1.0, -1.0, 0.1, 0.3, 0.2, -4.0)
    predictions = model.predict(torch.zeros(2, 3, 8, 8))
    expected = [3 + 2 * math.tanh(0.7 / 2), 1.25 * math.pi, 1.0, -4.0]
    assert np.allclose(predictions, [expected] * 2, atol=1e-6)


def test_bounded_factors_stay_in_their_range_and_angles_in_a_turn() -> None:
    for raw in (-1e3, 1e3):
        predictions = predicting(raw, raw, 0.0, 0, 0, 0, 0).predict(torch.zeros(1, 3, 8, 8))[0]
        assert 1.0 <= predictions[0] <= 5.0 and 0 <= predictions[1] < 2 * math.pi


def test_losses_by_formula() -> None:
    model = predicting(0.0, 3.0, 4.0, 1.0, 2.0, 3.0, 0.5)
    truth = torch.tensor([[5.0, 0.0, 2.0, 2.5]])
    terms = model.loss(LabelledBatch(torch.zeros(1, 3, 8, 8), truth), STEP)
    assert float(terms["x"][0].detach()) == pytest.approx(1.0)  # one half range
    away = (0.6 - 0) ** 2 + (0.8 - 1) ** 2
    assert float(terms["a"][0].detach()) == pytest.approx(away + 0.1 * (5 - 1) ** 2)
    assert float(terms["c"][0].detach()) == pytest.approx(-math.log(math.e**3 / (math.e + math.e**2 + math.e**3)))
    assert float(terms["free"][0].detach()) == pytest.approx(4.0)


def test_unbounded_factors_get_their_scale_from_the_first_batch_once() -> None:
    model = CausalEncoder(SHAPE, FACTORS, CausalEncoderSettings(features=4))
    values = torch.tensor([[2.0, 0.0, 0.0, 10.0], [3.0, 1.0, 1.0, 30.0]])
    frames = torch.rand(2, 3, 8, 8)
    model.initialise(LabelledBatch(frames, values))
    assert model.offset.tolist() == pytest.approx([3.0, 0.0, 0.0, 20.0])
    assert model.scale.tolist() == pytest.approx([2.0, 1.0, 1.0, math.sqrt(200)])
    model.initialise(LabelledBatch(frames, 2 * values))
    assert float(model.offset[3]) == 20.0


def test_distances_by_hand() -> None:
    truth = np.array([[1.0, 0.1, 2, 0.0], [3.0, 0.0, 1, 1.0], [3.0, 0.0, 0, 0.0]])
    values = np.array([[3.0, 2 * np.pi - 0.1, 2, 0.5], [3.0, np.pi, 0, 1.0], [1.0, 1.5 * np.pi, 0, -2.0]])
    expected = [[1.0, 0.2 / np.pi, 0, 0.5], [0.0, 1.0, 1, 0.0], [1.0, 0.5, 0, 2.0]]
    assert np.allclose(distances(FACTORS, values, truth), expected)


def test_errors_name_the_fault() -> None:
    with pytest.raises(ValueError, match="the factors of a causal encoder must be at least one; got none"):
        CausalEncoder(SHAPE, (), CausalEncoderSettings())
    with pytest.raises(ValueError, match="frames must be"):
        predicting(0, 0, 0, 0, 0, 0, 0).predict(torch.zeros(1, 3, 9, 8))
    with pytest.raises(ValueError, match="features of a causal encoder"):
        CausalEncoderSettings(features=0)


@pytest.mark.parametrize(
    ("sine", "cosine", "angle"),
    [
        (0.0, 2.0, 0.0),
        (0.5, math.sqrt(0.75), math.pi / 6),
        (3.0, 0.0, math.pi / 2),
        (math.sqrt(0.75), -0.5, 2 * math.pi / 3),
        (0.0, -1.0, math.pi),
        (-1.0, -math.sqrt(3.0), 7 * math.pi / 6),
        (-0.1, 0.0, 3 * math.pi / 2),
        (-0.5, math.sqrt(0.75), 11 * math.pi / 6),
    ],
)
def test_an_angle_is_predicted_in_its_quadrant_and_costs_nothing_there(
    sine: float, cosine: float, angle: float
) -> None:
    model = predicting(0.0, sine, cosine, 0, 0, 0, 0)
    prediction = float(model.predict(torch.zeros(1, 3, 8, 8))[0, 1])
    assert (prediction - angle + 1) % (2 * math.pi) == pytest.approx(1.0, abs=1e-5)
    truth = torch.tensor([[3.0, angle, 0.0, 0.0]])
    cost = model.loss(LabelledBatch(torch.zeros(1, 3, 8, 8), truth), STEP)["a"]
    radius = math.hypot(sine, cosine)
    assert float(cost[0].detach()) == pytest.approx(0.1 * (radius - 1) ** 2, abs=1e-5)
