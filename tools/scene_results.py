"""Factors found for many frames, one file each, so that a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scene_rules import deviation, expected
from scene_search import Searcher

BAD = 2.0
"""A frame whose error is so many deviations above the median of all is searched anew."""


@dataclass(frozen=True)
class Found:
    """The factors of a frame.

    Attributes:
        row: (10,) in the published order.
        error: weighted mean absolute difference, of 255.
        seconds: CPU time that it took.
    """

    row: np.ndarray
    error: float
    seconds: float


class Results:
    """A folder of results; each knows what it was made of, and is made anew when that has changed.

    Args:
        folder: made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, name: str, key: str) -> Found | None:
        """What was found, or None."""
        file = self.folder / f"{name}.json"
        if not file.is_file():
            return None
        held = json.loads(file.read_text())
        return Found(np.array(held["row"]), held["error"], held["seconds"]) if held["key"] == key else None

    def save(self, name: str, key: str, found: Found) -> None:
        """Write a result whole or not at all."""
        held = {"key": key, "row": found.row.tolist(), "error": found.error, "seconds": found.seconds}
        unfinished = self.folder / f"{name}.part"
        unfinished.write_text(json.dumps(held))
        os.replace(unfinished, self.folder / f"{name}.json")


def key_of(*parts: object) -> str:
    """A digest of arrays and of whatever else prints itself in full."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def find_all(frames: np.ndarray, searcher: Searcher, results: Results, seed: int, passes: int) -> list[Found]:
    """The factors of all frames (N, 64, 64, 3).

    The first pass searches each frame by itself. The second also starts from what was found for the frames before and
    after, and from where the rules lead from the one before. Later ones do so for frames whose error is bad (`BAD`).
    From the second on, bad ones are also searched anew. What is kept, the picture alone decides.
    """
    found = _one_pass(frames, searcher, results, seed)
    for number in range(2, passes + 1):
        found = _next_pass(frames, searcher, results, found, number, seed)
    return found


def _one_pass(frames: np.ndarray, searcher: Searcher, results: Results, seed: int) -> list[Found]:
    jobs = []
    for i, frame in enumerate(frames):
        key = key_of(frame, searcher.constants, searcher.effort, seed, i)
        jobs.append((f"1-{i:04d}", key, i, lambda frame=frame, i=i: searcher.search(frame, _rng(seed, 1, i))))
    return _work(jobs, frames, searcher, results, "pass 1")


def _next_pass(
    frames: np.ndarray, searcher: Searcher, results: Results, found: list[Found], number: int, seed: int
) -> list[Found]:
    errors = np.array([one.error for one in found])
    is_bad = errors > np.median(errors) + BAD * deviation(errors)
    chosen = [i for i in range(len(frames)) if is_bad[i] or number == 2]
    jobs = []
    for i in chosen:
        others = [found[j].row for j in (i - 1, i + 1) if 0 <= j < len(frames)]
        others += [expected(found[i - 1].row)] if i else []
        key = key_of(frames[i], searcher.constants, searcher.effort, seed, i, found[i].row, *others, bool(is_bad[i]))

        def job(i: int = i, others: Sequence[np.ndarray] = others) -> np.ndarray:
            anew = [searcher.search(frames[i], _rng(seed, number, i))] if is_bad[i] else []
            return searcher.revise(frames[i], found[i].row, [*others, *anew])

        jobs.append((f"{number}-{i:04d}", key, i, job))
    revised = dict(zip(chosen, _work(jobs, frames, searcher, results, f"pass {number}")))
    return [revised.get(i, one) for i, one in enumerate(found)]


Job = tuple[str, str, int, Callable[[], np.ndarray]]


def _work(jobs: Sequence[Job], frames: np.ndarray, searcher: Searcher, results: Results, title: str) -> list[Found]:
    """Do what is not there yet, and tell how long the rest will take."""
    found, start, done = [], time.monotonic(), 0
    for place, (name, key, i, job) in enumerate(jobs):
        one = results.load(name, key)
        if one is None:
            before = time.process_time()
            row = job()
            error = float(searcher.sights(frames[i])["large"].errors(row[None])[0])
            one = Found(row, error, time.process_time() - before)
            results.save(name, key, one)
            done += 1
            left = (time.monotonic() - start) / done * (len(jobs) - place - 1) / 60
            told = f"{title}, frame {i} ({place + 1} of {len(jobs)}): error {error:.2f}"
            print(f"{told}, {left:.0f} min left", flush=True)
        found.append(one)
    return found


def _rng(*seeds: int) -> np.random.Generator:
    return np.random.default_rng(seeds)
