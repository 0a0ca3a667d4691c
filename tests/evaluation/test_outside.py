from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import trisect
from trisect.data import Dataset, Recording, simulate
from trisect.evaluation.chance import ChanceSettings
from trisect.evaluation.evaluation_input import EvaluationSettings
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.matching import correlations_with_variables, match
from trisect.evaluation.outside import encode_all, evaluate_outside
from trisect.evaluation.score_matrix import Truth
from trisect.models.closed_form.statement import FOUND
from trisect.sealed import read_json
from trisect.variables import Angle, Categorical, Continuous, VariableSpace, anonymous
from trisect.worlds import make

NAMES = ("c0", "c1", "noise_0")


def of_sizes(**sizes: int) -> Dataset:
    """A world of three numbers, mixed by a rotation."""
    world, rng = make("linear", num_variables=2, num_latents=3, seed=1), np.random.default_rng(0)
    return Dataset({name: simulate(world, size, rng, 100) for name, size in sizes.items()})


@pytest.fixture(scope="module")
def data() -> Dataset:
    return of_sizes(train=3000, val=100, test=1000, test_indep=1000)


@pytest.fixture(scope="module")
def unmix(data):
    """The true factors of vectors, computed with the rotation that least squares finds."""
    train = data.recording("train")
    matrix, *_ = np.linalg.lstsq(train.observations, train.factors, rcond=None)
    return lambda vectors: vectors @ matrix


LITTLE = EvaluationSettings(
    probes=("ridge",), target_steps=60, chance=ChanceSettings(num_assignments=5, max_rows=500), max_pairs=600
)


def evaluate(data, encode, **options):
    return evaluate_outside(encode, data, LITTLE, options)


@pytest.fixture(scope="module")
def identified(data) -> dict[str, Any]:
    """The report on the vectors themselves."""
    return evaluate(data, lambda vectors: vectors)


@pytest.fixture(scope="module")
def given(data, unmix) -> dict[str, Any]:
    """The report on the factors, with their slots."""
    return evaluate(data, unmix, assignment=[0, 1, 2])


def test_without_an_assignment_slots_are_identified_without_labels(data, identified) -> None:
    report = identified
    assert report["r2"]["diag"] > 0.97 and report["r2"]["sep_slots"] < 0.05
    assert report["recipe"]["assignment"] == "identify" and not report["recipe"]["assignment_uses_labels"]
    assert not any("uses labels" in warning for warning in report["warnings"])
    unlabelled = {name: Recording(s.observations, s.targets, s.variables, episode_starts=s.starts)
                  for name, s in data.items()}  # fmt: skip
    blind = evaluate(Dataset(unlabelled), lambda vectors: vectors)
    assert blind["slots"] == report["slots"] and blind["r2"] is None
    assert blind["label_free"]["matrix"] == report["label_free"]["matrix"]


def test_the_closed_form_s_statements_are_in_the_report(identified, given) -> None:
    assert [(each["variable"], each["verdict"]) for each in identified["statements"]] == [("c0", FOUND), ("c1", FOUND)]
    assert given["statements"] is None, "nothing was identified"


def test_a_given_assignment_is_scored_as_it_is(data, unmix, given) -> None:
    wrong = evaluate(data, unmix, assignment=np.array([1, 0, 2]))
    assert given["r2"]["diag"] > 0.97 and wrong["r2"]["diag"] < 0.3
    assert given["slots"] == {"c0": [0], "c1": [1], "noise": [2]}
    assert given["recipe"]["assignment"] == "given"


def test_the_slots_may_be_of_other_variables(data, unmix) -> None:
    report = evaluate(data, unmix, assignment=[1, 0, 2], variables=["c1", "c0"])
    assert report["r2"]["rows"] == ["c1", "c0", "noise"] and report["r2"]["diag"] > 0.97
    all_three = evaluate(data, unmix, assignment=[0, 1, 2], variables=NAMES)
    assert all_three["r2"]["diag"] > 0.97


