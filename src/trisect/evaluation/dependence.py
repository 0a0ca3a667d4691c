"""Leakage beyond the world's own: what a slot predicts of another variable, and its own variable's true value does not.

In a test set whose variables are drawn independently, whatever a slot predicts of another variable is leakage. In a
recording it need not be: where the enemy follows the ball, a perfect slot of the ball predicts the enemy. So the other
variable v is split by the quick probe into what the true value c of the slot's own variable predicts, and the rest
v - E[v | c]. The leakage beyond is the share of v's variance that the slot s predicts of the rest,

    R2(rest from s) * (1 - R2(v from c)),    at least 0.

It never exceeds R2(v from c, s) - R2(v from c), what the slot adds to the true value, which stands beside it. That
difference alone would accuse almost perfect slots: with c known, a slot c + v / 100 gives v away completely, though
nobody who has only the slot can read it.

The noise slot's own content is the variables without a slot and, where observations hold several frames, all variables
in the older ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from trisect.evaluation.correlation import correlations, halves, standardised
from trisect.evaluation.probes.read_out import Probe, ReadOut
from trisect.evaluation.score_matrix import ScoreMatrix, Truth
from trisect.evaluation.slots import Slots
from trisect.factor_encoding import to_coordinates
from trisect.variables import Continuous, VariableSpace


@dataclass(frozen=True)
class Dependence:
    """How the variables depend on each other in the scored samples, and what slots say beyond that; all R2, by name.

    Attributes:
        truth: every variable from the true value of each slot's own variable; the noise slot's row from its own
            content. Near 0 between variables that are independent.
        beyond: what a slot predicts of the part of a variable that ``truth`` leaves, as a share of its variance.
        added: R2 from true own value and slot together, minus ``truth``; at least 0.
        has_older: whether the noise slot's own content includes older frames.
    """

    truth: ScoreMatrix
    beyond: ScoreMatrix
    added: ScoreMatrix
    has_older: bool = False

    def to_json(self) -> dict[str, Any]:
        """The entries of ``truth``, and ``beyond`` and ``added`` under these names."""
        return {**self.truth.to_json(), "beyond": self.beyond.to_json(), "added": self.added.to_json()}


def dependence(
    latents: Float[np.ndarray, "samples latents"] | None, slots: Slots, truth: Truth | None, rng: np.random.Generator
) -> Dependence | None:
    """Measure both, by the quick probe.

    Args:
        latents: latents of the scored samples.
        slots: their slots.
        truth: factors of the scored samples.
        rng: splits the samples and draws the probe's features.

    Returns:
        None without latents or factors.
    """
    from trisect.evaluation.probes.probe import RIDGE

    if latents is None or truth is None:
        return None
    coordinates, owner = _coordinates(truth.factors, truth.variables)
    places = [slots.names.index(name if name in slots.variables else slots.names[-1]) for name in truth.variables.names]
    older = [_coordinates(factors, truth.variables)[0] for factors in truth.older]
    table = _own_content(np.array(places)[owner], len(slots.names), len(older))
    coordinates = np.concatenate([coordinates, *older], axis=1)
    both = Slots(np.concatenate([table, slots.assignment]), slots.names)
    readings = {
        "truth": (coordinates, Slots(table, slots.names)),
        "both": (np.concatenate([coordinates, latents], axis=1), both),
    }
    scores = {name: each.r2 for name, each in correlations(readings, truth, RIDGE, rng).items()}
    alone, added = scores["truth"], np.clip(scores["both"].matrix - scores["truth"].matrix, 0.0, None)
    errors = [each[:, : len(owner)] for each in _errors_of_rest((coordinates, table), (latents, slots), RIDGE, rng)]
    share = np.stack([_r2(*(part[:, owner == k] for part in errors)) for k in range(len(places))], axis=1)
    beyond = np.clip(share * (1 - np.clip(alone.matrix, 0.0, 1.0)), 0.0, None)
    return Dependence(alone, replace(alone, matrix=beyond), replace(alone, matrix=added), bool(older))


def _own_content(places: Int[np.ndarray, " coordinates"], num_slots: int, older: int) -> Bool[np.ndarray, "all slots"]:
    """Which coordinates, of the newest frame and then of older ones, belong to which slot, the last of them noise.

    Args:
        places: the slot of every coordinate of the newest frame.
        num_slots: number of slots.
        older: number of older frames.
    """
    noise = np.full(older * len(places), num_slots - 1)
    return np.eye(num_slots, dtype=bool)[np.concatenate([places, noise])]


def _coordinates(
    factors: np.ndarray, variables: VariableSpace
) -> tuple[Float[np.ndarray, "samples coordinates"], Int[np.ndarray, " coordinates"]]:
    """All true values as coordinates, and the number of the variable that each of them belongs to."""
    parts, owner = [], []
    for number, name in enumerate(variables.names):
        for column in variables.factor_columns(name):
            parts.append(to_coordinates(variables.factors[column], factors[:, column]))
            owner += [number] * parts[-1].shape[1]
    return np.concatenate(parts, axis=1), np.array(owner)


def _errors_of_rest(
    true: tuple[np.ndarray, np.ndarray], read: tuple[np.ndarray, Slots], probe: Probe, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "slots coordinates"], Float[np.ndarray, "slots coordinates"]]:
    """Squares of what the true values in every slot leave of all coordinates: what the slot misses of it, and all."""
    (coordinates, table), (latents, slots) = true, read
    scaled = (coordinates - coordinates.mean(axis=0)) / np.maximum(coordinates.std(axis=0), 1e-12)
    train, test = halves(len(latents), rng)
    missed, whole = (np.ones((len(slots.names), len(table))) for _ in range(2))
    for row, slot in enumerate(slots.names):
        own, used = coordinates[:, table[:, row]], slots.columns(slot)
        if len(used):
            rest = scaled - _fitted(own, scaled, train, probe, rng)
            read_rest = _fitted(latents[:, used], rest, train, probe, rng)
            missed[row] = np.square(rest - read_rest)[test].sum(axis=0)
            whole[row] = np.square(rest - rest[train].mean(axis=0))[test].sum(axis=0)
    return missed, whole


def _r2(
    missed: Float[np.ndarray, "slots coordinates"], whole: Float[np.ndarray, "slots coordinates"]
) -> Float[np.ndarray, " slots"]:
    """R2 of several coordinates together."""
    return np.asarray(1 - missed.sum(axis=1) / np.maximum(whole.sum(axis=1), 1e-12))


def _fitted(
    inputs: np.ndarray, wanted: np.ndarray, train: np.ndarray, probe: Probe, rng: np.random.Generator
) -> np.ndarray:
    """Values (samples, outputs) that the probe predicts for all samples, trained on some of them."""
    if inputs.shape[1] == 0:
        return np.broadcast_to(wanted[train].mean(axis=0), wanted.shape)
    every = np.arange(len(inputs))
    kept, whole = standardised(inputs, train, every)
    factors = tuple(Continuous(f"coordinate {k}") for k in range(wanted.shape[1]))
    return probe.predict(ReadOut((kept,), (whole,), wanted[train], factors), rng)[0]
