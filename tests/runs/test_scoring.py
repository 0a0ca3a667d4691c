from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from tests.scored import r2_of
from tests.varied import varied

import trisect
from trisect.cli import main
from trisect.data import Dataset, make_triplets, save, simulate
from trisect.evaluation.encode import base_and_final_latents
from trisect.evaluation.probes.probe import PUBLISHED
from trisect.files import sha256_of
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, Statement
from trisect.recipes import citris_nf, closed_form, train_causal_encoder
from trisect.runs.causal_encoder import CausalEncoderRecipe
from trisect.sealed import read_json, write_json
from trisect.training.progress import Lines
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

FEW = TrainingSettings(steps=4, checkpoint_every=4, validate_every=2, log_every=1, logger=None)
SIZES = {"train": 500, "val": 100, "test": 300, "test_indep": 300}


def world_data(**changes: object) -> Dataset:
    world, rng = make("linear", num_variables=2, num_latents=3), np.random.default_rng(0)
    splits = {name: simulate(world, size, rng, 50) for name, size in SIZES.items()}
    return Dataset({name: replace(split, **changes) for name, split in splits.items()})  # type: ignore[arg-type]


def recipe():
    few = citris_nf()
    return replace(few, flow_batch_size=16, flow=replace(few.flow, num_blocks=2), flow_training=FEW)


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("scored")
    save(world_data(), folder / "data")
    run = trisect.train(recipe(), folder / "data", folder / "run", progress=False)
    return folder, trisect.evaluate(run, quick=True)


def test_the_report_has_the_names_that_scripts_rely_on(scored) -> None:
    folder, returned = scored
    report = read_json(folder / "run" / "report.json")
    assert report == json.loads(json.dumps(returned))
    names = "recipe variables r2 spearman label_free baselines triplets graph warnings cost"
    assert set(names.split()) <= set(report)
    for name in ("r2", "spearman"):
        assert {"matrix", "rows", "columns", "diag", "sep_slots", "sep_variables"} <= set(report[name])
        assert report[name]["rows"] == ["c0", "c1", "noise"]
        assert report[name]["columns"] == ["c0", "c1", "noise_0"]
        assert np.asarray(report[name]["matrix"]).shape == (3, 3)
    assert {"matrix", "diag", "off_diag", "nll"} <= set(report["label_free"])
    assert {"cpu_seconds", "wall_seconds", "steps", "peak_memory_mb"} <= set(report["cost"])
    for baseline in report["baselines"].values():
        assert {"r2", "spearman"} <= set(baseline)
    assert report["variables"] == ["c0", "c1", "noise_0"]
    assert report["cost"]["steps"] == 4
    assert report["triplets"] is report["graph"] is None
    assert report["recipe"] == recipe().to_json()


