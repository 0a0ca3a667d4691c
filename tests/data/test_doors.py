"""Arrays in memory are asked the same questions as files, and whatever form they have, the data set is the same."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch

from trisect.data import Dataset, from_arrays
from trisect.data.recording import Recording
from trisect.variables import anonymous

T = 60
RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 256, (T, 16, 24, 3)).astype(np.uint8)
VECTORS = RNG.normal(size=(T, 4)).astype(np.float32)
TARGETS = RNG.random((T - 1, 2)) < 0.3
NAMES = ["left", "right"]
FIRST = np.moveaxis(FRAMES, -1, 1)


def made(observations: Any = VECTORS, targets: Any = TARGETS, **known: Any) -> Dataset:
    return from_arrays(observations, targets, NAMES, **known)


def rows(data: Dataset) -> np.ndarray:
    return np.concatenate([split.observations for split in data.values()])


FORMS = {
    "channels first": FIRST,
    "float 0..1": FRAMES / 255,
    "float -1..1": FRAMES / 127.5 - 1,
    "float 0..255": FRAMES.astype(np.float32),
    "int64": FRAMES.astype(np.int64),
    "big-endian": FRAMES.astype(">i2"),
    "big-endian floats": (FRAMES / 255).astype(">f4"),
    "list": FRAMES.tolist(),
    "list of frames": list(FRAMES),
    "Fortran order": np.asfortranarray(FRAMES),
    "not contiguous": np.repeat(FRAMES, 2, axis=0)[::2],
    "tensor": torch.tensor(FRAMES),
    "masked nowhere": np.ma.masked_array(FRAMES),
    "constant alpha": np.concatenate([FRAMES, np.full_like(FRAMES[..., :1], 255)], axis=-1),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_frames_gives_the_same_data_set(form: str) -> None:
    data = made(FORMS[form])
    assert rows(data).dtype == np.uint8 and np.array_equal(rows(data), FRAMES)
    assert data.source["frames"]["channels"] == ("first" if form == "channels first" else "last")


@pytest.mark.parametrize("shape", [(T, 3, 96, 128), (T, 4, 16, 16), (T, 1, 16, 16)])
def test_channels_first_are_recognised(shape: tuple[int, ...]) -> None:
    frames = RNG.integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(rows(made(frames)), np.moveaxis(frames, 1, -1))


def test_ambiguous_frames_may_be_declared() -> None:
    tiny = RNG.integers(0, 256, (T, 3, 3, 3)).astype(np.uint8)
    with pytest.raises(
        ValueError, match=r"got \(3, 3, 3\); this can be read both ways: say which with channels='first'"
    ):
        made(tiny)
    assert np.array_equal(rows(made(tiny, channels="first")), np.moveaxis(tiny, 1, -1))
    assert np.array_equal(rows(made(tiny, channels="last")), tiny)


def test_frames_of_0_and_1_need_levels() -> None:
    binary = (FRAMES > 99).astype(np.uint8)
    with pytest.raises(
        ValueError, match=r"the observations must be in a range .* got uint8 from 0 to 1; say which with"
    ):
        made(binary)
    assert np.array_equal(rows(made(binary, levels="0..1")), 255 * binary)
    assert np.array_equal(rows(made(binary, levels="0..255")), binary)


def test_alpha_that_carries_information_is_kept_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    frames = np.concatenate([FRAMES, FRAMES[..., :1]], axis=-1)
    assert np.array_equal(rows(made(frames)), frames)
    assert "alpha carries information" in caplog.text


def nan_in(frame: int) -> np.ndarray:
    frames = FRAMES / 255
    frames[frame, 2, 3, 1] = np.nan
    return frames


@pytest.mark.parametrize(
    ("observations", "error", "message"),
    [
        (nan_in(33), ValueError, "the observations must be finite; got nan in frame 33"),
        (FRAMES[..., 0], ValueError, r"add the missing axis, observations\[..., None\], to gray frames"),
        (VECTORS[:, 0], ValueError, r"for one number per row, pass observations\[:, None\]"),
        (np.zeros((T, 16, 16, 5), np.uint8), ValueError, "at most 4 channels"),
        (FRAMES.astype(object), TypeError, "the observations must be an array of numbers; got objects"),
        (FRAMES.astype(str), TypeError, "got texts"),
        ("frames.npy", TypeError, "got the text 'frames.npy'; read the file first"),
        (np.float32(1), ValueError, "got a single number"),
        (VECTORS * 1e37, ValueError, r"the observations must be at most 1e\+18 in size; got .* in row 0"),
        (VECTORS.astype(float) * 1e300, ValueError, r"the observations must be at most 1e\+18 in size"),
        (np.where(VECTORS > 2, np.inf, VECTORS), ValueError, "the observations must be finite; got inf in row"),
        (
            np.ma.masked_array(VECTORS, mask=np.arange(T)[:, None] == [7] * 4),
            ValueError,
            "masked values; got one in row 7",
        ),
        (FRAMES[:0], ValueError, r"got \(0, 16, 24, 3\)"),
    ],
)
def test_observations_that_cannot_be_read_get_one_sentence(observations: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as refused:
        made(observations)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("option", [{"channels": "first"}, {"levels": "0..1"}])
def test_vectors_have_neither_channels_nor_levels(option: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="channels and levels of vectors must be left out"):
        made(VECTORS, **option)


@pytest.mark.parametrize("name", ["targets", "factors", "actions"])
def test_masked_values_are_refused_with_their_row(name: str) -> None:
    values = np.zeros((T if name == "factors" else T - 1, 2))
    masked = np.ma.masked_array(values, mask=np.arange(len(values))[:, None] == [5, 5])
    arguments: dict[str, Any] = {"targets": TARGETS, name: masked}
    with pytest.raises(ValueError, match=f"the {name} must be without masked values; got one in row 5"):
        made(VECTORS, arguments.pop("targets"), **arguments)


def test_the_caller_s_arrays_are_not_shared() -> None:
    given = {"observations": VECTORS.copy(), "targets": TARGETS.copy(), "factors": VECTORS[:, :2].copy()}
    actions = VECTORS[1:].copy()
    data = made(**given, actions=actions)
    before = {name: split.factors.copy() for name, split in data.items()}
    for array in (*given.values(), actions):
        array[:] = 1
    assert np.array_equal(rows(data), VECTORS)
    assert all(np.array_equal(data[name].factors, factors) for name, factors in before.items())
    assert np.array_equal(data["train"].actions[1:], VECTORS[1 : len(data["train"])])


def test_read_only_memory_maps_are_used_as_they_are(tmp_path) -> None:
    np.save(tmp_path / "frames.npy", FRAMES)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    assert all(isinstance(split.observations, np.memmap) for split in made(mapped).values())
    writable = np.load(tmp_path / "frames.npy", mmap_mode="r+")
    assert not any(isinstance(split.observations, np.memmap) for split in made(writable).values())


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.float64, ">i4", ">f8"])
def test_targets_of_any_type_are_the_same(dtype: Any) -> None:
    assert np.array_equal(made(VECTORS, TARGETS.astype(dtype))["train"].targets, made()["train"].targets)
    assert np.array_equal(made(VECTORS, TARGETS.astype(int).tolist())["train"].targets, made()["train"].targets)


def with_target(value: Any) -> np.ndarray:
    targets = TARGETS.astype(float)
    targets[11, 1] = value
    return targets


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (with_target(0.7), ValueError, r"the targets must be 0 or 1; got 0.7 at row 11, column 1 \(right\)"),
        (with_target(2), ValueError, r"got 2.0 at row 11, column 1 \(right\)"),
        (with_target(-1), ValueError, r"got -1.0 at row 11, column 1 \(right\)"),
        (with_target(np.nan), ValueError, r"got nan at row 11, column 1 \(right\)"),
        (TARGETS.astype(str), TypeError, "the targets must be an array of numbers; got texts, such as"),
        (TARGETS[:, 0], ValueError, r"must be \(rows, variables\); got \(59,\); save targets\[:, None\]"),
        (np.stack([TARGETS, TARGETS], axis=2), ValueError, r"must be \(rows, variables\); got \(59, 2, 2\)"),
        (TARGETS[:, :0], ValueError, "the columns of the targets must be at least one"),
        (TARGETS[:-4], ValueError, "must be 59 rows, one less than frames.*; got 55 rows for 60 frames"),
    ],
)
def test_targets_that_cannot_be_read_are_named_with_their_place(targets: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as refused:
        made(VECTORS, targets)
    assert len(str(refused.value)) < 400


def test_a_long_flat_list_of_targets_gets_a_short_sentence() -> None:
    flat = RNG.random(74_032) < 0.1
    with pytest.raises(
        ValueError, match=r"got \(74032,\); save targets\[:, None\] if there is one variable"
    ) as refused:
        from_arrays(np.zeros((74_033, 3)), flat)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("alignment", ["cause", "effect"])
def test_advice_does_not_repeat_what_was_passed(alignment: str) -> None:
    with pytest.raises(ValueError, match="55 rows for 60 frames") as refused:
        made(VECTORS, TARGETS[:-4], alignment=alignment)
    assert "alignment" not in str(refused.value)
    if alignment == "effect":
        with pytest.raises(ValueError, match="got 59 rows for 60 frames; if .* leave alignment='effect' out"):
            made(alignment="effect")


def test_vectors_that_float32_would_lose_are_kept_in_float64(caplog: pytest.LogCaptureFixture) -> None:
    far = VECTORS.astype(np.float64) + 1e6
    assert np.array_equal(rows(made(far)), far)
    assert "float32 would lose the steps of column 0, 1, 2, 3, so all are kept as float64" in caplog.text
    assert rows(made(VECTORS.astype(np.float64))).dtype == np.float32


def test_factors_that_float32_would_lose_are_kept_in_float64(tmp_path) -> None:
    factors = 1e9 + np.arange(2.0 * T).reshape(T, 2)
    data = made(factors=factors)
    assert np.array_equal(np.concatenate([split.factors for split in data.values()]), factors)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("actions", VECTORS[1:, 0], r"the shape of the actions must be \(rows, actions\).*actions\[:, None\] for one"),
        ("actions", VECTORS[1:] * 1e30, "the actions must be at most"),
        ("factors", VECTORS[:, :2] * 1e30, "the factors of a recording must be at most"),
        ("fractions", 0.2, "the fractions of a recording to cut must be a mapping from splits to shares; got 0.2"),
    ],
)
def test_further_facts_are_checked_too(name: str, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(VECTORS, **{name: values})


@pytest.mark.parametrize("shape", [(9, 3, 96, 128), (9, 4, 16, 16), (9, 1, 16, 16)])
def test_a_recording_refuses_channels_first(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"has channels first; pass np.moveaxis\(observations, -3, -1\), or use trisect"
    ):
        Recording(np.zeros(shape, np.uint8), np.zeros((9, 1)), anonymous(["x"]))


def test_a_recording_sends_float_frames_to_from_arrays() -> None:
    with pytest.raises(ValueError, match=r"pass float frames to trisect.from_arrays"):
        Recording((FRAMES / 255).astype(np.float32), np.zeros((T, 1)), anonymous(["x"]))


def test_episodes_that_are_too_short_for_windows_are_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    starts = np.array([0, 3, 10, 11])
    recording = Recording(VECTORS[:20], np.zeros((20, 1)), anonymous(["x"]), episode_starts=starts)
    with caplog.at_level(logging.WARNING):
        assert [len(recording.windows(4)) for _ in range(2)] == [10, 10]
    assert [record.message for record in caplog.records] == [
        "2 of 4 episodes are shorter than 4 frames and give no window"
    ]


@pytest.mark.parametrize(
    "marks",
    [
        {"episode_starts": [0, 20, 40]},
        {"episode_ids": np.repeat([3, 1, 2], 20)},
        {"episode_id": ["a"] * 20 + ["b"] * 20 + ["a"] * 20},
        {"dones": np.arange(T) % 20 == 19},
        {"done": (np.arange(T) % 20 == 19)[:, None] * 1.0},
        {"is_first": np.arange(T) % 20 == 0},
        {"terminals": np.arange(T) == 19, "timeouts": np.arange(T) == 39},
        {"episode_ids": np.repeat([3, 1, 2], 20), "is_terminal": np.arange(T) == 39},
    ],
)
def test_marks_of_episodes_are_understood(marks: dict[str, Any]) -> None:
    data = made(fractions={}, **marks)
    assert data["train"].starts.tolist() == [0, 20, 40]


def test_unsigned_starts_that_fall_are_refused() -> None:
    with pytest.raises(ValueError, match="strictly ascending"):
        made(episode_starts=np.array([0, 50, 10], np.uint64))
