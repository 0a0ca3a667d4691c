"""The cost of a full report of a run, and the difference between its probe and a probe trained to convergence.

    python benchmarks/evaluation.py RUN ...                     # both, for folders that benchmarks/identify.py keeps
    python benchmarks/evaluation.py RUN ... --parts cost        # CPU-seconds per section, in a separate process
    python benchmarks/evaluation.py RUN ... --parts accuracy --seeds 0 1 2
    python benchmarks/evaluation.py RUN ... --parts accuracy --probe published      # a probe with too short a training

The cost is that of `trisect evaluate RUN`, including Python and its imports; 8,000 independent frames are scored. The
accuracy is R2 and Spearman of the named probe minus those of the reference on the same halves of the same frames, by
seed. The reference is the same network, trained four times as long on batches four times as large, the best of 240
checkpoints on held-out rows. Bounds: 80 CPU-seconds, 0.005 of diag and 0.02 of both seps; values outside the bounds are
marked, and the benchmark ends with an error.

The data are those that the run was trained on; if they are gone, the folder data-SEED beside the run. Every finished
part writes one JSON file into the results folder and is skipped if that file exists.
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

MAX_CPU_SECONDS = 80.0
BOUNDS = {"diag": 0.005, "sep_slots": 0.02, "sep_variables": 0.02}
COMPARED = [("r2", "diag"), ("r2", "sep_slots"), ("r2", "sep_variables"), ("spearman", "diag")]
ROWS = 8000
CheckedLines = list[tuple[str, bool]]
"""Lines of a table, and whether each is within its bounds."""


def data_of(run: Any) -> Path:
    """The folder of a run's data."""
    path = run.data_path
    return Path(path) if path is not None and Path(path).exists() else run.folder.parent / f"data-{run.recipe.seed}"


def cost(folder: Path) -> dict[str, Any]:
    """CPU-seconds of a full evaluation of a copy of a run, in total and by section; call it in a fresh process."""
    from trisect.evaluation import suite
    from trisect.runs import scoring
    from trisect.runs.run import load_run

    spent: dict[str, float] = defaultdict(float)
    for module, name in ((scoring, "encode"), (scoring, "triplet_scores"), (scoring.Report, "write")):
        timed(module, name, spent)
    for name in ("correlation", "baselines", "chance", "intervention_matrix", "visibility"):
        timed(suite, name, spent)
    spent["start"] = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        data = data_of(load_run(folder))
        copy = Path(shutil.copytree(folder, Path(temporary) / folder.name, ignore=shutil.ignore_patterns("latents")))
        scoring.evaluate(load_run(copy), data, None, quick=False)
    whole = time.process_time()
    return {"total": whole, "sections": {**spent, "other": whole - sum(spent.values())}}


def timed(owner: Any, name: str, spent: dict[str, float]) -> None:
    """Add a function's CPU-seconds to ``spent`` whenever it is called; each probe has its own entry."""
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
    from trisect.runs.run import load_run

    reference = MlpProbe("reference", min_steps=12_000, held_out=0.2, fit=FitSettings(cosine=True, check_every=50))
    run = load_run(folder)
    independent = scored_recordings(run_data(run))[2]
    rows = np.sort(np.random.default_rng(0).permutation(len(independent))[:ROWS])
    slots = Slots(run.model.assignment().numpy().astype(bool), run.model.slot_names)
    truth = Truth(np.asarray(independent.factors)[rows], independent.variables)
    latents, began = encode(run.model, independent.observations)[rows], time.process_time()
    fitted = reference if probe == "reference" else PROBES[probe]
    scores = correlation(latents, slots, truth, fitted, np.random.default_rng(seed))
    return {"cpu_seconds": time.process_time() - began, **scores.to_json()}


def run_data(run: Any) -> Any:
    """A run's data set."""
    import trisect

    return trisect.load(data_of(run))


