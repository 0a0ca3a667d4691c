"""What a full report of a run costs, and how far its probe is from one trained to convergence.

    python benchmarks/evaluation.py RUN ...                     # both, of folders that benchmarks/identify.py keeps
    python benchmarks/evaluation.py RUN ... --parts cost        # CPU-seconds per section, in a process of its own
    python benchmarks/evaluation.py RUN ... --parts accuracy --seeds 0 1 2
    python benchmarks/evaluation.py RUN ... --parts accuracy --probe published      # which is trained too short

Cost is that of `trisect evaluate RUN`, Python and its imports included; 8,000 independent frames are scored. Accuracy
is R2 and Spearman of the named probe less those of the reference on the same halves of the same frames, by seed. The
reference is the same network, trained four times as long on batches four times as large, the best of 240 checkpoints
on held-out rows. Bounds: 40 CPU-seconds, 0.005 of diag and 0.02 of both seps; what is outside is marked and ends the
benchmark with an error.

A run's data are those it was trained on, or where they are gone, the folder data-SEED beside it. Every finished part
leaves one JSON file in the results folder and is skipped if that is there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MAX_CPU_SECONDS = 40.0
BOUNDS = {"diag": 0.005, "sep_slots": 0.02, "sep_variables": 0.02}
COMPARED = [("r2", "diag"), ("r2", "sep_slots"), ("r2", "sep_variables"), ("spearman", "diag")]
ROWS = 8000
Judged = list[tuple[str, bool]]
"""Lines of a table, and whether each is within its bounds."""


def data_of(run: Any) -> Path:
    """The folder of a run's data."""
    known = run.data_path
    return Path(known) if known is not None and Path(known).exists() else run.folder.parent / f"data-{run.recipe.seed}"


def cost(folder: Path) -> dict[str, Any]:
    """CPU-seconds of a full evaluation of a copy of a run, whole and by section; to be called in a fresh process."""
    from trisect.evaluation import suite
    from trisect.runs import scoring
    from trisect.runs.train import load_run

    spent: dict[str, float] = defaultdict(float)
    for module, name in ((scoring, "encode"), (scoring, "triplet_scores"), (scoring.Report, "write")):
        timed(module, name, spent)
    for name in ("correlation", "baselines", "chance", "intervention_matrix"):
        timed(suite, name, spent)
    spent["start"] = time.process_time()
    with tempfile.TemporaryDirectory() as beside:
        data = data_of(load_run(folder))
        copy = Path(shutil.copytree(folder, Path(beside) / folder.name, ignore=shutil.ignore_patterns("latents")))
        scoring.evaluate(load_run(copy), data, None, quick=False)
    whole = time.process_time()
    return {"total": whole, "sections": {**spent, "other": whole - sum(spent.values())}}


def timed(owner: Any, name: str, spent: dict[str, float]) -> None:
    """Add a function's CPU-seconds to ``spent`` whenever it is called; probes are told apart."""
    function: Callable[..., Any] = getattr(owner, name)

    def with_clock(*args: Any, **kwargs: Any) -> Any:
        began = time.process_time()
        result = function(*args, **kwargs)
        spent[f"probe {args[3].name}" if name == "correlation" else name] += time.process_time() - began
        return result

    setattr(owner, name, with_clock)


def scored(folder: Path, probe: str, seed: int) -> dict[str, Any]:
    """Scores of a run's slots by a probe, or by the reference."""
    from trisect.evaluation.correlation import Truth, correlation
    from trisect.evaluation.encode import encode
    from trisect.evaluation.probes.fitting import FitSettings
    from trisect.evaluation.probes.probe import PROBES, MlpProbe
    from trisect.evaluation.slots import Slots
    from trisect.evaluation.transitions import scored_recordings
    from trisect.runs.train import load_run

    reference = MlpProbe("reference", min_steps=12_000, held_out=0.2, fit=FitSettings(cosine=True, check_every=50))
    run = load_run(folder)
    independent = scored_recordings(run_data(run))[2]
    rows = np.sort(np.random.default_rng(0).permutation(len(independent))[:ROWS])
    slots = Slots(run.model.assignment().numpy().astype(bool), run.model.slot_names)
    truth = Truth(np.asarray(independent.factors)[rows], independent.variables)
    latents, began = encode(run.model, independent.observations)[rows], time.process_time()
    chosen = reference if probe == "reference" else PROBES[probe]
    scores = correlation(latents, slots, truth, chosen, np.random.default_rng(seed))
    return {"cpu_seconds": time.process_time() - began, **scores.to_json()}


