"""Films beside tables: which frame belongs to which row, and what happened in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from tests.data.convert.formats import NAMES, encode_film, log, record

import trisect
from trisect.data import Dataset
from trisect.data.convert import understand
from trisect.data.convert.logs.films import FilmPictures, nearest, read_film

RATE, NUM = 10, 60


def film(folder: Path, num: int = NUM, name: str = "film.mkv") -> np.ndarray:
    """A film whose frames show their number; returns the frames (num, 16, 16, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 256, (num, 16, 16, 3), dtype=np.uint8)
    encode_film(frames, folder / name, RATE)
    return frames


def table(folder: Path, columns: dict[str, Any], name: str = "log.csv") -> None:
    pandas.DataFrame(columns).to_csv(folder / name, index=False)


def made(folder: Path, out: str = "out", alignment: str | None = None, **options: Any) -> Dataset:
    columns = {"targets": NAMES, **options.pop("columns", {})}
    return trisect.convert(folder / "in", folder / out, alignment=alignment, columns=columns, **options)


def targets_by_frame(data: Dataset, frames: np.ndarray) -> dict[int, list[int]]:
    """Number of a frame of the film -> its targets, for all frames of a data set; first rows of episodes have none."""
    numbers = {frame.tobytes(): number for number, frame in enumerate(frames)}
    result = {}
    for split in data:
        recording = data.recording(split)
        for row, frame in enumerate(np.asarray(recording.observations)):
            result[numbers[frame.tobytes()]] = recording.targets[row].astype(int).tolist()
    return dict(sorted(result.items()))


def firsts(data: Dataset) -> int:
    return sum(data.recording(split).num_episodes for split in data)


