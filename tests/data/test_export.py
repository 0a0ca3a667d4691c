"""A data set that is exported and converted again is the same, bit by bit; what cannot be exported is refused."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import trisect
from trisect.data import Dataset, Recording, make_triplets, simulate
from trisect.data.export import LAYOUTS, parts, rows
from trisect.data.export.facts import KEY
from trisect.data.export.features import Feature
from trisect.data.export.statistics import Joined, statistics_of
from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace
from trisect.worlds import make

Draw = Callable[[st.SearchStrategy[Any]], Any]
ARRAYS = ("observations", "targets", "factors", "actions", "starts")
LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
NAMES = st.sampled_from(["a", "a ", " a", "0", "1"]) | st.text(LETTERS, min_size=1, max_size=8).filter(
    lambda name: name.strip() != "" and name != "noise"
)
SPLITS = st.lists(
    st.sampled_from(["train", "val", "test", "val_indep", "my-split"]), min_size=1, max_size=3, unique=True
)


def spaces(draw: Draw) -> VariableSpace:
    """One to four factors of all kinds, each a variable, or some of them grouped."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    kinds = [lambda n: Continuous(n, -1, 1.5), Continuous, Angle, lambda n: Categorical(n, 3)]
    factors: list[Factor] = [draw(st.sampled_from(kinds))(name) for name in names]
    if len(factors) < 2 or draw(st.booleans()):
        return VariableSpace(factors)
    cut = draw(st.integers(1, len(names) - 1))
    return VariableSpace(factors, {"both": names[cut:], "first": names[:cut]})


def true_values(space: VariableSpace, num: int, rng: np.random.Generator, coarse: bool) -> np.ndarray:
    columns = [
        rng.integers(0, 3, num) if isinstance(each, Categorical) else rng.uniform(-1, 1.5, num)
        for each in space.factors
    ]
    shift = 1e9 if coarse and isinstance(space.factors[0], Continuous) and space.factors[0].high > 2 else 0.0
    return np.stack(columns, axis=1) + shift * (np.arange(len(columns)) == 0)


def observed(draw: Draw, num: int, rng: np.random.Generator, shape: tuple[int, ...], wide: bool) -> np.ndarray:
    if len(shape) == 3:
        top = draw(st.sampled_from([1, 2, 256]))
        frames = rng.integers(0, top, (num, *shape)).astype(np.uint8)
        frames[..., -1] |= draw(st.sampled_from([0, 255]))
        return frames
    return rng.normal(size=(num, *shape)).astype(np.float64 if wide and draw(st.booleans()) else np.float32)


def data_set(draw: Draw) -> Dataset:
    rng, space = np.random.default_rng(draw(st.integers(0, 2**32))), spaces(draw)
    frames = draw(st.sampled_from([1, 1, 2, 3]))
    channels = frames * draw(st.integers(1, 4))
    size = draw(st.tuples(st.integers(1 if channels <= 4 else 5, 7), st.integers(1, 6)))
    shape = draw(st.sampled_from([(*size, channels), (draw(st.integers(1, 3)),)]))
    wide, num_actions, splits = draw(st.booleans()), draw(st.integers(1, 2)), {}
    for name in draw(SPLITS):
        lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
        num = sum(lengths)
        starts = np.cumsum([0, *lengths[:-1]]).astype(np.int64)
        has_factors, has_actions = draw(st.booleans()), draw(st.booleans())
        splits[name] = Recording(
            observed(draw, num, rng, shape, wide),
            rng.random((num, len(space))) < 0.4,
            space,
            true_values(space, num, rng, draw(st.booleans())) if has_factors else None,
            rng.normal(size=(num, num_actions)) if has_actions else None,
            starts,
            frames,
        )
    return Dataset(splits, {"seed": 3, "note": "é"})


def check_same(one: Dataset, other: Dataset) -> None:
    assert list(one) == list(other)
    assert one.variables == other.variables and one.frames_per_observation == other.frames_per_observation
    for name in one:
        for array in ARRAYS:
            given, back = (getattr(data.recording(name), array) for data in (one, other))
            assert (given is None) == (back is None), (name, array)
            if given is not None:
                assert (given.dtype, given.shape) == (back.dtype, back.shape), (name, array)
                assert given.tobytes() == back.tobytes(), (name, array)


def boxes(**lengths: int) -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset({name: simulate(world, num, rng, episode_length=20) for name, num in lengths.items()}, {"seed": 0})


