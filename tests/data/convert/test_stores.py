"""Arrays in files and stores: what is evident, what is asked for, and what is refused."""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.data.convert.formats import (
    Recorded,
    log,
    record,
    write_archives,
    write_arrays,
    write_d4rl,
    write_robomimic,
    write_zarr,
)

import trisect
from trisect.data import Dataset
from trisect.data.convert import understand
from trisect.data.convert.plans import options_of


def whole(data: Dataset, name: str) -> np.ndarray:
    return np.concatenate([np.asarray(getattr(data.recording(split), name)) for split in data])


def in_time(data: Dataset, recorded: Recorded) -> np.ndarray:
    """The rows of the recording to which those of a data set belong, by the truth."""
    places = {row.astype(np.float32).tobytes(): number for number, row in enumerate(recorded.factors)}
    return np.array([places[values.tobytes()] for values in whole(data, "factors").astype(np.float32)])


def test_roles_are_evident_from_names_and_can_be_given_instead(tmp_path: Path) -> None:
    recorded = record()
    write_archives(recorded, tmp_path / "in")
    known = understand(tmp_path / "in")
    assert known.plan["columns"]["targets"] == ["targets"] and known.plan["columns"]["image"] == "images"
    data = trisect.convert(tmp_path / "in", tmp_path / "out")
    assert data.variables.names == ("lamp", "cart") and "3 episodes, one per group" in data.source["said"]
    sensed = trisect.convert(tmp_path / "in", tmp_path / "sensed", columns={"sensors": ["latents"]})
    assert sensed.observation_shape == (2,) and not hasattr(sensed["train"].factors, "shape")


def test_a_group_stands_for_all_that_is_in_it(tmp_path: Path) -> None:
    recorded = record()
    write_robomimic(recorded, tmp_path / "in")
    columns = {"targets": ["actions"], "sensors": ["obs"], "factors": ["states"]}
    data = trisect.convert(tmp_path / "in" / "demo.hdf5", tmp_path / "out", columns=columns)
    rows = in_time(data, recorded)
    np.testing.assert_array_equal(whole(data, "observations"), recorded.readings[rows])
    np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[rows])
    assert data.source["form"] == "robomimic demonstrations (HDF5)"


def test_arrays_with_a_row_less_and_with_a_row_per_frame_meet_once_the_latter_have_a_meaning(tmp_path: Path) -> None:
    """Targets have one row less; actions as many as frames, where row t led to frame t+1."""
    recorded = record()
    for number, rows in enumerate(recorded.episodes):
        folder = tmp_path / "in" / str(number)
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", recorded.frames[rows])
        np.save(folder / "targets.npy", recorded.targets[rows][1:])
        np.save(folder / "factors.npy", recorded.factors[rows])
        np.save(folder / "actions.npy", recorded.caused[rows].astype(float))
    with pytest.raises(ValueError, match=r"the rows of actions.0, actions.1 in .* must be given a meaning"):
        trisect.convert(tmp_path / "in", tmp_path / "out")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="cause")
    rows = in_time(data, recorded)
    np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[rows])
    np.testing.assert_array_equal(whole(data, "actions"), recorded.targets[rows])
    other = trisect.convert(tmp_path / "in", tmp_path / "other", alignment="effect")
    np.testing.assert_array_equal(whole(other, "targets"), recorded.targets[in_time(other, recorded)])


def test_levels_of_a_flat_file_become_switches_within_episodes(tmp_path: Path) -> None:
    import h5py

    rng, T = np.random.default_rng(0), 120
    level = np.repeat(rng.integers(0, 9, 40), 3).astype(float)
    ends = np.arange(T) % 40 == 39
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in" / "log.h5", "w") as file:
        file["observations"], file["actions"] = np.arange(T * 2.0).reshape(T, 2), level[:, None]
        file["terminals"] = ends
    data = trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": ["actions"]}, encode="switch")
    expected = np.zeros(T, bool)
    for t in range(2, T):
        if t % 40 > 1:  # the command of row t-1 led to frame t; in frame 1 of an episode none is before it
            expected[t] = level[t - 1] != level[t - 2]
    rows = whole(data, "observations")[:, 0].astype(int) // 2
    np.testing.assert_array_equal(whole(data, "targets")[:, 0], expected[rows])