def test_as_many_rows_as_frames_belong_together_in_their_order(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    moved = np.random.default_rng(1).random((NUM, 2)) < 0.3
    table(tmp_path / "in", {"lamp": moved[:, 0] * 1, "cart": moved[:, 1] * 1})
    data = made(tmp_path, alignment="effect")
    got = targets_by_frame(data, frames)
    assert [*got] == list(range(NUM))
    differ = [frame for frame in got if got[frame] != moved[frame].astype(int).tolist()]
    assert len(differ) <= firsts(data) and all(got[frame] == [0, 0] for frame in differ)
    with pytest.raises(ValueError, match="alignment='cause'"):
        made(tmp_path, "again")


def test_events_fall_into_the_frame_after_them(tmp_path: Path) -> None:
    """An event at 0.32 s happened after frame 3 (0.3 s) and shows in frame 4; one at 0.5 s shows in frame 5."""
    frames = film(tmp_path / "in")
    table(tmp_path / "in", {"time": [0.32, 0.5, 0.51, 3.07], "what": ["lamp", "cart", "lamp", "cart"]})
    data = trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": "what"})
    got = targets_by_frame(data, frames)
    assert [*got] == list(range(NUM)) and data.variables.names == ("cart", "lamp")
    assert {frame: each for frame, each in got.items() if any(each)} == {4: [0, 1], 5: [1, 0], 6: [0, 1], 31: [1, 0]}
    assert data.source["alignment"] == "effect"
    assert "one frame per frame of the film" in data.source["said"][0]


def test_events_before_and_after_the_film_are_left_out_and_told(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    table(tmp_path / "in", {"time": [-1, 0.31, 2.2, 9.0], "what": ["lamp", "cart", "lamp", "cart"]})
    data = trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": "what"})
    assert {frame: each for frame, each in targets_by_frame(data, frames).items() if any(each)} == {
        4: [1, 0],
        22: [0, 1],
    }
    assert "2 rows of" in data.source["said"][0] and "lie outside the film" in data.source["said"][0]


def test_a_faster_table_is_joined_frame_by_frame(tmp_path: Path) -> None:
    """100 rows per second beside 10 frames: a target counts for the frame at or after it, others have the last."""
    frames = film(tmp_path / "in")
    times, moved = np.arange(600) / 100, np.zeros((600, 2), int)
    moved[[33, 34, 250], [0, 0, 1]] = 1
    columns = {"t": times, "lamp": moved[:, 0], "cart": moved[:, 1], "light": times * 2, "place": -times}
    table(tmp_path / "in", columns)
    data = made(tmp_path, columns={"time": "t", "factors": ["light", "place"]})
    got = targets_by_frame(data, frames)
    assert {frame: each for frame, each in got.items() if any(each)} == {4: [1, 0], 25: [0, 1]}
    truth = np.concatenate([data.recording(split).factors for split in data])
    np.testing.assert_allclose(np.sort(truth[:, 0]), np.arange(NUM) / 10 * 2, atol=1e-6)


def test_a_slower_even_table_chooses_the_frames(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    moved = (np.random.default_rng(3).random((12, 2)) < 0.4) * 1
    table(tmp_path / "in", {"time": np.arange(12) / 2 + 0.02, "lamp": moved[:, 0], "cart": moved[:, 1]})
    data = made(tmp_path, alignment="effect")
    got = targets_by_frame(data, frames)
    assert [*got] == list(range(0, NUM, 5))
    assert "one frame per row of the table: 12 frames" in data.source["said"][0]
    assert "at most 20 ms from their rows' time" in data.source["said"][0]


def test_rows_may_name_their_frames(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    moved = (np.random.default_rng(3).random((30, 2)) < 0.4) * 1
    table(tmp_path / "in", {"frame": np.arange(10, 40), "lamp": moved[:, 0], "cart": moved[:, 1]})
    data = made(tmp_path, alignment="effect")
    got = targets_by_frame(data, frames)
    assert [*got] == list(range(10, 40)) and "30 frames without a row are left out" in data.source["said"][0]
    assert sum(got[10 + row] == moved[row].tolist() for row in range(30)) >= 30 - firsts(data)


def test_a_rate_thins_the_film_and_loses_no_intervention(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    moved = np.zeros((NUM, 2), int)
    moved[[13, 14, 31], [0, 1, 1]] = 1
    table(tmp_path / "in", {"lamp": moved[:, 0], "cart": moved[:, 1]})
    with pytest.raises(ValueError, match="the rows of .* must be given a meaning"):
        made(tmp_path, "none", rate=2.0)
    data = made(tmp_path, alignment="effect", rate=2.0)
    got = targets_by_frame(data, frames)
    assert [*got] == list(range(0, NUM, 5))
    assert {frame: each for frame, each in got.items() if any(each)} == {15: [1, 1], 35: [0, 1]}


def test_dates_begin_with_the_film_and_an_offset_moves_the_clock(tmp_path: Path) -> None:
    frames = film(tmp_path / "in")
    start = pandas.Timestamp("2026-01-31 12:00:00")
    dates = [start + pandas.Timedelta(seconds=each) for each in (0, 0.32, 2.2)]
    table(tmp_path / "in", {"time": dates, "what": ["lamp", "cart", "lamp"]})
    data = trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": "what"})
    assert {frame for frame, each in targets_by_frame(data, frames).items() if any(each)} == {4, 22}
    table(tmp_path / "in", {"time": [1000.32, 1002.2], "what": ["cart", "lamp"]})
    with pytest.raises(ValueError, match=r"the times of .* must be partly in 0 to 5.9 s, .*; got 1000.32 .*--offset"):
        trisect.convert(tmp_path / "in", tmp_path / "far", columns={"targets": "what"})
    data = trisect.convert(tmp_path / "in", tmp_path / "moved", columns={"targets": "what"}, offset=1000.0)
    assert {frame for frame, each in targets_by_frame(data, frames).items() if any(each)} == {4, 22}


def test_a_column_may_name_several_films_of_which_each_is_an_episode(tmp_path: Path) -> None:
    first, second = film(tmp_path / "in", 30, "a.mkv"), film(tmp_path / "in", 40, "b.mkv")[30:]
    names = ["a.mkv"] * 30 + ["b.mkv"] * 40
    moved = (np.random.default_rng(3).random((70, 2)) < 0.4) * 1
    table(tmp_path / "in", {"clip": names, "lamp": moved[:, 0], "cart": moved[:, 1]})
    data = made(tmp_path, alignment="effect")
    assert sum(len(data[split]) for split in data) == 70 and len(first) and len(second)
    assert data.source["columns"]["image"] == "clip" and len(data.source["said"]) == 2
    table(tmp_path / "in", {"clip": ["a.mkv"] * 30 + ["c.mkv"] * 40, "lamp": moved[:, 0], "cart": moved[:, 1]})
    with pytest.raises(ValueError, match="the films of .* must be in '.*'; got no file 'c.mkv' for row 30"):
        made(tmp_path, "again", alignment="effect")


def test_seconds_that_run_on_from_film_to_film_are_refused(tmp_path: Path) -> None:
    for name in ("a.mkv", "b.mkv"):
        film(tmp_path / "in", 30, name)
    seconds = np.arange(60) / 10
    columns = {"clip": ["a.mkv"] * 30 + ["b.mkv"] * 30, "seconds": seconds, "lamp": [0, 1] * 30, "cart": [0, 0, 1] * 20}
    table(tmp_path / "in", columns)
    with pytest.raises(
        ValueError, match="'seconds' of .* must be one that begins anew with every film; got 3 after 2.9"
    ):
        made(tmp_path, alignment="effect", columns={"time": "seconds"})
    table(tmp_path / "in", columns | {"seconds": seconds % 3})
    assert sum(map(len, made(tmp_path, alignment="effect", columns={"time": "seconds"}).values())) == 60


def test_every_experiment_has_a_film_of_its_own(tmp_path: Path) -> None:
    for number, name in enumerate(("dark", "light")):
        film(tmp_path / "in" / name, 30 + number)
        table(tmp_path / "in" / name, {"volt": np.arange(30 + number)})
    data = trisect.convert(tmp_path / "in", tmp_path / "out", interventions={"light": ["lamp"]})
    counts = sum(int(data.recording(split).targets.sum()) for split in data)
    assert sum(len(data[split]) for split in data) == 61 and 28 <= counts <= 30


def test_a_film_is_named_instead_of_its_folder(tmp_path: Path) -> None:
    film(tmp_path / "in")
    table(tmp_path / "in", {"time": [0.32, 2.2], "what": ["lamp", "cart"]})
    (tmp_path / "in" / "other.mkv").touch()
    data = trisect.convert(tmp_path / "in" / "film.mkv", tmp_path / "out", columns={"targets": "what"})
    assert sum(len(data[split]) for split in data) == NUM


def test_a_film_is_reduced_while_it_is_read(tmp_path: Path) -> None:
    recorded = record((40,))
    (tmp_path / "in").mkdir()
    encode_film(recorded.frames, tmp_path / "in" / "film.mkv", RATE)
    log(recorded).to_csv(tmp_path / "in" / "log.csv", index=False)
    data = made(tmp_path, alignment="effect", size=(8, 12), columns={"factors": ["light", "place"]})
    means = recorded.frames.reshape(40, 8, 2, 12, 2, 3).mean(axis=(2, 4))
    got = np.concatenate([data[split].observations for split in ("train", "val", "test")])
    np.testing.assert_array_equal(got, np.floor(means + 0.5).astype(np.uint8))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"lamp": [0, 1] * 20, "cart": [0] * 40}, "one frame per row; got 60 frames for 40 rows .*--time COLUMN"),
        ({"frame": [0, 70], "lamp": [0, 1], "cart": [0, 0]}, "numbers of frames, .* 0 to 59; got 70 in row 1"),
        ({"frame": [5, 3], "lamp": [0, 1], "cart": [0, 0]}, "'frame' of .* must be ascending; got 3 after 5 in row 1"),
        (
            {"frame": [1, 3], "lamp": [0, 1], "cart": [0, 0]},
            "named, if it counts frames from 0; got a col",
        ),
        ({"time": [0.5, 0.2], "lamp": [0, 1], "cart": [0, 0]}, "'time' of .* ascending; got 0.2 after 0.5 in row 1"),
        ({"time": ["a", "b"], "lamp": [0, 1], "cart": [0, 0]}, "'time' of .* must be times; got 'a' in row 0"),
        ({"time": [0.5, None, 0.7], "lamp": [0, 1, 1], "cart": [0, 0, 1]}, "must be times; got an empty cell in row 1"),
        ({"time": [0.5, 0.9, 4], "lamp": [0, 0.7, 1], "cart": [0, 0, 0]}, "'lamp' of .* must be 0 or 1; got 0.7"),
    ],
)
def test_rows_that_do_not_fit_the_film_are_refused(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    film(tmp_path / "in")
    table(tmp_path / "in", columns)
    with pytest.raises(ValueError, match=message):
        made(tmp_path, alignment="effect")
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_damaged_and_missing_films_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "in")
    table(tmp_path / "in", {"lamp": [0, 1] * 30, "cart": [0] * 60})
    file = tmp_path / "in" / "film.mkv"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="one frame per row; got [0-9]+ frames for 60 rows"):
        made(tmp_path, alignment="effect")
    file.write_bytes(b"nothing" * 100)
    with pytest.raises(ValueError, match="the film '.*film.mkv' must be whole; got"):
        made(tmp_path, alignment="effect")
    file.write_bytes(whole)
    film(tmp_path / "in", 60, "second.mkv")
    with pytest.raises(ValueError, match=r"must be beside one film; got film.mkv, second.mkv; keep one film"):
        made(tmp_path, alignment="effect")
    table(tmp_path / "in", {"clip": "film.mkv", "time": [0.1, 0.15, 4], "lamp": [0, 1, 0], "cart": [1, 0, 0]})
    with pytest.raises(ValueError, match="the alignment of a table that is merged onto .* must be effect.*; got cause"):
        made(tmp_path, alignment="cause")


