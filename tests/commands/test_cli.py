from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.varied import varied

import trisect
from trisect import recipes
from trisect.cli import VERBS, main
from trisect.commands.demo import DEMOS
from trisect.commands.rate_lines import RateLines
from trisect.data import store
from trisect.runs import scoring
from trisect.training.settings import TrainingSettings

LINEAR = ["generate", "linear", "--set", "num_variables=2", "--set", "num_latents=3"]
FEW_STEPS = ["--flow_training.steps", "3", "--flow.num_blocks", "2", "--flow_batch_size", "8", "--quiet"]


def exit_code(*arguments: str | Path) -> int:
    """The exit code that the shell sees."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else -1


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    assert exit_code(*LINEAR, "--frames", "400", "--seed", "3", "--episode-length", "50", "--out", folder) == 0
    return folder


@pytest.fixture(scope="module")
def run(data) -> Path:
    assert exit_code("train", "citris-nf", "--data", data, "--out", data.parent / "run", *FEW_STEPS) == 0
    return data.parent / "run"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_verbs(arguments, capsys) -> None:
    assert exit_code(*arguments) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(verb in shown and what in shown for verb, what in VERBS.items())


def test_version(capsys) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out.split() == ["trisect", trisect.__version__]


@pytest.mark.parametrize(
    ("verb", "flag"), [("demo", "--frames"), ("generate", "--set"), ("convert", "--out"), ("export", "--onnx")]
)
def test_help_of_a_verb(verb, flag, capsys) -> None:
    assert exit_code(verb, "--help") == 0
    assert flag in capsys.readouterr().out


def test_help_of_train_lists_recipes_and_their_fields(capsys) -> None:
    assert exit_code("train", "--help") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in recipes.RECIPES)
    assert exit_code("train", "citris-nf", "--help") == 0
    shown = capsys.readouterr().out
    assert all(f"--{name}" in shown for name in ("seed", "autoencoder.num_latents", "flow_training.steps"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["trane"], 2, "did you mean 'train'?"),
        (["generate", "linear"], 2, "the following arguments are required: --out"),
        (["generate", "linnear", "--out", "x"], 2, "did you mean 'linear'?"),
        (["generate", "linear", "--frams", "9", "--out", "x"], 2, "got --frams; did you mean '--frames'?"),
        (["generate", "linear", "--frames", "many", "--out", "x"], 2, "--frames"),
        (["convert", "x", "--out", "y", "--group", "pos"], 2, "a --group argument must be NAME=VALUE; got 'pos'"),
        (["generate", "linear", "--set", "seed", "--out", "x"], 2, "a --set argument must be NAME=VALUE; got 'seed'"),
        (["generate", "linear", "--set", "sead=1", "--out", "x"], 2, "world 'linear' must be one of"),
        (
            ["generate", "linear", "--frames", "1", "--out", "x"],
            2,
            "--frames must be a whole number of at least 2; got '1'",
        ),
        (["convert", "x", "--out", "y", "--levels", "0..2"], 2, "--levels"),
        (["inspect", "nowhere"], 1, "nowhere"),
        (["train", "citris-fn"], 2, "did you mean 'citris-nf'?"),
        (["train", "citris-nf", "--data", "x", "--out", "y", "--sead", "1"], 2, "did you mean '--seed'?"),
        (["train", "citris-nf", "--out", "y"], 2, "data"),
        (["train", "citris-nf", "--data", "nowhere", "--out", "y"], 1, "nowhere"),
        (["evaluate"], 2, "the following arguments are required: run"),
        (["evaluate", "nowhere", "--quik"], 2, "did you mean '--quick'?"),
        (["evaluate", "nowhere"], 1, "no run.json in it"),
        (["latents", "x"], 2, "the following arguments are required: --out"),
        (["latents", "x", "--out", "y.xlsx"], 2, "must be one that ends with .parquet, .npz or .csv; got 'y.xlsx'"),
        (["latents", "x", "--out", "y.csv", "--splits", "test"], 2, "did you mean '--split'?"),
        (["latents", "nowhere", "--out", "y.csv"], 1, "no run.json in it"),
        (["export", "x"], 2, "the following arguments are required: --out"),
        (["export", "x", "--out", "y", "--onyx"], 2, "did you mean '--onnx'?"),
        (["export", "nowhere", "--out", "y"], 1, "no run.json in it"),
        (["convert", "x", "--into", "y"], 2, "got --into"),
        (["convert", "x"], 2, "trisect convert needs --out FOLDER, or --dry-run"),
        (["convert", "nowhere", "--out", "x"], 1, "the folder to convert must be a folder; got 'nowhere'"),
    ],
)
def test_failures_are_one_sentence_and_wrong_usage_is_code_two(
    arguments, code, message, capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_code(*arguments) == code
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.startswith(f"trisect {arguments[0]}: ")
    assert len(shown.err.splitlines()) == 1 and not shown.out
    assert not list(tmp_path.iterdir())


def test_generate_describes_what_it_made(data, tmp_path, capsys) -> None:
    again = tmp_path / "again"
    assert exit_code(*LINEAR, "--frames", "400", "--seed", "3", "--episode-length", "50", "--out", again) == 0
    shown = capsys.readouterr().out
    assert "targeted c0, c1" in shown and "split train: 400 rows, 8 episodes of up to 50; interventions: c0 " in shown
    loaded, first = trisect.load(again), trisect.load(data)
    assert np.array_equal(loaded["train"].observations, first["train"].observations)
    assert loaded.source["world"]["settings"]["num_latents"] == 3


def test_inspect_shows_kinds_ranges_and_counts(tmp_path, capsys) -> None:
    assert exit_code("generate", "ball-in-boxes", "--frames", "60", "--out", tmp_path / "boxes") == 0
    generated = capsys.readouterr().out
    assert exit_code("inspect", tmp_path / "boxes") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(generated) and "findings on split train: 0 errors" in shown
    assert "variable ball_b: categorical (0 ... 1)" in shown and "variable ball_y: continuous in [3.5, 28.5]" in shown
    assert "split train: 60 rows, 1 episode of 60; interventions: ball_b " in shown


def test_inspect_exits_with_one_on_errors_and_prints_json(tmp_path, capsys) -> None:
    rng = np.random.default_rng(0)
    both = np.repeat(rng.random((300, 1)) < 0.3, 2, axis=1)
    vectors = rng.normal(size=(300, 4)).astype(np.float32)
    data = trisect.from_arrays(vectors, both, ["lamp", "shade"], alignment="effect")
    store.save(data, tmp_path / "data")
    capsys.readouterr()
    assert exit_code("inspect", tmp_path / "data", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["variables"] for each in found["findings"] if each["level"] == "error"] == [["lamp", "shade"]]
    assert exit_code("inspect", tmp_path / "data", "--suggest") == 1
    assert "to separate lamp, shade: record at least 50 steps" in capsys.readouterr().out


def test_the_rate_counts_only_new_rows(capsys) -> None:
    now = [100.0]
    lines = RateLines("rows", clock=lambda: now[0])
    for seconds, done in ((0.0, 6000), (2.0, 6400), (10.0, 8000), (11.0, 8200), (20.0, 10_000)):
        now[0] = 100.0 + seconds
        lines(done, 10_000)
    assert capsys.readouterr().err.splitlines() == [
        "rows: 6,000 of 10,000 exist already, continuing",
        "rows: 8,000 of 10,000, 200 per second, 10 s left",
        "rows: 10,000 of 10,000, 200 per second, 0 s left",
    ]


def test_generate_keeps_existing_data(data, capsys) -> None:
    before = (data / "meta.json").read_bytes()
    assert exit_code(*LINEAR, "--frames", "30", "--out", data) == 1
    assert str(data) in capsys.readouterr().err
    assert (data / "meta.json").read_bytes() == before


def test_convert_published_files(tmp_path, capsys) -> None:
    rng, keys = np.random.default_rng(0), np.array(["ball_b", "ball_x", "ball_y"])
    (tmp_path / "published").mkdir()
    for split in ("train", "val"):
        np.savez(
            tmp_path / "published" / f"{split}.npz",
            images=rng.integers(0, 256, (12, 8, 8, 3)).astype(np.uint8),
            latents=np.tile(np.array([1, 8, 9], np.float32), (12, 1)),
            targets=np.eye(3, dtype=np.uint8)[rng.integers(0, 3, 11)],
            keys=keys,
        )
    assert exit_code("convert", tmp_path / "published", "--out", tmp_path / "data") == 0
    assert "split val: 12 rows" in capsys.readouterr().out
    assert trisect.load(tmp_path / "data")["train"].observations.shape == (12, 8, 8, 3)


def test_convert_a_user_s_files_by_flags(tmp_path) -> None:
    rng, targets = np.random.default_rng(0), np.eye(3, dtype=np.uint8)[[0, 1, 2, 0, 1, 2, 0, 1, 0, 2, 2]]
    (tmp_path / "mine").mkdir()
    stored = {"frames": rng.random((12, 3, 8, 8)), "targets": targets, "keys": np.array(["a", "b", "c"])}
    np.savez(tmp_path / "mine" / "train.npz", **stored)
    flags = ["--name", "images=frames", "--channels", "first", "--levels", "0..1", "--group", "ab=a,b"]
    assert exit_code("convert", tmp_path / "mine", "--out", tmp_path / "data", *flags) == 0
    train = trisect.load(tmp_path / "data")["train"]
    assert train.observations.shape == (12, 8, 8, 3) and train.observations.dtype == np.uint8
    assert sorted(train.variables.names) == ["ab", "c"]
    joined = train.targets[1:, train.variables.index("ab")]
    assert np.array_equal(joined, targets[:, :2].any(axis=1))


def test_train_by_flags_and_file(data, tmp_path, capsys) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"data: {data}\nseed: 5\nflow:\n  num_blocks: 2\nflow_training:\n  steps: 9\n  logger: null\n")
    flags = ["--config", file, "--out", tmp_path / "run", "--flow_training.steps", "3", "--quiet"]
    assert exit_code("train", "citris-nf", *flags) == 0
    assert "trisect evaluate" in capsys.readouterr().out
    recipe = trisect.load_run(tmp_path / "run").recipe
    assert (recipe.seed, recipe.flow.num_blocks, recipe.flow_training.steps) == (5, 2, 3)
    assert recipe.flow_training.logger is None


def test_an_unknown_key_of_a_file_gets_a_suggestion(data, tmp_path, capsys) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("flow:\n  num_block: 2\n")
    assert exit_code("train", "citris-nf", "--config", file, "--data", data, "--out", tmp_path / "run") == 2
    assert "did you mean '--flow.num_blocks'?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_train_twice_needs_resume(data, run, capsys) -> None:
    flags = ["train", "citris-nf", "--data", data, "--out", run, *FEW_STEPS]
    before = (run / "model.safetensors").read_bytes()
    assert exit_code(*flags) == 1
    assert "--resume" in capsys.readouterr().err
    assert exit_code(*flags, "--resume") == 0
    assert (run / "model.safetensors").read_bytes() == before


def test_evaluate_writes_the_report(run, capsys) -> None:
    assert exit_code("evaluate", run, "--quick") == 0
    shown = capsys.readouterr().out
    report = json.loads((run / "report.json").read_text())
    assert report["paragraph"] in shown and str(run / "report.html") in shown
    assert (run / "report.html").stat().st_size > 1000


def test_export_lists_files_and_differences_of_graphs(run, tmp_path, capsys) -> None:
    assert exit_code("export", run, "--out", tmp_path / "out", "--onnx") == 0
    shown = capsys.readouterr().out
    for name in ("model.json", "model.safetensors", "encode.onnx", "decode.onnx"):
        assert f"{tmp_path / 'out' / name}: " in shown
    differences = r"differs from the model by at most \de[+-]\d\d on random inputs, \de[+-]\d\d on data"
    assert len(re.findall(differences, shown)) == 2
    assert f"trisect.load_export('{tmp_path / 'out'}')" in shown
    assert trisect.load_export(tmp_path / "out").variables == trisect.load_run(run).model.variables


@pytest.mark.parametrize("world", ["pong", "ball-in-boxes"])
def test_demo_makes_data_model_and_report(world, tmp_path, monkeypatch, capsys) -> None:
    few, evaluate = TrainingSettings(steps=2, logger=None), scoring.evaluate

    def quick(seed: int) -> recipes.Recipe:
        simple = {"networks": "profile"}
        return varied(recipes.citris_nf(seed=seed), autoencoder=simple, autoencoder_training=few, flow_training=few)

    monkeypatch.setattr("trisect.methods.citris_nf.citris_nf", quick)
    monkeypatch.setattr(scoring, "evaluate", lambda run: evaluate(run, quick=True))
    assert exit_code("demo", world, "--frames", "600", "--out", tmp_path / "demo") == 0
    assert (tmp_path / "demo" / "run" / "report.html").exists()
    assert json.loads((tmp_path / "demo" / "run" / "report.json").read_text())["paragraph"] in capsys.readouterr().out


def test_the_first_demo_is_pong() -> None:
    assert next(iter(DEMOS)) == "pong"


def test_demo_refuses_a_folder_made_with_other_data(data, tmp_path, capsys) -> None:
    shutil.copytree(data, tmp_path / "demo" / "data")
    assert exit_code("demo", "--frames", "300", "--out", tmp_path / "demo") == 1
    expected = "must be 300 frames of pong, seed 0; got 400 frames of linear, seed 3; choose another --out"
    assert expected in capsys.readouterr().err


def test_a_killed_generation_leaves_no_complete_data_set(tmp_path) -> None:
    out = tmp_path / "data"
    command = [sys.executable, "-m", "trisect.cli", "generate", "ball-in-boxes", "--frames", "100000", "--out", out]
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(tmp_path.rglob("observations.npy*")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(FileNotFoundError, match="data"):
        trisect.load(out)
    for remaining in tmp_path.iterdir():
        with pytest.raises((FileNotFoundError, ValueError)):
            trisect.load(remaining)
