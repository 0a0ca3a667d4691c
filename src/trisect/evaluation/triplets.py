"""Triplets: the distance between the third frame that a model mixes from two others and the true third frame.

If there is a causal encoder, it measures the distance per variable; without labels, the distance is measured between
observations and between latents. Every decoder blurs, so distances between observations are also taken from the true
third frame encoded and decoded: what remains there comes from the mix. A variable without its own slot keeps the value
of the first frame in every mix; means are over the model's variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from trisect import checks
from trisect.data.recording import Recording
from trisect.data.triplets import Triplets
from trisect.evaluation.baselines import Identify
from trisect.evaluation.score_matrix import number
from trisect.evaluation.triplet_predictions import (
    FIRST_DECODED,
    MODEL,
    ORACLE,
    RANDOM_SLOTS,
    TRUE,
    Predict,
    ThreeFrames,
    predictions,
)
from trisect.frames import as_input, float_to_frames
from trisect.models.acting import ActingModel
from trisect.models.causal_encoder import CausalEncoder, distances
from trisect.models.representations.frozen import evaluation_mode
from trisect.rows import chunks

MAX_TRIPLETS, CHUNK, DEVIATION_FRAMES, NUM_PICTURES = 2000, 250, 1000, 6
DECODED = (MODEL, ORACLE, FIRST_DECODED, RANDOM_SLOTS)
"""Predictions that the model's decoder made."""
GREY_LEVELS = 127.5
"""Grey levels per unit of a model input, whose range is -1 to 1."""


@dataclass(frozen=True)
class TripletScore:
    """Distance between predicted third frames and the true ones; smaller is better.

    Attributes:
        observation: mean absolute difference, in grey levels of 255, or for vectors in their own unit.
        latents: root mean squared difference of the representation's latents, in their standard deviations.
        variables: variable -> mean distance measured by the causal encoder, in half ranges, half turns, or the share
            of wrong categories; empty without a causal encoder.
        decoded: mean absolute difference from the true third frame encoded and decoded by the model, in the unit of
            ``observation``; NaN for frames that the model did not decode.
    """

    observation: float
    latents: float
    variables: Mapping[str, float]
    decoded: float = float("nan")

    def mean(self, names: Sequence[str]) -> float:
        """Mean distance over some variables; NaN without a causal encoder."""
        return float(np.mean([self.variables[name] for name in names])) if self.variables else float("nan")