def test_matching_uses_labels_and_says_so(data, unmix) -> None:
    report = evaluate(data, lambda vectors: unmix(vectors)[:, [2, 1, 0]], assignment="match")
    assert report["slots"] == {"c0": [2], "c1": [1], "noise": [0]}
    assert report["recipe"]["assignment_uses_labels"]
    assert any("this assignment uses labels" in warning for warning in report["warnings"])


def test_the_report_is_that_of_a_run(tmp_path) -> None:
    data = of_sizes(train=500, val=100, test=200, test_indep=200)
    encode, out = torch.from_numpy, tmp_path / "new" / "scores"
    report = trisect.evaluate(encode=encode, data=data, quick=True, out=out)
    assert read_json(tmp_path / "new" / "scores" / "report.json") == json.loads(json.dumps(report))
    assert "an outside encoder" in (tmp_path / "new" / "scores" / "report.html").read_text()
    run = trisect.train(trisect.recipes.closed_form(), data, tmp_path / "run", progress=False)
    assert set(trisect.evaluate(run, data, quick=True)) == set(report)


def test_the_encoder_gets_stored_frames() -> None:
    seen = []

    def encode(frames: np.ndarray) -> np.ndarray:
        seen.append((frames.dtype, frames.shape[1:]))
        return frames.reshape(len(frames), -1)[:, :4].astype(float)

    assert encode_all(encode, np.zeros((700, 8, 8, 3), np.uint8)).shape == (700, 4)
    assert set(seen) == {(np.dtype("uint8"), (8, 8, 3))} and len(seen) == 2


def test_a_module_is_scored_in_evaluation_mode(data) -> None:
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.5)

        def forward(self, vectors: np.ndarray) -> torch.Tensor:
            return self.dropout(torch.from_numpy(vectors))

    module = Outside().train()
    assert evaluate(data, module)["r2"]["diag"] > 0.97
    assert module.training


def test_many_latents_are_reduced_before_identification(data) -> None:
    wide = np.random.default_rng(0).normal(size=(3, 200))
    report = evaluate(data, lambda vectors: vectors @ wide)
    assert report["r2"]["diag"] > 0.97
    assert sum(len(latents) for latents in report["slots"].values()) == 3
    assert report["baselines"]["closed form"] is not None


def wrong_width(vectors: np.ndarray) -> np.ndarray:
    return vectors if len(vectors) == 512 else vectors[:, :2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"encode": lambda v: v[1:]}, ValueError, "must be one row per observation; got 15 rows for 16 observations"),
        ({"encode": lambda v: v * np.nan}, ValueError, "the output of the encoder must be finite; got"),
        (
            {"encode": lambda v: v[:, None]},
            ValueError,
            r"encoder must be \(batch, latents\); got \(16, 1",
        ),
        ({"encode": lambda v: v.tolist()}, TypeError, "must be a tensor or an array; got list"),
        ({"encode": lambda v: v + np.random.default_rng().normal()}, ValueError, "must be the same in every call"),
        ({"encode": lambda v: v[:, :1]}, ValueError, "the vectors must be at least as many as targets, 2"),
        ({"encode": 3}, TypeError, "encode must be a function of frames; got int"),
        ({"assignment": [0, 1]}, ValueError, r"the shape of assignment must be \(3\); got \(2,\)"),
        ({"assignment": [0, 1, 3]}, ValueError, "must be slots from 0 to 2; got .*; 0: c0, 1: c1, 2: noise"),
        ({"assignment": [0.0, 1.0, 2.0]}, ValueError, "assignment must be a list of whole numbers, 'identify' or"),
        ({"assignment": "matched"}, ValueError, "assignment must be one of identify, match; .* did you mean 'match'"),
        ({"variables": []}, ValueError, "the variables with a slot must be at least one; got none"),
        ({"variables": "c0"}, ValueError, "variables must be a list of names; got 'c0'"),
        ({"variables": ["c9"]}, ValueError, "a variable with a slot must be one of c0, c1, noise_0; got 'c9'"),
        ({"assign": "match"}, ValueError, "an option of evaluate.* did you mean 'assignment'"),
        ({"encoder": abs}, ValueError, "an option of evaluate.* must be one of assignment, variables, out"),
    ],
)
def test_invalid_options_raise_a_sentence(data, options, error, message) -> None:
    with pytest.raises(error, match=message):
        evaluate(data, **{"encode": lambda vectors: vectors, **options})


