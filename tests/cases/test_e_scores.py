"""Scores mean the same on every machine, in every loop and for every number of latents; low ones are called low."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.data import Dataset, Recording, split
from trisect.evaluation.correlation import correlation
from trisect.evaluation.probes.probe import PUBLISHED, RIDGE, Probe
from trisect.evaluation.slots import Slots
from trisect.recipes import citris_nf, closed_form
from trisect.runs.run import Run

from .fixtures import arrays, boxes_data, save_npz, splits, tiny_run, toy_latents, two_boxes

R2 = [
    [0.7728981, -0.01454711, -0.02200576],
    [0.15482631, 0.80331253, -0.02720644],
    [-0.01028443, -0.02099516, 0.99999148],
]
RANKS = [[0.875048, -0.02009185, -0.06904895], [0.38158403, 0.89680201, -0.06758581], [0.00512121, -0.04443433, 1.0]]


def test_known_latents_have_fixed_scores() -> None:
    """Pinned, so that another version of a library below cannot move them unseen.

    Processors round differently: R2 differs by up to 2e-6, and ranks of neighbours swap, by 1.4e-5.
    """
    scores = correlation(*toy_latents(2000, leak=0.5, noise=0.5), RIDGE, np.random.default_rng(0))
    assert scores.r2.matrix == pytest.approx(np.array(R2), abs=1e-5)
    assert scores.spearman.matrix == pytest.approx(np.array(RANKS), abs=1e-4)


def test_a_report_names_its_version_and_its_probes(small_run: Run) -> None:
    report = trisect.evaluate(small_run, boxes_data(), quick=True)
    assert report["version"] == trisect.__version__
    assert report["probe"] == "published" and set(report["probes"]) == {"ridge", "published"}
    assert {baseline["probe"] for baseline in report["baselines"].values()} == {"ridge"} == {report["chance"]["probe"]}


@pytest.mark.parametrize("probe", [RIDGE, PUBLISHED], ids=["ridge", "published"])
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_scores_are_the_same_inside_any_loop(probe: Probe, context: Callable[[], AbstractContextManager[None]]) -> None:
    """Trainers validate without gradients, or in inference mode; the probes are trained all the same."""
    matrices = []
    for surroundings in (nullcontext, context):
        with surroundings():
            scores = correlation(*toy_latents(300, noise=0.5), probe, np.random.default_rng(0))
        matrices.append(scores.r2.matrix)
    assert np.array_equal(*matrices)


def test_models_of_different_numbers_of_latents_can_be_compared() -> None:
    """Latents that carry nothing cost a little, and no more, whether there are 5 of them or 29."""
    latents, _, truth = toy_latents(4000, noise=0.5)
    diags = []
    for extra in (5, 29):
        rest = np.random.default_rng(1).normal(size=(len(latents), extra)).astype(np.float32)
        columns = np.concatenate([np.eye(3), np.tile([[0, 0, 1]], (extra, 1))]).astype(bool)
        slots = Slots(columns, ("a", "b", "noise"))
        scores = correlation(np.concatenate([latents, rest], axis=1), slots, truth, RIDGE, np.random.default_rng(0))
        diags.append(scores.r2.diag_all)
    assert diags == pytest.approx([2.8 / 3] * 2, abs=0.03)


@pytest.mark.parametrize(("num", "warned"), [(20, True), (900, True), (2000, False)])
def test_a_score_from_few_samples_is_marked(num: int, warned: bool) -> None:
    scores = correlation(*toy_latents(num), RIDGE, np.random.default_rng(0))
    assert any(f"about {num} samples, fewer than 1000" in text for text in scores.warnings) is warned


def test_a_missing_file_of_held_out_data_is_not_replaced_by_the_test_file(tmp_path: Path) -> None:
    boxes, others = two_boxes(300), two_boxes(100, seed=1)
    save_npz(tmp_path / "in", "train", **arrays(boxes))
    data = trisect.convert(save_npz(tmp_path / "in", "test", **arrays(others)), tmp_path / "out")
    with pytest.raises(ValueError, match="got 'val'; cut one from the training recording with trisect.data.split"):
        tiny_run(tmp_path / "run", data)
    cut = split(data, {"val": 0.2})
    assert len(cut["train"]) + len(cut["val"]) == 300 and len(cut["test"]) == 100
    assert tiny_run(tmp_path / "run", cut).folder.exists()


def noisy_data() -> Dataset:
    """The world of boxes as a cheap camera sees it."""
    boxes, rng = two_boxes(900, rate=0.2), np.random.default_rng(0)
    grain = 12 * rng.normal(size=boxes.frames.shape) + 6 * rng.normal(size=(len(boxes.frames), 1, 1, 1))
    frames = np.clip(boxes.frames + grain, 0, 255).astype(np.uint8)
    return splits(Recording(frames, boxes.targets, boxes.space, boxes.factors), 200)


@pytest.mark.slow
def test_a_report_on_noisy_pictures_has_baselines_beside_its_scores_and_calls_low_what_is_low(tmp_path: Path) -> None:
    data = noisy_data()
    recipe = citris_nf()
    recipe = replace(recipe, flow=replace(recipe.flow, start="random"))
    report = trisect.evaluate(tiny_run(tmp_path / "run", data, recipe), data, quick=True)
    baselines = {"all latents", "closed form", "random encoder", "principal components", "shuffled targets"}
    assert set(report["baselines"]) == baselines
    assert report["r2"]["diag"] < 0.8 and set(report["verdicts"].values()) == {"not identified"}
    assert report["paragraph"].startswith("None of the 2 targeted variables is identified.")
    page = (tmp_path / "run" / "report.html").read_text()
    assert all(name in page for name in baselines) and "Leakage per slot" in page


def test_recordings_without_labels_skip_the_scores_that_need_them_with_the_reason(tmp_path: Path) -> None:
    data = Dataset({n: replace(r, factors=None) for n, r in boxes_data().items()})  # type: ignore[type-var]
    report = trisect.evaluate(tiny_run(tmp_path / "run", data, closed_form()), data, quick=True)
    assert report["r2"] is report["spearman"] is report["baselines"] is report["triplets"] is None
    assert report["label_free"]["diag"] > 0.5
    assert report["paragraph"].startswith("There are no ground-truth factors")
