"""Identification scores and cost of recipes on worlds with known truth, over several seeds.

    python benchmarks/identify.py boxes                 # closed form and CITRIS-NF on Ball-in-Boxes, seeds 0 to 4
    python benchmarks/identify.py pong                  # the same on Pong, 100,000 frames, at two budgets
    python benchmarks/identify.py pong-conv             # with the convolutional networks, within 1 and 5 minutes
    python benchmarks/identify.py boxes-conv            # the same networks on Ball-in-Boxes
    python benchmarks/identify.py pong-others           # CITRIS-NF from a random start and CITRIS-VAE on Pong
    python benchmarks/identify.py pong-ablation         # the effect of each part of the closed form on Pong
    python benchmarks/identify.py boxes-shuffled        # and pong-shuffled: targets shuffled over time; must be chance
    python benchmarks/identify.py linear-rotation       # closed form, linear world, random rotation, seeds 0 to 2
    python benchmarks/identify.py linear-nonlinear      # CITRIS-NF beside the closed form, smooth non-linear mixing
    python benchmarks/identify.py linear-shuffled       # both, trained on targets shuffled over time: must be chance

Every finished run writes one JSON file into the results folder; runs with a file are skipped, so a sweep can be
interrupted and continued. The table at the end is read from these files. Scores are those of the long probe on 8,000
independent frames; the cost is in CPU-seconds of training.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import trisect
from trisect import recipes
from trisect.data.dataset import Dataset
from trisect.data.generate import generate
from trisect.models.closed_form.splitting import SplittingSettings
from trisect.recipes import Recipe, citris_nf, citris_nf_vectors, citris_vae, closed_form
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

Make = Callable[[int], Recipe]


@dataclass(frozen=True)
class Case:
    """A world, the recipes to run on it, and the seeds.

    Attributes:
        world: name of the world.
        recipes: name in the table -> function from a seed to a recipe.
        seeds: seeds of data and runs.
        settings: settings of the world; the linear world also gets the seed.
        num_frames: frames of the training split.
        shuffle: shuffle the targets of training and validation over time.
    """

    world: str
    recipes: dict[str, Make]
    seeds: tuple[int, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    num_frames: int = 40_000
    shuffle: bool = False


def closed(steps: int | None = None, **changes: Any) -> Make:
    """The closed form with changed settings of the autoencoder and of the identification."""

    def make_recipe(seed: int) -> Recipe:
        recipe = closed_form(seed=seed)
        parts: dict[str, Any] = {"autoencoder": recipe.autoencoder, "closed_form": recipe.closed_form}
        for name, value in changes.items():
            part = next(part for part, settings in parts.items() if hasattr(settings, name))
            parts[part] = replace(parts[part], **{name: value})
        training = recipe.autoencoder_training
        return replace(recipe, **parts, autoencoder_training=replace(training, steps=steps or training.steps))

    return make_recipe


def convolutional(make_recipe: Make, steps: int) -> Make:
    """The same recipe with the convolutional networks."""
    return lambda seed: recipes.convolutional(make_recipe(seed), steps)


def random_start(seed: int) -> Recipe:
    """CITRIS-NF with the published start: random, with a learned assignment; about 15 CPU-minutes on Pong."""
    recipe = citris_nf(seed=seed)
    flow = replace(recipe.flow, start="random")
    training = replace(recipe.autoencoder_training, steps=15_000)
    return replace(recipe, flow=flow, autoencoder_training=training, flow_training=_long(recipe.flow_training, 20_000))


def variational(seed: int) -> Recipe:
    """CITRIS-VAE; about 15 CPU-minutes on Pong."""
    recipe = citris_vae(seed=seed)
    return replace(recipe, variational_training=_long(recipe.variational_training, 30_000))


def _long(training: TrainingSettings, steps: int) -> TrainingSettings:
    return replace(training, steps=steps)


BOTH: dict[str, Make] = {"closed-form": closed(), "citris-nf": lambda seed: citris_nf(seed=seed)}
VECTORS: dict[str, Make] = {"closed-form": closed(), "citris-nf": lambda seed: citris_nf_vectors(seed=seed)}
UNSPLIT = closed(splitting=SplittingSettings(enabled=False))
CASES = {
    "boxes": Case(
        "ball_in_boxes",
        {"closed-form-unsplit": UNSPLIT, "closed-form-short": closed(steps=1200), **BOTH},
        (0, 1, 2, 3, 4),
    ),
    "boxes-shuffled": Case("ball_in_boxes", BOTH, (0,), shuffle=True),
    "pong": Case("pong", {**BOTH, "closed-form-long": closed(15_500)}, (0, 1, 2, 3, 4), num_frames=100_000),
    "pong-conv": Case(
        "pong",
        {
            "closed-form-conv-short": convolutional(closed(), 1200),
            "closed-form-conv": convolutional(closed(), 2500),
            "citris-nf-conv": lambda seed: recipes.citris_nf_conv(seed=seed),
        },
        (0, 1, 2, 3, 4),
        num_frames=100_000,
    ),
    "boxes-conv": Case(
        "ball_in_boxes", {f"{name}-conv": convolutional(recipe, 2500) for name, recipe in BOTH.items()}, (0, 1, 2, 3, 4)
    ),
    "pong-others": Case(
        "pong",
        {
            "citris-nf-random": random_start,
            "citris-vae": variational,
            "citris-vae-conv": lambda seed: recipes.citris_vae_conv(seed=seed),
        },
        (0, 1),
        num_frames=100_000,
    ),
    "pong-ablation": Case(
        "pong",
        {
            "closed-form": closed(),
            "no-target-head": closed(target_weight=0.0),
            "no-soft-penalty": closed(standard_weight=0.0),
            "no-trimming": closed(trim_rounds=0),
        },
        (0, 1),
        num_frames=100_000,
    ),
    "pong-shuffled": Case("pong", BOTH, (0,), num_frames=100_000, shuffle=True),
    "linear-rotation": Case("linear", {"closed-form": closed()}, (0, 1, 2), {"mixing": "rotation"}),
    "linear-nonlinear": Case("linear", VECTORS, (0, 1, 2), {"mixing": "nonlinear"}),
    "linear-shuffled": Case("linear", VECTORS, (0, 1, 2), {"mixing": "rotation"}, shuffle=True),
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
    settings = {**case.settings, "seed": recipe.seed} if case.world == "linear" else case.settings
    data = folder / f"data-{recipe.seed}"
    if not data.exists():
        generate(make(case.world, **settings), data, num_frames=case.num_frames, seed=recipe.seed)
    dataset = shuffled(trisect.load(data), recipe.seed) if case.shuffle else data
    trained = trisect.train(
        recipe, dataset, folder / f"{name.replace(' ', '-')}-{recipe.seed}", resume=True, progress=False
    )
    report = trisect.evaluate(trained, dataset)
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
        print("    " + " ".join(f"{name:>10}" for name in ("", *(name[-10:] for name in r2["columns"]))))
        for name, row in zip(r2["rows"], r2["matrix"]):
            print("    " + f"{name[-10:]:>10} " + " ".join(_cell(value) for value in row))


def _cell(value: float | None) -> str:
    return f"{value:10.3f}" if value is not None else f"{'-':>10}"


def _baseline(report: dict[str, Any], name: str) -> str:
    scores = report["baselines"][name]
    return "none" if scores is None else f"{scores['r2']['diag']:.3f}"


def _chance(report: dict[str, Any]) -> str:
    chance = report["chance"]
    return "none" if chance["r2"] is None else f"{chance['r2']:.3f}"


def main() -> None:
    """Run one case and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--out", type=Path, default=Path("runs/identify"))
    parser.add_argument("--seeds", type=int, nargs="*", default=None)
    parser.add_argument("--recipes", nargs="*", default=None, help="run only these of the case's recipes")
    parser.add_argument("--keep", action="store_true", help="keep data and run folders")
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # a second thread mostly waits, at full cost
    case, folder = CASES[args.case], args.out / args.case
    unknown = set(args.recipes or ()) - set(case.recipes)
    if unknown:
        parser.error(f"--recipes must be some of {', '.join(case.recipes)}; got {', '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in case.seeds if args.seeds is None else args.seeds:
        for method in case.recipes if args.recipes is None else args.recipes:
            file = folder / f"result-{method}-{seed}.json"
            if not file.exists():
                result = run(case, method, case.recipes[method](seed), folder)
                temporary = file.with_suffix(".partial")
                temporary.write_text(json.dumps(result))
                temporary.replace(file)
            results.append(json.loads(file.read_text()))
        if not args.keep:
            shutil.rmtree(folder / f"data-{seed}", ignore_errors=True)
    table(results)


if __name__ == "__main__":
    main()
