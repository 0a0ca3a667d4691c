from __future__ import annotations

import builtins
import errno
import json
import re
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import trisect
from trisect.cli import main
from trisect.data import Dataset, Recording, make_triplets, save, simulate
from trisect.recipes import closed_form
from trisect.runs import latent_files, latent_rows
from trisect.runs.latent_rows import Latents
from trisect.runs.latents import write_latents
from trisect.runs.run import Run
from trisect.training.progress import Lines, Quiet
from trisect.worlds import make

SIZES = {"train": 500, "val": 100, "test": 130}
WORLD = {"num_variables": 2, "num_latents": 3}
ENDINGS = (".parquet", ".csv", ".npz")


def world_data(sizes: dict[str, int] = SIZES, **world: Any) -> Dataset:
    made, rng = make("linear", **{**WORLD, **world}), np.random.default_rng(0)
    return Dataset({name: simulate(made, size, rng, 50) for name, size in sizes.items()})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("latents")
    triplets = make_triplets(make("linear", **WORLD), 20, np.random.default_rng(1))
    save(Dataset({**world_data(), "test_triplets": triplets}), folder / "data")
    return trisect.train(closed_form(), folder / "data", folder / "run", progress=False)


def recording(vectors: np.ndarray, starts: list[int], **known: Any) -> Recording:
    variables = world_data({"train": 60})["train"].variables
    targets = np.random.default_rng(0).random((len(vectors), len(variables))) < 0.3
    return Recording(vectors, targets, variables, episode_starts=np.array(starts), **known)


