"""The whole evaluation of a set of latents: with labels if there are any, and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trisect.evaluation.active_units import ActiveUnits
from trisect.evaluation.baselines import BaselineInput, Baselines, Identify, baselines
from trisect.evaluation.chance import Chance, chance
from trisect.evaluation.correlation import correlation
from trisect.evaluation.dependence import Dependence, dependence
from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.label_free import collapsed, confidence, intervention_matrix
from trisect.evaluation.progress import part
from trisect.evaluation.score_matrix import Scores, Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.visibility.read_outs import Visibility, visibility
from trisect.models.closed_form.statement import Statement


@dataclass(frozen=True)
class Evaluation:
    """All scores of one model.

    Attributes:
        slots: the model's slots.
        probes: probe name -> the model's scores; the last is the headline. Empty without labels.
        baselines, chance, label_free: None if the data do not allow them.
        confidence: largest probability of every latent's assignment, or None.
        nll: held-out negative log-likelihood, or None.
        active_units: active units of a variational model, or None.
        warnings: sentences on what limits the scores.
        notes: sentences on what was left out and why, because the data do not have it.
        dependence: how well the true values of a slot's variable predict the other variables in the scored samples,
            and what the slot predicts beyond that: only the latter is leakage.
        equal_baselines: names of the baselines that are the model's own method.
        independent: whether the variables of the scored samples were drawn independently.
        statements: what the closed form says of each variable, from the interventions of the training data.
        visibility: what the frames show, the latents hold and the slots keep of the interventions; None without
            sequences.
    """

    slots: Slots
    probes: Mapping[str, Scores] = field(default_factory=dict)
    baselines: Baselines | None = None
    chance: Chance | None = None
    label_free: InterventionMatrix | None = None
    confidence: Mapping[str, Any] | None = None
    nll: float | None = None
    active_units: ActiveUnits | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dependence: Dependence | None = None
    equal_baselines: tuple[str, ...] = ()
    independent: bool = True
    statements: tuple[Statement, ...] = ()
    visibility: Visibility | None = None

    @property
    def headline(self) -> Scores | None:
        """The scores of the last probe."""
        return list(self.probes.values())[-1] if self.probes else None


def evaluate_latents(
    given: EvaluationInput,
    identify: Identify | None,
    rng: np.random.Generator,
    settings: EvaluationSettings | None = None,
) -> Evaluation:
    """Score a model's latents in every way that the data allow.

    Args:
        given: latents, assignment, true factors.
        identify: the label-free identification for the baselines (`trisect.evaluation.baselines.Identify`), or None.
        rng: source of all randomness; each part has its own stream, so that leaving out one part does not change the
            others.
        settings: by default `EvaluationSettings()`.
    """
    settings = settings or EvaluationSettings()
    sampling, probing, assigning, comparing, predicting, relating, seeing = rng.spawn(7)
    given = _limited(given, settings.max_samples, sampling)
    with part(0.0, 0.45):
        probes = _probe_scores(given, settings, probing)
    with part(0.45, 0.55):
        compared, by_chance = _baselines(given, identify, settings, comparing), _chance(given, settings, assigning)
    with part(0.55, 0.7):
        free = _label_free(given, settings, predicting)
    with part(0.7, 1.0):
        seen = _visibility(given, settings, seeing)
    certainty, undecided = confidence(given.probs, given.slots) if given.probs is not None else (None, ())
    evaluation = Evaluation(
        slots=given.slots,
        probes=probes,
        baselines=compared,
        chance=by_chance,
        label_free=free,
        confidence=certainty,
        nll=given.nll,
        active_units=ActiveUnits(given.latent_kl, len(given.slots.variables)) if given.latent_kl is not None else None,
        notes=(*_left_out(given, identify), *_excluded(list(probes.values())[-1] if probes else None)),
        dependence=dependence(given.latents, given.slots, given.truth, relating),
        equal_baselines=given.equal_baselines,
        independent=given.independent,
        statements=given.statements,
    )
    return replace(
        evaluation,
        warnings=_warnings(evaluation, undecided),
        visibility=_with_values(seen, evaluation, given.truth) if seen is not None else None,
    )


def _limited(inputs: EvaluationInput, max_samples: int, rng: np.random.Generator) -> EvaluationInput:
    """Keep at most ``max_samples`` samples of the independent test set."""
    if inputs.latents is None or len(inputs.latents) <= max_samples:
        return inputs
    rows = np.sort(rng.permutation(len(inputs.latents))[:max_samples])
    truth, observations = inputs.truth, inputs.observations
    if truth is not None:
        truth = truth.at(rows)
    if observations is not None:
        observations = (observations[0], observations[1][rows])
    base = (inputs.base[0], inputs.base[1][rows]) if inputs.base is not None else None
    return replace(inputs, latents=inputs.latents[rows], truth=truth, observations=observations, base=base)


def _probe_scores(inputs: EvaluationInput, settings: EvaluationSettings, rng: np.random.Generator) -> dict[str, Scores]:
    from trisect.evaluation.probes.probe import PROBES

    if inputs.latents is None or inputs.truth is None:
        return {}
    scores, count = {}, len(settings.probes)
    for place, (name, stream) in enumerate(zip(settings.probes, rng.spawn(count))):
        with part(place / count, (place + 1) / count):
            scores[name] = correlation(inputs.latents, inputs.slots, inputs.truth, PROBES[name], stream)
    return scores


def _baselines(
    inputs: EvaluationInput, identify: Identify | None, settings: EvaluationSettings, rng: np.random.Generator
) -> Baselines | None:
    from trisect.evaluation.probes.probe import PROBES

    if identify is None or inputs.train is None or inputs.latents is None or inputs.truth is None:
        return None
    transitions, frames = inputs.train.first(settings.max_pairs)
    observations = (inputs.observations[0][frames], inputs.observations[1]) if inputs.observations is not None else None
    latents = inputs.latents
    if inputs.base is not None:
        transitions, latents = replace(transitions, latents=inputs.base[0][frames]), inputs.base[1]
    start = BaselineInput(transitions, latents, inputs.slots, inputs.truth, observations)
    return baselines(start, identify, PROBES[settings.baseline_probe], rng)


def _chance(inputs: EvaluationInput, settings: EvaluationSettings, rng: np.random.Generator) -> Chance | None:
    if inputs.latents is None or inputs.truth is None:
        return None
    return chance(inputs.latents, inputs.slots, inputs.truth, rng, settings.chance)


def _label_free(
    inputs: EvaluationInput, settings: EvaluationSettings, rng: np.random.Generator
) -> InterventionMatrix | None:
    from trisect.evaluation.probes.target_probe import TargetProbe, target_fit

    if inputs.train is None or inputs.test is None:
        return None
    test, _ = inputs.test.first(settings.max_test_pairs)
    probe = TargetProbe(fit=target_fit(settings.target_steps))
    return intervention_matrix(inputs.train, test, inputs.slots, rng, probe)


def _visibility(inputs: EvaluationInput, settings: EvaluationSettings, rng: np.random.Generator) -> Visibility | None:
    if inputs.train is None or inputs.test is None or min(len(inputs.train), len(inputs.test)) < 2:
        return None
    frames = inputs.frames if settings.frames else None
    return visibility(inputs.train, inputs.test, inputs.slots, rng, frames)


def _with_values(seen: Visibility, evaluation: Evaluation, truth: Truth | None) -> Visibility:
    """The same with what the true values show, and the names of the variables without a slot."""
    every = truth.variables.names if truth is not None else ()
    upper = evaluation.baselines.scores.get("all latents") if evaluation.baselines is not None else None
    return replace(
        seen,
        never=tuple(name for name in every if name not in seen.variables),
        slot_r2=_own_r2(evaluation),
        latents_r2=_own(upper, seen.variables) if upper is not None else {},
    )


def _left_out(inputs: EvaluationInput, identify: Identify | None) -> list[str]:
    reasons = []
    if inputs.latents is None or inputs.truth is None:
        reasons.append("no ground-truth factors: R2, Spearman, chance and baselines are left out")
    elif identify is None or inputs.train is None:
        reasons.append("no sequences or no identification for the baselines: baselines are left out")
    if inputs.train is None or inputs.test is None:
        reasons.append("no sequences of the training and the test split: the intervention matrix is left out")
    return reasons


def _excluded(headline: Scores | None) -> list[str]:
    """A sentence on every factor or slot that has no R2."""
    return [f"the R2 of '{name}': {why}" for name, why in headline.r2.excluded.items()] if headline else []


def _warnings(evaluation: Evaluation, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """All sentences, including those of the parts, each once."""
    warnings = list(reasons)
    if evaluation.headline is not None:
        warnings += evaluation.headline.warnings
    if evaluation.active_units is not None:
        warnings += evaluation.active_units.warnings
    if evaluation.label_free is not None:
        warnings += collapsed(evaluation.slots, evaluation.label_free, _own_r2(evaluation), evaluation.statements)
    if evaluation.baselines is not None:
        warnings += [f"baseline '{name}' was skipped: {why}" for name, why in evaluation.baselines.skipped.items()]
    return tuple(dict.fromkeys(warnings))


def _own_r2(evaluation: Evaluation) -> dict[str, float]:
    """Variable -> R2 in its own slot; empty without labels."""
    return _own(evaluation.headline, evaluation.slots.variables) if evaluation.headline is not None else {}


def _own(scores: Scores, variables: tuple[str, ...]) -> dict[str, float]:
    return {name: scores.r2[name, name] for name in variables if name in scores.r2.columns}
