"""How many rows: cost of two million, R2 against their number, and whether units matter.

    python benchmarks/rows.py --long         # 2,000,000 x 8: CPU-seconds and peak memory of every step
    python benchmarks/rows.py --curve        # R2 against 200 to 20,000 rows, with what the closed form says beside it
    python benchmarks/rows.py --units        # observations x 1e-6 to 1e6: R2 must agree to .005

--long    3 variables and 5 nuisance values in 10,000 episodes of 200 rows, single targets that shift; each step in a
          process of its own. `identify` sees all transitions as arrays; `inspect`, `train` (closed form) and `evaluate`
          see a data folder with the usual splits, of which 70 % is for training and 20 % for scoring. Peak memory is
          that of the process; `peak_before_mb` of it was in use before the step began.
--curve   one episode, memory .9, linear, single targets, 5 variables and 8 nuisance values, seeds 0 to 4.
--units   kinds "grow" and "shift", 12,000 rows, seed 0; CITRIS-NF for vectors with a short training of its flow.

Every point writes one JSON file; points with a file are skipped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from closed_form_scores import Result, scores_of, stored, verdicts
from polynomial_probe import matrix
from sensor_worlds import MIXINGS, Record, SensorWorld, record

import trisect
from trisect.data.dataset import Dataset
from trisect.data.store import save
from trisect.models.closed_form import identify
from trisect.recipes import citris_nf_vectors, closed_form

LONG, EPISODE = 2_000_000, 200
LONG_WORLD = SensorWorld(kind="shift", num_variables=3, num_nuisance=5)
ROWS, SEEDS, CURVE_KINDS = (200, 500, 1000, 2000, 5000, 10_000, 20_000), (0, 1, 2, 3, 4), ("shift", "fix")
PARTS = ("inspect", "identify", "train", "evaluate")
FACTORS, UNITS_ROWS, SHORT = (1e-6, 1e-3, 1.0, 1e3, 1e6), 12_000, 400
UNITS_KINDS = ("grow", "shift")
RECIPES: dict[str, Callable[[], Any]] = {"closed-form": closed_form, "citris-nf-vectors": citris_nf_vectors}


def arrays(log: Record, episodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Observations and targets as a user has them, row by row; the first row of an episode has no targets."""
    rows, columns = log.targets.shape[0] // episodes, log.targets.shape[1]
    before, after = (part.reshape(episodes, rows, -1) for part in (log.before, log.after))
    observations = np.concatenate([before[:, :1], after], axis=1)
    targets = np.concatenate([np.zeros((episodes, 1, columns), bool), log.targets.reshape(episodes, rows, -1)], axis=1)
    return observations.reshape(episodes * (rows + 1), -1), targets.reshape(episodes * (rows + 1), -1)