def read(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, whatever its format, with the names that an .npz file gives them."""
    if file.suffix == ".npz":
        with np.load(file) as stored:
            return dict(stored)
    table = pandas.read_csv(file) if file.suffix == ".csv" else pandas.read_parquet(file)
    names = [str(name) for name in table.columns]
    groups = {prefix: [name for name in names if name.startswith(prefix)] for prefix in ("target.", "factor.")}
    slots = [name for name in names[4:] if not name.startswith(("target.", "factor."))]
    arrays = {name: table[name].to_numpy() for name in ("episode", "frame", "time")}
    arrays |= {"split": np.array(table["split"].tolist()), "latents": table[slots].to_numpy().astype(np.float32)}
    arrays |= {"slots": np.array([name.rpartition(".")[0] for name in slots])}
    for prefix, name, kind in (("target.", "targets", bool), ("factor.", "factors", np.float32)):
        if groups[prefix]:
            arrays[name] = table[groups[prefix]].to_numpy().astype(kind)
            key = "variables" if name == "targets" else "factor_names"
            arrays[key] = np.array([each.removeprefix(prefix) for each in groups[prefix]])
    return arrays


def require_same(file: Path, expected: Latents) -> None:
    got, arrays = read(file), expected.arrays()
    assert set(got) == set(arrays)
    for name, value in arrays.items():
        assert got[name].shape == value.shape and np.array_equal(got[name], value, equal_nan=value.dtype.kind == "f")
    assert got["latents"].dtype == np.float32 and got["latents"].tobytes() == arrays["latents"].tobytes()


# Fields, and what they say


def test_slots_hold_what_the_model_encodes(trained: Run) -> None:
    data = world_data()
    found = trisect.latents(trained, data=data, progress=False)
    assert found.latents.dtype == np.float32 and len(found) == sum(SIZES.values())
    for name, part in data.items():
        z = trained.model.encode(part.observations)
        rows = found.split == name
        assert np.abs(found.latents[rows] - z.numpy()).max() < 1e-5
        for slot, expected in trained.model.slots(z).items():
            if expected.shape[1]:
                assert np.allclose(found.of(slot)[rows], expected.numpy(), atol=1e-5)
            else:
                assert slot not in found.slots
        for key in ("targets", "factors"):
            assert np.array_equal(found.arrays()[key][rows], getattr(part, key))
    assert found.variables.tolist() == list(data.variables.names)
    assert found.factor_names is not None and found.factor_names.tolist() == [f.name for f in data.variables.factors]


def test_rows_say_where_a_frame_stands(trained: Run) -> None:
    vectors = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    data = Dataset({"a": recording(vectors, [0, 4, 5]), "b": recording(vectors[:3], [0])})
    found = trisect.latents(trained, data=data, progress=False)
    assert found.split.tolist() == ["a"] * 9 + ["b"] * 3
    assert found.episode.tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2, 0, 0, 0]
    assert found.frame.tolist() == [*range(9), *range(3)]
    assert found.time.tolist() == [0, 1, 2, 3, 0, 0, 1, 2, 3, 0, 1, 2]
    assert found.factors is None and found.factor_names is None
    assert not found.targets[found.time == 0].any() and found.targets.any()


def test_splits_are_those_that_are_named_and_triplets_are_left_out(trained: Run) -> None:
    assert set(trisect.latents(trained, progress=False).split.tolist()) == set(SIZES)
    chosen = trisect.latents(trained.folder, splits=["test", "val"], progress=False)
    assert chosen.split.tolist() == ["test"] * 130 + ["val"] * 100
    assert repr(chosen).startswith("Latents(230 frames; latents: c0 1, ")


def test_a_split_without_true_values_has_none(trained: Run) -> None:
    data = world_data({"train": 60, "val": 50})
    mixed = Dataset({"train": data["train"], "val": replace(data["val"], factors=None)})
    found = trisect.latents(trained, data=mixed, progress=False)
    assert found.factors is not None
    assert np.isnan(found.factors[found.split == "val"]).all()
    assert np.array_equal(found.factors[found.split == "train"], data.recording("train").factors)


def test_the_size_of_blocks_changes_only_rounding(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trisect.latents(trained, progress=False)
    monkeypatch.setattr(latent_rows, "BLOCK_ROWS", 7)
    parts = trisect.latents(trained, progress=False)
    assert np.abs(whole.latents - parts.latents).max() < 1e-5
    for name, value in whole.arrays().items():
        assert name == "latents" or np.array_equal(parts.arrays()[name], value)


def test_a_slot_without_latents_is_named() -> None:
    one = np.zeros(1, np.int64)
    found = Latents(
        *(np.ones((1, 1), np.float32), np.array(["lamp"]), np.array(["test"]), one, one, one),
        *(np.zeros((1, 1), bool), np.array(["lamp"])),
    )
    with pytest.raises(ValueError, match="the slot must be one of lamp; got 'cart'"):
        found.of("cart")


# Files


@st.composite
def some_latents(draw: st.DrawFn) -> Latents:
    """Latents of any finite float32, of some episodes in one or two splits."""
    lengths = draw(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=2))
    num, width = sum(map(sum, lengths)), draw(st.integers(1, 5))
    bits = draw(st.binary(min_size=4 * num * width, max_size=4 * num * width))
    values = np.frombuffer(bits, np.float32).reshape(num, width)
    values = np.where(np.isfinite(values), values, np.float32(0.1)) + np.float32(0.0)
    time = np.concatenate([np.arange(length) for split in lengths for length in split])
    episode = np.concatenate([np.repeat(np.arange(len(split)), split) for split in lengths])
    frame = np.concatenate([np.arange(sum(split)) for split in lengths])
    split = np.concatenate([np.full(sum(each), name) for each, name in zip(lengths, ("train", "test_indep"))])
    names = draw(st.sampled_from((("lamp", "noise"), ("ein Licht, hell", 'a "b"'), ("x.1", "%s"))))
    slots = np.array([names[k] for k in draw(st.lists(st.integers(0, 1), min_size=width, max_size=width))])
    factors = values[:, :1] * np.float32(0.5) if draw(st.booleans()) else None
    return Latents(
        *(values, slots, split, episode, frame, time, frame[:, None] % 2 == 0, np.array(names[:1])),
        *(factors, None if factors is None else np.array(["angle"])),
    )


@settings(max_examples=40)
@given(found=some_latents(), rows=st.integers(1, 9))
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_back_what_was_written(
    found: Latents, rows: int, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("format") / f"latents{ending}"
    blocks = [found.rows(first, min(first + rows, len(found))) for first in range(0, len(found), rows)]
    latent_files.write(file, blocks, {"seed": 3})
    require_same(file, found)


@settings(max_examples=6)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4), seed=st.integers(0, 99), known=st.booleans())
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_s_files_hold_the_latents_that_are_returned(
    trained: Run, tmp_path_factory: pytest.TempPathFactory, ending: str, lengths: list[int], seed: int, known: bool
) -> None:
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("run")
    vectors = rng.normal(size=(sum(lengths), 3)).astype(np.float32)
    starts = (np.cumsum(lengths) - lengths).tolist()
    factors = {"factors": rng.normal(size=vectors.shape).astype(np.float32)} if known else {}
    data = Dataset({"test": recording(vectors, starts, **factors), "val": recording(vectors[:1], [0])})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent_rows, "BLOCK_ROWS", 16)
        found = trisect.latents(trained, folder / f"a{ending}", data, progress=False)
        streamed = write_latents(trained, folder / f"b{ending}", data, progress=False)
    require_same(folder / f"a{ending}", found)
    require_same(folder / f"b{ending}", found)
    assert streamed.num_frames == len(found) and len(list(folder.iterdir())) == 2


def test_a_parquet_file_says_which_run_it_is_of(trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_rows, "BLOCK_ROWS", 64)
    found = trisect.latents(trained, tmp_path / "latents.parquet", splits=["test"], progress=False)
    stored = parquet.ParquetFile(tmp_path / "latents.parquet")
    facts = json.loads(stored.schema_arrow.metadata[b"trisect"])
    assert facts == {
        **{"version": trisect.__version__, "method": "closed-form", "seed": trained.recipe.seed},
        **{"data_hash": trained.data_hash, "slots": found.slots.tolist(), "columns": list(found.latent_columns)},
    }
    assert stored.num_row_groups == 3 and stored.metadata.num_rows == 130
    assert all(name in stored.schema_arrow.names for name in facts["columns"])


def test_true_values_in_double_precision_stay_exact(tmp_path: Path) -> None:
    one, factors = np.zeros(2, np.int64), np.array([[1e6 + 0.1], [1 / 3]])
    found = Latents(
        *(np.ones((2, 1), np.float32), np.array(["lamp"]), np.array(["test"] * 2), one, one, one),
        *(np.zeros((2, 1), bool), np.array(["lamp"]), factors, np.array(["light"])),
    )
    for ending in (".csv", ".parquet"):
        latent_files.write(tmp_path / f"a{ending}", [found], {})
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0].endswith(",factor.light")
    assert [float(line.rpartition(",")[2]) for line in lines[1:]] == factors[:, 0].tolist()
    assert np.array_equal(pandas.read_parquet(tmp_path / "a.parquet")["factor.light"], factors[:, 0])


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    one = np.zeros(1, np.int64)
    found = Latents(
        *(np.ones((1, 1), np.float32), np.array(["target"]), np.array(["test"]), one, one, one),
        *(np.zeros((1, 1), bool), np.array(["0"])),
    )
    with pytest.raises(ValueError, match=r"the columns of the table must be all different; got target\.0 more than"):
        latent_files.write(tmp_path / "a.csv", [found], {})
    assert not list(tmp_path.iterdir())


# Refusals


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"out": "a.txt"}, ValueError, "must be one that ends with .parquet, .npz or .csv; got 'a.txt'"),
    ({"out": "latents"}, ValueError, "the file to write latents to must be one that ends with"),
    ({"out": 3}, TypeError, "the file to write latents to must be a path; got 3"),
    ({"data": 3}, TypeError, "the data to encode must be a path; got 3; pass a data set or its folder"),
    ({"data": "nowhere"}, FileNotFoundError, "the folder does not exist"),
    ({"run": "nowhere"}, FileNotFoundError, "no run.json in it"),
    ({"splits": ["tset"]}, ValueError, "the split of a data set must be one of train, val, test"),
    ({"splits": "test"}, ValueError, "the splits to encode must be a list of names; got 'test'"),
    ({"splits": []}, ValueError, "the splits to encode must be at least one; got none"),
    ({"splits": ["test", "test"]}, ValueError, "the splits to encode must be all different"),
    ({"splits": ["test_triplets"]}, TypeError, "the split 'test_triplets' must be a Recording; got Triplets"),
    ({"encoder": len}, ValueError, "encoder= cannot be used with a loaded run"),
    ({"quick": True}, ValueError, "an option of latents for a run must be one of encoder, decoder"),
]


@pytest.mark.parametrize(("options", "kind", "words"), WRONG, ids=str)
def test_wrong_arguments_get_a_sentence(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict, kind: type[Exception], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {"run": trained, "out": "a.csv", "progress": False, **options}
    with pytest.raises(kind, match=re.escape(words)) as error:
        trisect.latents(**given)
    assert len(str(error.value)) < 400 and not list(tmp_path.iterdir())


def test_a_file_that_exists_is_refused_and_kept(trained: Run, tmp_path: Path) -> None:
    file = tmp_path / "latents.csv"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match="the file to write latents to must be new; got '.*', which exists"):
        trisect.latents(trained, file, progress=False)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("writes", [trisect.latents, write_latents])
def test_a_file_that_appears_meanwhile_is_kept(trained: Run, tmp_path: Path, monkeypatch, writes) -> None:
    file, encode = tmp_path / "latents.csv", trained.model.flow.forward

    def meanwhile(*args: Any) -> Any:
        file.write_text("theirs")
        return encode(*args)

    monkeypatch.setattr(trained.model.flow, "forward", meanwhile)
    with pytest.raises(FileExistsError, match="must be new"):
        writes(trained, file, splits=["val"], progress=False)
    assert file.read_text() == "theirs" and list(tmp_path.iterdir()) == [file]


def test_data_that_do_not_fit_are_refused_as_evaluate_does(trained: Run, tmp_path: Path) -> None:
    other = world_data(num_latents=4)
    said = []
    for call in (
        lambda: trisect.evaluate(trained, other, quick=True, progress=False),
        lambda: trisect.latents(trained, tmp_path / "a.csv", other, progress=False),
    ):
        with pytest.raises(ValueError, match="vectors must be of shape") as error:
            call()
        said.append(str(error.value))
    assert said[0] == said[1] == "vectors must be of shape (batch, 3); got (500, 4)"
    boxes = Dataset({"train": simulate(make("ball_in_boxes"), 50, np.random.default_rng(0))})
    with pytest.raises(ValueError, match="must be at least those of the run, c0, c1; got no c0, c1"):
        trisect.latents(trained, tmp_path / "a.csv", boxes, progress=False)
    assert not list(tmp_path.iterdir())


def test_data_in_memory_must_be_passed(trained: Run) -> None:
    with pytest.raises(ValueError, match=r"the data of a run trained in memory must be a data set; .*pass .*data="):
        trisect.latents(replace(trained, data_path=None), progress=False)


def test_triplets_alone_are_refused(trained: Run) -> None:
    triplets = trisect.load(trained.folder.parent / "data").triplets("test_triplets")
    with pytest.raises(ValueError, match="the data to encode must be with a recording; got only triplets, a"):
        trisect.latents(trained, data=Dataset({"a": triplets}), progress=False)


def test_a_name_of_a_split_that_no_table_can_hold_is_refused_if_one_is_written(trained: Run, tmp_path: Path) -> None:
    data = Dataset({'a,"b"\n': world_data({"train": 60})["train"]})
    with pytest.raises(ValueError, match="the name of a split must be made of letters"):
        trisect.latents(trained, tmp_path / "a.csv", data, progress=False)
    assert len(trisect.latents(trained, data=data, progress=False)) == 60


def test_changed_data_are_said(trained: Run) -> None:
    with pytest.warns(UserWarning, match="have changed since .* was trained on them"):
        trisect.latents(replace(trained, data_hash="other"), splits=["val"], progress=False)


def test_only_parquet_needs_another_package(trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pyarrow must be installed to write Parquet; .*'trisect\[tables\]'"):
        trisect.latents(trained, tmp_path / "a.parquet", progress=False)
    assert not list(tmp_path.iterdir())
    for ending in (".csv", ".npz"):
        assert len(trisect.latents(trained, tmp_path / f"a{ending}", progress=False)) == sum(SIZES.values())


# Interruptions, memory, progress


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")], ids=str)
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupted_writing_leaves_nothing(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: BaseException
) -> None:
    encode, calls = trained.model.flow.forward, iter(range(1000))

    def fails(*args: Any) -> Any:
        if next(calls) == 3:
            assert len(list(tmp_path.iterdir())) == 1
            raise error
        return encode(*args)

    monkeypatch.setattr(latent_rows, "BLOCK_ROWS", 50)
    monkeypatch.setattr(trained.model.flow, "forward", fails)
    with pytest.raises(type(error)):
        write_latents(trained, tmp_path / f"a{ending}", progress=False)
    assert next(calls) == 4 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_nothing(trained: Run, tmp_path: Path, monkeypatch, ending: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    opened = Path.open

    def full(path: Path, *args: Any, **options: Any) -> Any:
        return builtins.open("/dev/full", "wb") if "wb" in args else opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="disk is full"):
        trisect.latents(trained, tmp_path / f"a{ending}", progress=False)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def film(tmp_path: Path) -> Callable[[int], Dataset]:
    """Makes data sets of any number of rows, memory-mapped."""

    def made(frames: int) -> Dataset:
        vectors = np.lib.format.open_memmap(tmp_path / f"{frames}.npy", "w+", np.float32, (frames, 3))
        vectors[:] = np.random.default_rng(0).normal(size=(frames, 3))
        return Dataset({"train": recording(np.load(tmp_path / f"{frames}.npy", mmap_mode="r"), [0, 10])})

    return made


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_memory_does_not_grow_with_the_recording(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: Callable[[int], Dataset], ending: str
) -> None:
    monkeypatch.setattr(latent_rows, "BLOCK_ROWS", 1000)
    peaks = []
    for frames in (2000, 4000, 24_000):
        data = film(frames)
        tracemalloc.start()
        write_latents(trained, tmp_path / f"{frames}{ending}", data, progress=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.15 * peaks[1]
    assert read(tmp_path / f"24000{ending}")["latents"].shape == (24_000, 3)


def test_progress_and_the_time_left_are_logged(trained: Run, tmp_path: Path, caplog, monkeypatch) -> None:
    every_line = {True: lambda name, first, steps: Lines(name, first, steps, 0.0), False: lambda *_: Quiet()}
    monkeypatch.setattr("trisect.runs.latents.progress_for", lambda *args, show: every_line[show](*args))
    monkeypatch.setattr(latent_rows, "BLOCK_ROWS", 100)
    for call in (trisect.latents, write_latents):
        caplog.clear()
        with caplog.at_level("INFO", logger="trisect"):
            call(trained, tmp_path / f"{call.__name__}.csv")
        lines = [text for text in caplog.messages if text.startswith("latents: ")]
        assert lines[0].startswith("latents: step 100 of 730, ") and lines[-1].endswith("730 of 730, 0 s left")
    caplog.clear()
    with caplog.at_level("INFO", logger="trisect"):
        trisect.latents(trained, progress=False)
    assert not caplog.messages


# The command, frames, external encoders


def test_the_command_writes_what_the_function_returns(trained: Run, tmp_path: Path, capsys) -> None:
    out, words = tmp_path / "new" / "latents.npz", ["latents", str(trained.folder)]
    data = str(trained.folder.parent / "data")
    assert main([*words, "--out", str(out), "--data", data, "--split", "test", "val", "--split", "train"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: 730 frames of test, val, train; latents: c0 ")
    require_same(out, trisect.latents(trained, splits=["test", "val", "train"], progress=False))
    assert main([*words, "--out", str(out)]) == 1
    assert "which exists; choose another one" in capsys.readouterr().err
    assert main([*words, "--out", "latents.txt"]) == 2
    assert main([*words, "--out", str(tmp_path / "a.csv"), "--split", "test_triplets"]) == 1


def test_frames_are_encoded(tmp_path: Path) -> None:
    model = trisect.models.pretrained("pong")
    film = simulate(make("pong"), 60, np.random.default_rng(0), 20)
    run = run_of(model, tmp_path)
    found = trisect.latents(run, tmp_path / "a.csv", Dataset({"film": film}), progress=False)
    assert np.abs(found.of("ball_x") - model.slots(model.encode(film.observations))["ball_x"].numpy()).max() < 1e-4
    require_same(tmp_path / "a.csv", found)


def run_of(model: Any, folder: Path) -> Run:
    """A model in a run of another one."""
    small = trisect.train(closed_form(), world_data({"train": 500, "val": 60}), folder / "small", progress=False)
    return replace(small, model=model)


def halved(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / 2


def test_a_run_with_an_external_encoder_needs_it_again(tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "halving.py").write_text("def halved(vectors):\n    return vectors / 2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    save(world_data(), tmp_path / "data")
    run = trisect.train(closed_form(), tmp_path / "data", tmp_path / "run", encoder="halving:halved", progress=False)
    expected = trisect.latents(run, progress=False)
    assert main(["latents", "run", "--out", "a.npz"]) == 1
    assert "the encoder of the run in run must be passed again" in capsys.readouterr().err
    assert main(["latents", "run", "--out", "a.npz", "--encoder", "halving:halved"]) == 0
    require_same(tmp_path / "a.npz", expected)
    again = trisect.latents("run", splits=["test"], encoder=halved, progress=False)
    assert np.array_equal(again.latents, expected.latents[expected.split == "test"])