def test_the_number_of_latents_must_not_change() -> None:
    with pytest.raises(ValueError, match="number of latents that the encoder returns must be always 3; got 2"):
        encode_all(wrong_width, np.ones((600, 3), np.float32))


def test_either_a_run_or_an_encoder(data) -> None:
    with pytest.raises(ValueError, match="encode= cannot be used with a run; pass one of them"):
        trisect.evaluate("runs/mine", data, encode=abs)
    with pytest.raises(ValueError, match="there is nothing to evaluate; pass a run or encode="):
        trisect.evaluate(data=data)
    with pytest.raises(ValueError, match="the data of an outside encoder must be a data set; got None; pass data="):
        trisect.evaluate(encode=abs)


@pytest.mark.parametrize("split", ["train", "test"])
def test_episodes_of_one_frame_are_named_as_the_reason(data, split: str) -> None:
    alone = replace(data[split], episode_starts=np.arange(len(data[split])))
    with pytest.raises(
        ValueError, match=f"longest episode of split '{split}' must be of at least 2 frames, .* 1 frame"
    ):
        evaluate(Dataset({**data, split: alone}), lambda vectors: vectors)


def test_matching_needs_labels(data) -> None:
    unlabelled = {name: Recording(s.observations, s.targets, s.variables, episode_starts=s.starts)
                  for name, s in data.items()}  # fmt: skip
    with pytest.raises(ValueError, match="factors of split 'train' must be known, to match latents with them"):
        evaluate(Dataset(unlabelled), lambda vectors: vectors, assignment="match")


def test_correlations_by_kind_of_factor() -> None:
    rng = np.random.default_rng(0)
    space = VariableSpace([Continuous("x"), Angle("turn"), Categorical("kind", 3)])
    x, turn, kind = rng.normal(size=4000), rng.uniform(0, 6.28, 4000), rng.integers(0, 3, 4000)
    truth = Truth(np.stack([x, turn, kind], 1), space)
    latents = np.stack([-2 * x, np.sin(turn + 1), kind == 1, x + rng.normal(size=4000), np.ones(4000)], 1)
    table = correlations_with_variables(latents.astype(float), truth)
    assert table[0, 0] == pytest.approx(1) and table[1, 1] == pytest.approx(1) and table[2, 2] == pytest.approx(1)
    assert table[3, 0] == pytest.approx(abs(np.corrcoef(latents[:, 3], x)[0, 1]))
    assert table[4].max() == 0 and max(table[0, 1], table[1, 0], table[0, 2]) < 0.06


def test_matching_gives_every_variable_a_latent_and_the_rest_by_best() -> None:
    rng = np.random.default_rng(0)
    a, b, other = rng.normal(size=(3, 3000))
    latents = np.stack([a, a + 0.3 * b, 5 * a + 0.1 * other, other, rng.normal(size=3000)], 1)
    truth = Truth(np.stack([a, b, other], 1), anonymous(["a", "b", "other"]))
    assert match(latents, truth, ["a", "b"]).argmax(axis=1).tolist() == [0, 1, 0, 2, 2]
    with pytest.raises(ValueError, match="the number of latents must be at least one per variable, 2; got 1"):
        match(latents[:, :1], truth, ["a", "b"])


def test_identification_of_the_pairs_is_applied_to_all_rows(data) -> None:
    train = data.recording("train")
    before = train.windows(2)
    rows = np.concatenate([train.observations, data.recording("test").observations])
    latents, table = ClosedForm()(rows, np.stack([before, before + 1], 1), train.targets[before + 1][:, :2])
    factors = np.concatenate([train.factors, data.recording("test").factors])
    correlations = [abs(np.corrcoef(latents[:, table[:, k]][:, 0], factors[:, k])[0, 1]) for k in range(2)]
    assert min(correlations) > 0.98 and len(latents) == len(rows)
