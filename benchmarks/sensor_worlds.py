"""Sensor logs with a known answer: any kind of intervention, any policy, and logs from which nothing can be learned.

K variables c and some nuisance values e; half of e is autoregressive (.9), half is white, all of variance 1. Each step

    mean_i = memory * c_i + drift_i(parents of i)        drift_i: a random tanh network of one or two other variables
    c_i'   = mean_i + 0.3 n                              n standard normal; 0.3 is the deviation of a step

An intervention changes the second line ("strength" s is 1 unless a benchmark says otherwise):

| kind | c_i' in a step with an intervention on i |
|---|---|
| grow | mean_i + (1 + 2 s) 0.3 n |
| shrink | mean_i + 0.3 n / (1 + 9 s) |
| shift | mean_i +- 2 s 0.3 + 0.3 n: two deviations up or down, the same way each time |
| fix | mean_i moved by a share s to +-0.8, and 0.05 n of noise |
| hold | mean_i +- s (1 - memory) 1.6 + 0.3 n: the variable drifts to another set-point for as long as the level is on |
| rule | mean_i moved by a share s to another rule: memory of the other sign, and a network of other parents |

| policy | which variables are intervened on |
|---|---|
| single | at most one, each in 10 % of the rows |
| independent | each by itself, in 10 % of the rows |
| grouped | one group per row: variable i has the binary code i + 1, group g holds all with bit g; one group is empty |
| held | each is on or off, and switches with probability .03 |
| half | each by itself, in half of the rows |
| few | each in exactly `num_interventions` rows, spread at random |

Grouped shifts and levels of five variables cannot be told apart from the effects alone: each of the three groups moves
the mean in one direction, so that three directions stand for five variables.

A fault makes a log from which something cannot be learned:

| fault | what is wrong | what the answer is |
|---|---|---|
| dead | interventions on c0 do nothing | c0 is not there |
| thermostat | the column of c0 is on from c0 < -0.5 until c0 > 0.5 and does nothing | c0 is not there |
| twins | c0 and c1 have the same targets but for 1 % of the rows | c0 and c1 can hardly be told apart |
| coupled | interventions on c0 move c1 too, and c1 has no column | c0's slot holds both |
| shuffled | the log is in random order | nothing is there |
| late | the log comes three rows late | nothing is there, unless interventions last |

The observation is z = A (c / 0.8, e) with a random orthogonal matrix A ("linear"), or z = A' f(A (c / 0.8, e)) with
f(u) = u + 3 tanh(2 u) ("smooth"). A linear probe of c from z
reaches an R2 of about .92 there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.interventions import IndependentTargets, SingleTargets, binary_code_groups

KINDS = ("grow", "shrink", "shift", "fix", "hold", "rule")
POLICIES = ("single", "independent", "grouped", "held", "half", "few")
MIXINGS = ("linear", "smooth")
FAULTS = ("", "dead", "thermostat", "twins", "coupled", "shuffled", "late")
STEP, SCALE, FIXED, SET_POINT, FIXED_NOISE = 0.3, 0.8, 0.8, 1.6, 0.05
PROBABILITY, SWITCHING, PERSISTENCE, DIFFERING, LATE = 0.1, 0.03, 0.9, 0.01, 3
BEND, SHARPNESS, HIDDEN = 3.0, 2.0, 4
EPISODE, BURN_IN = 200, 60


@dataclass(frozen=True)
class SensorWorld:
    """Settings of a world; the module's tables say what they mean.

    Attributes:
        kind, policy, mixing, fault: names of the tables.
        memory: coefficient of a variable on itself, .9 or 0.
        seed: seed of the mechanisms and of the mixing, not of the samples.
        strength: how strong the interventions are; 1 is the table's effect, 0 is none.
        num_interventions: of each variable under the policy "few".
    """

    kind: str = "grow"
    policy: str = "single"
    mixing: str = "linear"
    memory: float = 0.9
    seed: int = 0
    fault: str = ""
    strength: float = 1.0
    num_interventions: int = 100
    num_variables: int = 5
    num_nuisance: int = 8


@dataclass(frozen=True)
class Record:
    """Transitions, episode after episode, in the order of time.

    Attributes:
        before, after: (rows, K + nuisance) observations.
        previous, values: (rows, K) true variables before and after.
        targets: (rows, columns) bool, as logged; one column per variable, except of "coupled".
        variables: the variable of each column.
        false: (columns,) bool; the column says nothing true about its variable.
    """

    before: np.ndarray
    after: np.ndarray
    previous: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    variables: np.ndarray
    false: np.ndarray

    @property
    def names(self) -> list[str]:
        """One name per column."""
        return [f"c{i}" for i in self.variables]


def record(world: SensorWorld, rows: int, stream: int = 0, episodes: int | None = None) -> Record:
    """Transitions of a world; each stream is an independent sample of the same mechanisms.

    Args:
        world: its settings.
        rows: number of transitions; a multiple of the number of episodes.
        stream: seed of the sample.
        episodes: number of episodes of the same length; by default each has 200 rows, if that divides `rows`.
    """
    episodes = episodes or (rows // EPISODE if rows % EPISODE == 0 else 1)
    rng = np.random.default_rng((1, world.seed, stream))
    shape = (episodes, rows // episodes)
    logged = _targets(world, shape, rng)
    truth = _truth(world, logged)
    values = _values(world, truth, rng)
    logged = _distorted(world, logged, values, rng)
    z = _observe(world, values, _nuisance(values.shape[:2], world.num_nuisance, rng))
    before, after, previous, following = (
        part.reshape(rows, -1) for part in (z[:, :-1], z[:, 1:], values[:, :-1], values[:, 1:])
    )
    columns = np.delete(np.arange(world.num_variables), [1] if world.fault == "coupled" else [])
    false = (columns == 0) if world.fault in ("dead", "thermostat") else np.full(len(columns), _nothing_true(world))
    return Record(before, after, previous, following, logged.reshape(rows, -1)[:, columns], columns, false)


def _nothing_true(world: SensorWorld) -> bool:
    lasting = world.policy == "held"
    return world.fault == "shuffled" or (world.fault == "late" and not lasting) or world.strength == 0


def _targets(world: SensorWorld, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The log (episodes, rows, K) bool by the policy."""
    k, num = world.num_variables, shape[0] * shape[1]
    if world.policy == "held":
        switches = rng.random((*shape, k)) < SWITCHING
        switches[:, 0] = rng.random((shape[0], k)) < 0.5
        logged = switches.cumsum(axis=1) % 2 == 1
    elif world.policy == "few":
        rows = rng.permutation(num)[: k * world.num_interventions].reshape(-1, k)
        logged = np.zeros((num, k), dtype=bool)
        np.put_along_axis(logged, rows, True, axis=0)
    else:
        policy = {
            "single": SingleTargets(k, 1 - k * PROBABILITY),
            "independent": IndependentTargets((PROBABILITY,) * k),
            "grouped": binary_code_groups(k),
            "half": IndependentTargets((0.5,) * k),
        }[world.policy]
        logged = policy.sample(num, rng)
    logged = logged.reshape(*shape, k)
    if world.fault == "twins":
        logged[..., 1] = logged[..., 0] ^ (rng.random(shape) < DIFFERING)
    return logged


