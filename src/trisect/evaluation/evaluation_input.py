"""What an evaluation takes: latents of a trained model, data to score them, and settings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation.chance import ChanceSettings
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.models.closed_form.statement import Statement


@dataclass(frozen=True)
class EvaluationInput:
    """Latents of a trained model and data to score them; the evaluation leaves out what needs a None, with a reason.

    Attributes:
        slots: the model's hard assignment.
        train, test: the model's latents of sequences of the training split and of the test split.
        latents: (samples, latents), latents of the independent test set.
        truth: factors of the independent test set.
        observations: observations of the frames of ``train`` and of the independent test set, in the same order.
        base: the latents before the flow, of the frames of ``train`` and of the independent test set, in the same
            order; the closed-form baselines start from them. None: the model's own latents.
        probs: (latents, slots), the soft assignment.
        nll: held-out negative log-likelihood per transition, in nats.
        latent_kl: (latents,), KL of each latent of a variational model in nats per held-out frame; None without a
            posterior.
        equal_baselines: names of the baselines that are the model's own method: that they do as well says nothing.
        independent: whether the variables of the samples to score were drawn independently; recordings are not.
        statements: what the closed form says of each variable, if it identified the slots.
        test_frames: observations of the frames of ``test``; where they and ``observations`` are frames, what these show
            is compared with what the latents hold.
    """

    slots: Slots
    train: Transitions | None = None
    test: Transitions | None = None
    latents: Float[np.ndarray, "samples latents"] | None = None
    truth: Truth | None = None
    observations: tuple[np.ndarray, np.ndarray] | None = None
    base: tuple[np.ndarray, np.ndarray] | None = None
    probs: Float[np.ndarray, "latents slots"] | None = None
    nll: float | None = None
    latent_kl: Float[np.ndarray, "latents"] | None = None
    equal_baselines: tuple[str, ...] = ()
    independent: bool = True
    statements: tuple[Statement, ...] = ()
    test_frames: np.ndarray | None = None

    @property
    def frames(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Frames of the rows of ``train`` and of ``test``; None without pictures."""
        if self.observations is None or self.test_frames is None or self.test_frames.dtype != np.uint8:
            return None
        return self.observations[0], self.test_frames


@dataclass(frozen=True)
class EvaluationSettings:
    """Settings of an evaluation.

    Attributes:
        probes: names of the probes that score the model; the last one is the headline.
        baseline_probe: name of the probe for the baselines.
        max_samples: largest number of samples of the independent test set used.
        max_pairs: largest number of transitions from which baselines are identified, the first of the training split.
        max_test_pairs: largest number of held-out transitions for the intervention matrix, the first of the test split.
        target_steps: optimiser steps of the classifiers for the intervention matrix.
        chance: settings of the chance score.
        frames: whether to measure what the frames themselves show, which takes longest.
    """

    probes: tuple[str, ...] = ("ridge", "published", "long")
    baseline_probe: str = "ridge"
    max_samples: int = 8000
    max_pairs: int = 20_000
    max_test_pairs: int = 50_000
    target_steps: int = 800
    chance: ChanceSettings = field(default_factory=ChanceSettings)
    frames: bool = True

    def __post_init__(self) -> None:
        from trisect.evaluation.probes.probe import PROBES

        checks.require(len(self.probes) > 0, "the probes of an evaluation", "at least one", "none")
        for name in (*self.probes, self.baseline_probe):
            checks.one_of(name, PROBES, "a probe of an evaluation")
        checks.positive_int(self.max_samples, "max_samples of an evaluation", 4)
        checks.positive_int(self.max_pairs, "max_pairs of an evaluation")
        checks.positive_int(self.max_test_pairs, "max_test_pairs of an evaluation")
        checks.positive_int(self.target_steps, "target_steps of an evaluation")
