"""Observations that hold several frames: which frames they hold, what is kept of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect import sealed
from trisect.cli import main
from trisect.data import inspect, stack, store
from trisect.data.convert import convert
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.data.stacking import newest, stacked_splits
from trisect.data.triplets import Triplets
from trisect.variables import anonymous

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (200, 17, 19, 3), dtype=np.uint8)
TARGETS = RNG.random((199, 2)) < 0.2
STARTS = np.array([0, 30, 31, 90, 140])


def by_hand(frames: np.ndarray, starts: np.ndarray, held: int) -> np.ndarray:
    """Each row with those before it in its episode, one at a time."""
    rows = []
    for t in range(len(frames)):
        first = max(start for start in starts if start <= t)
        rows.append(np.concatenate([frames[max(t - back, first)] for back in reversed(range(held))], axis=-1))
    return np.stack(rows)


@pytest.mark.parametrize("held", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(8, 9, 3), (4,)])
def test_frames_are_joined_with_those_before_the_oldest_first(held: int, shape: tuple[int, ...]) -> None:
    rows = RNG.integers(0, 256, (200, *shape)).astype(np.uint8 if len(shape) == 3 else np.float32)
    stacked = stack(rows, held, STARTS)
    assert stacked.dtype == rows.dtype
    np.testing.assert_array_equal(stacked, by_hand(rows, STARTS, held))
    np.testing.assert_array_equal(newest(stacked, held), rows)


def test_mapped_frames_stay_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", FRAMES)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    assert isinstance(stack(mapped, 2), np.memmap)
    np.testing.assert_array_equal(stack(mapped, 2), stack(FRAMES, 2))


def test_every_split_is_stacked_by_itself_and_says_how_many_frames_it_holds(tmp_path: Path) -> None:
    plain = trisect.from_arrays(FRAMES, TARGETS, ["a", "b"], episode_starts=STARTS)
    data = trisect.from_arrays(FRAMES, TARGETS, ["a", "b"], episode_starts=STARTS, stack=2)
    loaded = trisect.load(store.save(data, tmp_path / "data"))
    for each in (data, loaded):
        assert each.observation_shape == (17, 19, 6) and each.frames_per_observation == 2
        for name in plain:
            alone, pair = plain.recording(name), each.recording(name)
            np.testing.assert_array_equal(pair.observations, by_hand(alone.observations, alone.starts, 2))
            np.testing.assert_array_equal(pair.targets, alone.targets)
            assert pair.frames_per_observation == 2 and "(2 in each)" in repr(pair)


def test_a_data_set_of_single_frames_is_written_as_before(tmp_path: Path) -> None:
    store.save(trisect.from_arrays(FRAMES, TARGETS), tmp_path / "data")
    assert store.FRAMES not in (tmp_path / "data" / "meta.json").read_text()
    assert trisect.load(tmp_path / "data").frames_per_observation == 1


def test_frames_that_are_stacked_already_need_to_be_declared() -> None:
    pairs = stack(FRAMES, 2)
    with pytest.raises(ValueError, match=r"at most 4 channels; got \(17, 19, 6\).*stacked=n \(--stacked n\)"):
        trisect.from_arrays(pairs, TARGETS)
    data = trisect.from_arrays(pairs, TARGETS, stacked=2)
    assert data.frames_per_observation == 2
    np.testing.assert_array_equal(data.recording("train").observations, pairs[: len(data["train"])])


@pytest.mark.parametrize("channels", ["first", "last"])
def test_declared_channels_may_be_as_many_as_the_frames_hold(channels: str) -> None:
    pairs = stack(FRAMES, 4)
    given = np.moveaxis(pairs, -1, 1) if channels == "first" else pairs
    data = trisect.from_arrays(given, TARGETS, stacked=4, channels=channels)
    np.testing.assert_array_equal(data.recording("train").observations, pairs[: len(data["train"])])
    with pytest.raises(ValueError, match="stacked=n"):
        trisect.from_arrays(given, TARGETS, channels=channels)


def test_opacity_is_not_looked_for_among_stacked_grey_frames() -> None:
    grey = np.concatenate([FRAMES[..., :3], np.full((200, 17, 19, 1), 255, np.uint8)], axis=-1)
    assert trisect.from_arrays(grey, TARGETS).observation_shape == (17, 19, 3)
    assert trisect.from_arrays(grey, TARGETS, stacked=4).observation_shape == (17, 19, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stack": 0}, "option 'stack' of from_arrays must be .*at least 1"),
        ({"stack": 1.5}, "option 'stack' of from_arrays"),
        ({"stack": 2, "stacked": 2}, "not both above 1; got \\(2, 2\\)"),
        ({"stacked": 2}, "multiple of 2 frames"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        trisect.from_arrays(FRAMES, TARGETS, **options)


def test_vectors_are_stacked_too() -> None:
    vectors = RNG.normal(size=(200, 3)).astype(np.float32)
    data = trisect.from_arrays(vectors, TARGETS, stack=2)
    np.testing.assert_array_equal(data.recording("train").observations, stack(vectors[: len(data["train"])], 2))
    with pytest.raises(ValueError, match="a multiple of the 2 steps that it holds"):
        trisect.from_arrays(vectors, TARGETS, stacked=2)


@pytest.mark.parametrize("as_folder", [True, False])
def test_the_command_line_stacks(tmp_path: Path, as_folder: bool) -> None:
    (tmp_path / "in").mkdir()
    arrays = {"images": FRAMES, "targets": TARGETS, "keys": np.array(["a", "b"])}
    np.savez(tmp_path / "in" / "train.npz", **arrays)
    source = tmp_path / "in" if as_folder else tmp_path / "in" / "train.npz"
    assert main(["convert", str(source), "--out", str(tmp_path / "out"), "--stack", "3"]) == 0
    data = trisect.load(tmp_path / "out")
    assert data.frames_per_observation == 3
    plain = convert(source, tmp_path / "plain")
    for name in plain:
        alone = plain.recording(name)
        np.testing.assert_array_equal(data.recording(name).observations, by_hand(alone.observations, alone.starts, 3))


def test_the_command_line_takes_stacked_frames(tmp_path: Path) -> None:
    arrays = {"images": stack(FRAMES, 2), "targets": TARGETS, "keys": np.array(["a", "b"])}
    np.savez(tmp_path / "mine.npz", **arrays)
    given = ["convert", str(tmp_path / "mine.npz"), "--out", str(tmp_path / "out")]
    assert main(given) != 0
    assert main([*given, "--stacked", "2"]) == 0
    assert trisect.load(tmp_path / "out").frames_per_observation == 2


def test_frames_without_any_before_them_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    space, targets = anonymous(["a", "b"]), np.zeros((200, 2), bool)
    train = Recording(FRAMES, targets, space, episode_starts=STARTS)
    single = Recording(FRAMES, targets, space, episode_starts=np.arange(200))
    triplets = Triplets(FRAMES[:9].reshape(3, 3, 17, 19, 3), np.zeros((3, 2)), space)
    splits = stacked_splits({"train": train, "test_indep": single, "test_triplets": triplets}, 2)
    assert list(splits) == ["train"]
    assert "split test_indep is left out" in caplog.text and "split test_triplets is left out" in caplog.text


def test_splits_hold_the_same_number_of_frames() -> None:
    space, targets = anonymous(["a", "b"]), np.zeros((200, 2), bool)
    pairs = stack(FRAMES, 2)
    one, two = (Recording(pairs, targets, space, frames_per_observation=held) for held in (1, 2))
    with pytest.raises(ValueError, match="the same as in all other splits; got 2 and 1"):
        Dataset({"train": one, "val": two})
    with pytest.raises(ValueError, match="a multiple of the 4 frames in an observation; got 6"):
        Recording(pairs, targets, space, frames_per_observation=4)


def test_inspection_counts_the_channels_of_one_frame() -> None:
    grey_and_alpha = RNG.integers(0, 256, (200, 17, 19, 2), dtype=np.uint8)
    for data, expected in (
        (trisect.from_arrays(stack(FRAMES[..., :1], 2), TARGETS, stacked=2), False),
        (trisect.from_arrays(stack(grey_and_alpha, 2), TARGETS, stacked=2), True),
    ):
        codes = [finding.code for finding in inspect.inspect(data).findings]
        assert ("extra-channel" in codes) is expected
        assert "(2 frames in each)" in inspect.inspect(data).description


def test_further_splits_hold_as_many_frames() -> None:
    data = trisect.from_arrays(FRAMES, TARGETS, stack=2)
    assert trisect.data.split(data, {"more": 0.2}).recording("more").frames_per_observation == 2


def test_a_folder_whose_number_of_frames_was_changed_is_refused(tmp_path: Path) -> None:
    data = trisect.from_arrays(FRAMES, TARGETS, stack=2)
    folder = store.save(data, tmp_path / "data")
    meta = sealed.read_json(folder / "meta.json")
    assert meta["frames_per_observation"] == 2
    for wrong in (0, 5, "2"):
        sealed.write_json(folder / "meta.json", {**meta, "frames_per_observation": wrong})
        with pytest.raises(ValueError, match="frames in an observation"):
            trisect.load(folder)