def test_pictures_in_an_array_belong_to_the_table_beside_it(tmp_path: Path) -> None:
    recorded = record()
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "camera.npy", recorded.frames)
    log(recorded).to_csv(tmp_path / "in" / "log.csv", index=False)
    columns = {"targets": ["lamp", "cart"], "factors": ["light", "place"]}
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns=columns)
    np.testing.assert_array_equal(whole(data, "observations"), recorded.frames[in_time(data, recorded)])
    np.save(tmp_path / "in" / "camera.npy", recorded.frames[1:])
    with pytest.raises(ValueError, match="camera.npy' must be one picture per row; got 179 pictures for 180 rows"):
        trisect.convert(tmp_path / "in", tmp_path / "again", alignment="effect", columns=columns)


def test_sequences_as_of_the_published_kitchen_are_read(tmp_path: Path) -> None:
    """A file per sequence, frames with channels first, names of the causal variables; row t led to frame t."""
    recorded = record()
    (tmp_path / "in").mkdir()
    for number, rows in enumerate(recorded.episodes):
        arrays = {"frames": recorded.frames[rows].transpose(0, 3, 1, 2), "latents": recorded.factors[rows]}
        arrays |= {"targets": recorded.targets[rows].astype(np.uint8), "actions": recorded.factors[rows][:, ::-1]}
        np.savez(tmp_path / "in" / f"kitchen_seq_{number:06d}.npz", **arrays, causal_keys=np.array(["lamp", "cart"]))
    data = trisect.convert(tmp_path / "in", tmp_path / "out")
    rows = in_time(data, recorded)
    np.testing.assert_array_equal(whole(data, "observations"), recorded.frames[rows])
    np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[rows])
    np.testing.assert_allclose(whole(data, "actions"), recorded.factors[rows][:, ::-1], atol=1e-6)
    assert data.variables.names == ("lamp", "cart") and data.source["alignment"] == "effect"


def test_the_published_layout_of_the_kitchen_gives_what_its_loader_gives(shared: Path, tmp_path: Path) -> None:
    """The item is a window of two frames: frames 1 and 2 of the second of two sequences of 8."""
    item = torch.load(shared / "golden" / "loader_items.pt", weights_only=True)["ithor_train_item_8"]
    data = trisect.convert(shared / "data" / "toy_ithor" / "train", tmp_path / "out")
    pairs = item["frames_uint8"].numpy().transpose(0, 2, 3, 1)
    frames = whole(data, "observations")
    at = int(np.flatnonzero((frames == pairs[1]).all(axis=(1, 2, 3)))[0])
    np.testing.assert_array_equal(frames[at - 1], pairs[0])
    np.testing.assert_array_equal(whole(data, "targets")[at], item["target"].numpy()[0] == 1)
    np.testing.assert_allclose(2 * whole(data, "actions")[at] - 1, item["action"].numpy()[0], atol=1e-6)
    assert len(data.variables) == 18 and data.variables.names[0] == "Cabinet_47fc321b_open"


def test_a_folder_may_hold_an_archive_for_every_array(tmp_path: Path) -> None:
    recorded = record()
    for number, rows in enumerate(recorded.episodes):
        folder = tmp_path / "in" / f"seq_{number:04d}"
        folder.mkdir(parents=True)
        np.savez_compressed(folder / "obs.npz", imgs=recorded.frames[rows])
        np.savez_compressed(folder / "interventions.npz", recorded.targets[rows])
        np.savez_compressed(
            folder / "causal_vars.npz", light=recorded.factors[rows, 0], place=recorded.factors[rows, 1]
        )
    columns = {"factors": ["causal_vars/light", "causal_vars/place"]}
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns=columns)
    rows = in_time(data, recorded)
    np.testing.assert_array_equal(whole(data, "observations"), recorded.frames[rows])
    np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[rows])