def test_the_statements_of_the_closed_form_are_read_from_the_run(scored, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(scored[0] / "run", folder)
    facts = {"expected_r2": 0.97, "low": 0.95, "high": 0.99, "effect": 4.0, "p_value": 0.001, "num_interventions": 50}
    found = Statement("c0", FOUND, **facts)
    open_ = Statement("c1", CANNOT_TELL, **facts, settling=400, reason="its interventions are few")
    write_json(folder / "statements.json", {"statements": [found.to_json(), open_.to_json()]})
    report = trisect.evaluate(folder, world_data(factors=None), quick=True, progress=False)
    assert [Statement.from_json(each) for each in report["statements"]] == [found, open_]
    assert "cannot tell: c1" in report["paragraph"] or "cannot tell: c0, c1" in report["paragraph"]
    assert (
        "c1: cannot tell, because its interventions are few; about 400 interventions instead of 50"
        in report["paragraph"]
    )
    assert "What the interventions show" in (folder / "report.html").read_text()


def test_damaged_statements_are_refused_in_a_sentence(scored, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(scored[0] / "run", folder)
    for content in (
        {"other": 1},
        {"statements": [{"variable": "c0"}]},
        {"statements": [{"variable": "c0", "low": "x"}]},
    ):
        write_json(folder / "statements.json", content)
        with pytest.raises(ValueError, match="statements.json' must be"):
            trisect.evaluate(folder, world_data(), quick=True, progress=False)


def test_samples_of_sequences_are_not_called_independent(scored, tmp_path: Path) -> None:
    assert scored[1]["independent_samples"] is True
    folder = tmp_path / "run"
    shutil.copytree(scored[0] / "run", folder)
    splits = world_data()
    sequences = Dataset({name: splits[name] for name in ("train", "val", "test")})
    report = trisect.evaluate(folder, sequences, quick=True, progress=False)
    assert report["independent_samples"] is False
    assert set(report["dependence"]) >= {"matrix", "beyond", "added"}
    assert report["dependence"]["beyond"]["sep_slots"] >= 0
    assert "Leakage beyond the world&#x27;s own" in (folder / "report.html").read_text().replace("&#39;", "&#x27;")


def test_the_page_stands_alone(scored) -> None:
    page = (scored[0] / "run" / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "c0" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_the_nll_is_the_best_held_out_one(scored) -> None:
    folder, report = scored
    history = trisect.load_run(folder / "run").history["flow"]
    assert report["label_free"]["nll"] == pytest.approx(min(score for _, score in history["scores"]))


def test_latents_computed_through_the_flow_equal_the_model_s(scored) -> None:
    run, test = trisect.load_run(scored[0] / "run"), trisect.load(scored[0] / "data")["test"]
    before, after = base_and_final_latents(run.model, test.observations)
    assert np.allclose(after, run.model.encode(test.observations).numpy(), atol=1e-6)
    assert not np.allclose(before, after, atol=1e-2)


def test_a_linear_world_scores_high_and_shuffled_targets_do_not(scored) -> None:
    report = scored[1]
    assert report["r2"]["diag"] > 0.9
    assert report["baselines"]["shuffled targets"]["r2"]["diag"] < report["r2"]["diag"] - 0.2


def test_scores_repeat_and_do_not_change_the_model(scored) -> None:
    folder, report = scored
    before = (folder / "run" / "model.safetensors").read_bytes()
    again = trisect.evaluate(folder / "run", quick=True)
    for name in ("r2", "spearman", "label_free"):
        assert again[name] == report[name]
    assert (folder / "run" / "model.safetensors").read_bytes() == before


def test_data_in_memory_must_be_passed(tmp_path) -> None:
    run = trisect.train(closed_form(), world_data(), tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match=r"the data of a run trained in memory must be a data set; .*pass .*data="):
        trisect.evaluate(run)
    report = trisect.evaluate(run, world_data(), quick=True)
    assert report["r2"]["diag"] > 0.9
    assert report["label_free"]["nll"] is None


def test_data_without_labels_are_scored_without_them(tmp_path) -> None:
    data = world_data(factors=None)
    report = trisect.evaluate(trisect.train(closed_form(), data, tmp_path / "run", progress=False), data, quick=True)
    assert report["r2"] is report["spearman"] is report["baselines"] is None
    assert report["label_free"]["diag"] > 0.6
    assert any("no ground-truth factors" in note for note in report["notes"])
    assert not any("no ground-truth factors" in warning for warning in report["warnings"])


def test_data_of_other_variables_are_refused(scored) -> None:
    other = simulate(make("ball_in_boxes"), 50, np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be at least those of the run, c0, c1; got no c0, c1"):
        trisect.evaluate(scored[0] / "run", Dataset({"train": other, "test": other}))


def test_a_missing_test_split_is_not_replaced(scored) -> None:
    data = world_data()
    with pytest.raises(ValueError, match=r"the split of a data set must be one of .*; got 'test'"):
        trisect.evaluate(scored[0] / "run", Dataset({"train": data["train"], "val": data["val"]}), quick=True)


@pytest.mark.slow
def test_the_closed_form_solves_a_rotated_linear_world(tmp_path) -> None:
    """Eight latents, one rotation, labels used for scoring only, by a long probe."""
    world, rng = make("linear", num_latents=8, mixing="rotation", seed=0), np.random.default_rng(1)
    data = Dataset({name: simulate(world, size, rng) for name, size in (("train", 20_000), ("val", 500))})
    model = trisect.train(closed_form(), data, tmp_path / "run", progress=False).model
    r2 = r2_of(model, simulate(world, 6000, rng), PUBLISHED)
    assert r2.diag >= 0.99
    assert r2.sep_slots <= 0.02
    assert r2.sep_variables <= 0.02


def test_triplets_are_scored_if_there_are_any(scored, tmp_path) -> None:
    world, rng = make("linear", num_variables=2, num_latents=3), np.random.default_rng(7)
    data = Dataset({**world_data(), "test_triplets": make_triplets(world, 200, rng)})
    report = trisect.evaluate(scored[0] / "run", data, quick=True)
    rows = report["triplets"]["rows"]
    assert report["triplets"]["targeted"] == ["c0", "c1"]
    assert rows["oracle"]["observation"] < 0.05 < rows["this model"]["observation"] < rows["first frame"]["observation"]
    assert rows["this model"]["variables"] is None
    assert report["r2"] == scored[1]["r2"]
    (scored[0] / "run" / "report.json").write_text(json.dumps(scored[1]))


def test_a_causal_encoder_scores_the_triplets(tmp_path, capsys) -> None:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    splits = {name: simulate(world, size, rng, 50) for name, size in SIZES.items()}
    save(Dataset({**splits, "test_triplets": make_triplets(world, 60, rng)}), tmp_path / "data")
    few = varied(closed_form(num_latents=4), autoencoder={"networks": "profile"}, autoencoder_training=FEW)
    trisect.train(few, tmp_path / "data", tmp_path / "run", progress=False)
    scorer = CausalEncoderRecipe(training=FEW)
    train_causal_encoder(tmp_path / "data", tmp_path / "scorer", scorer, progress=False)
    assert main(["evaluate", str(tmp_path / "run"), "--quick", "--causal-encoder", str(tmp_path / "scorer")]) == 0
    triplets = json.loads((tmp_path / "run" / "report.json").read_text())["triplets"]
    assert set(triplets["rows"]["this model"]["variables"]) == {"ball_b", "ball_x", "ball_y"}
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Triplets" in page and '<div class="table"><table>' in page
    assert "<th>ball_<wbr>b</th><th>ball_<wbr>y</th><th>mean</th>" in page, "long names break, wide tables scroll"
    without = Dataset(splits)
    with pytest.raises(ValueError, match="a causal encoder needs data with a split test_triplets"):
        trisect.evaluate(tmp_path / "run", without, quick=True, causal_encoder=tmp_path / "scorer")
    with pytest.raises(ValueError, match="causal_encoder= cannot be used with encode="):
        trisect.evaluate(encode=len, data=without, causal_encoder=tmp_path / "scorer")


def test_the_report_says_what_was_scored_and_how_to_repeat_it(scored) -> None:
    folder = scored[0]
    about = trisect.evaluate(folder / "run", quick=True)["about"]
    command = ["trisect", "evaluate", str(folder / "run"), "--data", str((folder / "data").resolve()), "--quick"]
    assert shlex.split(about["command"]) == command
    assert about["samples"] == {
        "training_frames": 500, "test_frames": 300, "scored_frames": 300, "scored_split": "test_indep"
    }  # fmt: skip
    assert datetime.fromisoformat(about["date"]).tzinfo is not None
    page = (folder / "run" / "report.html").read_text()
    for expected in (about["command"].split(" --data")[0], about["date"], "samples: scored frames", "<details>"):
        assert expected in page


def test_the_command_of_the_report_repeats_it(scored, capsys) -> None:
    folder, report = scored
    assert main(shlex.split(report["about"]["command"])[1:]) == 0
    again = json.loads((folder / "run" / "report.json").read_text())
    assert again["r2"] == report["r2"] and again["label_free"] == report["label_free"]


def test_the_json_names_the_page_that_belongs_to_it(scored) -> None:
    folder, report = scored
    report = json.loads((folder / "run" / "report.json").read_text())
    assert report["files"] == {"report.html": sha256_of(folder / "run" / "report.html")}


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_nll_is_that_of_the_weights_that_were_kept(tmp_path, keep: str) -> None:
    """With a rate that makes training diverge, the last weights score worse than the best ones."""
    training = replace(FEW, steps=30, validate_every=5, learning_rate=0.3, warm_up=0.5, clip=None, keep=keep)
    run = trisect.train(replace(recipe(), flow_training=training), world_data(), tmp_path / "run", progress=False)
    report = trisect.evaluate(run, world_data(), quick=True, progress=False)
    kept = dict(map(tuple, run.history["flow"]["scores"]))
    best, last = min(kept.values()), kept[30]
    assert last > best + 1
    assert report["label_free"]["nll"] == pytest.approx(best if keep == "best" else last)
    assert report["training"]["flow"]["kept_step"] == (30 if keep == "last" else run.history["flow"]["best_step"])
    (warning,) = [each for each in report["warnings"] if each.startswith("flow: the held-out nll was lowest at step")]
    assert ("keep='best' would keep" in warning) is (keep == "last")


def test_a_closed_form_run_is_not_compared_with_itself(tmp_path) -> None:
    run = trisect.train(closed_form(), world_data(), tmp_path / "run", progress=False)
    report = trisect.evaluate(run, world_data(), quick=True, progress=False)
    assert "closed form (" not in report["paragraph"]
    assert report["baselines"]["closed form"]["r2"]["diag"] > 0.9
    assert report["about"]["data"] == "in memory" and report["about"]["command"].startswith("from Python")


def test_progress_and_the_time_left_are_logged(scored, caplog, monkeypatch) -> None:
    monkeypatch.setattr(Lines.__init__, "__defaults__", (0.0,))
    with caplog.at_level("INFO", logger="trisect"):
        trisect.evaluate(scored[0] / "run", quick=True)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("evaluate: ")]
    assert lines and "100 of 100" in lines[-1]
    caplog.clear()
    with caplog.at_level("INFO", logger="trisect"):
        trisect.evaluate(scored[0] / "run", quick=True, progress=False)
    assert not [record for record in caplog.records if record.getMessage().startswith("evaluate: ")]


WRONG_CALLS = [
    ((None,), {}, ValueError, "there is nothing to evaluate; pass a run or encode="),
    ((3,), {}, TypeError, "the run to evaluate must be a run or its folder; got int 3"),
    (("RUN", 3), {}, TypeError, "the data to evaluate on must be a data set or its folder; got int 3"),
    (("RUN", "."), {}, FileNotFoundError, "a data folder must be a folder with a meta.json"),
    (("RUN", ""), {}, FileNotFoundError, "a data folder must be a folder with a meta.json"),
    (("RUN", "/"), {}, FileNotFoundError, "a data folder must be a folder with a meta.json"),
    (("RUN", ".."), {}, FileNotFoundError, "a data folder must be a folder with a meta.json"),
    (("RUN", "nowhere"), {}, FileNotFoundError, "the folder does not exist"),
    ((".",), {}, FileNotFoundError, "must be a finished run"),
    (("RUN",), {"causal_encoder": 3}, TypeError, "causal_encoder of evaluate must be a causal encoder or its folder"),
    (("RUN",), {"causal_encoder": "."}, (ValueError, FileNotFoundError), "causal encoder"),
    (("RUN",), {"assignment": [0]}, ValueError, "an option of evaluate for a run must be one of encoder, decoder"),
    (("RUN",), {"quck": True}, ValueError, "an option of evaluate must be one of"),
    ((), {"encode": 3, "data": "DATA"}, TypeError, "encode must be a function of frames; got int"),
    ((), {"encode": len}, ValueError, "the data of an outside encoder must be a data set"),
    (("RUN",), {"encode": len}, ValueError, "encode= cannot be used with a run"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "options", "kind", "words"), WRONG_CALLS)
def test_wrong_arguments_get_a_sentence(scored, tmp_path, monkeypatch, args, options, kind, words) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {"RUN": str(scored[0] / "run"), "DATA": str(scored[0] / "data")}
    filled = [folders.get(each, each) if isinstance(each, str) else each for each in args]
    named = {name: folders.get(each, each) if isinstance(each, str) else each for name, each in options.items()}
    with pytest.raises(kind, match=re.escape(words)) as error:
        trisect.evaluate(*filled, **named)
    assert len(str(error.value)) < 500


def test_a_run_in_the_current_folder_can_be_scored(scored, monkeypatch) -> None:
    monkeypatch.chdir(scored[0] / "run")
    assert trisect.evaluate(".", quick=True)["title"] == "citris-nf in run"
    monkeypatch.chdir(scored[0] / "data")
    assert main(["evaluate", str(scored[0] / "run"), "--data", ".", "--quick"]) == 0


def test_findings_of_a_stranger_stay_text(scored) -> None:
    """A level, or anything else in the run's files, cannot bring code into the page."""
    evil = '"><script>alert(1)</script>'
    run = trisect.load_run(scored[0] / "run")
    hostile = replace(run, findings=({"level": evil, "what": evil, "consequence": evil}, {"level": "note"}, {}))
    trisect.evaluate(hostile, scored[0] / "data", quick=True)
    page = (scored[0] / "run" / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
