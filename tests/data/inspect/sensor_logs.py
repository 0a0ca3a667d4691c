"""Recordings of a few sensors whose targets are of a known kind."""

from __future__ import annotations

import numpy as np

from trisect.data.recording import Recording
from trisect.variables import anonymous

NUM_SENSORS = 5
FORMS = ("switches", "redrawn", "two places", "pushed", "noisier", "fixed")


def log(form: str, seed: int, num: int = 600, rate: float = 0.1, episodes: int = 1) -> Recording:
    """Vectors that mix two variables and three drifting nuisances; 1s are of the given form.

    switches: a 1 turns the variable on or off. redrawn: a 1 draws a new value, which stays. two places: the same, with
    two values. pushed: a 1 adds 3, which decays. noisier: a 1 adds noise to this row. fixed: a 1 sets the value to 2,
    from where it drifts on.
    """
    rng = np.random.default_rng([seed, FORMS.index(form)])
    starts = np.arange(episodes) * (num // episodes)
    targets = rng.random((num, 2)) < rate
    targets[starts] = False
    noise = rng.normal(size=(num, NUM_SENSORS))
    z = np.zeros((num, NUM_SENSORS))
    level = np.zeros(2)
    for t in range(num):
        if t in starts:
            z[t], level = noise[t], 3.0 * (rng.random(2) < 0.5)
            continue
        z[t] = 0.8 * z[t - 1] + 0.6 * noise[t]
        z[t, :2], level = _moved(form, targets[t], z[t - 1, :2], level, noise[t, :2], rng)
    mixed = z @ rng.normal(size=(NUM_SENSORS, NUM_SENSORS))
    return Recording(mixed.astype(np.float32), targets, anonymous(["a", "b"]), episode_starts=starts)


def _moved(form, acted, before, level, noise, rng):
    """The two variables and their levels in the next row."""
    if form == "switches":
        level = np.where(acted, 3.0 - level, level)
        return level + 0.3 * noise, level
    if form in ("redrawn", "two places"):
        drawn = rng.normal(size=2) if form == "redrawn" else rng.choice([-1.0, 1.0], 2)
        level = np.where(acted, 2 * drawn, level)
        return level + 0.3 * noise, level
    drifted = 0.7 * before + 0.3 * noise
    if form == "pushed":
        return drifted + 3 * acted, level
    if form == "noisier":
        return drifted + 2 * acted * rng.normal(size=2), level
    return np.where(acted, 2 + 0.3 * noise, 0.98 * before + 0.3 * noise), level