@pytest.mark.filterwarnings("ignore::UserWarning:minari")
@pytest.mark.parametrize("data_format", ["hdf5", "arrow", "parquet"])
@pytest.mark.parametrize("side", [8, 40])  # Minari stores pictures from 32 pixels on as JPEG
def test_what_minari_wrote_is_read_in_all_of_its_formats(
    data_format: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Minari leaves a temporary folder to the garbage collector
        frames, moved, truth = collected(data_format, side)
        gc.collect()
    folder = tmp_path / "minari" / "lamps" / "test-v0"
    columns = {"targets": ["infos/moved"], "factors": ["infos/lamps"], "image": "observations/camera"}
    data = trisect.convert(folder, tmp_path / "out", columns=columns)
    places = {row.astype(np.float32).tobytes(): number for number, row in enumerate(truth)}
    rows = np.array([places[values.tobytes()] for values in whole(data, "factors")])
    first = np.concatenate([np.arange(len(data[split])) for split in data]) == 0
    np.testing.assert_array_equal(whole(data, "targets"), moved[rows] & ~first[:, None])
    apart = np.abs(whole(data, "observations").astype(int) - frames[rows])
    assert apart.max() == 0 if side == 8 else apart.mean() < 3
    assert whole(data, "actions").shape == (len(rows), 1) and data.source["alignment"] == "effect"


def collected(data_format: str, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, targets and truth of three episodes that Minari's own collector recorded."""
    import gymnasium
    import minari

    seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    class Lamps(gymnasium.Env):  # type: ignore[misc]
        observation_space = gymnasium.spaces.Dict(
            camera=gymnasium.spaces.Box(0, 255, (side, side, 3), np.uint8),
            speed=gymnasium.spaces.Box(-1, 1, (2,), np.float64),
        )
        action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float64)

        def _observed(self, moved: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
            frame = np.full((side, side, 3), 40, np.uint8)
            frame[: side // 2], frame[side // 2 :] = (100 + 100 * self.lamps[:, None, None]).astype(np.uint8)
            seen.append((frame, moved, self.lamps.copy()))
            return {"camera": frame, "speed": np.zeros(2)}, {"moved": moved, "lamps": self.lamps.copy()}

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            super().reset(seed=seed)
            self.lamps = self.np_random.uniform(-1, 1, 2)
            return self._observed(np.zeros(2, bool))

        def step(self, action: Any) -> Any:
            moved = self.np_random.random(2) < 0.3
            self.lamps = np.where(moved, self.np_random.uniform(-1, 1, 2), 0.9 * self.lamps)
            observed, info = self._observed(moved)
            return observed, 0.0, False, False, info

    environment = minari.DataCollector(
        gymnasium.wrappers.TimeLimit(Lamps(), 20), record_infos=True, data_format=data_format
    )
    for seed in range(3):
        environment.reset(seed=seed)
        done = False
        while not done:
            *_, done, _ = environment.step(np.zeros(1))
    about = {"algorithm_name": "none", "author": "none", "author_email": "none", "code_permalink": "none"}
    environment.create_dataset("lamps/test-v0", description="test", **about)
    environment.close()
    return tuple(np.stack(each) for each in zip(*seen))  # type: ignore[return-value]


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("write", "pattern", "spoil", "message"),
    [
        (write_archives, "episode_1.npz", _cut, "episode_1.npz' must be"),
        (write_arrays, "run1/camera.npy", _cut, "camera.npy' must be a complete .npy array"),
        (write_arrays, "run1/camera.npy", lambda file: file.unlink(), "run1' must be one of|in every episode|camera"),
        (write_robomimic, "demo.hdf5", _cut, "the file '.*demo.hdf5' must be a whole HDF5 file"),
        (write_d4rl, "door.hdf5", lambda file: file.write_bytes(b"\x89HDF\r\n\x1a\n"), "must be a whole HDF5 file"),
        (write_zarr, "data/img/zarr.json", lambda file: file.write_text("{"), "must be a whole group"),
    ],
)
def test_damaged_files_are_refused_in_a_sentence(
    write: Callable[[Recorded, Path], dict[str, Any]], pattern: str, spoil: Any, message: str, tmp_path: Path
) -> None:
    options = write(record(), tmp_path / "in")
    spoil(tmp_path / "in" / pattern)
    with pytest.raises(ValueError, match=message):
        trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_pieces_that_a_store_lacks_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = write_zarr(record(), tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "data" / "img" / "c" / "1")
    trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    assert "1 of 4 pieces of 'data/img' are not stored, and are taken as 0" in caplog.text


@pytest.mark.parametrize(
    ("package", "write", "sentence"),
    [
        ("h5py", write_d4rl, r"h5py must be installed to read HDF5 files; .*pip install 'trisect\[hdf5\]'"),
        ("zarr", write_zarr, r"zarr must be installed to read zarr stores; .*pip install 'trisect\[zarr\]'"),
        ("pandas", write_arrays, r"pandas must be installed to read logs; .*pip install 'trisect\[tables\]'"),
    ],
)
def test_a_missing_package_is_asked_for_by_its_extra(
    package: str, write: Any, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = write(record(), tmp_path / "in")
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=sentence):
        trisect.convert(tmp_path / "in", tmp_path / "out", **options)


def test_a_plan_of_arrays_with_a_row_less_moves_the_others_again(tmp_path: Path) -> None:
    """Targets with a row per frame, where row t led to frame t+1, beside actions with one row less."""
    recorded = record()
    (tmp_path / "in").mkdir()
    for number, rows in enumerate(recorded.episodes):
        arrays = {"obs": recorded.readings[rows], "factors": recorded.factors[rows]}
        arrays |= {"targets": recorded.caused[rows], "actions": recorded.factors[rows][1:]}
        np.savez(tmp_path / "in" / f"{number}.npz", **arrays)
    plan = understand(tmp_path / "in", alignment="cause").plan
    for name, options in (("a", {"alignment": "cause"}), ("b", options_of(plan))):
        data = trisect.convert(tmp_path / "in", tmp_path / name, **options)
        rows = in_time(data, recorded)
        np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[rows])


def test_actions_of_experiments_keep_the_meaning_of_their_rows(tmp_path: Path) -> None:
    recorded = record()
    options = write_robomimic(recorded, tmp_path / "in")
    columns = {**options["columns"], "targets": [], "actions": ["actions"]}
    data = trisect.convert(tmp_path / "in", tmp_path / "out", columns=columns, interventions={"demo_1": ["x", "y"]})
    rows = in_time(data, recorded)
    np.testing.assert_array_equal(whole(data, "actions"), recorded.targets[rows])


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_set_points_with_a_row_less_have_no_switch_at_the_start(kind: type, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(6):
        level = np.repeat([1, 4, 2, 7], 5)[1:].astype(kind)
        np.savez(tmp_path / "in" / f"{number}.npz", obs=np.arange(20.0)[:, None], targets=level[:, None])
    data = trisect.convert(tmp_path / "in", tmp_path / "out", encode="switch")
    expected = np.isin(np.arange(20), [5, 10, 15])
    np.testing.assert_array_equal(whole(data, "targets")[:, 0], np.tile(expected, 6))


def test_episodes_of_which_some_have_a_row_less_need_an_alignment(tmp_path: Path) -> None:
    recorded = record()
    (tmp_path / "in").mkdir()
    for number, rows in enumerate(recorded.episodes):
        targets = recorded.targets[rows][1:] if number else recorded.caused[rows]
        np.savez(
            tmp_path / "in" / f"{number}.npz",
            obs=recorded.readings[rows],
            targets=targets,
            factors=recorded.factors[rows],
        )
    with pytest.raises(ValueError, match="the rows of .* must be given a meaning; got as many as frames"):
        trisect.convert(tmp_path / "in", tmp_path / "out")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="cause")
    np.testing.assert_array_equal(whole(data, "targets"), recorded.targets[in_time(data, recorded)])


def test_truths_with_a_row_less_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    arrays = {"obs": np.zeros((20, 2)), "targets": np.eye(2)[np.arange(19) % 2], "factors": np.zeros((19, 2), int)}
    np.savez(tmp_path / "in" / "1.npz", **arrays)
    with pytest.raises(ValueError, match="sensors and factors of .* must be one per frame; got one less of factors.0"):
        trisect.convert(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("write", [write_robomimic, write_archives])
def test_files_of_another_kind_beside_the_recording_are_named(
    write: Callable[[Recorded, Path], dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = write(record(), tmp_path / "in")
    log(record()).to_csv(tmp_path / "in" / "log.csv", index=False)
    data = trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    assert "files beside the recording that are not read: log.csv" in caplog.text
    assert data.source["left_out"][-1] == "log.csv"
