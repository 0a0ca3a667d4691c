from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

from trisect.evaluation.baselines import baselines
from trisect.evaluation.probes.probe import RIDGE

NAMES = {"all latents", "closed form", "shuffled targets", "random encoder", "principal components"}


def contrast(latents: np.ndarray, pairs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leading direction of Cov(z | I_i = 1) against Cov(z | I_i = 0) per variable, then a complement."""
    z = latents[pairs[:, 1]]
    leading = [scipy.linalg.eigh(np.cov(z[i].T), np.cov(z[~i].T))[1][:, -1] for i in targets.T]
    directions = np.stack([v / np.linalg.norm(v) for v in leading], axis=1)
    matrix = np.concatenate([directions, scipy.linalg.null_space(directions.T)], axis=1)
    slots = np.minimum(np.arange(matrix.shape[1]), targets.shape[1])
    return (latents @ matrix).astype(np.float32), np.eye(targets.shape[1] + 1, dtype=bool)[slots]


def test_every_baseline_scores_as_it_must(baseline_input, rng):
    result = baselines(baseline_input, contrast, RIDGE, rng)
    assert set(result.scores) == NAMES and result.skipped == {} and result.probe == "ridge"
    r2 = {name: scores.r2 for name, scores in result.scores.items()}
    assert r2["all latents"].matrix == pytest.approx(1.0, abs=0.02)
    assert r2["closed form"].diag == pytest.approx(1.0, abs=0.03) and r2["closed form"].sep_slots < 0.05
    assert r2["principal components"].diag > 0.9  # the frames are nearly linear in the latents
    assert r2["shuffled targets"].diag < 0.6 < r2["random encoder"].diag


def test_identification_gets_the_test_samples_in_no_pair(baseline_input, rng):
    seen = []

    def identify(latents, pairs, targets):
        seen.append((latents.shape, int(pairs.max()), targets.mean(axis=0)))
        return contrast(latents, pairs, targets)

    baselines(baseline_input, identify, RIDGE, rng)
    assert len(seen) == 1 + 5 + 2
    base_rate = baseline_input.transitions.targets.mean(axis=0)
    for shape, last, rate in seen:
        assert shape == (3000 + 1500, 4) and last == 2999 and rate == pytest.approx(base_rate)


def test_without_observations_two_are_skipped_with_the_reason(baseline_input, rng):
    result = baselines(replace(baseline_input, observations=None), contrast, RIDGE, rng)
    assert result.skipped == dict.fromkeys(("random encoder", "principal components"), "no observations were given")
    assert result.to_json()["random encoder"] is None
    assert result.to_json()["closed form"]["r2"]["rows"] == ["a", "b", "c", "noise"]


def test_a_failed_identification_is_skipped_with_the_reason(baseline_input, rng):
    def identify(latents, pairs, targets):
        raise ValueError("too few interventions")

    result = baselines(baseline_input, identify, RIDGE, rng)
    assert set(result.scores) == {"all latents"}
    assert set(result.skipped) == NAMES - {"all latents"} and set(result.skipped.values()) == {"too few interventions"}


def test_same_rng_same_scores(baseline_input):
    inputs = replace(baseline_input, observations=None)
    first, second = (baselines(inputs, contrast, RIDGE, np.random.default_rng(1)).to_json() for _ in range(2))
    assert first == second


def test_lengths_are_checked(baseline_input):
    frames, others = baseline_input.observations
    with pytest.raises(ValueError, match="the observations of a baseline must be 3000 rows; got 10"):
        replace(baseline_input, observations=(frames[:10], others))
    with pytest.raises(ValueError, match="the latents of the test set"):
        replace(baseline_input, latents=baseline_input.latents[:7])
