"""Baselines: the same evaluation of latents that were not learned, or not assigned.

- *random encoder*, *principal components*: projections of the observations, identified by the same closed form as
  the model's latents. A method is worth its training only if it beats them.
- *closed form*: the latents before the flow, identified without labels.
- *shuffled targets*: the closed form with the targets shuffled over time, the mean of several shuffles (one may hit
  the right slots by luck). If this score is above chance, the other scores cannot be trusted.
- *all latents*: every slot sees every latent, an upper bound: all that the encoder contains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation.correlation import correlations, mean_scores
from trisect.evaluation.probes.read_out import Probe
from trisect.evaluation.projections import principal_components, random_encoder
from trisect.evaluation.score_matrix import Scores, Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions

Identify = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(latents (frames, latents), pairs, targets) -> (all frames' new latents, assignment (new latents, slots))."""

NUM_SHUFFLES = 5
SHUFFLED = "shuffled targets"

Reading = tuple[np.ndarray, Slots]


@dataclass(frozen=True)
class BaselineInput:
    """Inputs of the baselines.

    Attributes:
        transitions: the model's latents of sequences, for identification.
        latents: (samples, latents), the model's latents of the independent test set.
        slots: the model's slots.
        truth: factors of the independent test set.
        observations: those of the frames of ``transitions`` and of the test set, in the same order; None skips the
            baselines that need them.
    """

    transitions: Transitions
    latents: Float[np.ndarray, "samples latents"]
    slots: Slots
    truth: Truth
    observations: tuple[np.ndarray, np.ndarray] | None = None

    def __post_init__(self) -> None:
        checks.shape(self.latents, "the latents of the test set", len(self.truth.factors), self.slots.num_latents)
        checks.shape(self.transitions.latents, "the latents of the transitions", None, self.slots.num_latents)
        counts = (len(self.transitions.latents), len(self.latents))
        for observations, count in zip(self.observations or (), counts):
            checks.require(
                len(observations) == count, "the observations of a baseline", f"{count} rows", len(observations)
            )


@dataclass(frozen=True)
class Baselines:
    """Scores of the baselines.

    Attributes:
        scores: name -> scores, all with the same probe.
        skipped: name -> why the baseline could not be scored.
        probe: name of the probe.
    """

    scores: Mapping[str, Scores]
    skipped: Mapping[str, str]
    probe: str

    def to_json(self) -> dict[str, Any]:
        """Name -> the two matrices; None for a baseline that was skipped."""
        entries: dict[str, Any] = {name: scores.to_json() for name, scores in self.scores.items()}
        return entries | dict.fromkeys(self.skipped)


def baselines(given: BaselineInput, identify: Identify, probe: Probe, rng: np.random.Generator) -> Baselines:
    """Score all baselines with a single training of the probe.

    Args:
        given: latents, transitions, true factors, observations.
        identify: finds slots in latents without labels; the latents of the test samples are passed as further rows that
            belong to no pair.
        probe: predicts the factors from the latents.
        rng: draws the projections, the shuffles and the probe's randomness.
    """
    readings: dict[str, Reading] = {"all latents": (given.latents, given.slots.showing_all())}
    skipped: dict[str, str] = {}
    for name, latents, transitions in _candidates(given, rng):
        try:
            readings[name] = _identified(latents, transitions, given.slots.names, identify)
        except ValueError as error:  # too few latents or interventions for the identification
            skipped[name] = str(error)
    if given.observations is None:
        skipped |= dict.fromkeys(("random encoder", "principal components"), "no observations were given")
    scores = correlations(readings, given.truth, probe, rng)
    return Baselines(_shuffles_merged(scores), _shuffles_merged_reasons(skipped), probe.name)


def _candidates(inputs: BaselineInput, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, Transitions]]:
    """Name, latents of the test samples, transitions to identify from."""
    transitions = inputs.transitions
    yield "closed form", inputs.latents, transitions
    for shuffle in range(NUM_SHUFFLES):
        shuffled = Transitions(transitions.latents, transitions.pairs, rng.permutation(transitions.targets))
        yield f"{SHUFFLED} {shuffle}", inputs.latents, shuffled
    if inputs.observations is None:
        return
    for name, project in (("random encoder", random_encoder), ("principal components", principal_components)):
        before, after = inputs.observations
        encode = project(before, inputs.slots.num_latents, rng)
        yield name, encode(after), Transitions(encode(before), transitions.pairs, transitions.targets)


def _identified(latents: np.ndarray, transitions: Transitions, names: tuple[str, ...], identify: Identify) -> Reading:
    rows = np.concatenate([transitions.latents, latents])
    new_latents, assignment = identify(rows, transitions.pairs, transitions.targets)
    return new_latents[len(transitions.latents) :], Slots(assignment, names)


def _shuffles_merged(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """Replace the entries of the shuffles by one entry, their mean."""
    shuffles = [entry for name, entry in scores.items() if name.startswith(SHUFFLED)]
    others = {name: entry for name, entry in scores.items() if not name.startswith(SHUFFLED)}
    return others | ({SHUFFLED: mean_scores(shuffles)} if shuffles else {})


def _shuffles_merged_reasons(skipped: Mapping[str, str]) -> dict[str, str]:
    return {SHUFFLED if name.startswith(SHUFFLED) else name: reason for name, reason in skipped.items()}
