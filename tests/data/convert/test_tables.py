"""Tables with and without pictures, as people have them, and what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import trisect
from trisect.cli import main
from trisect.data import Dataset
from trisect.data.convert.logs.pictures import pictures_in
from trisect.data.convert.logs.roles import Columns, names_of, read_columns
from trisect.variables import Continuous, VariableSpace

ROWS, LENGTH = 200, 20
TARGETS = ("lamp", "cart")
EXPERIMENTS = (("red", 100), ("green", 70), ("none", 90))


def log(rows: int = ROWS, seed: int = 0) -> pandas.DataFrame:
    """A log with a column of every kind: time, readings, targets, truth, episodes and a remark."""
    rng = np.random.default_rng(seed)
    targets = rng.random((rows, 2)) < 0.3
    return pandas.DataFrame(
        {
            "time": np.arange(rows) / 10,
            "volt": rng.normal(size=rows),
            "ampere": rng.normal(size=rows),
            "lamp": targets[:, 0].astype(int),
            "cart": targets[:, 1],  # True and False
            "true_lamp": rng.normal(size=rows),
            "true_cart": rng.normal(size=rows),
            "run": [f"night {row // LENGTH}" for row in range(rows)],
            "remark": ["fine"] * rows,
        }
    )


def saved(table: pandas.DataFrame, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False, sep={".tsv": "\t", ".csv": ","}[file.suffix])
    return file


def converted(source: Path, out: Path, **columns: Any) -> Dataset:
    columns = {"targets": TARGETS, "episode": "run", "sensors": ["volt", "ampere"], **columns}
    return trisect.convert(source, out, alignment="effect", columns=columns)


def whole(data: Dataset, name: str) -> np.ndarray:
    """An array of all splits, in the order of the recording; episodes are dealt out, so sorted by its first column."""
    rows = np.concatenate([getattr(data[split], name) for split in ("train", "val", "test")])
    return rows[np.argsort(rows[:, 0], kind="stable")]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_a_table_of_readings_becomes_a_data_set(tmp_path: Path, ending: str) -> None:
    table = log()
    data = converted(saved(table, tmp_path / f"log{ending}"), tmp_path / "out", factors=["true_lamp", "true_cart"])
    assert data.targeted == TARGETS and data.observation_shape == (2,)
    volts = table[["volt", "ampere"]].to_numpy(np.float32)
    np.testing.assert_array_equal(whole(data, "observations"), volts[np.argsort(volts[:, 0], kind="stable")])
    truth = table[["true_lamp", "true_cart"]].to_numpy()
    np.testing.assert_allclose(whole(data, "factors"), truth[np.argsort(truth[:, 0], kind="stable")])
    train = data.recording("train")
    assert (train.episode_lengths == LENGTH).all()
    for start in train.starts:
        row = int(np.flatnonzero(table["volt"].to_numpy(np.float32) == train.observations[start, 0])[0])
        expected = table.loc[row : row + LENGTH - 1, list(TARGETS)].to_numpy(bool)
        np.testing.assert_array_equal(train.targets[start + 1 : start + LENGTH], expected[1:])
        assert not train.targets[start].any()


def test_semicolons_are_found_and_spaces_around_names_ignored(tmp_path: Path) -> None:
    table = log().rename(columns={"volt": " volt "})
    file = tmp_path / "log.csv"
    table.to_csv(file, index=False, sep=";")
    assert converted(file, tmp_path / "out").observation_shape == (2,)


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    log().to_csv(file, index=False, encoding="utf-8-sig", columns=["volt", "ampere", *TARGETS, "run"])
    assert converted(file, tmp_path / "out").observation_shape == (2,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the table '.*log.csv' must be readable; got No columns"),
        ("volt,lamp\n1,0\n".encode("utf-16"), "must be readable; got 'utf-8' codec"),
        (b"volt,lamp\n1,0\n2,1,5\n", "must be readable; got .*Expected 2 fields in line 3, saw 3"),
        (
            b"volt;lamp\n" + b"1,5;0\n0,5;1\n" * 30,
            "got only texts in volt; .*have a point, not a comma",
        ),
        (b"volt\n" + b"1\n2\n" * 30, "a column of '.*log.csv' must be one of volt; got 'lamp'"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        trisect.convert(tmp_path / "log.csv", tmp_path / "out", alignment="effect", columns={"targets": "lamp"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1....PAR1", "the table '.*log.parquet' must be readable"),
        (b"version https://git-lfs.github.com/spec/v1\n", "must be complete; got a Git LFS pointer, .* git lfs pull"),
    ],
)
def test_a_damaged_table_is_refused_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log.parquet").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        trisect.convert(tmp_path / "log.parquet", tmp_path / "out", columns={"targets": "lamp"})


def test_all_other_columns_of_numbers_are_observed_and_the_log_says_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(log(), tmp_path / "log.csv")
    main(["convert", str(file), "--out", str(tmp_path / "out"), "--targets", "lamp,cart", "--alignment", "effect"])
    said = capsys.readouterr().out
    assert "sensors: volt, ampere, true_lamp, true_cart" in said
    assert "columns left out: time, run, remark" in said
    assert trisect.load(tmp_path / "out").source["columns"]["targets"] == ["lamp", "cart"]


def test_a_column_called_episode_marks_episodes(tmp_path: Path) -> None:
    file = saved(log().rename(columns={"run": "episode"}), tmp_path / "log.csv")
    data = trisect.convert(file, tmp_path / "out", alignment="effect", columns={"targets": TARGETS})
    assert (data.recording("train").episode_lengths == LENGTH).all()


def test_empty_cells_are_held_if_that_is_wished(tmp_path: Path) -> None:
    table = log()
    table.loc[[5, 6], "volt"] = np.nan
    file = saved(table, tmp_path / "log.csv")
    with pytest.raises(
        ValueError, match=r"'volt' of '.*log.csv' must be without empty cells; got 2, the first in row 5"
    ):
        converted(file, tmp_path / "out")
    data = converted(file, tmp_path / "out", missing="hold")
    assert (whole(data, "observations")[:, 0] == np.float32(table["volt"][4])).sum() == 3


@pytest.mark.parametrize(("column", "row"), [("volt", LENGTH), ("lamp", 5)])
def test_nothing_is_held_from_another_episode_and_no_target_at_all(tmp_path: Path, column: str, row: int) -> None:
    table = log().astype({"lamp": float})
    table.loc[row, column] = np.nan
    with pytest.raises(ValueError, match=f"'{column}' of '.*' must be without empty cells; got 1, .* row {row}"):
        converted(saved(table, tmp_path / "log.csv"), tmp_path / "out", missing="hold")


def test_the_first_cell_cannot_be_held(tmp_path: Path) -> None:
    table = log()
    table.loc[0, "volt"] = np.nan
    with pytest.raises(ValueError, match="got 1, the first in row 0"):
        converted(saved(table, tmp_path / "log.csv"), tmp_path / "out", missing="hold")


def test_rows_must_be_in_the_order_of_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = log()
    table.loc[30, "time"] = 0.5
    with pytest.raises(
        ValueError, match="'time' of '.*' must be ascending within an episode; got a step of -2.4; sort"
    ):
        converted(saved(table, tmp_path / "log.csv"), tmp_path / "out")
    dates = pandas.Timestamp("2026-01-01") + pandas.to_timedelta(table["time"], unit="h")
    with pytest.raises(ValueError, match="got a step of -8640"):
        converted(saved(table.assign(time=dates), tmp_path / "log.parquet"), tmp_path / "out")
    table["time"] = np.arange(ROWS) % LENGTH / 10  # starts anew in every episode
    with caplog.at_level("WARNING"):
        converted(saved(table, tmp_path / "log.csv"), tmp_path / "again")
    assert "gaps" not in caplog.text
    table.loc[7:19, "time"] += 5
    with caplog.at_level("WARNING"):
        converted(saved(table, tmp_path / "log.csv"), tmp_path / "gaps")
    assert "'time' of" in caplog.text and "has gaps: a step of 5.1, where 0.1 is usual" in caplog.text


def test_dates_are_no_numbers_and_empty_remarks_do_no_harm(tmp_path: Path) -> None:
    table = log()
    table["date"] = pandas.date_range("2026-01-01", periods=ROWS)
    table.loc[0, "remark"] = None
    file = saved(table, tmp_path / "log.parquet")
    assert converted(file, tmp_path / "out").observation_shape == (2,)
    with pytest.raises(ValueError, match=r"the column 'date' of '.*' must be numbers; got '2026-01-01.*' in row 0"):
        converted(file, tmp_path / "dates", sensors=["date"])


def test_numbers_that_may_be_empty_are_read(tmp_path: Path) -> None:
    table = log().astype({"lamp": "Int64", "cart": "boolean", "volt": "Float32"})
    data = converted(saved(table, tmp_path / "log.parquet"), tmp_path / "out")
    counts = sum(int(data.recording(name).targets.sum()) for name in ("train", "val", "test"))
    firsts = table.loc[::LENGTH, list(TARGETS)].to_numpy(bool).sum()
    assert counts == table[list(TARGETS)].to_numpy(bool).sum() - firsts


def pictures(folder: Path, number: int, seed: int = 0, names: str = "{}.png") -> np.ndarray:
    """Pictures (number, 6, 8, 3) in a folder."""
    frames = np.random.default_rng(seed).integers(0, 256, (number, 6, 8, 3), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for row, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / names.format(row))
    return frames


@pytest.mark.parametrize("named", [False, True])
def test_pictures_belong_to_rows_by_name_or_in_their_order(tmp_path: Path, named: bool) -> None:
    """In the order of their numbers, 2 before 10; by name in any order, in a folder beside the table."""
    folder, table = tmp_path / "in", log(60)
    frames = pictures(folder / "images", 60)
    order = np.random.default_rng(1).permutation(60) if named else np.arange(60)
    if named:
        table["image_file"] = [f"{row}.png" for row in order]
    saved(table, folder / "log.csv")
    columns = {"targets": TARGETS}
    data = trisect.convert(folder, tmp_path / "out", alignment="effect", columns=columns)
    got = np.concatenate([data[split].observations for split in ("train", "val", "test")])
    np.testing.assert_array_equal(got, frames[order])
    assert ("image" in data.source["columns"]) == named and "volt" in data.source["left_out"]


def test_pictures_are_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    for name in ("b2.png", "a10.jpg", "a9.PNG", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == ["a9.PNG", "a10.jpg", "b2.png"]


def chamber(folder: Path) -> Path:
    """Experiments as of a light tunnel: a folder each, with a table and pictures, and one thing set in each of them."""
    for number, (name, rows) in enumerate(EXPERIMENTS):
        pictures(folder / name / "images", rows, number)
        table = log(rows)[["volt", "ampere"]]
        table.columns = ["red", "green"]
        table["image_file"] = [f"{row}.png" for row in range(rows)]
        saved(table, folder / name / f"{name}.csv")
    return folder


def test_experiments_have_interventions_of_their_own_and_no_transition_leads_between_them(tmp_path: Path) -> None:
    given = {"red": ["red"], "green": ["green"]}
    columns = {"factors": ["red", "green"]}
    data = trisect.convert(chamber(tmp_path / "in"), tmp_path / "out", interventions=given, columns=columns)
    assert data.variables.names == ("red", "green")
    recordings = [data.recording(name) for name in ("train", "val", "test")]
    assert sum(len(each) for each in recordings) == 260, "nothing is cut"
    frames = {
        name: pictures(tmp_path / "again" / name, rows, k)
        for k, (name, rows) in enumerate((("red", 100), ("green", 70), ("none", 90)))
    }
    belongs = {frame.tobytes(): name for name, every in frames.items() for frame in every}
    for recording in recordings:
        names = [belongs[frame.tobytes()] for frame in np.asarray(recording.observations)]
        first = set(recording.starts.tolist())
        for row in range(len(recording)):
            assert row in first or names[row] == names[row - 1]
            expected = [row not in first and names[row] == name for name in ("red", "green")]
            assert recording.targets[row].tolist() == expected


def test_one_variable_of_an_experiment_may_be_given_as_a_text(tmp_path: Path) -> None:
    saved(log()[["volt", "ampere"]], tmp_path / "log.csv")
    assert trisect.convert(tmp_path / "log.csv", tmp_path / "out", interventions={"log": "lamp"}).targeted == ("lamp",)


def test_named_sensors_are_observed_though_the_table_names_pictures(tmp_path: Path) -> None:
    table = log()
    table["file"] = "gone.png"
    assert converted(saved(table, tmp_path / "log.csv"), tmp_path / "out").observation_shape == (2,)


def test_tables_of_one_folder_are_experiments_called_after_their_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        saved(log(60)[["volt", "ampere"]], tmp_path / "in" / f"{name}.csv")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", interventions={"a": ["lamp"]})
    counts = sum(int(data.recording(name).targets.sum()) for name in ("train", "val", "test"))
    assert 0 < counts < 60


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"targets": ["lmap"]}, r"a column of '.*log.csv' must be one of .*; did you mean 'lamp'"),
        ({"targets": ["remark", "lamp"]}, r"the column 'remark' of '.*' must be numbers; got 'fine' in row 0"),
        ({"targets": []}, "what was intervened on must be said either by columns or by experiments; got neither"),
        ({"targets": ["time"]}, "the targets must be 0 or 1"),
        ({"sensors": ["lamp"]}, "the columns that are named"),
        ({"missing": "skip"}, "the option 'missing' of convert must be one of refuse, hold, drop"),
        ({"sensor": ["volt"]}, "a role of columns must be one of .*did you mean 'sensors'"),
        ({"targets": 3}, "the targets of a table must be names; got 3"),
        ({"image": 3}, "the image of a table must be the name of a column; got 3"),
        ({"image": "remark"}, "what is observed must be either sensors or pictures; got both"),
    ],
)
def test_wrong_columns_are_refused_in_a_sentence_and_nothing_is_written(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    file = saved(log(), tmp_path / "log.csv")
    with pytest.raises(ValueError, match=message):
        converted(file, tmp_path / "out", **columns)
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_other_things_that_are_wrong_with_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out, columns = saved(log(), tmp_path / "log.csv"), tmp_path / "out", {"targets": TARGETS}
    with pytest.raises(ValueError, match="alignment='cause'"):
        trisect.convert(file, out, columns=columns)
    with pytest.raises(ValueError, match="got both"):
        trisect.convert(file, out, columns=columns, interventions={"log": ["lamp"]})
    with pytest.raises(ValueError, match="an experiment with interventions must be one of log"):
        trisect.convert(file, out, interventions={"lgo": ["lamp"]})
    with pytest.raises(ValueError, match="the option 'columns' of convert must be a mapping of roles"):
        trisect.convert(file, out, columns=["lamp"])
    with pytest.raises(ValueError, match="the option 'group' of convert must be left out for tables and other logs"):
        trisect.convert(file, out, columns=columns, group={"x": ["lamp", "cart"]})
    (tmp_path / "empty.csv").write_text("volt,lamp\n")
    with pytest.raises(ValueError, match="must be one with rows; got an empty one"):
        trisect.convert(tmp_path / "empty.csv", out, columns=columns)
    (tmp_path / "twice.csv").write_text("volt,volt ,lamp\n1,2,0\n")
    with pytest.raises(ValueError, match="the columns of '.*twice.csv'"):
        trisect.convert(tmp_path / "twice.csv", out, columns=columns)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pandas must be installed to read tables; .*'trisect\[tables\]'"):
        trisect.convert(file, out, columns=columns)
    assert not out.exists()


def test_options_of_tables_are_refused_for_other_data(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "train.npz", images=np.zeros((9, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="the option 'columns' of convert must be left out for .npz files of splits"):
        trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": ["lamp"]})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "images" / "7.png").unlink(), "no file '7.png' for row 7; copy it there"),
        (lambda folder: (folder / "images" / "7.png").write_bytes(b"\x89PNG"), "the picture '.*7.png' must be whole"),
        (
            lambda folder: Image.new("RGB", (9, 9)).save(folder / "images" / "7.png"),
            "the picture '.*7.png' must be of the first one's size, 6 x 8 x 3; got 9 x 9 x 3",
        ),
        (
            lambda folder: Image.fromarray(np.full((6, 8), 40_000, np.uint16)).save(folder / "images" / "7.png"),
            "the picture '.*7.png' must be one of 8 bits per channel; got more",
        ),
    ],
)
def test_a_missing_or_damaged_picture_is_named_and_nothing_is_written(tmp_path: Path, spoil: Any, message: str) -> None:
    pictures(tmp_path / "in" / "images", 30)
    table = log(30)
    table["image_file"] = [f"{row}.png" for row in range(30)]
    saved(table, tmp_path / "in" / "log.csv")
    spoil(tmp_path / "in")
    with pytest.raises(ValueError, match=message):
        trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns={"targets": TARGETS})
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_pictures_without_names_must_be_as_many_as_rows(tmp_path: Path) -> None:
    pictures(tmp_path / "in" / "images", 29)
    saved(log(30), tmp_path / "in" / "log.csv")
    with pytest.raises(ValueError, match="a picture for every row; got 29 pictures for 30 rows of .*--image COLUMN"):
        trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns={"targets": TARGETS})


def test_columns_from_a_mapping() -> None:
    assert names_of("lamp", "the targets") == ("lamp",)
    with pytest.raises(ValueError, match="the targets must be names; got 3"):
        names_of(3, "the targets")
    assert read_columns({"targets": "lamp", "sensors": ["a", "b"]}) == Columns(targets=("lamp",), sensors=("a", "b"))
    assert Columns(targets=("lamp",), image="file").understood() == {"targets": ["lamp"], "image": "file"}


def test_the_progress_of_reading_pictures_is_told(tmp_path: Path) -> None:
    pictures(tmp_path / "in" / "images", 30)
    saved(log(30), tmp_path / "in" / "log.csv")
    told: list[tuple[int, int]] = []
    known: dict[str, Any] = {"alignment": "effect", "columns": {"targets": TARGETS}}
    trisect.convert(tmp_path / "in", tmp_path / "out", progress=lambda *given: told.append(given), **known)
    assert told[0] == (0, 30) and told[-1] == (30, 30) and told == sorted(told)


def test_a_dataframe_in_memory_gives_the_data_set_of_its_file(tmp_path: Path) -> None:
    table, options = log(), {"columns": {"targets": TARGETS, "episode": "run"}, "alignment": "effect"}
    made = trisect.from_dataframe(table, **options)
    stored = trisect.convert(saved(table, tmp_path / "log.parquet"), tmp_path / "out", **options)
    for split in ("train", "val", "test"):
        for name in ("observations", "targets", "starts"):
            np.testing.assert_array_equal(getattr(made[split], name), getattr(stored[split], name))
    assert made.source["form"] == "a DataFrame"
    table.loc[:, "volt"] = 7
    assert not (made["train"].observations[:, 0] == 7).any(), "the data set does not change with the table"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"targets": "lmap"}}, "a column of the DataFrame must be one of .*; did you mean 'lamp'"),
        ({"columns": {"targets": "lamp", "image": "remark"}}, "the column 'image' of from_dataframe must be left out"),
        ({}, "got neither; name columns with targets"),
        ({"size": (8, 8)}, "an option of from_dataframe must be one of columns, "),
    ],
)
def test_what_a_dataframe_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trisect.from_dataframe(log(), **options)


def test_other_things_are_no_dataframe() -> None:
    with pytest.raises(TypeError, match="the frame of from_dataframe must be a pandas DataFrame; got dict"):
        trisect.from_dataframe({"a": [1]})


def test_a_first_row_of_units_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = log()[["time", "volt", "lamp", "cart"]].astype({"cart": int})
    lines = table.to_csv(index=False).splitlines()
    (tmp_path / "log.csv").write_text("\n".join([lines[0], "s,V,,", *lines[1:]]))
    with caplog.at_level("INFO"):
        data = trisect.convert(tmp_path / "log.csv", tmp_path / "out", alignment="effect", columns={"targets": TARGETS})
    assert "holds the units, and is left out: time in s, volt in V" in caplog.text
    np.testing.assert_array_equal(whole(data, "observations")[:, 0], np.sort(table["volt"].to_numpy(np.float32)))


def test_rows_with_empty_cells_are_dropped_and_episodes_start_after_them(tmp_path: Path) -> None:
    table = log().drop(columns="run")
    table.loc[[30, 31, 100], "volt"] = np.nan
    file = saved(table, tmp_path / "log.csv")
    columns = {"targets": TARGETS, "sensors": ["volt", "ampere"], "missing": "drop"}
    data = trisect.convert(file, tmp_path / "out", alignment="effect", columns=columns)
    volts = np.concatenate([data.recording(split).observations[:, 0] for split in data])
    kept = table["volt"].dropna().to_numpy(np.float32)
    np.testing.assert_array_equal(np.sort(volts), np.sort(kept))
    starts = {
        float(data.recording(split).observations[row, 0]) for split in data for row in data.recording(split).starts
    }
    assert {float(kept[0]), float(np.float32(table["volt"][32])), float(np.float32(table["volt"][101]))} <= starts


def test_columns_that_seem_to_count_are_doubted_and_empty_ones_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = log()[["volt", "lamp"]].assign(batch=np.arange(ROWS) // 50, row=np.arange(ROWS), comment=np.nan)
    data = trisect.from_dataframe(table, columns={"targets": "lamp"}, alignment="effect")
    assert data.source["columns"]["sensors"] == ["volt", "batch", "row"]
    assert "'batch' of the DataFrame only goes up, 3 times: if it numbers episodes" in caplog.text
    assert "'row' of the DataFrame only counts" in caplog.text and "'volt'" not in caplog.text


def test_a_text_of_a_column_is_no_column(tmp_path: Path) -> None:
    file = saved(log(), tmp_path / "log.csv")
    with pytest.raises(ValueError, match="got 'fine', which is a text in the column 'remark'; .*--targets remark"):
        converted(file, tmp_path / "out", targets=["lamp", "fine"])


@pytest.mark.parametrize("name", ["nowhere", "nothing.parquet", "pictures"])
def test_a_path_that_holds_nothing_is_named_whatever_the_options(tmp_path: Path, name: str) -> None:
    pictures(tmp_path / "pictures", 3)
    with pytest.raises(FileNotFoundError, match=f"{name}'"):
        trisect.convert(tmp_path / name, tmp_path / "out", columns={"targets": ["lamp"]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("t,x,lamp,t\n1,2,0,3\n2,3,1,4\n", "the columns of '.*log.csv' must be all different; got t more than once"),
        ("t,lamp\n1,0,5\n2,1,5\n", "rows of more cells than there are names .decimals need a point"),
        ("x,lamp\n1,yes\n2,no\n3,\n", "'lamp' of '.*' must be names of variables; got no, yes; write 1 and 0"),
        ("x,lamp\n" + "".join(f"{k},name {k}\n" for k in range(300)), "names of at most 200 variables; got 300 diff"),
        ("x,lamp,episode\n1,0,a\n2,1,b\n3,0,a\n", "one stretch of rows for every episode; got 1 that come again"),
    ],
)
def test_tables_that_can_be_read_in_two_ways_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "log.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        trisect.convert(tmp_path / "log.csv", tmp_path / "out", alignment="effect", columns={"targets": "lamp"})


def test_variables_and_encodings_meet_targets_by_name(tmp_path: Path) -> None:
    table = pandas.DataFrame({"x": np.arange(60.0), "what": ["red", "", "blue"] * 20})
    space = VariableSpace([Continuous("red"), Continuous("blue")])
    data = trisect.from_dataframe(table, columns={"targets": "what"}, alignment="effect", variables=space)
    assert data.variables.names == ("red", "blue")
    np.testing.assert_array_equal(data["train"].targets[3:6], [[True, False], [False, False], [False, True]])
    level = table.assign(valve=np.repeat([1, 2, 3], 20), lamp=[0, 1] * 30).drop(columns="what")
    space = VariableSpace([Continuous("lamp"), Continuous("valve")])
    columns = {"targets": ["valve", "lamp"]}
    data = trisect.from_dataframe(
        level, columns=columns, alignment="effect", variables=space, encode={"valve": "switch"}
    )
    assert data["train"].targets[:, 0].sum() == 21 and np.flatnonzero(data["train"].targets[:, 1]).tolist() == [20, 40]


def test_an_index_with_names_is_read_as_columns(tmp_path: Path) -> None:
    table = log().set_index(["run", "time"])
    data = converted(saved(table, tmp_path / "log.parquet"), tmp_path / "out", sensors=["volt", "ampere"])
    assert (data.recording("train").episode_lengths == LENGTH).all()


def test_pictures_of_one_name_in_two_folders_must_be_told_apart(tmp_path: Path) -> None:
    frames = pictures(tmp_path / "in" / "left", 30)
    pictures(tmp_path / "in" / "right", 30, seed=1)
    saved(log(30).assign(file=[f"{row}.png" for row in range(30)]), tmp_path / "in" / "log.csv")
    columns = {"targets": TARGETS}
    with pytest.raises(ValueError, match="the picture '0.png' of row 0 .* must be one file; got 2 files of that name"):
        trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns=columns)
    saved(log(30).assign(file=[f".\\left\\{row}.png" for row in range(30)]), tmp_path / "in" / "log.csv")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns=columns)
    np.testing.assert_array_equal(np.concatenate([data[split].observations for split in data]), frames)


def test_a_first_row_with_an_event_is_no_row_of_units(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("what,x\nred,\n" + ",1\nred,2\n" * 10)
    columns = {"targets": "what", "missing": "drop"}
    data = trisect.convert(tmp_path / "log.csv", tmp_path / "out", alignment="effect", columns=columns)
    assert sum(map(len, data.values())) == 20 and data.variables.names == ("red",)


def test_a_table_without_events_beside_others_with_some(tmp_path: Path) -> None:
    for name, texts in (("a", ["red", "", "blue"] * 10), ("b", [""] * 30)):
        saved(pandas.DataFrame({"x": np.arange(30.0), "what": texts}), tmp_path / "in" / f"{name}.csv")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns={"targets": "what"})
    assert data.variables.names == ("blue", "red") and sum(map(len, data.values())) == 60


def test_hidden_files_of_systems_and_editors_are_no_recordings(tmp_path: Path) -> None:
    pictures(tmp_path / "in" / "images", 30)
    saved(log(30), tmp_path / "in" / "log.csv")
    for name in ("._log.csv", "images/._3.png", ".ipynb_checkpoints/log-checkpoint.csv"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"\x00\x05")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns={"targets": TARGETS})
    assert sum(len(data[split]) for split in data) == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (8, 8)}, "the option 'size' of convert must be left out for tables without pictures; got"),
        ({"rate": 2.0}, "the option 'rate' of convert must be left out for tables without pictures; got 2.0"),
        ({"channels": "first"}, "the option 'channels' of convert must be left out for tables without pictures"),
    ],
)
def test_options_of_which_there_is_nothing_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = saved(log(), tmp_path / "log.csv")
    with pytest.raises(ValueError, match=message):
        trisect.convert(file, tmp_path / "out", alignment="effect", columns={"targets": TARGETS}, **options)
