"""Rare interventions do no harm, and shuffled targets teach nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import trisect
from trisect.batches import SequenceBatch, Step
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings
from trisect.recipes import citris_nf, citris_vae

from .fixtures import moving, moving_data, splits, tiny_run


def random_start() -> object:
    """CITRIS-NF as published: a learned assignment and a target classifier."""
    recipe = citris_nf()
    return replace(recipe, flow=replace(recipe.flow, start="random"))


@pytest.mark.parametrize("recipe", [random_start(), citris_nf(), citris_vae()], ids=["nf random", "nf", "vae"])
@pytest.mark.parametrize("rows", [[[0, 0]] * 4, [[1, 0], [0, 1], [0, 0]]], ids=["none", "one of each"])
def test_a_batch_with_few_or_no_interventions_has_a_finite_loss_and_gradient(
    tmp_path: Path, recipe: trisect.recipes.Recipe, rows: list[list[int]]
) -> None:
    model = tiny_run(tmp_path / "run", moving_data(), recipe).model.train()
    targets = torch.tensor(rows, dtype=torch.float32).unsqueeze(1)
    generator = torch.Generator().manual_seed(0)
    observations = torch.randn(len(rows), 2, 3, generator=generator)
    terms = model.loss(SequenceBatch(observations, targets), Step(0, 0.0, generator))
    assert terms.first_non_finite() is None
    terms.total().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_the_target_classifier_reads_no_answer_from_the_mask() -> None:
    """It sees which latents are masked; if the latents know nothing of the targets, it learns the base rate only."""
    torch.manual_seed(0)
    generator, rate = torch.Generator().manual_seed(1), torch.tensor([0.1, 0.4])
    classifier = TargetClassifier(3, 2, TargetClassifierSettings(hidden=16))
    optimiser = torch.optim.Adam(classifier.network.parameters(), 0.01)

    def loss(num: int) -> torch.Tensor:
        z = torch.randn(2, num, 3, generator=generator)
        targets = (torch.rand(num, 2, generator=generator) < rate).float()
        psi = functional.one_hot(torch.randint(3, (3,), generator=generator), 3).float()
        return classifier.classifier_loss(z[0], z[1], targets, psi).mean()

    for _ in range(400):
        optimiser.zero_grad()
        loss(256).backward()
        optimiser.step()
    with torch.no_grad():
        learned = float(torch.stack([loss(2000) for _ in range(10)]).mean())
    entropy = -(rate * rate.log() + (1 - rate) * (1 - rate).log()).mean()
    assert learned == pytest.approx(4 * float(entropy), rel=0.02), "four sets of latents, two targets each"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [None, random_start()], ids=["closed form", "nf random"])
def test_shuffled_targets_are_predicted_no_better_than_their_base_rate(
    tmp_path: Path, recipe: trisect.recipes.Recipe | None
) -> None:
    whole = moving(2400, rate=0.2)
    data = splits(replace(whole, targets=np.random.default_rng(1).permutation(whole.targets)), 400)
    report = trisect.evaluate(tiny_run(tmp_path / "run", data, recipe), data, quick=True)
    assert np.abs(np.array(report["label_free"]["matrix"]) - 0.5).max() < 0.12


def test_every_report_has_the_control_of_shuffled_targets(tmp_path: Path) -> None:
    data = splits(moving(2400, rate=0.2), 400)
    report = trisect.evaluate(tiny_run(tmp_path / "run", data), data, quick=True)
    assert report["label_free"]["diag"] > 0.85 and report["r2"]["diag"] > 0.95
    assert report["baselines"]["shuffled targets"]["r2"]["diag"] < 0.7
    assert "closed form with targets shuffled over time" in (tmp_path / "run" / "report.html").read_text()
