"""The linear-Gaussian world against its closed form."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.worlds.linear import LinearGaussian


def stationary(world, num=20_000, seed=0):
    rng = np.random.default_rng(seed)
    state = world.reset(num, rng)
    for _ in range(5):
        state = world.step(state, np.zeros((num, len(world.variables)), bool), rng)
    return state


def linear_r2(inputs, outputs):
    design = np.c_[np.ones(len(inputs)), inputs]
    residual = outputs - design @ np.linalg.lstsq(design, outputs, rcond=None)[0]
    return 1 - (residual**2).mean(axis=0) / outputs.var(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_dynamics_are_stable_sparse_and_in_the_graph(seed):
    world = LinearGaussian(num_variables=6, num_latents=9, seed=seed)
    assert np.abs(np.linalg.eigvals(world.dynamics)).max() <= 0.9 + 1e-9
    assert (world.dynamics == 0).any()
    assert np.array_equal(world.temporal_graph[:6, :6], world.dynamics.T != 0)
    assert np.array_equal(world.temporal_graph[6:], np.eye(9, dtype=bool)[6:])


def test_resets_are_stationary():
    world = LinearGaussian()
    assert np.allclose(np.cov(stationary(world)[:, :4].T), world.covariance(), atol=0.02)
    assert np.allclose(stationary(world)[:, 4:].std(axis=0), 1.0, atol=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_resets_have_the_covariance_that_steps_keep(seed):
    world = LinearGaussian(num_variables=5, num_latents=6, seed=seed)
    correlated = world.covariance()
    kept = world.dynamics @ correlated @ world.dynamics.T + 0.09 * np.eye(5)
    assert np.allclose(kept, correlated)
    scale = np.sqrt(np.outer(np.diag(correlated), np.diag(correlated)))
    assert np.abs(correlated / scale - np.eye(5)).max() > 0.2
    state = world.reset(100_000, np.random.default_rng(0))
    assert np.abs((np.cov(state[:, :5].T) - correlated) / scale).max() < 0.02


def test_dynamics_can_be_regressed_back():
    world, rng = LinearGaussian(), np.random.default_rng(2)
    state = stationary(world)
    after = world.step(state, np.zeros((len(state), 8), bool), rng)
    fitted = np.linalg.lstsq(state, after, rcond=None)[0].T
    assert np.allclose(fitted[:4, :4], world.dynamics, atol=0.02)
    assert np.allclose(fitted[4:, 4:], 0.8 * np.eye(4), atol=0.02)


@pytest.mark.parametrize("mixing", ["rotation", "nonlinear"])
def test_mixing_is_invertible(mixing):
    world = LinearGaussian(mixing=mixing)
    state = stationary(world, 2000)
    observations = world.render(state)
    assert observations.dtype == np.float32 and observations.shape == (2000, 8)
    assert np.allclose(world.unmix(observations), state, atol=1e-5)


def test_only_the_rotation_is_linear():
    straight, bent = LinearGaussian(), LinearGaussian(mixing="nonlinear")
    state = stationary(straight)
    assert (linear_r2(straight.render(state), state) > 0.9999).all()
    r2 = linear_r2(bent.render(state), state)[:4]
    assert (r2 > 0.6).all() and (r2 < 0.95).all()


def test_single_targets_are_single():
    targets = LinearGaussian(single_target=True).targets(5000, np.random.default_rng(0))
    assert targets.sum(axis=1).max() == 1 and not targets[:, 4:].any()
    assert (~targets.any(axis=1)).mean() == pytest.approx(0.85**4, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_latents": 3}, "num_latents of a LinearGaussian world must be an integer of at least 4"),
        ({"mixing": "rotate"}, "did you mean 'rotation'"),
        ({"seed": -1}, "seed of a LinearGaussian world"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LinearGaussian(**settings)
