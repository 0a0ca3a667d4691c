"""The gain of CITRIS-NF's flow over the closed form that it starts from: diag and sep of both, on the same latents.

    python benchmarks/identify.py pong-conv --recipes citris-nf-conv --keep        # makes the runs
    python benchmarks/refinement.py runs/identify/pong-conv/citris-nf-conv-*

For each run the closed form is computed again from the latents that the flow was trained on. Both are scored by the
long probe on 8,000 independent frames, as the mean over several random halves, since halves differ by about .005 in
sep.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import trisect
from trisect.data import Dataset
from trisect.evaluation.correlation import Truth, correlations, mean_scores
from trisect.evaluation.encode import encode
from trisect.evaluation.probes.probe import PROBES
from trisect.evaluation.slots import Slots
from trisect.methods.frozen_latents import FrozenLatentsRecipe, identified
from trisect.runs.run import Run

NUM_FRAMES = 8000


def compare(run: Run, data: Dataset, repeats: int) -> dict[str, tuple[float, float]]:
    """Mean diag and sep of the closed form and of the trained flow."""
    model, targeted = run.model, run.model.variables
    train, test = data.recording("train"), data.recording("test_indep")
    latents = replace(train, observations=encode(model.representation, train.observations))
    assert isinstance(run.recipe, FrozenLatentsRecipe)
    start = identified(latents, targeted, run.recipe.closed_form)
    base = encode(model.representation, test.observations[:NUM_FRAMES])
    with torch.no_grad():
        refined = model.flow(torch.from_numpy(base))[0].numpy()
    slots = Slots(start.slots[:, None] == np.arange(len(targeted) + 1), (*targeted, "noise"))
    assert slots.names == model.slot_names, "the slots have another order"
    readings = {"closed form": start.transform(base.astype(np.float64)).astype(np.float32), "flow": refined}
    assert test.factors is not None
    truth = Truth(np.asarray(test.factors[:NUM_FRAMES]), test.variables)
    scores = [
        correlations(
            {name: (z, slots) for name, z in readings.items()}, truth, PROBES["long"], np.random.default_rng(k)
        )
        for k in range(repeats)
    ]
    means = {name: mean_scores([each[name] for each in scores]).r2 for name in readings}
    return {name: (r2.diag, r2.sep_slots) for name, r2 in means.items()}


def main() -> None:
    """Print a row per run, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of CITRIS-NF with the closed form's start")
    parser.add_argument("--data", type=Path, default=None, help="data set of all runs; by default each run's own")
    parser.add_argument("--repeats", type=int, default=2, help="number of random halves for the probe")
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    rows = []
    for folder in args.runs:
        run = trisect.load_run(folder)
        path = args.data or run.data_path
        assert path is not None, "the run was trained on data in memory: pass --data"
        scores = compare(run, trisect.load(path), args.repeats)
        rows.append([*scores["closed form"], *scores["flow"]])
        print(f"{folder.name}: {_row(rows[-1])}", flush=True)
    print(f"mean: {_row(list(np.mean(rows, axis=0)))}")


def _row(values: list[float]) -> str:
    return "closed form diag {:.4f} sep {:.4f}; flow diag {:.4f} sep {:.4f}".format(*values)


if __name__ == "__main__":
    main()