def stored(file: Path, make: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """The content of the file; if it does not exist, it is made from the arguments first."""
    if not file.exists():
        temporary = file.with_suffix(".partial")
        temporary.write_text(json.dumps(make(*args)))
        temporary.replace(file)
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def in_own_process(folder: Path) -> dict[str, Any]:
    """`cost` in a fresh process."""
    command = [sys.executable, __file__, "--own-process", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    costs: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return costs


def cost_table(folders: list[Path], out: Path) -> CheckedLines:
    """Total and sections of every run, in CPU-seconds."""
    measured = {name_of(each): stored(out / f"{name_of(each)}-cost.json", in_own_process, each) for each in folders}
    names = list(dict.fromkeys(section for costs in measured.values() for section in costs["sections"]))
    width = max(map(len, names))
    lines: CheckedLines = [(f"{'CPU-seconds':24}" + " ".join(f"{name:>{width}}" for name in ("total", *names)), True)]
    for run, costs in measured.items():
        values = (costs["total"], *(costs["sections"].get(name, 0.0) for name in names))
        lines.append(
            (f"{run:24}" + " ".join(f"{value:{width}.1f}" for value in values), costs["total"] < MAX_CPU_SECONDS)
        )
    return lines


def accuracy_table(folders: list[Path], out: Path, probe: str, seeds: list[int]) -> CheckedLines:
    """The probe's scores minus the reference's, by run and seed, and the largest differences."""
    heads = " ".join(f"{f'{score} {name}':>20}" for score, name in COMPARED)
    lines: CheckedLines = [(f"{f'{probe} - reference':24} seed {heads}", True)]
    worst = dict.fromkeys(COMPARED, 0.0)
    for folder, seed in itertools.product(folders, seeds):
        files = (out / f"{name_of(folder)}-{each}-{seed}.json" for each in (probe, "reference"))
        scores, reference = (
            stored(file, scored, folder, each, seed) for file, each in zip(files, (probe, "reference"))
        )
        differences = {key: defined(scores, key) - defined(reference, key) for key in COMPARED}
        worst = {key: float(np.maximum(worst[key], abs(value))) for key, value in differences.items()}
        cells = " ".join(f"{defined(scores, key):10.4f} ({value:+.4f})" for key, value in differences.items())
        lines.append((f"{name_of(folder):24} {seed:4d} {cells}", within(differences)))
    cells = " ".join(f"{value:20.4f}" for value in worst.values())
    return [*lines, (f"{'largest difference':24}      {cells}", within(worst))]


def defined(scores: dict[str, Any], key: tuple[str, str]) -> float:
    """An entry of some scores; NaN if it is undefined."""
    value = scores[key[0]][key[1]]
    return float("nan") if value is None else float(value)


def within(differences: dict[tuple[str, str], float]) -> bool:
    """True if all differences of R2 are within their bounds; an undefined difference is not."""
    return all(abs(differences["r2", name]) <= bound for name, bound in BOUNDS.items())


def name_of(folder: Path) -> str:
    """A run's name, after the name of its folder's parent."""
    return f"{folder.resolve().parent.name}-{folder.resolve().name}"


def main() -> None:
    """Measure the chosen parts, print the tables, and fail if a value is outside its bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--parts", nargs="+", choices=("cost", "accuracy"), default=("cost", "accuracy"))
    parser.add_argument("--probe", default="long", help="name of the probe that is compared with the reference")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of the halves and the probes")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"))
    parser.add_argument("--own-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.own_process:
        print(json.dumps(cost(args.runs[0])))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    lines: CheckedLines = []
    if "cost" in args.parts:
        lines += cost_table(args.runs, args.out)
    if "accuracy" in args.parts:
        lines += accuracy_table(args.runs, args.out, args.probe, args.seeds)
    for line, good in lines:
        print(line + ("" if good else "  OUTSIDE"))
    sys.exit(0 if all(good for _, good in lines) else 1)


if __name__ == "__main__":
    main()
