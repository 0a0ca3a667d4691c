"""Recordings of environments: what they hold, and that interruptions and processes change no byte."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.lights import NAMES, SET, Lights, levels, set_left

from trisect.data import Dataset, Recorder, Recording, episodes, load, verify
from trisect.interventions import GroupedTargets, IndependentTargets, TargetPolicy
from trisect.variables import Angle, Continuous, VariableSpace

SIZES = {"frames": 300, "splits": {"val": 40}, "seed": 3}
RECORDER = Recorder(Lights, SET, factors=levels, size=None)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def recorded(folder: Path, recorder: Recorder = RECORDER, **settings: Any) -> Recording:
    return recorder.record(out=folder / "out", **{**SIZES, **settings}).recording("train")


def within(train: Recording) -> np.ndarray:
    """Rows that are no first frame of an episode."""
    return np.setdiff1d(np.arange(len(train)), train.starts)


def test_splits_and_sizes_by_default(tmp_path: Path) -> None:
    data = RECORDER.record(frames=500, out=tmp_path / "out", seed=0)
    assert {name: len(split) for name, split in data.items()} == {"train": 500, "val": 50, "test": 50}
    assert data.targeted == NAMES and data.source["environment"] == {"name": "Lights"}
    assert not set(map(bytes, data["val"].observations[:20])) & set(map(bytes, data["test"].observations[:20]))
    verify(tmp_path / "out")


def test_row_t_of_targets_and_actions_belongs_to_frame_t(tmp_path: Path) -> None:
    train = recorded(tmp_path)
    before, after = train.factors[within(train) - 1], train.factors[within(train)]
    usual = (before + np.concatenate([1 + train.actions, np.full((len(train), 1), 2)], axis=1)[within(train)]) % 256
    targets = train.targets[within(train)]
    assert np.array_equal(after[~targets], usual[~targets]) and (after[targets] >= 200).all()
    assert 20 < targets.sum() < 100 and (after[targets] != usual[targets]).mean() > 0.9


def test_frames_show_the_state_after_the_interventions(tmp_path: Path) -> None:
    train = recorded(tmp_path)
    assert train.observations.shape == (300, 6, 8, 3)
    assert np.array_equal(train.observations[:, 0, [0, 7], 0], train.factors)


def test_first_frames_have_neither_targets_nor_actions(tmp_path: Path) -> None:
    train = recorded(tmp_path, dataclasses.replace(RECORDER, policy=IndependentTargets((1.0, 1.0))))
    assert not train.targets[train.starts].any() and not train.actions[train.starts].any()
    assert train.targets[within(train)].all()


def test_episodes_end_with_the_environment_or_by_their_length(tmp_path: Path) -> None:
    train = recorded(tmp_path)
    assert 5 <= train.episode_lengths[:-1].min() < 10 and 20 < train.episode_lengths.max() <= 29
    short = dataclasses.replace(RECORDER, episode_length=7)
    lengths = short.record(frames=300, out=tmp_path / "short", seed=3, splits={}).recording("train").episode_lengths
    assert lengths.max() == 7 and (lengths[:-1] == 7).mean() > 0.8


@pytest.mark.parametrize(
    ("policy", "most", "share"),
    [
        ("single", 1, (0.06, 0.15)),
        ("independent", 2, (0.06, 0.15)),
        ("grouped", 1, (0.25, 0.4)),
        ("actions", 0, (0, 0)),
    ],
)
def test_policies(policy: str, most: int, share: tuple[float, float], tmp_path: Path) -> None:
    train = recorded(tmp_path, dataclasses.replace(RECORDER, policy=policy), frames=3000)
    assert train.targets.sum(axis=1).max() == most
    assert all(share[0] <= each <= share[1] for each in train.targets[within(train)].mean(axis=0))


def test_a_policy_of_ones_own_is_over_the_interventions_in_their_order(tmp_path: Path) -> None:
    policy = GroupedTargets(((0,), ()), 2)
    backwards = dict(reversed(SET.items()))
    train = recorded(tmp_path, dataclasses.replace(RECORDER, interventions=backwards, policy=policy))
    assert train.targeted == ("right",) and train.variables.names == NAMES


def test_actions_only_need_no_interventions(tmp_path: Path) -> None:
    train = recorded(tmp_path, Recorder(Lights, {}, "actions", ["left"], size=None))
    assert not train.targets.any() and set(train.actions.ravel().tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="the variables of a Recorder must be named; got no name; pass variables="):
        Recorder(Lights, {}, "actions").record(frames=20, out=tmp_path / "none", seed=0)


def test_variables_may_be_more_than_the_interventions_and_have_ranges(tmp_path: Path) -> None:
    space = VariableSpace([Continuous("left", 0, 255), Continuous("right", 0, 255)])
    recorder = dataclasses.replace(RECORDER, interventions={"left": set_left}, variables=space)
    train = recorded(tmp_path, recorder)
    assert train.variables == space and train.targeted == ("left",)
    with pytest.raises(ValueError, match="angle 'left' must be in radians"):
        recorded(tmp_path / "angle", dataclasses.replace(recorder, variables=[Angle("left"), Continuous("right")]))


def test_an_agent_sees_observations(tmp_path: Path) -> None:
    def agent(observation: np.ndarray, rng: np.random.Generator) -> int:
        return int(observation[0] % 2) + int(rng.integers(1))

    train = recorded(tmp_path, dataclasses.replace(RECORDER, agent=agent, policy="actions"))
    rows = within(train)
    assert np.array_equal(train.actions[rows, 0], train.factors[rows - 1, 0] % 2)


def test_frames_are_resized(tmp_path: Path) -> None:
    train = recorded(tmp_path, dataclasses.replace(RECORDER, size=(3, 2)))
    assert train.observations.shape == (300, 3, 2, 3)
    assert np.array_equal(train.observations[:, 2, :, 1], train.factors)


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        recorded(tmp_path / name, seed=seed)
    one, again, other = (digest(tmp_path / name / "out") for name in ("one", "again", "other"))
    assert one == again and one["train/observations.npy"] != other["train/observations.npy"]


def test_no_episode_is_a_copy_of_another(tmp_path: Path) -> None:
    data = RECORDER.record(frames=3000, out=tmp_path / "out", seed=0, splits={"val": 300, "test": 300})
    firsts = [bytes(split.factors[start : start + 4]) for split in data.values() for start in split.starts]
    assert len(set(firsts)) == len(firsts) > 150


def test_the_source_says_how_gymnasium_made_an_environment(tmp_path: Path) -> None:
    lights = Lights()
    lights.__dict__["spec"] = SimpleNamespace(id="Lights-v0", kwargs={"gravity": 1.6, "texture": object()})
    recorded(tmp_path, dataclasses.replace(RECORDER, environment=lights))
    assert load(tmp_path / "out").source["environment"] == {"id": "Lights-v0", "settings": {"gravity": 1.6}}


def test_an_environment_gives_the_bytes_of_a_function_that_makes_it(tmp_path: Path) -> None:
    lights = Lights()
    recorded(tmp_path / "made", dataclasses.replace(RECORDER, environment=lights))
    recorded(tmp_path / "function")
    assert not lights.closed
    made, function = (digest(tmp_path / name / "out" / "train") for name in ("made", "function"))
    assert made == function


def test_an_environment_that_is_made_is_closed(tmp_path: Path) -> None:
    made: list[Lights] = []

    def make() -> Lights:
        made.append(Lights())
        return made[-1]

    recorded(tmp_path, dataclasses.replace(RECORDER, environment=make))
    assert len(made) > 2 and all(each.closed for each in made)


class Killed(Exception):
    pass


@pytest.mark.parametrize("rows", [1, 500, 4000, 4300])
def test_an_interrupted_recording_resumes_with_the_same_bytes(rows: int, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"frames": 4000, "splits": {"val": 40, "test": 300}, "seed": 5}

    def stop(done: int, total: int) -> None:
        if done >= rows:
            raise Killed

    whole = RECORDER.record(out=tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        RECORDER.record(out=tmp_path / "out", progress=stop, **settings)
    assert not (tmp_path / "out").exists()
    with (tmp_path / "out.partial" / "train" / "targets.npy").open("ab") as torn:
        torn.write(b"torn")
    seen: list[tuple[int, int]] = []
    RECORDER.record(out=tmp_path / "out", progress=lambda *numbers: seen.append(numbers), **settings)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")
    assert seen[0][0] >= rows and seen[-1] == (4340, 4340) and len(whole.recording("train").starts) > 150


DIES = """
import os, sys
sys.path.insert(0, {root!r})
from tests.lights import SET, Lights, levels
from trisect.data import Recorder
recorder = Recorder(Lights, SET, factors=levels, size=None)
recorder.record(frames=1500, out=sys.argv[1], seed=0, splits={{}}, progress=lambda done, _: done > 500 and os._exit(9))
"""


@pytest.mark.slow
def test_a_process_that_dies_is_resumed(tmp_path: Path) -> None:
    script = DIES.format(root=str(Path(__file__).resolve().parents[2]))
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    seen: list[int] = []
    settings: dict[str, Any] = {"frames": 1500, "seed": 0, "splits": {}}
    RECORDER.record(out=tmp_path / "out", progress=lambda done, _: seen.append(done), **settings)
    RECORDER.record(out=tmp_path / "whole", **settings)
    assert died.returncode == 9 and seen[0] > 500
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_a_function_that_fails_stops_the_recording_and_what_was_recorded_is_kept(tmp_path: Path) -> None:
    calls: list[int] = []

    def fails_late(lights: Lights, rng: np.random.Generator) -> None:
        calls.append(0)
        if len(calls) == 150:
            raise KeyError("gone")
        set_left(lights, rng)

    recorder = dataclasses.replace(RECORDER, interventions={"left": fails_late})
    sentence = "the intervention 'left' must be a function that does not fail; got KeyError: 'gone'; correct it"
    with pytest.raises(ValueError, match=sentence):
        recorder.record(frames=4000, out=tmp_path / "out", seed=0)
    seen: list[int] = []
    recorder.record(frames=4000, out=tmp_path / "out", seed=0, progress=lambda done, _: seen.append(done))
    calls[:] = [0] * 1000
    recorder.record(frames=4000, out=tmp_path / "whole", seed=0)
    assert seen[0] > 1000 and digest(tmp_path / "out" / "train") == digest(tmp_path / "whole" / "train")


def test_a_finished_recording_is_returned_and_not_made_again(tmp_path: Path) -> None:
    recorded(tmp_path)
    former = digest(tmp_path / "out")
    assert len(recorded(tmp_path, progress=lambda *_: pytest.fail("recorded again"))) == 300
    assert digest(tmp_path / "out") == former
    with pytest.raises(FileExistsError, match="must be new"):
        recorded(tmp_path, seed=4)


def test_unfinished_work_of_other_functions_is_refused(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise Killed

    with pytest.raises(Killed):
        recorded(tmp_path, progress=stop)
    changed = dataclasses.replace(RECORDER, interventions={**SET, "left": lambda lights, rng: None})
    sentence = r"settings of the unfinished folder.*got other functions \(the intervention 'left'\); repeat the first"
    with pytest.raises(ValueError, match=sentence):
        recorded(tmp_path, changed)


def test_a_corrected_function_starts_again_where_nothing_was_finished(tmp_path: Path) -> None:
    broken = dataclasses.replace(RECORDER, factors=lambda lights: {**levels(lights), "left": 1 / (lights.left % 2)})
    with pytest.raises(ValueError, match="function of factors must be a function that does not fail; got ZeroDiv"):
        recorded(tmp_path, broken)
    recorded(tmp_path)
    recorded(tmp_path / "whole")
    assert digest(tmp_path / "out") == digest(tmp_path / "whole" / "out")


def peak(folder: Path, frames: int) -> int:
    """Largest number of bytes that Python and NumPy hold while a recording is made."""
    recorder = dataclasses.replace(RECORDER, size=(60, 80))
    tracemalloc.start()
    try:
        recorder.record(frames=frames, out=folder, seed=0, splits={})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "CHUNK_BYTES", 3 * 100 * 60 * 80 * 3)  # three episodes
    peak(tmp_path / "warm", 20)
    short, long = peak(tmp_path / "short", 400), peak(tmp_path / "long", 1200)
    assert long < 1.3 * short < 400 * 60 * 80 * 3


def test_the_size_of_chunks_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(tmp_path / "large")
    monkeypatch.setattr(episodes, "CHUNK_BYTES", 1)
    recorded(tmp_path / "small")
    assert digest(tmp_path / "large" / "out") == digest(tmp_path / "small" / "out")


def test_an_environment_that_ignores_its_seed_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded(tmp_path / "repeats")
    assert "for the same seed" not in caplog.text
    recorded(tmp_path / "differs", dataclasses.replace(RECORDER, environment=Forgetful))
    assert "the environment draws other frames for the same seed" in caplog.text


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_bytes(tmp_path: Path) -> None:
    for workers in (1, 2):
        RECORDER.record(frames=2500, out=tmp_path / str(workers), seed=0, workers=workers)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_an_environment_and_functions_within_functions_cannot_be_sent_to_workers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="an id, or a function that makes it, for several workers; got an environment"):
        recorded(tmp_path, dataclasses.replace(RECORDER, environment=Lights()), workers=2)
    with pytest.raises(ValueError, match="'left' must be a function at the top of a module, for several workers; got "):
        recorded(tmp_path, dataclasses.replace(RECORDER, interventions={"left": lambda a, b: None}), workers=2)


class Forgetful(Lights):
    def reset(self, *, seed: int | None = None) -> Any:
        return super().reset(seed=None)


class Grows(Lights):
    def render(self) -> Any:
        return super().render()[: 6 if self.left > 3 else 5]


class Floats(Lights):
    def render(self) -> Any:
        return super().render() / 255


class Many(Lights):
    num_envs = 3


class Silent(Lights):
    render_mode = None


class Old(Lights):
    def step(self, action: int) -> Any:
        return super().step(action)[1:]


class Worded(Lights):
    def step(self, action: Any) -> Any:
        return super().step(1)


class NoSpace(Lights):
    def __init__(self) -> None:
        super().__init__()
        del self.action_space


BAD_ENVIRONMENTS = {
    "a render that changes its shape": (Grows, r"always \(6, 8, 3\); got \(5, 8, 3\); give it one size"),
    "a render of floats": (Floats, "renders must be an array of uint8; got an array of float64"),
    "a vector": (Many, "must be a single one; got a vector of 3; pass a function that makes one of them"),
    "no render mode": (Silent, "must be 'rgb_array'; got None; make it with render_mode='rgb_array'"),
    "four values": (Old, r"step of the environment returns must be \(observation, reward, terminated, truncated, info"),
    "no action space": (NoSpace, "must be one with an action_space; got none; pass agent="),
    "a number": (3, "the environment must be one with Gymnasium's methods, a function that makes one, or an id; got 3"),
    "a function of none": (lambda: None, "Gymnasium's methods; got None without reset, step, render, unwrapped"),
}


@pytest.mark.parametrize("case", BAD_ENVIRONMENTS)
def test_a_bad_environment_gets_one_sentence(case: str, tmp_path: Path) -> None:
    environment, sentence = BAD_ENVIRONMENTS[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        recorded(tmp_path, dataclasses.replace(RECORDER, environment=environment))


class Given(TargetPolicy):
    """Samples what it is given, whatever is asked for."""

    def __init__(self, targets: Any, num_variables: Any = 2):
        self.targets, self.num_variables = targets, num_variables

    def sample(self, num_steps: int, rng: np.random.Generator) -> np.ndarray:
        return self.targets() if callable(self.targets) else self.targets


BAD_TARGETS: dict[str, tuple[Any, str]] = {
    "for variables alone": (
        np.zeros(2),
        r"shape of the targets .* must be \(100, 2\): \(steps, interven.*; got \(2,\);",
    ),
    "turned": (np.zeros((2, 100)), r"must be \(100, 2\): \(steps, interventions\); got \(2, 100\); correct its sample"),
    "of other numbers": (np.full((100, 2), 0.5), r"samples must be 0 or 1; got 0.5 at step 0, intervention 0 \(left\)"),
    "none": (None, r"must be \(100, 2\): \(steps, interventions\); got \(\)"),
    "ragged": (
        [[1, 0], [1]],
        "sample of the policy of a Recorder must be a function that does not fail; got ValueError",
    ),
    "a failure": (lambda: {}["x"], "sample of the policy .* must be a function that does not fail; got KeyError: 'x'"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_a_policy_that_samples_no_targets_gets_one_sentence_and_no_folder(case: str, tmp_path: Path) -> None:
    targets, sentence = BAD_TARGETS[case]
    with pytest.raises(ValueError, match=sentence):
        recorded(tmp_path, dataclasses.replace(RECORDER, policy=Given(targets)))
    assert not list(tmp_path.iterdir())


def test_a_policy_may_sample_zeros_and_ones(tmp_path: Path) -> None:
    targets = np.tile([[0, 1], [0, 0]], (50, 1))
    train = recorded(tmp_path, dataclasses.replace(RECORDER, policy=Given(targets)))
    assert train.targeted == ("right",) and train.targets.dtype == bool


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "an intervention that is no function": ({"interventions": {"left": 3}}, "'left' must be a function of .*; got 3"),
    "an intervention of one argument": ({"interventions": {"left": lambda env: 0}}, r"generator; got one of \(env\)"),
    "an unknown policy": ({"policy": "singel"}, "must be one of single, .*; got 'singel'; did you mean 'single'"),
    "a policy that is none": (
        {"policy": set_left},
        "must be a name, or a TargetPolicy; got <function .*; derive yours",
    ),
    "a policy of no size": ({"policy": Given(np.zeros((100, 2)), None)}, "that of its interventions, 2; got None"),
    "a policy of another size": ({"policy": IndependentTargets((0.1,))}, "that of its interventions, 2; got 1"),
    "no interventions": ({"interventions": {}}, "must be at least one; got none; .* policy='actions'"),
    "a list of interventions": ({"interventions": ["left"]}, "must be a mapping from variables to functions; got "),
    "a reserved name": ({"interventions": {"noise": set_left}}, "must be other than 'noise'"),
    "an agent that is none": ({"agent": "random"}, "must be a function of an observation and a generator; got 'rand"),
    "factors that are none": ({"factors": 3}, "factors of a Recorder must be a function of the environment; got 3"),
    "a size of zero": ({"size": 0}, "size of a Recorder must be an integer of at least 1; got 0"),
    "three sizes": ({"size": (1, 2, 3)}, r"must be one number, or \(height, width\); got \(1, 2, 3\)"),
    "one frame": ({"episode_length": 1}, "episode_length of a Recorder must be an integer of at least 2; got 1"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_a_bad_setting_gets_one_sentence(case: str) -> None:
    changes, sentence = BAD_SETTINGS[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        dataclasses.replace(RECORDER, **changes)


def worded(observation: Any, rng: np.random.Generator) -> Any:
    return "up"


BAD_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "an action that is a word": ({"agent": worded}, "an action must be a number or an array; got 'up'"),
    "factors that are a number": (
        {"factors": lambda env: 3},
        "function of factors must be a function that does not fa",
    ),
    "a name that is no factor": ({"variables": ["left"]}, "name of an intervention must be one of left; got 'right'"),
    "other factors": ({"factors": lambda env: {"up": 0}, "variables": NAMES}, "always left, right; got up"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_a_bad_answer_gets_one_sentence(case: str, tmp_path: Path) -> None:
    changes, sentence = BAD_ANSWERS[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        recorded(tmp_path, dataclasses.replace(RECORDER, environment=Worded, **changes))


def test_only_val_and_test_can_be_held_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name of a split to record must be one of train, val, test; got 'val_indep'"):
        recorded(tmp_path, splits={"val_indep": 10})


def test_an_id_without_gymnasium_asks_for_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(
        ImportError, match=r"the package gymnasium must be installed .*pip install 'trisect\[gymnasium\]'"
    ):
        recorded(tmp_path, dataclasses.replace(RECORDER, environment="CartPole-v1"))


def test_an_id_is_made_by_gymnasium_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str]] = []

    def make(name: str, render_mode: str) -> Lights:
        made.append((name, render_mode))
        return Lights()

    gymnasium = ModuleType("gymnasium")
    gymnasium.__dict__["make"] = make
    monkeypatch.setitem(sys.modules, "gymnasium", gymnasium)
    recorded(tmp_path, dataclasses.replace(RECORDER, environment="Lights-v0"))
    assert set(made) == {("Lights-v0", "rgb_array")}
    assert load(tmp_path / "out").source["environment"] == {"id": "Lights-v0"}


@pytest.mark.parametrize(
    ("error", "kind", "got"),
    [
        (
            LookupError("Environment `Light` doesn't exist.\nDid you mean"),
            ValueError,
            "LookupError: Environment `Light`",
        ),
        (ModuleNotFoundError("No module named 'mujoco'"), ImportError, "ModuleNotFoundError: No module named 'mujoco'"),
    ],
)
def test_an_id_that_gymnasium_cannot_make_gets_one_sentence(
    error: Exception, kind: type[Exception], got: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(name: str, render_mode: str) -> Lights:
        raise error

    gymnasium = ModuleType("gymnasium")
    gymnasium.__dict__["make"] = make
    monkeypatch.setitem(sys.modules, "gymnasium", gymnasium)
    with pytest.raises(kind) as raised:
        recorded(tmp_path, dataclasses.replace(RECORDER, environment="Light-v0"))
    assert type(raised.value) is kind and "\n" not in str(raised.value)
    assert f"the environment 'Light-v0' must be one that Gymnasium makes; got {got}" in str(raised.value)
    assert "; correct the id, install what the environment needs, or pass a function" in str(raised.value)


def test_a_recording_is_a_data_set_like_any_other(tmp_path: Path) -> None:
    recorded(tmp_path)
    data = load(tmp_path / "out")
    assert isinstance(data, Dataset) and data.recording("val").num_episodes > 1
    assert data.source["interventions"] == list(NAMES) and data.source["seed"] == 3
