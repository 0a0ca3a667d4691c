"""How well a trained model's slots predict the true values, by one probe alone: quicker than a whole evaluation."""

from __future__ import annotations

import numpy as np

from trisect.data.recording import Recording
from trisect.evaluation.correlation import correlation
from trisect.evaluation.probes.probe import RIDGE, Probe
from trisect.evaluation.score_matrix import ScoreMatrix, Truth
from trisect.evaluation.slots import Slots
from trisect.models.slot_model import SlotModel


def r2_of(model: SlotModel, scored: Recording, probe: Probe = RIDGE, seed: int = 0) -> ScoreMatrix:
    """R2 of every variable from every slot, held out within the recording."""
    slots = Slots(model.assignment().numpy(), model.slot_names)
    latents, truth = model.encode(scored.observations).numpy(), Truth(scored.factors, scored.variables)
    return correlation(latents, slots, truth, probe, np.random.default_rng(seed)).r2