def dataset(observations: np.ndarray, targets: np.ndarray, names: list[str], episodes: int) -> Dataset:
    """A data set with the usual splits."""
    starts = np.arange(0, len(observations), len(observations) // episodes)
    return trisect.from_arrays(observations, targets, names, alignment="effect", episode_starts=starts)


def write_long(folder: Path, frames: int) -> None:
    """Write the long recording as arrays of transitions and as a data folder."""
    episodes = frames // EPISODE
    log = record(LONG_WORLD, frames - episodes, 0, episodes)
    np.savez(folder / "transitions.npz", z_prev=log.before, z_next=log.after, targets=log.targets)
    save(dataset(*arrays(log, episodes), log.names, episodes), folder / "data")


def prepare(part: str, folder: Path) -> Callable[[], object]:
    """What a part measures; everything that is not measured is done first."""
    if part == "identify":
        inputs = dict(np.load(folder / "transitions.npz"))
        return lambda: identify(**inputs)
    if part == "inspect":
        data = trisect.load(folder / "data")
        return lambda: trisect.inspect(data)
    if part == "train":
        return lambda: trisect.train(closed_form(), folder / "data", folder / "run", progress=False)
    return lambda: trisect.evaluate(folder / "run", folder / "data", progress=False)


def peak_megabytes() -> float:
    """Largest resident memory of this program until now.

    `resource.getrusage` would count the process that started it, too, which has made the data.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10


def measure(part: str, folder: Path) -> None:
    """Measure one part in this process and print it as JSON."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    work, before = prepare(part, folder), peak_megabytes()
    start, wall = time.process_time(), time.perf_counter()
    work()
    result = {"cpu_seconds": time.process_time() - start, "wall_seconds": time.perf_counter() - wall}
    print(json.dumps({**result, "peak_memory_mb": peak_megabytes(), "peak_before_mb": before}))


def in_process(part: str, folder: Path, frames: int) -> Result:
    """A part measured in a process of its own, after what it needs has been written."""
    if not (folder / "data").exists():
        write_long(folder, frames)
    if part == "evaluate" and not (folder / "run").exists():
        prepare("train", folder)()
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        return {"error": (finished.stderr.strip() or f"exit status {finished.returncode}").splitlines()[-1]}
    result: Result = json.loads(finished.stdout.strip().splitlines()[-1])
    return result


def long(out: Path, frames: int) -> None:
    """Print the cost of every part."""
    with tempfile.TemporaryDirectory() as name:
        for part in PARTS:
            result = stored(out / f"long-{frames}-{part}.json", partial(in_process, part, Path(name), frames))
            print(part, json.dumps(result), flush=True)


def curve(out: Path) -> None:
    """Print a row for every kind and number of rows, over the seeds."""
    columns = ("kind", "rows", "interventions", "own mean, worst", "found / cannot tell / not there", "worst found")
    print(f"| {' | '.join(columns)} | expected |", "|" + " --- |" * 7, sep="\n")
    for kind, rows in itertools.product(CURVE_KINDS, ROWS):
        worlds = [SensorWorld(kind=kind, seed=seed) for seed in SEEDS]
        files = [out / f"curve-{kind}-{rows}-{world.seed}.json" for world in worlds]
        results = [stored(file, partial(scores_of, world, rows, 1)) for file, world in zip(files, worlds)]
        print(curve_row(kind, rows, results), flush=True)


def curve_row(kind: str, rows: int, results: list[Result]) -> str:
    """Own R2 of all variables and seeds, beside the verdicts and the R2 that the statements expect."""
    scored = [result for result in results if not result["error"]]
    said = [verdict for result in results for verdict in verdicts(result)]
    counts = " / ".join(str(said.count(verdict)) for verdict in ("found", "cannot tell", "not there"))
    counts = "-" if "-" in said else counts + (f"; {said.count('refused')} refused" if "refused" in said else "")
    start = f"| {kind} | {rows:,} | {np.mean([result['interventions'] for result in results]):.0f} |"
    if not scored:
        return f"{start} refused: {results[0]['error']} |"
    own = np.concatenate([result["own"] for result in scored])
    found = own[[verdict == "found" for result in scored for verdict in verdicts(result)]]
    expected = [each["expected_r2"] for result in scored for each in result["statements"] or ()]
    return (
        f"{start} {own.mean():.3f}, {own.min():.3f} | {counts} | {f'{found.min():.3f}' if found.size else '-'}"
        f" | {f'{np.mean(expected):.2f}' if expected else '-'} |"
    )


def units(out: Path) -> None:
    """Print R2 by factor, and the largest difference from factor 1."""
    for kind, mixing, name in itertools.product(UNITS_KINDS, MIXINGS, RECIPES):
        world = SensorWorld(kind=kind, mixing=mixing)
        files = [out / f"units-{kind}-{mixing}-{name}-{factor:g}.json" for factor in FACTORS]
        results = [stored(file, partial(in_units, world, name, factor)) for file, factor in zip(files, FACTORS)]
        for factor, result in zip(FACTORS, results):
            print(f"{kind} {mixing} {name} x {factor:g}: {result['error'] or np.round(result['own'], 4)}")
        unit = results[FACTORS.index(1.0)]["own"]
        apart = [np.inf if result["error"] else np.abs(np.subtract(result["own"], unit)).max() for result in results]
        print(f"{kind} {mixing} {name}: largest difference {max(apart):.4f}", flush=True)


def in_units(world: SensorWorld, name: str, factor: float) -> Result:
    """R2 of every variable from its slot on fresh rows, after training on observations in other units."""
    episodes = UNITS_ROWS // EPISODE
    training, fresh = record(world, UNITS_ROWS, 0, episodes), record(world, UNITS_ROWS // 2, 1)
    observations, targets = arrays(training, episodes)
    data = dataset(observations * factor, targets, training.names, episodes)
    recipe = RECIPES[name]()
    if name != "closed-form":
        recipe = replace(recipe, flow_training=replace(recipe.flow_training, steps=SHORT))
    with tempfile.TemporaryDirectory() as folder:
        try:
            model = trisect.train(recipe, data, Path(folder) / "run", progress=False).model
        except (ValueError, RuntimeError) as error:
            return {"error": f"{type(error).__name__}: {error}", "own": None}
        with torch.no_grad():
            new, slots = model.encode(fresh.after * factor).numpy().astype(np.float64), model.assignment().numpy()
    scores = matrix(new, slots.argmax(axis=1), fresh.values, fresh.variables)
    return {"error": None, "own": scores[range(len(scores)), fresh.variables].tolist(), "r2": scores.tolist()}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for what in ("long", "curve", "units"):
        parser.add_argument(f"--{what}", action="store_true")
    parser.add_argument("--frames", type=int, default=LONG, help="of --long")
    parser.add_argument("--out", type=Path, default=Path("runs/rows"))
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        measure(args.part, args.folder)
        return
    if not (args.long or args.curve or args.units):
        parser.error("say what to measure: --long, --curve or --units")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if args.long:
        long(args.out, args.frames)
    if args.curve:
        curve(args.out)
    if args.units:
        units(args.out)


if __name__ == "__main__":
    main()
