"""Splits of whole episodes have their shares of frames and of interventions; no frame is in two splits."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data import from_arrays
from trisect.data.recording import Recording
from trisect.data.splitting import cut
from trisect.variables import anonymous

SHARES = {"val": 0.1, "test": 0.2}


def recording(lengths: list[int], targets: np.ndarray | None = None) -> Recording:
    num = sum(lengths)
    starts = np.cumsum([0, *lengths[:-1]])
    rows = np.zeros((num, 1)) if targets is None else targets
    names = anonymous([f"v{k}" for k in range(rows.shape[1])])
    return Recording(np.arange(num, dtype=np.float32)[:, None], rows, names, episode_starts=starts)


def shares(parts: dict[str, Recording]) -> list[float]:
    total = sum(len(part) for part in parts.values())
    return [len(part) / total for part in parts.values()]


def episodes_of(part: Recording) -> set[tuple[int, int]]:
    first = part.observations[part.starts, 0].astype(int)
    return set(zip(first.tolist(), part.episode_lengths.tolist()))


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([5, 17, 30], [30, 5, 17]), ([30, 17, 5], [30, 5, 17]), ([10] * 10, [70, 10, 20]), ([15] * 4, [30, 15, 15])],
)
def test_whole_episodes_come_near_to_the_shares(lengths: list[int], expected: list[int], caplog) -> None:
    whole = recording(lengths)
    with caplog.at_level("INFO"):
        parts = cut(whole, SHARES)
    assert [len(part) for part in parts.values()] == expected
    together = [episode for part in parts.values() for episode in episodes_of(part)]
    assert sorted(together) == sorted(episodes_of(whole))
    assert "no episode is in two splits" in caplog.text and "split val:" in caplog.text


@pytest.mark.parametrize("lengths", [[180, 10, 10], [100, 100], [200], [1] * 5 + [195]])
def test_other_episodes_are_cut_in_time(lengths: list[int], caplog) -> None:
    with caplog.at_level("INFO"):
        parts = cut(recording(lengths), SHARES)
    assert [len(part) for part in parts.values()] == [140, 20, 40]
    assert ("episodes are cut in time" in caplog.text) == (len(lengths) > 1)
    rows = np.concatenate([part.observations[:, 0] for part in parts.values()])
    assert rows.tolist() == list(range(200))


def test_rare_interventions_reach_every_split() -> None:
    targets = np.zeros((400, 2))
    targets[np.arange(1, 400, 4), 0] = 1
    targets[[25, 45, 65, 85], 1] = 1  # four episodes of twenty have one intervention each, at the beginning
    parts = cut(recording([20] * 20, targets), SHARES)
    assert all(part.targets.any(axis=0).all() for part in parts.values())
    assert shares(parts) == pytest.approx([0.7, 0.1, 0.2], abs=0.051)


def test_a_split_without_interventions_is_warned_of(caplog) -> None:
    targets = np.zeros((200, 1))
    targets[[3, 7], 0] = 1
    cut(recording([200], targets), SHARES)
    assert "split val has no intervention on v0" in caplog.text
    assert "split test has no intervention on v0" in caplog.text


def test_random_episodes_are_never_lost_or_doubled() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        lengths = rng.integers(1, 40, int(rng.integers(1, 30))).tolist()
        if sum(lengths) < 6:
            continue
        parts = cut(recording(lengths, rng.random((sum(lengths), 2)) < 0.2), SHARES)
        rows = np.concatenate([part.observations[:, 0] for part in parts.values()])
        assert sorted(rows.tolist()) == list(range(sum(lengths)))
        assert all(len(part.windows(2)) or part.num_episodes > 1 for part in parts.values())


def test_many_episodes_of_large_maps_are_cut_into_stretches(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("trisect.data.splitting.MOST_COPIED", 0)
    frames = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3)).astype(np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    for number in (10, 100):
        starts = np.arange(0, 200, 200 // number)
        data = from_arrays(mapped, np.zeros((199, 1)), episode_starts=starts)
        assert all(np.shares_memory(split.observations, mapped) for split in data.values())
        assert {name: len(split) for name, split in data.items()} == {"train": 140, "val": 20, "test": 40}


def test_the_same_call_gives_the_same_splits() -> None:
    lengths = np.random.default_rng(1).integers(2, 30, 40).tolist()
    first, second = (cut(recording(lengths), SHARES) for _ in range(2))
    assert all(np.array_equal(first[name].observations, second[name].observations) for name in first)


@pytest.mark.parametrize("seed", range(8))
def test_train_gets_the_interventions_that_identify_a_rare_variable(seed: int) -> None:
    """Six of 300 rows, in episodes of 25; by shares alone train would get four of them."""
    rng = np.random.default_rng(seed)
    targets = np.zeros((300, 2))
    targets[rng.choice(np.setdiff1d(np.arange(300), np.arange(0, 300, 25)), 60, replace=False), 0] = 1
    targets[rng.choice(12, 6, replace=False) * 25 + 5, 1] = 1
    parts = cut(recording([25] * 12, targets), SHARES)
    assert parts["train"].targets[:, 1].sum() >= 5
    assert [len(part) for part in parts.values()] == pytest.approx([210, 30, 60], abs=25)


@pytest.mark.parametrize("seed", range(6))
def test_train_gets_them_of_two_rare_variables_among_many_episodes(seed: int) -> None:
    """Six rows each of 100 episodes of 5 to 60 rows, too many to try all swaps."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 61, 100)
    parts = cut(recording(lengths.tolist(), _rare(lengths, np.arange(100), 6, rng)), SHARES)
    assert (parts["train"].targets.sum(axis=0) >= 5).all()
    assert shares(parts) == pytest.approx([0.7, 0.1, 0.2], abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_train_gives_nothing_away_that_it_needs(seed: int) -> None:
    """Both variables need all five rows, and these lie in the few long episodes, which are swapped for each other."""
    rng = np.random.default_rng(seed)
    lengths = rng.choice([10, 40], 100, p=[0.9, 0.1])
    parts = cut(recording(lengths.tolist(), _rare(lengths, np.flatnonzero(lengths == 40), 5, rng)), SHARES)
    assert parts["train"].targets.sum(axis=0).tolist() == [5, 5]


def _rare(lengths: np.ndarray, episodes: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Two columns of targets with so many interventions each, in as many of these episodes."""
    starts, targets = np.cumsum(lengths) - lengths, np.zeros((lengths.sum(), 2))
    for column in range(2):
        targets[starts[rng.choice(episodes, number, replace=False)] + 2, column] = 1
    return targets


@pytest.mark.parametrize(
    "lengths", [[30, 60, 30, 50, 40, 50, 30, 10], [70, 40, 20, 40, 60, 10, 30, 30], [50, 10, 60, 20, 50, 30, 10, 70]]
)
def test_swaps_of_few_episodes_reach_the_shares(lengths: list[int]) -> None:
    """Dealt by their lengths alone, train would get 190 or 200 of 300 rows."""
    assert [len(part) for part in cut(recording(lengths), SHARES).values()] == [210, 30, 60]


def test_stretches_of_large_maps_leave_train_what_identifies_a_rare_variable(tmp_path, monkeypatch) -> None:
    """By shares alone, val and test would get one each of the six interventions."""
    monkeypatch.setattr("trisect.data.splitting.MOST_COPIED", 0)
    np.save(tmp_path / "frames.npy", np.random.default_rng(0).integers(0, 256, (240, 8, 8, 3)).astype(np.uint8))
    mapped, targets = np.load(tmp_path / "frames.npy", mmap_mode="r"), np.zeros((240, 1))
    targets[np.array([0, 1, 3, 4, 6, 9]) * 20 + 5] = 1
    data = from_arrays(mapped, targets, alignment="effect", episode_starts=np.arange(0, 240, 20))
    assert data["train"].targets.sum() == 5 and data["train"].num_episodes == 9
