"""Interventions and roll-outs of a trained model, compared with the true world by a causal encoder.

    python benchmarks/acting.py swaps RUN ENCODER --data DATA --out FOLDER     # one variable from other frames
    python benchmarks/acting.py rollouts RUN ENCODER --data DATA --out FOLDER  # ten steps, an intervention at the fifth
    python benchmarks/acting.py changes RUN ENCODER --data DATA --out FOLDER   # which slots change with one variable

RUN is a run folder, ENCODER the folder of a causal encoder, and DATA the folder of a generated data set with the same
frames. Distances are in half ranges, half turns, or the share of wrong categories.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import trisect
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.evaluation.analysis.changes import changes_along, moves_of
from trisect.evaluation.analysis.figures import changes_figure
from trisect.evaluation.encode import encode
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.projections import random_encoder
from trisect.evaluation.report.figures import frames_figure
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, transitions_of
from trisect.files import write_atomically
from trisect.frames import as_input, float_to_frames
from trisect.models.causal_encoder import CausalEncoder, distances
from trisect.models.slot_model import SlotModel
from trisect.recipes import load_causal_encoder
from trisect.worlds import make
from trisect.worlds.base import World

NUM_SWAPS, NUM_ROLLOUTS, STEPS, ACTED = 1000, 500, 10, 5
SHOWN, NUM_MOVES, NUM_REFERENCE = 8, 300, 20_000


def read(scorer: CausalEncoder, frames: Tensor) -> np.ndarray:
    """Factors that a causal encoder predicts from decoded frames."""
    return scorer.predict(frames.clamp(-1, 1)).numpy()


def by_variable(
    scorer: CausalEncoder, recording: Recording, predicted: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    """Mean distance per variable."""
    means = distances(scorer.factors, predicted, truth).mean(axis=0)
    space = recording.variables
    return {name: float(means[list(space.factor_columns(name))].mean()) for name in space.names}


def swaps(model: SlotModel, scorer: CausalEncoder, data: Dataset, out: Path) -> None:
    """Swap in each variable from other frames: its distance from theirs, and the others' from their former values."""
    frames = data.recording("test_indep")
    assert frames.factors is not None
    first, second = (np.asarray(frames.observations[k * NUM_SWAPS : (k + 1) * NUM_SWAPS]) for k in range(2))
    before, other = (frames.factors[k * NUM_SWAPS : (k + 1) * NUM_SWAPS] for k in range(2))
    names = model.variables
    print("distance of the swapped variable from the source's, and of the other variables from their former values")
    print(f"{'swapped':16s}" + "".join(f"{name[-12:]:>14s}" for name in names))
    rows = {"original": first[:SHOWN], "source": second[:SHOWN]}
    for swapped in ("nothing", *names):
        values = {} if swapped == "nothing" else {swapped: second}
        decoded = model.intervene(first, values)
        truth = before.copy()
        for column in frames.variables.factor_columns(swapped) if swapped != "nothing" else ():
            truth[:, column] = other[:, column]
        errors = by_variable(scorer, frames, read(scorer, decoded), truth)
        print(f"{swapped:16s}" + "".join(f"{errors[name]:14.3f}" for name in names), flush=True)
        rows["decoded" if swapped == "nothing" else swapped] = float_to_frames(decoded[:SHOWN]).numpy()
    write_atomically(out / "swaps.png", frames_figure(rows))