def test_frames_are_found_by_number_in_any_order(tmp_path: Path) -> None:
    frames = film(tmp_path, 200)
    numbers = np.array([0, 1, 1, 5, 120, 121, 199])
    pictures = FilmPictures(read_film(tmp_path / "film.mkv"), numbers)
    np.testing.assert_array_equal(pictures.take(np.arange(7)), frames[numbers])
    np.testing.assert_array_equal(pictures.take(np.array([1, 3])), frames[numbers[[1, 3]]])
    assert pictures.shape == (7, 16, 16, 3)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_of_codecs_with_reordered_frames_are_found(tmp_path: Path, codec: str) -> None:
    """Each frame is brighter than the one before; jumping gives the same bytes as decoding one after the other."""
    frames = np.full((150, 16, 16, 3), 1, np.uint8) * np.arange(20, 170, dtype=np.uint8)[:, None, None, None]
    encode_film(frames, tmp_path / "film.mp4", RATE, codec)
    read = read_film(tmp_path / "film.mp4")
    in_turn = FilmPictures(read, np.arange(150)).take(np.arange(150))
    assert np.abs(in_turn.mean(axis=(1, 2, 3)) - np.arange(20, 170)).max() < 6
    for number in (149, 3, 80, 81, 0):
        np.testing.assert_array_equal(FilmPictures(read, np.arange(150)).take(np.array([number]))[0], in_turn[number])


