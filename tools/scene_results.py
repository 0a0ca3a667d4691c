"""Factors of many frames, one file per frame, so that an interrupted run resumes where it stopped."""

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
"""A frame whose error is more than this many deviations above the median of all frames is searched again."""


@dataclass(frozen=True)
class Found:
    """The factors of a frame, found by the search.

    Attributes:
        row: (10,) factors in the published order.
        error: weighted mean absolute difference, of 255.
        seconds: CPU time of the search.
    """

    row: np.ndarray
    error: float
    seconds: float


class Results:
    """A folder of results; each stores a key of its inputs, and is recomputed if the key has changed.

    Args:
        folder: folder of the results; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, name: str, key: str) -> Found | None:
        """The stored result, or None if there is none with this key."""
        file = self.folder / f"{name}.json"
        if not file.is_file():
            return None
        stored = json.loads(file.read_text())
        return Found(np.array(stored["row"]), stored["error"], stored["seconds"]) if stored["key"] == key else None

    def save(self, name: str, key: str, found: Found) -> None:
        """Write a result atomically."""
        stored = {"key": key, "row": found.row.tolist(), "error": found.error, "seconds": found.seconds}
        unfinished = self.folder / f"{name}.part"
        unfinished.write_text(json.dumps(stored))
        os.replace(unfinished, self.folder / f"{name}.json")


def key_of(*parts: object) -> str:
    """A digest of arrays and of other values with a complete repr."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def find_all(frames: np.ndarray, searcher: Searcher, results: Results, seed: int, passes: int) -> list[Found]:
    """The factors of all frames (N, 64, 64, 3).

    The first pass searches each frame separately. The second pass also starts from the results of the previous and the
    next frame, and from the factors that the rules predict from the previous frame. Later passes do so only for frames
    with a bad error (`BAD`). From the second pass on, bad frames are also searched again. The result that fits the
    frame best is kept, whatever the rules predict.
    """
    best = _one_pass(frames, searcher, results, seed)
    for number in range(2, passes + 1):
        best = _next_pass(frames, searcher, results, best, number, seed)
    return best


def _one_pass(frames: np.ndarray, searcher: Searcher, results: Results, seed: int) -> list[Found]:
    jobs = []
    for i, frame in enumerate(frames):
        key = key_of(frame, searcher.constants, searcher.effort, seed, i)
        jobs.append((f"1-{i:04d}", key, i, lambda frame=frame, i=i: searcher.search(frame, _rng(seed, 1, i))))
    return _work(jobs, frames, searcher, results, "pass 1")


def _next_pass(
    frames: np.ndarray, searcher: Searcher, results: Results, previous: list[Found], number: int, seed: int
) -> list[Found]:
    errors = np.array([result.error for result in previous])
    is_bad = errors > np.median(errors) + BAD * deviation(errors)
    revisited = [i for i in range(len(frames)) if is_bad[i] or number == 2]
    jobs = []
    for i in revisited:
        row = previous[i].row
        others = [previous[j].row for j in (i - 1, i + 1) if 0 <= j < len(frames)]
        others += [expected(previous[i - 1].row)] if i else []
        key = key_of(frames[i], searcher.constants, searcher.effort, seed, i, row, *others, bool(is_bad[i]))

        def job(i: int = i, others: Sequence[np.ndarray] = others) -> np.ndarray:
            fresh = [searcher.search(frames[i], _rng(seed, number, i))] if is_bad[i] else []
            return searcher.revise(frames[i], previous[i].row, [*others, *fresh])

        jobs.append((f"{number}-{i:04d}", key, i, job))
    revised = dict(zip(revisited, _work(jobs, frames, searcher, results, f"pass {number}")))
    return [revised.get(i, result) for i, result in enumerate(previous)]


Job = tuple[str, str, int, Callable[[], np.ndarray]]


def _work(jobs: Sequence[Job], frames: np.ndarray, searcher: Searcher, results: Results, title: str) -> list[Found]:
    """Do the jobs without a stored result, and print the time left."""
    finished, start, done = [], time.monotonic(), 0
    for place, (name, key, i, job) in enumerate(jobs):
        result = results.load(name, key)
        if result is None:
            before = time.process_time()
            row = job()
            error = float(searcher.sights(frames[i])["large"].errors(row[None])[0])
            result = Found(row, error, time.process_time() - before)
            results.save(name, key, result)
            done += 1
            minutes = (time.monotonic() - start) / done * (len(jobs) - place - 1) / 60
            progress = f"{title}, frame {i} ({place + 1} of {len(jobs)}): error {error:.2f}"
            print(f"{progress}, {minutes:.0f} min left", flush=True)
        finished.append(result)
    return finished


def _rng(*seeds: int) -> np.random.Generator:
    return np.random.default_rng(seeds)
