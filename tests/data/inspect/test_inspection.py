"""The whole inspection: planted faults are found, sound data raise no alarm."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import trisect
from trisect.data.dataset import Dataset
from trisect.data.generate import generate, simulate
from trisect.data.recording import Recording
from trisect.data.triplets import Triplets
from trisect.variables import anonymous
from trisect.worlds import make


def recorded(world: str = "ball_in_boxes", num_frames: int = 2000, seed: int = 0) -> Recording:
    return simulate(make(world), num_frames, np.random.default_rng(seed))


def with_targets(recording: Recording, targets: np.ndarray) -> Dataset:
    return Dataset({"train": replace(recording, targets=targets)})


def codes(data: Dataset, *levels: str) -> list[str]:
    return [finding.code for finding in trisect.inspect(data).findings if finding.level in (levels or ("error",))]


@pytest.mark.parametrize("world", ["ball_in_boxes", "pong", "linear"])
@pytest.mark.parametrize("seed", range(3))
def test_sound_data_raise_no_alarm(world: str, seed: int) -> None:
    inspection = trisect.inspect(Dataset({"train": recorded(world, 2000, seed)}))
    assert inspection.at("error") == inspection.at("warning") == ()
    assert inspection.alignment.lag == 0 and inspection.suggestions == ()


@pytest.mark.parametrize("rows", [-1, 1])
def test_a_shift_is_an_error(rows: int) -> None:
    recording = recorded()
    assert codes(with_targets(recording, np.roll(recording.targets, rows, axis=0))) == ["shifted"]


def test_variables_always_intervened_on_together_are_named_with_a_suggestion() -> None:
    recording = recorded()
    targets = recording.targets.copy()
    targets[:, 1] = targets[:, 0]
    inspection = trisect.inspect(with_targets(recording, targets))
    (error,) = inspection.at("error")
    assert error.code == "equal-targets" and error.variables == ("ball_b", "ball_x")
    assert [suggestion.group for suggestion in inspection.suggestions] == [("ball_b", "ball_x")]


def test_several_faults_are_all_found() -> None:
    recording = recorded()
    targets = np.roll(recording.targets, 1, axis=0)
    targets[:, 1] = targets[:, 0]
    frozen = np.repeat(recording.observations[::2], 2, axis=0)
    data = with_targets(replace(recording, observations=frozen), targets)
    assert {"equal-targets"} <= set(codes(data))
    assert "frozen-frames" in codes(data, "warning")


def test_no_interventions_and_no_steps_are_errors() -> None:
    recording = recorded(num_frames=300)
    assert codes(with_targets(recording, np.zeros_like(recording.targets))) == ["no-interventions"]
    single = Dataset({"train": replace(recording, episode_starts=np.arange(300))})
    assert codes(single) == ["no-steps"]


def test_the_training_recording_is_inspected_or_the_first_one() -> None:
    sound = recorded(num_frames=1000)
    shifted = replace(sound, targets=np.roll(sound.targets, 1, axis=0))
    assert trisect.inspect(Dataset({"val": shifted, "train": sound})).split == "train"
    inspection = trisect.inspect(Dataset({"val": shifted, "test": sound}))
    assert inspection.split == "val" and [finding.code for finding in inspection.at("error")] == ["shifted"]
    frames = np.zeros((4, 3, 8, 8, 1), np.uint8)
    triplets = Triplets(frames, np.zeros((4, 1), bool), anonymous(["a"]))
    with pytest.raises(ValueError, match="at least one recording"):
        trisect.inspect(Dataset({"test_triplets": triplets}))


def test_a_folder_is_inspected_like_the_data_in_it(tmp_path) -> None:
    generate(make("ball_in_boxes"), tmp_path / "boxes", num_frames=600, seed=1)
    from_folder, loaded = trisect.inspect(tmp_path / "boxes"), trisect.inspect(trisect.load(tmp_path / "boxes"))
    assert from_folder.findings == loaded.findings
    assert str(from_folder).startswith(f"{tmp_path / 'boxes'}: observations (32, 32, 3)")
    with pytest.raises(FileNotFoundError):
        trisect.inspect(tmp_path / "nowhere")


def test_memory_hardly_grows_with_the_rows() -> None:
    """About 25 to 60 MB whatever the length, and 60 bytes per row; the rows themselves are 36 bytes each."""
    peaks = []
    for num in (50_000, 400_000):
        rng = np.random.default_rng(0)
        targets, starts = rng.random((num, 4)) < 0.1, np.arange(0, num, 500)
        vectors = rng.normal(size=(num, 8)).astype(np.float32)
        data = Dataset({"train": Recording(vectors, targets, anonymous(list("abcd")), episode_starts=starts)})
        tracemalloc.start()
        trisect.inspect(data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 120e6 and peaks[1] - peaks[0] < 150 * 350_000


def test_text_and_json_say_the_same() -> None:
    recording = recorded()
    targets = recording.targets.copy()
    targets[:, 1] = targets[:, 0]
    inspection = trisect.inspect(with_targets(recording, targets))
    plain = json.loads(json.dumps(inspection.to_json()))
    assert [each["code"] for each in plain["findings"]] == [finding.code for finding in inspection.findings]
    assert plain["facts"] == list(inspection.facts) and all(fact in str(inspection) for fact in inspection.facts)
    assert plain["alignment"]["lag"] == 0 and plain["suggestions"][0]["group"] == ["ball_b", "ball_x"]
    assert all(finding.what in str(inspection) and finding.advice in str(inspection) for finding in inspection.findings)
    with pytest.raises(ValueError, match="the level of a finding"):
        inspection.at("fatal")


def test_a_validation_split_without_a_pair_is_an_error() -> None:
    train = recorded(num_frames=600)
    single = replace(train.rows(0, 3), episode_starts=np.arange(3))
    (error,) = trisect.inspect(Dataset({"train": train, "val": single})).at("error")
    assert error.code == "no-steps" and "the longest episode of split 'val'" in error.what
    assert codes(Dataset({"train": train, "test": single})) == []
