"""Triplets of a world whose factors are the pixels, or the vectors, themselves: distances can be computed by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trisect.data.recording import Recording
from trisect.data.triplets import Triplets
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.triplet_predictions import mix
from trisect.evaluation.triplets import TripletScores, triplet_scores
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.slot_model import as_observations
from trisect.variables import Continuous, VariableSpace

NAMES = ("a", "b", "c")
SPACE = VariableSpace([Continuous(name, -1.0, 1.0) for name in NAMES])


class Known:
    """Latent l is factor l, the first three entries or pixels of an observation; ``slots`` assigns the latents."""

    variables = ("a", "b")
    slot_names = (*variables, "noise")
    prior, prior_trained = None, False  # nothing here rolls out

    def __init__(self, slots: tuple[int, int, int] = (0, 1, 2), as_frames: bool = False):
        self.slots, self.as_frames = slots, as_frames
        self.representation = SimpleNamespace(encode=self.encode)

    def assignment(self) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(self.slots), 3).float()

    def encode(self, observations: Tensor) -> Tensor:
        return as_observations(observations).flatten(1)[:, :3]

    def decode(self, z: Tensor) -> Tensor:
        return torch.nn.functional.pad(z, (0, 13)).unflatten(1, (1, 4, 4)) if self.as_frames else z


class PixelReader(CausalEncoder):
    """Predicts every factor from its pixel, 0.1 too high."""

    factors = SPACE.factors

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def predict(self, frames: Tensor) -> Tensor:
        return frames.flatten(1)[:, :3] + 0.1


def drawn(num: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (num, 3)).astype(np.float32)


def as_frames(factors: np.ndarray) -> np.ndarray:
    frames = np.zeros((*factors.shape[:-1], 4, 4, 1), dtype=np.uint8)
    frames[..., 0, :3, 0] = np.round((factors + 1) * 127.5)
    frames[..., 1:, :, 0] = 128
    frames[..., 0, 3, 0] = 128
    return frames


def triplets(frames: bool = False) -> Triplets:
    first, second = drawn(400, 0), drawn(400, 1)
    mask = np.random.default_rng(2).random((400, 3)) < 0.5
    factors = np.stack([first, second, np.where(mask, second, first)], axis=1)
    return Triplets(as_frames(factors) if frames else factors, mask, SPACE, factors)


def sequences(frames: bool = False) -> Recording:
    """Factors that jump when they are intervened on; c is never intervened on."""
    rng = np.random.default_rng(3)
    targets = np.column_stack([rng.random((2000, 2)) < 0.2, np.zeros(2000, bool)])
    factors = np.zeros((2000, 3))
    for t in range(1, 2000):
        drifted = np.clip(factors[t - 1] + 0.03 * rng.normal(size=3), -0.9, 0.9)
        factors[t] = np.where(targets[t], rng.uniform(-0.9, 0.9, 3), drifted)
    observations = as_frames(factors) if frames else factors.astype(np.float32)
    return Recording(observations, targets, SPACE, factors.astype(np.float32))


def scored(model: Known, frames: bool = False, causal_encoder: Any = None, **changes: Any) -> TripletScores:
    data = replace(triplets(frames), **changes)
    return triplet_scores(model, data, sequences(frames), ClosedForm(), np.random.default_rng(0), causal_encoder)


def test_mixing_latent_by_latent() -> None:
    rng = np.random.default_rng(0)
    first, second = torch.from_numpy(rng.normal(size=(2, 20, 5)))
    mask, slots = torch.from_numpy(rng.random((20, 2)) < 0.5), [1, 2, 0, 1, 2]
    mixed = mix(first, second, mask, torch.nn.functional.one_hot(torch.tensor(slots), 3).float())
    for row in range(20):
        for latent, slot in enumerate(slots):
            source = second if slot < 2 and mask[row, slot] else first
            assert mixed[row, latent] == source[row, latent]


def test_a_model_with_the_right_slots_misses_only_variables_without_a_slot() -> None:
    data = triplets()
    first, third = data.observations[:, 0], data.observations[:, 2]
    rows = scored(Known()).rows
    assert rows["this model"].observation == pytest.approx(np.abs(first - third)[:, 2].mean() / 3, rel=1e-5)
    assert rows["first frame"].observation == pytest.approx(np.abs(first - third).mean(), rel=1e-5)
    assert rows["oracle"].observation == 0
    deviation = sequences().observations[np.linspace(0, 1999, 1000).astype(int)].std(axis=0, ddof=1)
    away = np.sqrt((((first - third) / deviation) ** 2 * [0, 0, 1]).mean(axis=1)).mean()
    assert rows["this model"].latents == pytest.approx(away, rel=1e-4)


def test_swapped_slots_cost_what_they_should() -> None:
    data = triplets()
    first, second, third = (data.observations[:, k] for k in range(3))
    wrong = np.where(data.from_second[:, [1, 0, 2]], second, first)
    wrong[:, 2] = first[:, 2]
    rows = scored(Known((1, 0, 2))).rows
    assert rows["this model"].observation == pytest.approx(np.abs(wrong - third).mean(), rel=1e-5)


def test_a_causal_encoder_scores_frames_per_variable() -> None:
    data = triplets(frames=True)
    result = scored(Known(as_frames=True), frames=True, causal_encoder=PixelReader())
    assert result.targeted == ("a", "b") and result.num_triplets == 400
    own = result.rows["this model"]
    assert own.variables["a"] == pytest.approx(0.1, abs=0.005) == own.variables["b"]
    assert own.mean(result.targeted) == pytest.approx(0.1, abs=0.005)
    assert result.rows["true frames"].variables["c"] == pytest.approx(0.1, abs=0.005)
    assert data.factors is not None
    shift = np.abs(data.factors[:, 0, 2] + 0.1 - data.factors[:, 2, 2]).mean()
    assert own.variables["c"] == pytest.approx(shift, abs=0.005)
    levels = np.abs(data.observations[:, 0].astype(float) - data.observations[:, 2]).mean()
    assert result.rows["first frame"].observation == pytest.approx(levels, rel=1e-4)


def test_the_predictions_for_comparison_are_worse() -> None:
    result = scored(Known(as_frames=True), frames=True, causal_encoder=PixelReader())
    means = {name: score.mean(result.targeted) for name, score in result.rows.items()}
    undone = ["first frame", "first frame decoded"]
    assert list(means) == ["this model", "oracle", "true frames", *undone, "random slots", "random encoder"]
    assert means["this model"] < 0.12 < min(means["first frame"], means["random encoder"])
    assert means["oracle"] == pytest.approx(means["true frames"], abs=0.005)


class Blurred(Known):
    """A decoder that adds 0.3 to every value."""

    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z) + 0.3


def test_the_blur_of_the_decoder_is_told_from_the_error_of_the_mix() -> None:
    """The blur makes decoded mixes look worse than a copied frame, although only the variable without a slot is off."""
    data = triplets()
    first, third = data.observations[:, 0], data.observations[:, 2]
    result = scored(Blurred())
    rows = result.rows
    assert rows["oracle"].observation == pytest.approx(0.3, rel=1e-4) and rows["oracle"].decoded == 0
    assert rows["this model"].decoded == pytest.approx(np.abs(first - third)[:, 2].mean() / 3, rel=1e-4)
    assert rows["first frame decoded"].decoded == pytest.approx(np.abs(first - third).mean(), rel=1e-4)
    assert np.isnan(rows["first frame"].decoded) and np.isnan(rows["random encoder"].decoded)
    (sentence,) = result.sentences()
    assert "encoding and decoding the true frame alone costs 0.30" in sentence
    assert sentence.endswith("the mix is closer than no change.")
    assert result.to_json()["rows"]["first frame"]["decoded"] is None


def test_a_mix_that_is_no_better_than_no_change_is_said() -> None:
    (sentence,) = scored(Blurred((2, 2, 2))).sentences()
    assert sentence.endswith("so the mix is NO better than no change.")


def test_pictures_are_the_frames_themselves() -> None:
    result = scored(Known(as_frames=True), frames=True).pictures
    assert result is not None and list(result) == ["first", "second", "third", "this model"]
    data = triplets(frames=True)
    assert np.array_equal(result["third"], data.observations[:6, 2])
    top = result["this model"][:, 0, :2, 0].astype(int)
    assert np.abs(top - data.observations[:6, 2, 0, :2, 0]).max() <= 1
    assert scored(Known()).pictures is None


def test_without_a_causal_encoder_variables_are_left_out() -> None:
    result = scored(Known())
    assert "true frames" not in result.rows
    plain = result.to_json()["rows"]["this model"]
    assert plain["variables"] is None and plain["mean"] is None and plain["observation"] > 0


def test_too_few_interventions_leave_the_random_encoder_out() -> None:
    calm = sequences()
    targets = np.zeros_like(calm.targets)
    targets[5, 0] = True
    result = triplet_scores(Known(), triplets(), replace(calm, targets=targets), ClosedForm(), np.random.default_rng(0))
    assert "random encoder" not in result.rows and "random slots" in result.rows


def test_names_must_match() -> None:
    other = VariableSpace([Continuous(name, -1.0, 1.0) for name in ("a", "bb", "c")])
    with pytest.raises(
        ValueError, match="a variable of the model, among those of the triplets must be one of a, bb, c"
    ):
        scored(Known(), variables=other)
    reader = PixelReader()
    reader.factors = other.factors
    with pytest.raises(ValueError, match="the factors that the causal encoder predicts must be those of the triplets"):
        scored(Known(as_frames=True), frames=True, causal_encoder=reader)
    with pytest.raises(ValueError, match="triplets for a causal encoder must be recorded with factors; got none"):
        scored(Known(as_frames=True), frames=True, causal_encoder=PixelReader(), factors=None)