@given(st.data(), st.sampled_from(LAYOUTS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_exported_comes_back_bit_by_bit(
    caplog: pytest.LogCaptureFixture, drawn: st.DataObject, layout: str
) -> None:
    data = data_set(drawn.draw)
    with tempfile.TemporaryDirectory() as folder, caplog.at_level(logging.CRITICAL, logger="trisect"):
        out = trisect.export_data(data, Path(folder) / "out", layout=layout, fps=3)
        back = trisect.convert(out, Path(folder) / "back")
        check_same(data, back)
        assert back.source["exported"] == data.source


@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_data_lie_in_several_files_and_come_back(layout: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 7)
    monkeypatch.setattr(parts, "FILE_BYTES", 3000)
    data = boxes(train=200, test=50)
    seen: list[tuple[int, int]] = []
    out = trisect.export_data(data, tmp_path / "out", layout=layout, progress=lambda *done: seen.append(done))
    files = sorted((out / "data").rglob("*.parquet"))
    assert len(files) > 4 and seen[0] == (0, 250) and seen[-1] == (250, 250) and len(seen) > 20
    for file in files:  # an episode lies in one file
        frames = parquet.read_table(file)["frame_index"].to_pylist()
        assert frames[0] == 0 and frames[-1] in (19, 9)
    check_same(data, trisect.convert(out, tmp_path / "back"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_columns_say_what_was_recorded(layout: str, tmp_path: Path) -> None:
    data = boxes(train=60, val=40)
    out = trisect.export_data(data, tmp_path / "out", layout=layout, fps=4)
    tables = [parquet.read_table(file) for file in sorted((out / "data").rglob("*.parquet"))]
    assert sum(map(len, tables)) == 100
    first = tables[0].slice(21, 1).to_pylist()[0]
    assert first["target"] == data["train"].targets[21].tolist()
    assert first["factor"] == data["train"].factors[21].tolist()
    assert (first["timestamp"], first["frame_index"], first["episode_index"]) == (0.25, 1, 1)
    assert first["observation.images.frame"]["bytes"].startswith(b"\x89PNG")
    described = json.loads(tables[0].schema.metadata[b"huggingface"])["info"]["features"]
    assert described["observation.images.frame"] == {"_type": "Image"} and described["target"]["length"] == 3


def test_lerobot_finds_its_files(tmp_path: Path) -> None:
    data = boxes(train=60, val=40)
    out = trisect.export_data(data, tmp_path / "out", layout="lerobot", fps=4)
    info = json.loads((out / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["splits"] == {"train": "0:3", "val": "3:5"}
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"], info["fps"]) == (5, 100, 1, 4)
    assert info["features"]["target"] == {"dtype": "bool", "shape": [3], "names": list(data.variables.names)}
    assert info[KEY]["alignment"] == "effect" and info[KEY]["splits"]["val"]["rows"] == 40
    table = parquet.read_table(out / info["data_path"].format(chunk_index=0, file_index=0))
    assert {*table.column_names} == {*info["features"]} and table["index"].to_pylist() == list(range(100))
    episodes = parquet.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(each["dataset_from_index"], each["dataset_to_index"]) for each in episodes][2:4] == [(40, 60), (60, 80)]
    stats = json.loads((out / "meta" / "stats.json").read_text())
    frames = np.concatenate([data[name].observations for name in data])
    assert np.allclose(stats["observation.images.frame"]["mean"], frames.mean((0, 1, 2)).reshape(3, 1, 1) / 255)
    assert stats["factor"]["count"] == [100] and len(stats["factor"]["q50"]) == 3
    tasks = parquet.read_table(out / "meta" / "tasks.parquet").to_pandas()
    assert tasks.index[0] == "observe interventions on ball_b, ball_x, ball_y" and tasks["task_index"].tolist() == [0]


def test_statistics_of_parts_join_to_those_of_all() -> None:
    values, feature = np.random.default_rng(0).normal(size=(90, 2)), Feature("x", "float64", (2,))
    joined = Joined()
    for part in (values[:50], values[50:51], np.full((3, 2), np.nan), values[51:]):
        joined.add(statistics_of(feature, part))
    found = joined.plain()
    for name, expected in (("mean", values.mean(0)), ("std", values.std(0)), ("min", values.min(0))):
        np.testing.assert_allclose(found[name], expected)
    assert found["count"] == [90]


def test_statistics_of_pictures_are_those_of_their_pixels() -> None:
    frames = np.random.default_rng(0).integers(10, 200, (7, 6, 5, 3)).astype(np.uint8)
    found, pixels = statistics_of(Feature("x", "image", (6, 5, 3)), frames), frames.reshape(-1, 3) / 255
    for name, expected in (("mean", pixels.mean(0)), ("std", pixels.std(0)), ("max", pixels.max(0))):
        np.testing.assert_allclose(found[name], expected.reshape(3, 1, 1))
    for name, share in (("q01", 0.01), ("q50", 0.5), ("q90", 0.9)):
        expected = np.quantile(pixels, share, axis=0, method="inverted_cdf")
        np.testing.assert_allclose(found[name], expected.reshape(3, 1, 1))


def test_the_card_describes_variables_and_splits(tmp_path: Path) -> None:
    space = VariableSpace(
        [Continuous("a|b", 0, 1), Angle("turn"), Categorical("c", 4)], {"a|b": ["a|b"], "x": ["turn", "c"]}
    )
    recording = Recording(np.zeros((9, 6, 5, 2), np.uint8), np.zeros((9, 2)), space, None, None, np.array([0, 4]), 2)
    out = trisect.export_data(Dataset({"my-train": recording}), tmp_path / "out", layout="huggingface")
    text = (out / "README.md").read_text()
    assert text.startswith('---\nconfigs: [{"config_name": "default", "data_files": [{"split": "my_train", "path"')
    for line in (
        "| a\\|b | continuous in [0, 1] |",
        "| x | turn angle, c categorical (0 ... 3) |",
        "| my_train | 9 | 2 |",
    ):
        assert line in text
    assert "row t's target and action led to frame t" in text and "holds 2 frames side by side" in text
    assert [file.name for file in (out / "data").iterdir()] == ["my_train-00000-of-00001.parquet"]


def test_triplets_are_left_out_and_said(tmp_path: Path, caplog) -> None:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    splits = {"train": simulate(world, 50, rng), "test_triplets": make_triplets(world, 4, rng)}
    with caplog.at_level(logging.WARNING, logger="trisect"):
        trisect.export_data(Dataset(splits), tmp_path / "out", layout="lerobot")
    assert "triplets have no place in the layout lerobot: test_triplets left out" in caplog.messages
    assert list(trisect.convert(tmp_path / "out", tmp_path / "back")) == ["train"]


def _refusals() -> dict[str, tuple[Any, dict[str, Any], type[Exception], str]]:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    triplets = Dataset({"test_triplets": make_triplets(world, 4, rng)})
    train = simulate(world, 20, rng)
    twins = Dataset({"a-b": train, "a_b": train})
    few = Recording(np.zeros((5, 2), np.float32), np.zeros((5, 1)), VariableSpace([Angle("a")]), None, np.zeros((5, 0)))
    more = Recording(
        np.zeros((5, 2), np.float32), np.zeros((5, 1)), VariableSpace([Angle("a")]), None, np.zeros((5, 1))
    )
    layout = {"layout": "huggingface"}
    return {
        "triplets": (triplets, layout, ValueError, "the data set to export must be one with a recording; got only tri"),
        "layout": (twins, {"layout": "hugginface"}, ValueError, "the layout to export to must be .*'huggingface'"),
        "fps": (twins, {**layout, "fps": 0}, ValueError, "the frames per second of an export must be an integer of at"),
        "names": (twins, layout, ValueError, "the names of the splits, with _ in place of -, must be all different"),
        "no actions": (Dataset({"train": few}), layout, ValueError, "the actions of a data set to export must be as"),
        "other actions": (
            Dataset({"train": few, "val": more}), layout, ValueError, r"at least one; got \[0, 1\]; drop them",
        ),
        "nowhere": ("nowhere", layout, FileNotFoundError, "must be a folder with a meta.json"),
        "a number": (3, layout, TypeError, "the data to export must be a path; got 3"),
    }  # fmt: skip


@pytest.mark.parametrize("case", _refusals())
def test_what_cannot_be_exported_is_refused(case: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, options, kind, message = _refusals()[case]
    with pytest.raises(kind, match=message):
        trisect.export_data(data, "out", **options)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="the folder to export to must be new"):
        trisect.export_data(boxes(train=20), tmp_path / "out", layout="lerobot")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    for layout in LAYOUTS:
        with pytest.raises(KeyboardInterrupt):
            trisect.export_data(boxes(train=60), tmp_path / "out", layout=layout, progress=stop)
    assert not list(tmp_path.iterdir())


def test_flags_win_over_what_the_files_say(tmp_path: Path) -> None:
    data = boxes(train=60, val=40)
    out = trisect.export_data(data, tmp_path / "out", layout="lerobot")
    roles = {"sensors": ["factor"], "targets": ["target.ball_b", "target.ball_y"]}
    back = trisect.convert(out, tmp_path / "back", columns=roles)
    assert list(back) == ["train", "val"] and back.variables.names == ("ball_b", "ball_y")
    assert np.array_equal(back["train"].observations, data["train"].factors) and back["train"].factors is None
    assert np.array_equal(back["val"].targets, data["val"].targets[:, [0, 2]])
    anonymous = VariableSpace([Continuous(name) for name in data.variables.names])
    other = trisect.convert(out, tmp_path / "other", variables=anonymous, size=(16, 16), stack=2)
    assert other.variables == anonymous and other.observation_shape == (16, 16, 6)
    assert other.frames_per_observation == 2 and other["train"].factors is not None
    caused = trisect.convert(out, tmp_path / "caused", alignment="cause")
    assert np.array_equal(caused["train"].targets[1:20], data["train"].targets[:19])
    split = trisect.convert(out, tmp_path / "split", interventions={"train": ["ball_b"]})
    assert split.variables.names == ("ball_b",) and not split["val"].targets.any() and split["train"].targets.any()


def test_what_was_understood_is_said_before(tmp_path: Path) -> None:
    out = trisect.export_data(boxes(train=60, val=40), tmp_path / "out", layout="huggingface")
    said = str(trisect.data.convert.understand(out))
    assert "exported by trisect, in the splits train, val" in said and "split val: 40 rows, 2 episodes" in said


def _edited(out: Path, **changes: Any) -> None:
    file = out / "meta" / "info.json"
    info = json.loads(file.read_text())
    file.write_text(json.dumps({**info, KEY: {**info[KEY], **changes}}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "'format_version' of the key 'trisect' must be an integer from 1 to 1; got 2; update"),
        ({"variables": {}}, "stored variables must be an object"),
        ({"splits": {"train": {"rows": 60}}}, "must be complete and undamaged"),
        ({"splits": 3}, "must be complete and undamaged"),
        ({"frames_per_observation": "two"}, "the number of frames in an observation must be an integer"),
    ],
)
def test_a_damaged_key_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    out = trisect.export_data(boxes(train=60), tmp_path / "out", layout="lerobot")
    _edited(out, **changes)
    with pytest.raises(ValueError, match=re.escape(message)):
        trisect.convert(out, tmp_path / "back")


def test_files_that_do_not_fit_the_key_are_named(tmp_path: Path) -> None:
    out = trisect.export_data(boxes(train=60, val=20), tmp_path / "out", layout="lerobot")
    splits = json.loads((out / "meta" / "info.json").read_text())[KEY]["splits"]
    _edited(out, splits={"train": splits["train"]})
    with pytest.raises(ValueError, match="number of rows of 'out' must be 60, as the key 'trisect' of meta/info.json"):
        trisect.convert(out, tmp_path / "back")
    _edited(out, splits={"train": {**splits["train"], "rows": 50}, "val": {**splits["val"], "rows": 30}})
    with pytest.raises(ValueError, match="the split 'val' must be 30 rows in 1 episodes, as .*; got 30 rows in 2 epis"):
        trisect.convert(out, tmp_path / "back")
    hub = trisect.export_data(boxes(train=60, val=20), tmp_path / "hub", layout="huggingface")
    (hub / "data" / "val-00000-of-00001.parquet").unlink()
    with pytest.raises(ValueError, match="the split 'val' of .*hub' must be there, as the key 'trisect' of 'train-000"):
        trisect.convert(hub, tmp_path / "back")


def test_without_the_key_it_is_a_data_set_like_any_other(tmp_path: Path) -> None:
    data = boxes(train=60, val=40)
    out = trisect.export_data(data, tmp_path / "out", layout="lerobot")
    info = json.loads((out / "meta" / "info.json").read_text())
    del info[KEY]
    (out / "meta" / "info.json").write_text(json.dumps(info))
    roles = {"targets": ["target"], "factors": ["factor"]}
    back = trisect.convert(out, tmp_path / "back", columns=roles, alignment="effect")
    assert list(back) == ["train", "val", "test"] and sum(map(len, back.values())) == 100
    assert back.variables.names == data.variables.names
