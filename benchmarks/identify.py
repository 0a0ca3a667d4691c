"""What a recipe identifies in a world whose truth is known, over seeds, at what cost.

    python benchmarks/identify.py boxes                 # CITRIS-NF on Ball-in-Boxes, seeds 0 to 4
    python benchmarks/identify.py linear-rotation       # closed form, linear world, random rotation, seeds 0 to 2
    python benchmarks/identify.py linear-nonlinear      # CITRIS-NF beside the closed form, smooth non-linear mixing
    python benchmarks/identify.py linear-shuffled       # both, trained on targets shuffled over time: must be chance

Every finished run leaves one JSON file in the results folder; runs that have one are skipped, so that a sweep can be
interrupted and continued. The table printed at the end is read from these files. Numbers are of the long probe on
8,000 independent frames, and CPU-seconds of training.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import trisect
from trisect.data.dataset import Dataset
from trisect.data.generate import generate
from trisect.recipes import Recipe, citris_nf, citris_nf_vectors, closed_form
from trisect.worlds import make

FRAMES = 40_000


@dataclass(frozen=True)
class Case:
    """A world, the recipes run on it and the seeds."""

    world: str
    settings: dict[str, Any]
    recipes: dict[str, Callable[[int], Recipe]]
    seeds: tuple[int, ...]
    shuffle: bool = False


def unparted(seed: int) -> Recipe:
    """The closed form with linear directions only."""
    recipe = closed_form(seed=seed)
    parting = replace(recipe.closed_form.parting, enabled=False)
    return replace(recipe, closed_form=replace(recipe.closed_form, parting=parting))


CASES = {
    "boxes": Case(
        "ball_in_boxes",
        {},
        {
            "closed-form-unparted": unparted,
            "closed-form": lambda seed: closed_form(seed=seed),
            "citris-nf": lambda seed: citris_nf(seed=seed),
        },
        (0, 1, 2, 3, 4),
    ),
    "linear-rotation": Case(
        "linear", {"mixing": "rotation"}, {"closed-form": lambda seed: closed_form(seed=seed)}, (0, 1, 2)
    ),
    "linear-nonlinear": Case(
        "linear",
        {"mixing": "nonlinear"},
        {"closed-form": lambda seed: closed_form(seed=seed), "citris-nf": lambda seed: citris_nf_vectors(seed=seed)},
        (0, 1, 2),
    ),
    "linear-shuffled": Case(
        "linear",
        {"mixing": "rotation"},
        {"closed-form": lambda seed: closed_form(seed=seed), "citris-nf": lambda seed: citris_nf_vectors(seed=seed)},
        (0, 1, 2),
        shuffle=True,
    ),
}


def shuffled(data: Dataset, seed: int) -> Dataset:
    """The same frames with the targets of the training and validation splits shuffled over time."""
    rng = np.random.default_rng(seed)
    splits = {name: data.recording(name) for name in ("train", "val", "test", "test_indep")}
    for name in ("train", "val"):
        recording = splits[name]
        rows = np.setdiff1d(np.arange(len(recording)), recording.starts)
        targets = recording.targets.copy()
        targets[rows] = recording.targets[rng.permutation(rows)]
        splits[name] = replace(recording, targets=targets)
    return Dataset(splits)


def run(case: Case, name: str, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Generate, train, evaluate; returns the report with the benchmark's own keys."""
    settings = case.settings if case.world == "ball_in_boxes" else {**case.settings, "seed": recipe.seed}
    data = folder / f"data-{recipe.seed}"
    if not data.exists():
        generate(make(case.world, **settings), data, num_frames=FRAMES, seed=recipe.seed)
    used = shuffled(trisect.load(data), recipe.seed) if case.shuffle else data
    trained = trisect.train(recipe, used, folder / f"{name}-{recipe.seed}", resume=True, progress=False)
    report = trisect.evaluate(trained, used)
    return {"recipe": name, "seed": recipe.seed, "report": report}


def table(results: list[dict[str, Any]]) -> None:
    """Print one block per run: the matrix, diag, seps, label-free scores, cost."""
    for result in results:
        report = result["report"]
        r2, free = report["r2"], report["label_free"]
        print(
            f"{result['recipe']} seed {result['seed']}: diag {r2['diag']:.4f} sep slots {r2['sep_slots']:.4f}"
            f" variables {r2['sep_variables']:.4f}; label-free {free['diag']:.3f}/{free['off_diag']:.3f};"
            f" shuffled targets {_baseline(report, 'shuffled targets')}, chance {_chance(report)};"
            f" {report['cost']['cpu_seconds']:.0f} CPU-s"
        )
        print("    " + " ".join(f"{name:>10}" for name in ("", *r2["columns"])))
        for name, row in zip(r2["rows"], r2["matrix"]):
            print("    " + f"{name:>10} " + " ".join(f"{value:10.3f}" for value in row))


def _baseline(report: dict[str, Any], name: str) -> str:
    scores = report["baselines"][name]
    return "none" if scores is None else f"{scores['r2']['diag']:.3f}"


def _chance(report: dict[str, Any]) -> str:
    chance = report["chance"]
    return "none" if chance["r2"] is None else f"{chance['r2']:.3f}"


def main() -> None:
    """Run the case that was asked for and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--out", type=Path, default=Path("runs/identify"))
    parser.add_argument("--seeds", type=int, nargs="*", default=None)
    parser.add_argument("--keep", action="store_true", help="keep data and run folders")
    args = parser.parse_args()
    case, folder = CASES[args.case], args.out / args.case
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in case.seeds if args.seeds is None else args.seeds:
        for method, make_recipe in case.recipes.items():
            file = folder / f"result-{method}-{seed}.json"
            if not file.exists():
                result = run(case, method, make_recipe(seed), folder)
                beside = file.with_suffix(".partial")
                beside.write_text(json.dumps(result))
                beside.replace(file)
            results.append(json.loads(file.read_text()))
        if not args.keep:
            shutil.rmtree(folder / f"data-{seed}", ignore_errors=True)
    table(results)


if __name__ == "__main__":
    main()
