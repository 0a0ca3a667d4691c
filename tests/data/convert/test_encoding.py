"""Levels become switches and switches levels, by the laws of both; what cannot be encoded is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.data.convert.encoding import by_column, levels, switches
from trisect.data.description import describe
from trisect.variables import anonymous

STARTS = np.array([0, 40, 45, 46, 90])
T = 130
SEEDS = range(6)


def held(seed: int, num: int = T) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).random(num) < 0.15) % 2 == 1


def made(targets: np.ndarray, encode: object, names: list[str], **more: object) -> trisect.data.dataset.Dataset:
    observations = np.random.default_rng(0).normal(size=(T, 4)).astype(np.float32)
    more = {"alignment": "effect", "episode_starts": STARTS, "fractions": {"test": 0.3}, **more}
    return trisect.from_arrays(observations, targets, names, encode=encode, **more)


def whole(data: trisect.data.dataset.Dataset, observations: np.ndarray) -> np.ndarray:
    """The targets of all splits, in the order of the recording's rows."""
    rows = np.concatenate([split.observations for split in data.values()])
    targets = np.concatenate([split.targets for split in data.values()])
    order = [int(np.flatnonzero((rows == row).all(axis=1))[0]) for row in observations]
    return targets[order]


def encoded(targets: np.ndarray, encode: object, names: list[str] | None = None, **more: object) -> np.ndarray:
    names = names or [f"v{k}" for k in range(targets.shape[1])]
    observations = np.random.default_rng(0).normal(size=(T, 4)).astype(np.float32)
    return whole(made(targets, encode, names, **more), observations)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_level_survives_the_round_trip_up_to_its_start_in_every_episode(seed: int) -> None:
    level = held(seed)
    back = levels(switches(level, STARTS), STARTS)
    for first, last in zip(STARTS, [*STARTS[1:], T]):
        assert np.array_equal(back[first:last], level[first:last] ^ level[first])
        assert not back[first]


