from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from trisect import models
from trisect.data import simulate
from trisect.data.recording import Recording
from trisect.evaluation.decoding import Decoding, SlotDecoding, decoding_of
from trisect.evaluation.report.model_sections import reconstructions
from trisect.evaluation.report.report import Report
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation
from trisect.methods.closed_form import ClosedFormRecipe, model_around
from trisect.models.causal_model import CausalModel
from trisect.models.closed_form.identification import blank_identification
from trisect.models.representations.representation import VectorRepresentation
from trisect.variables import anonymous
from trisect.worlds import make


class Drawing(VectorRepresentation):
    """Latents that are the observation's values; decoding multiplies them by a matrix."""

    def __init__(self, drawn: list[list[float]]):
        super().__init__(3)
        self.matrix = torch.tensor(drawn)

    def decode(self, latents: Tensor) -> Tensor:
        return latents @ self.matrix


class Blind(Drawing):
    """Cannot decode."""

    decodes = False


def slot_model(representation: Drawing) -> CausalModel:
    """One latent each in the slots of a, b and noise, without a flow."""
    identification = replace(blank_identification(3, 2), slots=np.arange(3))
    return model_around(ClosedFormRecipe(), representation, identification, ("a", "b"))


@pytest.fixture(scope="module")
def vectors() -> Recording:
    values = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32) * [1, 100, 1]
    return Recording(values.astype(np.float32), np.zeros((4000, 2), bool), anonymous(["a", "b"]))


def of(drawn: list[list[float]], vectors: Recording) -> Decoding:
    found = decoding_of(slot_model(Drawing(drawn)), vectors, vectors)
    assert found is not None
    return found


def test_what_is_drawn_exactly_has_no_error(vectors: Recording) -> None:
    found = of([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], vectors)
    assert (found.num_observations, found.undrawn) == (400, None)
    assert found.slots == {"a": SlotDecoding(0.0, 0.0, 0.0, "b"), "b": SlotDecoding(0.0, 0.0, 0.0, "a")}
    assert found.warnings == ()


def test_a_variable_that_is_not_drawn_has_the_error_of_its_mean(vectors: Recording) -> None:
    found = of([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], vectors)
    assert found.slots["b"].kept == pytest.approx(1, abs=0.01)
    assert found.slots["b"].swapped == pytest.approx(1, abs=0.01)
    assert (found.slots["a"].kept, found.slots["b"].others) == (0.0, 0.0)
    (warning,) = found.warnings
    assert "b well" in warning and "1.00 of its spread" in warning


def test_a_slot_that_moves_another_variable_is_seen_where_it_is_swapped(vectors: Recording) -> None:
    found = of([[1.0, 30.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], vectors)  # a adds .3 of its spread to b
    assert found.slots["a"].others == pytest.approx(0.3, abs=0.03)
    assert found.slots["a"].other == "b"
    assert found.slots["b"].others == 0.0


def test_a_variable_that_is_drawn_from_the_noise_slot_is_not_moved_by_its_own(vectors: Recording) -> None:
    copied = vectors.observations.copy()
    copied[:, 2] = copied[:, 0]
    found = of([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]], replace(vectors, observations=copied))
    assert found.slots["a"].kept == 0.0
    assert found.slots["a"].swapped == pytest.approx(math.sqrt(2), abs=0.15)


def test_a_shipped_model_draws_what_it_is_told() -> None:
    frames = simulate(make("pong"), 300, np.random.default_rng(0))
    found = decoding_of(models.pretrained("pong"), frames, frames)
    assert found is not None and found.undrawn is not None
    assert found.undrawn < 0.1
    assert {"ball_x", "ball_y", "paddle_left_y", "paddle_right_y"} <= {
        name for name, each in found.slots.items() if each.kept < 0.3 and each.swapped < 0.5
    }


def test_a_model_that_cannot_decode_has_no_errors(vectors: Recording) -> None:
    nothing = [[0.0, 0.0, 0.0]] * 3
    assert decoding_of(slot_model(Blind(nothing)), vectors, vectors) is None
    assert decoding_of(slot_model(Drawing(nothing)), vectors, vectors.rows(0, 1)) is None


def test_the_report_shows_the_errors_and_says_what_nobody_can_see() -> None:
    slots = Slots(np.eye(3, dtype=bool), ("a", "b", "noise"))
    errors = Decoding(400, {"a": SlotDecoding(0.1, 0.2, 0.3, "b"), "b": SlotDecoding(0.4, 0.71, 0.04, "a")}, 0.022)
    report = Report("run", ("a", "b"), Evaluation(slots), decoding=errors)
    page = str(reconstructions(report))
    assert "2.2% of what stands out" in page and "0.71" in page and "0.30 (b)" in page
    assert any("do not show b well" in warning for warning in report.all_warnings)
    assert report.to_json()["decoding"]["slots"]["b"] == {"kept": 0.4, "swapped": 0.71, "others": 0.04, "other": "a"}
    assert Report("run", ("a", "b"), Evaluation(slots)).to_json()["decoding"] is None
