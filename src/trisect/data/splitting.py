"""Cutting one recording into splits: whole episodes where their lengths allow it, else stretches of time.

Whole episodes are dealt to the splits so that every split's share of the frames, and of the interventions on every
variable, comes as near as possible to the share that was asked for: the sum over splits of w log(w / p), with w the
wanted and p the actual share, is smallest for p = w and large for an empty split. Above all, train gets as many
interventions on every variable as identify it, if the recording has so many.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise, permutations

import numpy as np

from trisect import checks
from trisect.data.recording import Recording
from trisect.refusals import FEWEST

logger = logging.getLogger(__name__)

MIN_FRAMES = 2
TOLERANCE = 2.5
"""Whole episodes are cut after all if a split's share would be this many times larger or smaller than asked."""
FLOOR = 0.02
"""Share of the wanted share that is added to an actual one, so that the distance of an empty split is finite."""
LACKING = 100.0
"""Weight of the share of the interventions on a variable that train lacks to identify it."""
MOST_COPIED = 1 << 28
"""Number of bytes up to which memory-mapped frames are copied to put episodes together that lie apart."""
MOST_CUTS = 1000
"""Number of ways to cut at episode borders up to which all are tried."""
MOST_SWAPPED = 60
"""Number of episodes up to which all swaps between splits are tried; of more, only those that train needs."""
TRAIN_TODO = "leave out train, which gets the rest"


def cut(recording: Recording, fractions: Mapping[str, float]) -> dict[str, Recording]:
    """Cut a recording into ``train`` and the named splits; the log says what each split got.

    Args:
        recording: the frames of one or several episodes. Of memory-mapped frames of more than 256 MB the splits are
            contiguous stretches of episodes, so that nothing is copied.
        fractions: split -> its share of the frames, in (0, 1); ``train`` gets the rest.

    Returns:
        Split -> recording, train first. No frame is in two splits; no episode is either, unless the lengths of the
        episodes force it, which the log says.

    Raises:
        ValueError: a fraction is out of range, or there are too few frames.
    """
    shares = _checked_shares(fractions)
    chosen = _by_episode(recording, shares)
    if chosen is None:
        rows = [slice(first, stop) for first, stop in pairwise(_bounds(recording, shares))]
        parts = [recording.rows(part.start, part.stop) for part in rows]
        if recording.num_episodes > 1:
            logger.info("episodes are cut in time, as whole ones would not give the wanted shares")
    else:
        parts = [recording.episodes(np.flatnonzero(chosen == k)) for k in range(len(shares))]
        logger.info("no episode is in two splits")
    splits = dict(zip(["train", *fractions], parts))
    _report(splits, recording)
    return splits


def _checked_shares(fractions: Mapping[str, float]) -> np.ndarray:
    """The shares of train and of the named splits, (S,); they sum to 1."""
    what = "the fractions of a recording to cut"
    must = "a mapping from splits to shares"
    checks.require(isinstance(fractions, Mapping), what, must, checks.quoted(fractions, 80), "such as {'test': 0.2}")
    for name, share in fractions.items():
        checks.in_range(share, f"the fraction of split '{checks.shown(name)}'", 0.0, 1.0, open_low=True)
    checks.require("train" not in fractions, what, "for other splits than train", ", ".join(fractions), TRAIN_TODO)
    checks.require(sum(fractions.values()) < 1, what, "below 1 together", dict(fractions))
    return np.array([1 - sum(fractions.values()), *fractions.values()], dtype=np.float64)


def _by_episode(recording: Recording, shares: np.ndarray) -> np.ndarray | None:
    """The split of every episode, (episodes,); None if whole episodes do not give shares near those asked for."""
    if recording.num_episodes < len(shares):
        return None
    amounts = _amounts(recording)
    mapped = isinstance(recording.observations, np.memmap) and recording.observations.nbytes > MOST_COPIED
    needed = _needed(recording)
    if mapped:
        dealt = _contiguous(amounts, shares, needed)
    else:
        dealt = _dealt(amounts, shares)
        few = len(dealt) <= MOST_SWAPPED
        dealt = _improved(dealt, amounts, shares, needed) if few else _supplied(dealt, amounts, needed)
    frames = _sums(dealt, amounts, len(shares))[:, 0]
    near = (frames * TOLERANCE >= shares - 1e-12) & (frames <= TOLERANCE * shares + 1e-12)
    has_pair = [bool((recording.episode_lengths[dealt == k] >= MIN_FRAMES).any()) for k in range(len(shares))]
    return dealt if near.all() and all(has_pair) else None


def _amounts(recording: Recording) -> np.ndarray:
    """What each episode holds of the frames and of the interventions on every variable, (episodes, 1 + K).

    Columns sum to 1; variables without interventions are left out.
    """
    counts = np.add.reduceat(recording.targets.astype(np.int64), recording.starts, axis=0)
    counts = counts[:, counts.any(axis=0)]
    held = np.concatenate([recording.episode_lengths[:, None], counts], axis=1).astype(np.float64)
    return held / held.sum(axis=0)


def _needed(recording: Recording) -> np.ndarray:
    """The share that train needs of the frames (none) and of the interventions on every variable, (1 + K,)."""
    counts = recording.targets.sum(axis=0)
    counts = counts[counts > 0]
    return np.concatenate([[0.0], np.where(counts >= FEWEST, FEWEST / counts, 0.0)])


def _weights(num_columns: int) -> np.ndarray:
    """Weights of frames (as much as of all variables together) and of every variable."""
    return np.array([1.0, *[1 / max(1, num_columns - 1)] * (num_columns - 1)])