@dataclass(frozen=True)
class TripletScores:
    """Scores of the model's predictions and of the predictions that they are compared with.

    Attributes:
        rows: name -> score.
        targeted: the model's variables; means are over these.
        num_triplets: number of scored triplets.
        pictures: name -> some frames, (6, height, width, channels) uint8: the first, the second, the third, and the
            model's prediction; None for vectors.
    """

    rows: Mapping[str, TripletScore]
    targeted: tuple[str, ...]
    num_triplets: int
    pictures: Mapping[str, np.ndarray] | None = field(default=None, repr=False)

    def sentences(self) -> list[str]:
        """What the distances say: how much is the decoder's blur, and whether the mix is better than no change."""
        if not {MODEL, ORACLE, FIRST_DECODED} <= set(self.rows):
            return []
        mixed, oracle, copied = (self.rows[name] for name in (MODEL, ORACLE, FIRST_DECODED))
        unit = " grey levels" if self.pictures is not None else ""
        better = round(mixed.decoded, 2) < round(copied.decoded, 2)
        verdict = "the mix is closer than no change" if better else "so the mix is NO better than no change"
        return [
            f"Triplets: mixed frames are {mixed.observation:.2f}{unit} from the true ones; encoding and decoding the "
            f"true frame alone costs {oracle.observation:.2f}. With that blur left out, the mix is {mixed.decoded:.2f} "
            f"off, and the unchanged first frame {copied.decoded:.2f}: {verdict}."
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {
            "num_triplets": self.num_triplets,
            "targeted": list(self.targeted),
            "rows": {
                name: {
                    "mean": number(score.mean(self.targeted)),
                    "variables": {each: number(value) for each, value in score.variables.items()} or None,
                    "observation": number(score.observation),
                    "decoded": number(score.decoded),
                    "latents": number(score.latents),
                }
                for name, score in self.rows.items()
            },
        }


def triplet_scores(
    model: ActingModel,
    triplets: Triplets,
    train: Recording,
    identify: Identify,
    rng: np.random.Generator,
    causal_encoder: CausalEncoder | None = None,
) -> TripletScores:
    """Score a model's mixes on held-out triplets.

    Args:
        model: a model whose variables are among those of the triplets.
        triplets: at most the first 2,000 are scored.
        train: training sequences, for the random encoder and the standard deviations of the latents.
        identify: finds the random encoder's slots, without labels.
        rng: draws the random slots and the random features.
        causal_encoder: predicts the factors of frames, which must be those of the triplets.

    Raises:
        ValueError: a variable of the model, or a factor of the causal encoder, is not one of the triplets.
    """
    names = model.slot_names[:-1]
    for name in names:
        checks.one_of(name, triplets.variables.names, "a variable of the model, among those of the triplets")
    if causal_encoder is not None:
        _check_factors(causal_encoder, triplets)
    with torch.inference_mode(), evaluation_mode(model), evaluation_mode(causal_encoder):
        scorer = _Scorer(model, triplets, _deviation(model, train), causal_encoder)
        candidates = predictions(model, train, identify, rng)
        scored = {name: candidates[name] for name in candidates if causal_encoder is not None or name != TRUE}
        return TripletScores(scorer.scores(scored), names, scorer.num, scorer.pictures(candidates[MODEL]))


def _check_factors(causal_encoder: CausalEncoder, triplets: Triplets) -> None:
    expected, got = triplets.variables.factor_names, tuple(factor.name for factor in causal_encoder.factors)
    what, must = "the factors that the causal encoder predicts", f"those of the triplets, {', '.join(expected)}"
    checks.require(expected == got, what, must, ", ".join(got), "train a causal encoder on this data set")
    checks.require(triplets.factors is not None, "triplets for a causal encoder", "recorded with factors", "none")


def _deviation(model: ActingModel, train: Recording) -> Tensor:
    """Standard deviation of the representation's latents over some training frames."""
    rows = np.linspace(0, len(train) - 1, min(len(train), DEVIATION_FRAMES)).astype(int)
    return model.representation.encode(as_input(np.asarray(train.observations[rows]))).std(dim=0).clamp(min=1e-6)


def _apart(guess: Tensor, true: Tensor) -> Tensor:
    """(triplets,), mean absolute difference of observations."""
    return (guess - true).abs().flatten(1).mean(dim=1)


class _Distances(NamedTuple):
    """Distances of some predicted third frames: (triplets,), in the frames' unit; factors are (triplets, factors)."""

    observation: Tensor
    decoded: Tensor
    latents: Tensor
    factors: np.ndarray | None


@dataclass(frozen=True)
class _Scorer:
    """Scores predictions on triplets; see `triplet_scores` for the attributes."""

    model: ActingModel
    triplets: Triplets
    deviation: Tensor
    causal_encoder: CausalEncoder | None

    @property
    def num(self) -> int:
        return min(len(self.triplets), MAX_TRIPLETS)

    def scores(self, candidates: Mapping[str, Predict]) -> dict[str, TripletScore]:
        """Mean distances of every prediction; the triplets are read once, a chunk at a time."""
        chunked: dict[str, list[_Distances]] = {name: [] for name in candidates}
        for rows in chunks(self.num, CHUNK):
            frames = self._frames(rows)
            third = self.model.representation.encode(frames.third)
            blurred = candidates[ORACLE](frames)
            for name, predict in candidates.items():
                guess = predict(frames)
                decoded = _apart(guess, blurred) if name in DECODED else torch.full((len(guess),), torch.nan)
                chunked[name].append(self._distances(guess, (frames.third, third), decoded, rows))
        return {name: self._means(parts) for name, parts in chunked.items()}

    def pictures(self, predict: Predict) -> dict[str, np.ndarray] | None:
        """The first triplets and their predictions."""
        if self.triplets.observations.dtype != np.uint8:
            return None
        rows = slice(0, NUM_PICTURES)
        first, second, third = (np.array(self.triplets.observations[rows, k]) for k in range(3))
        guess = float_to_frames(predict(self._frames(rows))).numpy()
        return {"first": first, "second": second, "third": third, MODEL: guess}

    def _frames(self, rows: slice) -> ThreeFrames:
        columns = [self.triplets.variables.index(name) for name in self.model.slot_names[:-1]]
        mask = torch.from_numpy(np.asarray(self.triplets.from_second[rows])[:, columns])
        first, second, third = (as_input(np.asarray(self.triplets.observations[rows, k])) for k in range(3))
        return ThreeFrames(first, second, third, mask)

    def _distances(self, guess: Tensor, true: tuple[Tensor, Tensor], decoded: Tensor, rows: slice) -> _Distances:
        """Distances of some predictions from the third frames and their latents."""
        third, latents = true
        difference = (self.model.representation.encode(guess) - latents) / self.deviation
        by_factor = None
        if self.causal_encoder is not None:
            assert self.triplets.factors is not None
            predicted = self.causal_encoder.predict(guess.clamp(-1, 1)).numpy()
            by_factor = distances(self.causal_encoder.factors, predicted, np.asarray(self.triplets.factors[rows, 2]))
        return _Distances(_apart(guess, third), decoded, difference.square().mean(dim=1).sqrt(), by_factor)

    def _means(self, parts: Sequence[_Distances]) -> TripletScore:
        unit = GREY_LEVELS if self.triplets.observations.dtype == np.uint8 else 1.0
        observation, decoded, latents = (
            float(torch.cat([getattr(part, name) for part in parts]).mean())
            for name in ("observation", "decoded", "latents")
        )
        by_factor = [part.factors for part in parts if part.factors is not None]
        by_variable = self._by_variable(np.concatenate(by_factor).mean(axis=0)) if by_factor else {}
        return TripletScore(unit * observation, latents, by_variable, unit * decoded)

    def _by_variable(self, by_factor: np.ndarray) -> dict[str, float]:
        variables = self.triplets.variables
        return {name: float(by_factor[list(variables.factor_columns(name))].mean()) for name in variables.names}