def simulated(data: Dataset, first: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Factors (N, steps, D) of the true world under interventions on all its variables."""
    world, rng = world_of(data), np.random.default_rng(seed)
    factors, steps = first.astype(np.float64), []
    for step in range(targets.shape[1]):
        factors = world.step(factors, targets[:, step], rng)
        steps.append(factors)
    return np.stack(steps, axis=1)


def rollouts(model: SlotModel, scorer: CausalEncoder, data: Dataset, out: Path) -> None:
    """Distance per step of predicted frames, of another sample of the true world, and of the repeated first frame."""
    frames = data.recording("test_indep")
    assert frames.factors is not None
    rows = slice(0, NUM_ROLLOUTS)
    first, start = np.asarray(frames.observations[rows]), frames.factors[rows]
    acted = np.arange(NUM_ROLLOUTS) % len(model.variables)
    targets = np.zeros((NUM_ROLLOUTS, STEPS, len(model.variables)), dtype=bool)
    targets[np.arange(NUM_ROLLOUTS), ACTED - 1, acted] = True
    of_world = np.zeros((*targets.shape[:2], len(frames.variables)), dtype=bool)
    of_world[..., [frames.variables.index(name) for name in model.variables]] = targets
    truth, again = (simulated(data, start, of_world, seed) for seed in (0, 1))
    predicted = {"sampled": model.rollout(first, targets), "mean": model.rollout(first, targets, mean=True)}
    print(f"mean distance over {', '.join(model.variables)}; one of them is intervened on in step {ACTED}")
    print(f"{'step':24s}" + "".join(f"{step + 1:7d}" for step in range(STEPS)))
    repeated = np.repeat(read(scorer, as_input(first))[:, None], STEPS, axis=1)
    candidates = {f"model, {name}": _read_steps(scorer, movie) for name, movie in predicted.items()}
    for name, factors in {**candidates, "the world, other noise": again, "first frame repeated": repeated}.items():
        errors = [by_variable(scorer, frames, factors[:, step], truth[:, step]) for step in range(STEPS)]
        line = [float(np.mean([step[variable] for variable in model.variables])) for step in errors]
        print(f"{name:24s}" + "".join(f"{value:7.3f}" for value in line), flush=True)
    world = world_of(data)
    for number, name in enumerate(model.variables):
        shown: Mapping[str, np.ndarray] = {
            "world": world.render(truth[number]),
            "mean": float_to_frames(predicted["mean"][number]).numpy(),
            "sampled": float_to_frames(predicted["sampled"][number]).numpy(),
        }
        write_atomically(out / f"rollout_{name}.png", frames_figure(shown, framed=ACTED - 1))


def _read_steps(scorer: CausalEncoder, movie: Tensor) -> np.ndarray:
    return np.stack([read(scorer, movie[:, step]) for step in range(movie.shape[1])], axis=1)


def world_of(data: Dataset) -> World:
    """The world that a data set was generated from."""
    described = data.source["world"]
    return make(described["name"], **described["settings"])


def changes(model: SlotModel, scorer: CausalEncoder, data: Dataset, out: Path) -> None:
    """Share of the change outside the right slot if one variable changes: the model, random slots, random features."""
    recording = one_at_a_time(data)
    train = data.recording("train").rows(0, NUM_REFERENCE)
    moves, rng = moves_of(recording), np.random.default_rng(0)
    slots = Slots(model.assignment().numpy().astype(bool), model.slot_names)
    permuted = Slots(slots.assignment[rng.permutation(slots.num_latents)], slots.names)
    features = random_encoder(train.observations, slots.num_latents, rng)
    random = Transitions(features(train.observations), *_pairs(train, model.variables))
    rows = np.concatenate([random.latents, features(recording.observations)])
    identified, assignment = ClosedForm()(rows, random.pairs, random.targets)
    reference, latents = encode(model, train.observations), encode(model, recording.observations)
    results = {
        "this model": changes_along(latents, slots, moves, reference),
        "random slots": changes_along(latents, permuted, moves, reference),
        "random encoder": changes_along(
            identified[NUM_REFERENCE:], Slots(assignment, slots.names), moves, identified[:NUM_REFERENCE]
        ),
    }
    print(f"{'share of the change':22s}{'outside':>9s}{'in others':>11s}   outside, by variable")
    for name, result in results.items():
        each = ", ".join(f"{n} {v:.2f}" for n, v in zip(result.names, result.outside) if n in model.variables)
        print(f"{name:22s}{result.mean_outside:9.3f}{result.mean_in_others:11.3f}   {each}", flush=True)
    write_atomically(out / "changes.png", changes_figure(results["this model"]))


def one_at_a_time(data: Dataset) -> Recording:
    """Episodes of two frames between which one variable gets a new random value."""
    world, rng = world_of(data), np.random.default_rng(0)
    variables = [name for name in world.variables.names if name in data.targeted]
    before = world.independent(NUM_MOVES * len(variables), rng)
    after, other = before.copy(), world.independent(len(before), rng)
    for number, name in enumerate(variables):
        rows = slice(number * NUM_MOVES, (number + 1) * NUM_MOVES)
        columns = list(world.variables.factor_columns(name))
        after[rows, columns] = other[rows, columns]
    factors = np.stack([before, after], axis=1).reshape(-1, before.shape[1])
    targets = np.zeros((len(factors), len(world.variables)), dtype=bool)
    starts = np.arange(0, len(factors), 2)
    return Recording(
        world.render(factors), targets, world.variables, factors=factors.astype(np.float32), episode_starts=starts
    )


def _pairs(recording: Recording, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Frame numbers and targets of every transition."""
    transitions = transitions_of(np.zeros((len(recording), 1)), recording, names)
    return transitions.pairs, transitions.targets


def main() -> None:
    """Run one of the three measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("swaps", "rollouts", "changes"))
    parser.add_argument("run", type=Path)
    parser.add_argument("causal_encoder", type=Path, help="folder of a causal encoder")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/acting"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    model, scorer, data = (
        trisect.load_run(args.run).model,
        load_causal_encoder(args.causal_encoder).model,
        trisect.load(args.data),
    )
    {"swaps": swaps, "rollouts": rollouts, "changes": changes}[args.what](model, scorer, data, args.out)


if __name__ == "__main__":
    main()