@pytest.mark.parametrize("seed", SEEDS)
def test_switches_survive_the_round_trip_except_in_first_rows(seed: int) -> None:
    flags = np.random.default_rng(seed).random(T) < 0.3
    expected = flags.copy()
    expected[STARTS] = False
    assert np.array_equal(switches(levels(flags, STARTS), STARTS), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_switches_are_where_a_loop_sees_a_change(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.choice([0.0, 1.5, 3.0], T)[np.maximum.accumulate(np.where(rng.random(T) < 0.3, np.arange(T), 0))]
    targets = encoded(points[:, None], "switch")[:, 0]
    starts = {*STARTS.tolist()}
    assert targets.tolist() == [t not in starts and points[t] != points[t - 1] for t in range(T)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_level_counts_switches_in_a_loop(seed: int) -> None:
    flags = np.random.default_rng(seed).random((T, 2)) < 0.1
    targets, level = encoded(flags, "level"), np.zeros(2, dtype=bool)
    for t in range(T):
        level = np.zeros(2, dtype=bool) if t in STARTS else level ^ flags[t]
        assert np.array_equal(targets[t], level)


@pytest.mark.parametrize(("form", "known"), [("effect", True), ("cause", False), (None, False)])
def test_a_change_into_the_second_row_shows_only_if_the_first_is_known(form: str | None, known: bool) -> None:
    """Without a row for the first frame of an episode, its level is unknown, and the second row is no switch."""
    level = np.zeros(T)
    level[[1, 41, 100]] = 1
    rows = level if form == "effect" else level[1:]
    rows = np.append(rows, 7.0) if form == "cause" else rows
    targets = encoded(rows[:, None], "switch", alignment=form)[:, 0]
    expected = np.array([1, 2, 41, 42, 100, 101] if known else [2, 42, 100, 101])
    assert np.flatnonzero(targets).tolist() == expected.tolist()


def test_a_first_row_that_is_not_a_number_is_an_unknown_level() -> None:
    level = np.where(np.arange(T) % 9 < 4, 2.0, 5.0)
    padded = level.copy()
    padded[STARTS] = np.nan
    one, two = encoded(level[:, None], "switch")[:, 0], encoded(padded[:, None], "switch")[:, 0]
    differ = np.flatnonzero(one != two)
    assert {*differ.tolist()} <= {*(STARTS + 1).tolist()} and not two[STARTS + 1].any()
    padded[50] = np.nan
    with pytest.raises(ValueError, match="the column 'v0' of the targets must be finite; got nan at frame 50; repair"):
        encoded(padded[:, None], "switch")


def test_two_values_are_a_level_with_the_higher_one_as_1() -> None:
    level = held(0)
    for low, high in ((0.0, 3.0), (-1.0, 1.0), (2.0, 2.5)):
        targets = encoded(np.where(level, high, low)[:, None], "level")[:, 0]
        expected = level.copy()
        expected[STARTS] = False
        assert np.array_equal(targets, expected)


def test_more_values_are_no_level() -> None:
    points = np.arange(T)[:, None] % 3 * 1.5
    must = (
        "the column 'oven' of the targets must be switches, 0 or 1, or a level of two values, to be encoded as a level"
    )
    got = (
        r"got 3 different values, 0, 1\.5, 3; pass encode={'oven': 'switch'} \(--encode oven=switch\), which marks the"
    )
    todo = "rows in which the value changed, or make a column that is 1 at one of the values, or above a threshold"
    with pytest.raises(ValueError, match=f"{must}; {got} {todo}"):
        encoded(points, "level", ["oven"])


def test_a_level_stays_a_level() -> None:
    """Its 1s last; so it is not counted as if they were switches, and the data set says so."""
    both = np.column_stack([np.arange(T) // 10 % 2 == 1, np.random.default_rng(1).random(T) < 0.2])
    data = made(both, {"*": "switch", "valve": "level"}, ["valve", "lamp"])
    assert data.source["encoded"] == {"valve": "kept", "lamp": "switch"}
    assert "targets of valve were encoded: left as they are, since their 1s last" in describe("", data)
    kept = both[:, 0].copy()
    kept[STARTS] = False
    assert np.array_equal(encoded(both, "level")[:, 0], kept)
    assert np.array_equal(encoded(both, "level")[:, 1], levels(both[:, 1], STARTS))


def test_columns_are_encoded_by_name() -> None:
    level, points = held(1), np.arange(T) // 7 * 1.5
    single = np.random.default_rng(2).random(T) < 0.1
    targets = encoded(np.column_stack([level, points, single]), {"b": "switch"}, ["a", "b", "c"])
    kept = np.column_stack([level, single])
    kept[STARTS] = False
    assert np.array_equal(targets[:, [0, 2]], kept)
    assert np.array_equal(targets[:, 1], switches(points, STARTS))
    assert by_column({"*": "switch", "c": "level"}, "abc", "") == {"a": "switch", "b": "switch", "c": "level"}
    assert by_column(None, "ab", "") == {}


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (
            "switches",
            "the encoding of the targets must be one of switch, level, jump:NUMBER; got 'switches'; did you mean",
        ),
        ({"a": "levels"}, "the encoding of the targets must be one of switch, level, jump:NUMBER; got 'levels'"),
        ({"valv": "switch"}, "a column of the targets to encode must be one of valve, b, .*did you mean 'valve'"),
        (3, "the encoding of the targets must be one of switch, level, jump:NUMBER; got 3"),
    ],
)
def test_unknown_words_are_refused(encode: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoded(np.zeros((T, 2)), encode, ["valve", "b"])


def test_set_points_given_as_targets_suggest_an_encoding() -> None:
    points = np.arange(T)[:, None] % 3 * 1.5
    message = r"the targets must be 0 or 1; got 1\.5 at row 1, column 0 \(v0\); if they are levels or set-points, pass "
    with pytest.raises(ValueError, match=message + r"encode='switch' \(trisect convert --encode switch\)"):
        encoded(points, None)


def test_the_data_set_says_what_was_done() -> None:
    data = made(np.column_stack([held(0), held(1) * 3.0]), {"a": "switch", "b": "level"}, ["a", "b"])
    assert data.source["encoded"] == {"a": "switch", "b": "two values"}
    lines = describe("mine", data)
    assert "  targets of a were encoded: 1 marks the rows in which its level changed; the first row of an" in lines
    assert "  targets of b were encoded: 1 while the higher of two values is in force" in lines
    plain = made(np.column_stack([held(0), held(1)]), None, ["a", "b"])
    assert "encoded" not in plain.source and "encoded" not in describe("mine", plain)


def test_the_splits_of_a_folder_share_the_values_of_a_level(tmp_path: Path) -> None:
    """The validation file holds the higher value only; by itself it would look like the lower one."""
    rng = np.random.default_rng(0)
    for name, values in {"train": np.where(held(0), 3.0, 1.0), "val": np.full(T, 3.0)}.items():
        points = np.column_stack([values, held(2)])
        np.savez(tmp_path / f"{name}.npz", vectors=rng.normal(size=(T, 3)), targets=points, keys=["oven", "lamp"])
    data = trisect.convert(tmp_path, tmp_path / "out", alignment="effect", encode={"oven": "level"})
    assert data["val"].targets[1:, 0].all() and np.array_equal(data["train"].targets[1:, 0], held(0)[1:])
    assert np.array_equal(data["train"].targets[1:, 1], held(2)[1:])
    assert trisect.load(tmp_path / "out").source["encoded"] == {"oven": "two values"}


def test_files_and_arrays_are_encoded_alike(tmp_path: Path) -> None:
    observations = np.random.default_rng(0).normal(size=(T, 4)).astype(np.float32)
    points = np.column_stack([np.arange(T) // 6 * 0.5, held(3)])
    np.savez(tmp_path / "log.npz", vectors=observations, targets=points, keys=["oven", "lamp"], episode_starts=STARTS)
    encode = {"oven": "switch", "lamp": "switch"}
    stored = trisect.convert(tmp_path / "log.npz", tmp_path / "out", alignment="effect", encode=encode)
    assert np.array_equal(whole(stored, observations), encoded(points, encode, ["oven", "lamp"], fractions=None))


def test_wrong_encodings_of_a_file_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    np.savez(tmp_path / "log.npz", vectors=np.ones((T, 3)), targets=held(0)[:-1, None], keys=["lamp"])
    for encode, message in {
        "levels": "the option 'encode' of convert must be one of switch, level, jump:NUMBER"
    }.items():
        with pytest.raises(ValueError, match=message):
            trisect.convert(tmp_path / "log.npz", tmp_path / "out", encode=encode)
    with pytest.raises(ValueError, match=r"a column of the targets of 'log.npz' to encode must be one of lamp, \*"):
        trisect.convert(tmp_path / "log.npz", tmp_path / "out", encode={"lam": "switch"})
    assert not (tmp_path / "out").exists()


def test_a_file_of_actions_alone_has_no_targets_to_encode(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"vectors": rng.normal(size=(T, 3)), "actions": rng.normal(size=(T - 1, 2)), "keys_targets": ["lamp"]}
    np.savez(tmp_path / "log.npz", **arrays)
    data = trisect.convert(tmp_path / "log.npz", tmp_path / "out", encode="level")
    assert "encoded" not in data.source and not any(split.targets.any() for split in data.values())


@pytest.mark.parametrize("first_is_known", [True, False])
def test_an_episode_of_one_row_at_the_end_has_no_switch(first_is_known: bool) -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0])
    expected = [False, first_is_known, True, False]
    assert switches(values, np.array([0, 3]), first_is_known).tolist() == expected


def test_a_value_that_never_changes_is_no_level() -> None:
    assert not encoded(np.full((T, 1), 3.0), "level").any()


def test_the_values_of_a_level_are_the_finite_ones() -> None:
    level = np.where(held(0), 3.0, 1.0)
    level[0] = np.nan
    expected = held(0)
    expected[STARTS] = False
    assert np.array_equal(encoded(level[:, None], "level")[:, 0], expected)


def test_a_level_may_last_in_one_of_the_recordings_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, values in {"train": np.zeros(T), "val": np.arange(T) // 10 % 2}.items():
        points = np.column_stack([values, rng.random(T) < 0.2])
        np.savez(tmp_path / f"{name}.npz", vectors=rng.normal(size=(T, 3)), targets=points, keys=["valve", "lamp"])
    data = trisect.convert(tmp_path, tmp_path / "out", alignment="effect", encode="level")
    assert data.source["encoded"] == {"valve": "kept", "lamp": "level"}
    assert np.array_equal(data["val"].targets[1:, 0], (np.arange(T) // 10 % 2 == 1)[1:])


def test_frames_of_no_recording_have_no_level(tmp_path: Path) -> None:
    """Independent frames have targets of zeros in some folders; 0 is no third value of the oven."""
    rng = np.random.default_rng(0)
    for name, values in {"train": np.where(held(0), 3.0, 1.0), "test_indep": np.zeros(T)}.items():
        points = np.column_stack([values, held(2)])
        np.savez(tmp_path / f"{name}.npz", vectors=rng.normal(size=(T, 3)), targets=points, keys=["oven", "lamp"])
    data = trisect.convert(tmp_path, tmp_path / "out", alignment="effect", encode={"oven": "level"})
    assert np.array_equal(data["train"].targets[1:, 0], held(0)[1:])
    assert not data["test_indep"].targets.any()


def test_columns_that_are_hardly_levels_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    log = np.column_stack([rng.random(T) < 0.2, rng.normal(size=T), held(0), np.arange(T) // 9 * 0.5, np.zeros(T)])
    made(log, "switch", ["mark", "power", "lamp", "oven", "never"])
    doubts = [each for each in caplog.messages if each.startswith("the 1s in") or "a threshold" in each]
    assert len(doubts) == 2
    assert "the column 'mark' of the targets do not last" in doubts[0] and "each counts twice" in doubts[0]
    assert f"the column 'power' of the targets changes in {T - 1} of {T - 1} rows" in doubts[1]


def test_columns_in_another_order_than_the_variables_are_encoded_by_their_names(tmp_path: Path) -> None:
    points = np.column_stack([np.where(held(0), 3.0, 1.0), np.random.default_rng(1).random(T) < 0.2])
    vectors = np.random.default_rng(0).normal(size=(T, 3))
    np.savez(tmp_path / "train.npz", vectors=vectors, targets=points, keys_targets=["oven", "lamp"])
    more = {"alignment": "effect", "variables": anonymous(["lamp", "oven"]), "encode": {"oven": "level"}}
    data = trisect.convert(tmp_path, tmp_path / "out", **more)
    assert data.variables.names == ("lamp", "oven")
    assert np.array_equal(data["train"].targets[1:], np.column_stack([points[1:, 1] == 1, held(0)[1:]]))


def test_a_short_level_that_is_counted_as_switches_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Seven rows of 1s: the chance of such runs in random order is .003, and 1e-5 is needed to be sure."""
    short, single = np.zeros((2, T))
    short[[50, 51, 52, 70, 71, 90, 110]] = 1
    single[[50, 60, 70, 71]] = 1
    data = made(np.column_stack([short, single]), "level", ["valve", "lamp"])
    assert data.source["encoded"] == {"valve": "level", "lamp": "level"}
    doubts = [each for each in caplog.messages if "seem to last" in each]
    assert len(doubts) == 1 and "the column 'valve' of the targets seem to last" in doubts[0]
    assert "are counted as switches; if the column is a level already, leave it as it is" in doubts[0]