def _sums(dealt: np.ndarray, amounts: np.ndarray, num_splits: int) -> np.ndarray:
    """What every split holds, (S, 1 + K)."""
    return np.stack([amounts[dealt == k].sum(axis=0) for k in range(num_splits)])


def _distance(held: np.ndarray, shares: np.ndarray, needed: np.ndarray) -> float:
    """How far what the splits hold, (S, 1 + K), is from their shares, and from what train needs."""
    wanted = shares[:, None]
    apart = (wanted * np.log(wanted / (held + FLOOR * wanted))).sum(axis=0) @ _weights(held.shape[1])
    return float(apart + LACKING * np.maximum(needed - held[0] - 1e-12, 0).sum())


def _dealt(amounts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Deal episodes one by one, the longest first, each to the split that it brings nearest to its share."""
    wanted, weights = shares[:, None], _weights(amounts.shape[1])
    held = FLOOR * np.repeat(wanted, amounts.shape[1], axis=1)
    dealt = np.zeros(len(amounts), dtype=np.int64)
    for episode in np.argsort(-amounts[:, 0], kind="stable"):
        gain = (wanted * np.log1p(amounts[episode] / held)) @ weights
        dealt[episode] = np.argmax(gain)
        held[dealt[episode]] += amounts[episode]
    return dealt


def _improved(dealt: np.ndarray, amounts: np.ndarray, shares: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """The same after swaps of two episodes, as long as one brings the splits nearer to their shares."""
    best = _distance(_sums(dealt, amounts, len(shares)), shares, needed)
    improved = True
    while improved:
        improved = False
        for one, other in np.argwhere(np.triu(dealt[:, None] != dealt)):
            swapped = dealt.copy()
            swapped[[one, other]] = dealt[[other, one]]
            distance = _distance(_sums(swapped, amounts, len(shares)), shares, needed)
            if distance < best - 1e-9:
                dealt, best, improved = swapped, distance, True
                break
    return dealt


def _supplied(dealt: np.ndarray, amounts: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """The same after swaps that bring train the interventions that it lacks, each against an episode about as long.

    Train keeps the interventions that it needs, so every swap leaves it lacking fewer.
    """
    dealt = dealt.copy()
    while True:
        held = amounts[dealt == 0].sum(axis=0)
        lacking = held < needed - 1e-12
        brings = amounts[:, lacking].any(axis=1)
        spared = (lacking | (held - amounts >= needed - 1e-12)).all(axis=1) & ~brings
        outside, inside = np.flatnonzero(brings & (dealt != 0)), np.flatnonzero(spared & (dealt == 0))
        if not len(outside) or not len(inside):
            return dealt
        one = outside[0]
        other = inside[np.argmin(abs(amounts[inside, 0] - amounts[one, 0]))]
        dealt[[one, other]] = dealt[[other, one]]


def _contiguous(amounts: np.ndarray, shares: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Stretches of whole episodes: of all orders of the splits in time, the one nearest to the shares."""
    num, parts = len(amounts), len(shares)
    orders = list(permutations(range(parts))) if parts <= 4 else [tuple(range(parts))]
    lengths: Iterable[np.ndarray] = (_nearest_lengths(amounts[:, 0], shares[list(order)]) for order in orders)
    if math.comb(num - 1, parts - 1) <= MOST_CUTS:
        lengths = [np.diff([0, *cuts, num]) for cuts in combinations(range(1, num), parts - 1)]
        orders, lengths = orders * len(lengths), np.repeat(lengths, len(orders), axis=0)
    options = [np.repeat(order, number) for order, number in zip(orders, lengths)]
    return min(options, key=lambda dealt: _distance(_sums(dealt, amounts, parts), shares, needed))


def _nearest_lengths(frames: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Episodes per stretch, (S,): an episode belongs to the stretch that holds its middle."""
    middles = np.cumsum(frames) - frames / 2
    stretch = np.searchsorted(np.cumsum(shares)[:-1], middles, side="right")
    return np.bincount(stretch, minlength=len(shares))


def _bounds(recording: Recording, shares: np.ndarray) -> list[int]:
    """Rows where the splits begin, and the end: the nearest to the shares that leave every split a transition."""
    num, parts = len(recording), len(shares)
    cuts: list[int] = []
    for k, row in enumerate(np.cumsum(shares)[:-1] * num):
        earliest = (cuts[-1] if cuts else 0) + MIN_FRAMES
        latest = num - MIN_FRAMES * (parts - 1 - k)
        todo = "record more, or hold out less"
        checks.require(earliest <= latest, "the number of frames", f"enough for {parts} splits", num, todo)
        cuts.append(int(np.clip(np.round(row), earliest, latest)))
    return [0, *cuts, num]


def _report(splits: Mapping[str, Recording], whole: Recording) -> None:
    """Log what each split got, and warn of variables that are intervened on in some splits only."""
    totals = whole.targets.sum(axis=0)
    for name, split in splits.items():
        counts = split.targets.sum(axis=0)
        seen = checks.listed([f"{v} {n}" for v, n in zip(whole.variables.names, counts) if n]) or "none"
        logger.info("split %s: %d frames, episodes: %d, interventions: %s", name, len(split), split.num_episodes, seen)
        missing = [v for v, n, total in zip(whole.variables.names, counts, totals) if total and not n]
        if missing:
            logger.warning("split %s has no intervention on %s", name, checks.listed(missing))