def run_data(run: Any) -> Any:
    """A run's data set."""
    import trisect

    return trisect.load(data_of(run))


def kept(file: Path, make: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What the file holds, made from the arguments first if it is not there."""
    if not file.exists():
        beside = file.with_suffix(".partial")
        beside.write_text(json.dumps(make(*args)))
        beside.replace(file)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def in_own_process(folder: Path) -> dict[str, Any]:
    """`cost` in a fresh process."""
    command = [sys.executable, __file__, "--own-process", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cost_table(folders: list[Path], out: Path) -> Judged:
    """Total and sections of every run, in CPU-seconds."""
    found = {name_of(each): kept(out / f"{name_of(each)}-cost.json", in_own_process, each) for each in folders}
    names = list(dict.fromkeys(section for costs in found.values() for section in costs["sections"]))
    width = max(map(len, names))
    lines: Judged = [(f"{'CPU-seconds':24}" + " ".join(f"{name:>{width}}" for name in ("total", *names)), True)]
    for run, costs in found.items():
        values = (costs["total"], *(costs["sections"].get(name, 0.0) for name in names))
        lines.append(
            (f"{run:24}" + " ".join(f"{value:{width}.1f}" for value in values), costs["total"] < MAX_CPU_SECONDS)
        )
    return lines


def accuracy_table(folders: list[Path], out: Path, probe: str, seeds: list[int]) -> Judged:
    """The probe's scores less the reference's, by run and seed, and the largest of them."""
    heads = " ".join(f"{f'{score} {name}':>20}" for score, name in COMPARED)
    lines: Judged = [(f"{f'{probe} - reference':24} seed {heads}", True)]
    worst = dict.fromkeys(COMPARED, 0.0)
    for folder, seed in itertools.product(folders, seeds):
        files = (out / f"{name_of(folder)}-{each}-{seed}.json" for each in (probe, "reference"))
        own, wanted = (kept(file, scored, folder, each, seed) for file, each in zip(files, (probe, "reference")))
        apart = {key: defined(own, key) - defined(wanted, key) for key in COMPARED}
        worst = {key: float(np.maximum(worst[key], abs(value))) for key, value in apart.items()}
        cells = " ".join(f"{defined(own, key):10.4f} ({value:+.4f})" for key, value in apart.items())
        lines.append((f"{name_of(folder):24} {seed:4d} {cells}", within(apart)))
    cells = " ".join(f"{value:20.4f}" for value in worst.values())
    return [*lines, (f"{'largest difference':24}      {cells}", within(worst))]


def defined(scores: dict[str, Any], key: tuple[str, str]) -> float:
    """An entry of some scores; NaN if it is undefined."""
    value = scores[key[0]][key[1]]
    return float("nan") if value is None else float(value)


def within(apart: dict[tuple[str, str], float]) -> bool:
    """Whether all differences of R2 are within their bounds; one that is undefined is not."""
    return all(abs(apart["r2", name]) <= bound for name, bound in BOUNDS.items())


def name_of(folder: Path) -> str:
    """A run's name with its world's."""
    return f"{folder.resolve().parent.name}-{folder.resolve().name}"


def main() -> None:
    """Measure what was asked for, print the tables, and fail if anything is outside its bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--parts", nargs="+", choices=("cost", "accuracy"), default=("cost", "accuracy"))
    parser.add_argument("--probe", default="long", help="name of the probe that is held against the reference")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of halves and probes")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"))
    parser.add_argument("--own-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.own_process:
        print(json.dumps(cost(args.runs[0])))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    lines: Judged = []
    if "cost" in args.parts:
        lines += cost_table(args.runs, args.out)
    if "accuracy" in args.parts:
        lines += accuracy_table(args.runs, args.out, args.probe, args.seeds)
    for line, good in lines:
        print(line + ("" if good else "  OUTSIDE"))
    sys.exit(0 if all(good for _, good in lines) else 1)


if __name__ == "__main__":
    main()
