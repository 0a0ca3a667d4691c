"""A model of Temporal Causal3DIdent on shapes that it was not trained on.

    python benchmarks/shapes.py runs/teapot --out runs/shapes
    python benchmarks/shapes.py runs/teapot --out runs/shapes --shapes hand icicle --causal-encoder runs/causal-encoder

For each shape a recording of the same world with only that shape is generated, and the run's model is scored on it as
by ``trisect evaluate``: the model is not trained further, and half of the recording's independent frames train the
probe. The triplets' cells show the model, the oracle, which decodes the latents of the true third frame, and the
unchanged first frame: the mean difference in grey levels, and the mean distance measured by a causal encoder, if one is
passed. Every shape has a folder with its data and its report. Existing data are reused; scores are always computed
again, since they may belong to another run.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import trisect
from trisect.data.generate import generate
from trisect.evaluation.triplet_predictions import FIRST, MODEL, ORACLE
from trisect.runs.run import Run
from trisect.worlds import make

SHAPES = ("gear", "shell")
NUM_FRAMES = 8000
HEAD = (
    *("shape", "R2 diag", "sep_slots", "sep_variables", "Spearman diag", "sep_slots"),
    *("AUROC of own slots, of others", "triplets, grey levels", "distance", "R2 in the own slot"),
)


def score(run: Run, shape: str, folder: Path, causal_encoder: Path | None) -> dict[str, Any]:
    """The report of the run's model on the world with one shape."""
    world, data = make("causal3dident", shapes=[shape]), folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    if not data.exists():
        generate(world, data, num_frames=NUM_FRAMES, seed=1)
    options: Any = {} if causal_encoder is None else {"causal_encoder": causal_encoder}
    return trisect.evaluate(replace(run, folder=folder), data, **options)


def row(shape: str, report: dict[str, Any]) -> str:
    """A row of the table."""
    r2, rank, free = report["r2"], report["spearman"], report["label_free"]
    mixed = [report["triplets"]["rows"][name] for name in (MODEL, ORACLE, FIRST)]
    cells = [
        *(f"{r2[key]:.3f}" for key in ("diag", "sep_slots", "sep_variables")),
        *(f"{rank[key]:.3f}" for key in ("diag", "sep_slots")),
        f"{free['diag']:.3f}, {free['off_diag']:.3f}",
        ", ".join(f"{each['observation']:.2f}" for each in mixed),
        ", ".join("-" if each["mean"] is None else f"{each['mean']:.3f}" for each in mixed),
        ", ".join(f"{name} {r2['matrix'][k][r2['columns'].index(name)]:.2f}" for k, name in enumerate(r2["rows"][:-1])),
    ]
    return f"| {shape} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of a model of causal3dident")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parser.add_argument(
        "--causal-encoder", type=Path, default=None, help="folder of a causal encoder, which scores triplets"
    )
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run = trisect.load_run(args.run)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for shape in args.shapes:
        print(row(shape, score(run, shape, args.out / shape, args.causal_encoder)), flush=True)


if __name__ == "__main__":
    main()
