from __future__ import annotations

import numpy as np
import pytest

from trisect.data import from_arrays, load, save
from trisect.data.splitting import cut
from trisect.variables import Continuous, VariableSpace

T = 200


def numbered(num: int = T) -> np.ndarray:
    """Vectors that contain the number of their frame."""
    return np.arange(num, dtype=np.float64)[:, None] * [1.0, -1.0]


def alternating(num: int = T - 1) -> np.ndarray:
    return np.stack([np.arange(num) % 2 == 0, np.arange(num) % 3 == 0], axis=1)


def frames_of(data) -> dict[str, list[int]]:
    return {name: split.observations[:, 0].astype(int).tolist() for name, split in data.items()}


def test_splits_follow_each_other_and_share_no_frame() -> None:
    data = from_arrays(numbered(), alternating(), ["left", "right"])
    assert frames_of(data) == {"train": [*range(140)], "val": [*range(140, 160)], "test": [*range(160, 200)]}
    assert data["train"].observations.dtype == np.float32
    assert data.targeted == ("left", "right")


def test_one_row_less_than_frames_needs_no_alignment() -> None:
    train = from_arrays(numbered(), alternating())["train"]
    assert np.array_equal(train.targets[1:], alternating()[:139])
    assert not train.targets[0].any()
    assert train.variables.names == ("variable_0", "variable_1")


@pytest.mark.parametrize(("alignment", "shift"), [("effect", 0), ("cause", -1)])
def test_as_many_rows_as_frames_need_an_alignment(alignment, shift) -> None:
    train = from_arrays(numbered(), alternating(T), alignment=alignment)["train"]
    assert np.array_equal(train.targets[1:], alternating(T)[1 + shift : 140 + shift])
    with pytest.raises(
        ValueError, match="if row t produced frame t.1 pass alignment='cause', if row t produced frame t pass"
    ):
        from_arrays(numbered(), alternating(T))


def test_episodes_stay_whole() -> None:
    data = from_arrays(numbered(), alternating(), episode_starts=[0, 40, 90, 155])
    assert frames_of(data) == {"train": [*range(40, 155)], "val": [*range(40)], "test": [*range(155, 200)]}
    assert sorted(frame for part in frames_of(data).values() for frame in part) == [*range(T)]


def test_few_episodes_are_cut_and_no_window_crosses_their_borders() -> None:
    data = from_arrays(numbered(), alternating(), episode_starts=[0, 50])
    assert frames_of(data)["val"] == [*range(140, 160)]
    train = data.recording("train")
    pairs = {(int(train.observations[w, 0]), int(train.observations[w + 1, 0])) for w in train.windows(2)}
    assert (49, 50) not in pairs and (48, 49) in pairs


def test_episodes_too_uneven_for_the_shares_are_cut_in_time(caplog) -> None:
    with caplog.at_level("INFO"):
        data = from_arrays(numbered(), alternating(), episode_starts=[0, 10, 20])
    assert {name: len(part) for name, part in frames_of(data).items()} == {"train": 140, "val": 20, "test": 40}
    assert "episodes are cut in time" in caplog.text


def test_factors_and_actions_are_cut_and_saved_too(tmp_path) -> None:
    space = VariableSpace([Continuous("a", 0, T), Continuous("b")])
    factors, actions = np.abs(numbered()), np.arange(T - 1.0)[:, None]
    data = from_arrays(numbered(), alternating(), space, factors=factors, actions=actions)
    save(data, tmp_path / "data")
    val = load(tmp_path / "data").recording("val")
    assert np.array_equal(val.factors, factors[140:160])
    assert np.array_equal(val.actions, actions[139:159])


def test_frames_are_kept_as_they_are() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    data = from_arrays(frames, alternating(39), fractions={"val": 0.25})
    assert np.array_equal(np.concatenate([split.observations for split in data.values()]), frames)
    assert list(data) == ["train", "val"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"observations": np.zeros((T, 2), dtype=str)},
            TypeError,
            "the observations must be an array of numbers; got texts",
        ),
        ({"observations": np.zeros((T, 8, 8, 3))}, ValueError, "got float64 from 0 to 0; say which with levels="),
        ({"observations": np.full((T, 2), np.nan)}, ValueError, "the observations must be finite; got nan in row 0"),
        ({"targets": alternating(90)}, ValueError, "the targets must be 199 rows, one less than frames"),
        (
            {"targets": alternating()[:, 0]},
            ValueError,
            r"must be \(rows, variables\); got \(199,\); save targets\[:, None\]",
        ),
        ({"targets": alternating() * 2}, ValueError, "the targets must be 0 or 1; got 2"),
        ({"variables": ["one"]}, ValueError, "must be one per variable, 1: one; got shape"),
        ({"factors": np.zeros((T - 1, 2))}, ValueError, r"the shape of the factors of a recording must be \(200, 2\)"),
        ({"factor": np.zeros((T, 2))}, ValueError, "a keyword of from_arrays .*did you mean 'factors'"),
        ({"episode_starts": [5, 10]}, ValueError, "episode starts of a recording must be a list that starts with 0"),
        (
            {"fractions": {"val": 0.6, "test": 0.5}},
            ValueError,
            "must be below 1 together; got {'test': 0.5, 'val': 0.6}",
        ),
        ({"fractions": {"train": 0.6}}, ValueError, "must be for other splits than train; got train; leave out train"),
        ({"fractions": {"val": 0.0}}, ValueError, "the fraction of split 'val' must be a number in"),
        ({"alignment": "later"}, ValueError, "the alignment of the targets must be one of cause, effect"),
    ],
)
def test_wrong_arguments_are_refused(changes, error, message) -> None:
    arguments = {"observations": numbered(), "targets": alternating(), **changes}
    positional = [arguments.pop(name, None) for name in ("observations", "targets", "variables")]
    with pytest.raises(error, match=message):
        from_arrays(*positional, **arguments)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="the number of frames must be enough for 3 splits; got 5; record more"):
        from_arrays(numbered(5), alternating(4))


def test_every_part_has_a_transition() -> None:
    recording = from_arrays(numbered(), alternating(), fractions={"val": 0.01})
    parts = cut(recording.recording("train"), {"val": 0.001, "test": 0.001})
    assert all(len(part.windows(2)) for part in parts.values())