def _truth(world: SensorWorld, logged: np.ndarray) -> np.ndarray:
    """What is really intervened on, (episodes, rows, K) bool."""
    truth = logged.copy()
    if world.fault in ("dead", "thermostat"):
        truth[..., 0] = False
    elif world.fault == "coupled":
        truth[..., 1] = truth[..., 0]
    return truth


def _distorted(world: SensorWorld, logged: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The log after what goes wrong with it."""
    if world.fault == "shuffled":
        rows = rng.permutation(logged.shape[0] * logged.shape[1])
        return logged.reshape(len(rows), -1)[rows].reshape(logged.shape)
    if world.fault == "late":
        return np.roll(logged, LATE, axis=1)
    if world.fault == "thermostat":
        logged = logged.copy()
        logged[..., 0] = _thermostat(values[:, :-1, 0])
    return logged


def _thermostat(values: np.ndarray) -> np.ndarray:
    """On from the first value below -0.5 until the first one above 0.5, (episodes, rows) bool."""
    on, states = values[:, 0] < 0, []
    for value in values.T:
        on = np.where(on, value <= 0.5, value < -0.5)
        states.append(on)
    return np.stack(states, axis=1)


@dataclass(frozen=True)
class _Drift:
    """Random tanh networks of one or two other variables each, of the given deviation where c has a deviation of 0.8.

    Attributes:
        weights: (K, K * hidden), zero where a variable is no parent.
        bias, outer: (K * hidden,).
        offset: (K,), subtracted from the sums.
    """

    weights: np.ndarray
    bias: np.ndarray
    outer: np.ndarray
    offset: np.ndarray

    @classmethod
    def drawn(cls, num: int, deviation: float, rng: np.random.Generator) -> _Drift:
        parents = np.zeros((num, num))
        for child in range(num):
            others = np.delete(np.arange(num), child)
            parents[rng.choice(others, min(len(others), int(rng.integers(1, 3))), replace=False), child] = 1
        weights = np.repeat(parents, HIDDEN, axis=1) * rng.normal(0, 1.5, (num, num * HIDDEN))
        drift = cls(weights, rng.normal(0, 0.5, num * HIDDEN), rng.normal(size=num * HIDDEN), np.zeros(num))
        sums = drift(SCALE * rng.standard_normal((2000, num)))
        outer = drift.outer * np.repeat(deviation / sums.std(axis=0), HIDDEN)
        return cls(weights, drift.bias, outer, sums.mean(axis=0) * deviation / sums.std(axis=0))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        hidden = np.tanh(values @ self.weights + self.bias) * self.outer
        return hidden.reshape(len(values), -1, HIDDEN).sum(axis=2) - self.offset


def _values(world: SensorWorld, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Variables (episodes, rows + 1, K); the steps before the first one have no interventions."""
    mechanism = np.random.default_rng((2, world.seed))
    deviation = 0.1 if world.memory else 0.6
    rule, other = (_Drift.drawn(world.num_variables, deviation, mechanism) for _ in range(2))
    signs = mechanism.choice([-1.0, 1.0], world.num_variables)
    episodes, rows, k = truth.shape
    c, kept = np.zeros((episodes, k)), []
    for t in range(-BURN_IN, rows):
        on = truth[:, t] if t >= 0 else np.zeros((episodes, k), dtype=bool)
        mean = world.memory * c + rule(c)
        noise = rng.standard_normal((episodes, k))
        changed = _intervened(world, mean, -world.memory * c + other(c), signs, noise)
        c = np.where(on, changed, mean + STEP * noise)
        kept.append(c)
    return np.stack(kept[BURN_IN - 1 :], axis=1)


def _intervened(
    world: SensorWorld, mean: np.ndarray, other: np.ndarray, signs: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """The variables if all were intervened on; see the module's table."""
    s = world.strength
    if world.kind == "grow":
        return mean + (1 + 2 * s) * STEP * noise
    if world.kind == "shrink":
        return mean + STEP * noise / (1 + 9 * s)
    if world.kind == "shift":
        return mean + (2 * s * signs + noise) * STEP
    if world.kind == "fix":
        return mean + s * (FIXED * signs - mean) + FIXED_NOISE * noise
    if world.kind == "hold":
        return mean + s * (1 - world.memory) * SET_POINT * signs + STEP * noise
    return mean + s * (other - mean) + STEP * noise


def _nuisance(shape: tuple[int, ...], num: int, rng: np.random.Generator) -> np.ndarray:
    """Values (episodes, rows, num) of variance 1; the first half is autoregressive, the rest is white."""
    values = rng.standard_normal((*shape, num))
    slow = num // 2
    for t in range(1, shape[1]):
        fresh = np.sqrt(1 - PERSISTENCE**2) * values[:, t, :slow]
        values[:, t, :slow] = PERSISTENCE * values[:, t - 1, :slow] + fresh
    return values


def _observe(world: SensorWorld, values: np.ndarray, nuisance: np.ndarray) -> np.ndarray:
    """Observations (..., K + nuisance)."""
    mechanism = np.random.default_rng((3, world.seed))
    latents = np.concatenate([values / SCALE, nuisance], axis=-1)
    mixed = latents @ _orthogonal(latents.shape[-1], mechanism)
    if world.mixing == "linear":
        return mixed
    return (mixed + BEND * np.tanh(SHARPNESS * mixed)) @ _orthogonal(latents.shape[-1], mechanism)


def _orthogonal(num: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((num, num)))
    return q * np.sign(np.diagonal(r))