def test_nearest_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    for num in (1, 2, 7):
        times, wanted = np.sort(rng.random(num)), rng.uniform(-0.5, 1.5, 40)
        expected = np.abs(times[None] - wanted[:, None]).argmin(axis=1)
        np.testing.assert_array_equal(nearest(times, wanted), expected)


def test_nothing_is_written_when_only_asked_what_is_understood(tmp_path: Path) -> None:
    film(tmp_path / "in")
    table(tmp_path / "in", {"time": [0.32, 0.5, 3], "what": ["lamp", "cart", "cart"], "remark": ["a", "b", "c"]})
    known = understand(tmp_path / "in", columns={"targets": "what"})
    assert "found: tables and films" in str(known) and "columns left out: remark" in str(known)
    assert "(16, 16, 3)" in str(known) and "alignment: effect, row t led to frame t" in str(known)
    assert known.contact_sheet().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("film.mpg", "mpeg1video", {}),
        ("film.mpg", "mpeg2video", {"bf": "2"}),
        ("film.avi", "libx264", {"bf": "2"}),
        ("film.mp4", "mpeg4", {"bf": "2"}),
        ("film.mp4", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=30"}),
        ("film.ts", "libx264", {"bf": "2"}),
        ("film.gif", "gif", {}),
    ],
)
def test_every_frame_is_found_alone_and_in_any_order(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    """Jumping gives the frame that decoding from the start gives, or says that the film is not whole."""
    import av

    numbers = np.random.default_rng(0).permutation(150)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        for level in range(150):
            frame = np.full((32, 32, 3), 60, np.uint8)
            frame[:, level % 30 : level % 30 + 2] = 255
            frame[level // 5 : level // 5 + 2] = 0
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    read = read_film(tmp_path / name)
    with av.open(str(tmp_path / name)) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0) if frame.pts is not None]
    assert len(decoded) == len(read.times)
    pictures = FilmPictures(read, np.arange(len(decoded)))
    for number in (int(each) for each in numbers if each < len(decoded)):
        np.testing.assert_array_equal(pictures.take(np.array([number]))[0], decoded[number])
