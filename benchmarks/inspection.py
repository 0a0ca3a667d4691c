"""Accuracy and cost of `trisect.inspect`: planted faults, false alarms, and verdicts on lags.

    python benchmarks/inspection.py faults     # every fault in every world over 20 seeds, and false alarms
    python benchmarks/inspection.py lags       # verdicts by world, length and true shift over 20 seeds
    python benchmarks/inspection.py cost       # CPU-seconds for 100,000 frames of Pong, and for 64 targets

A verdict is *wrong* if it names another lag than the planted one; "cannot tell" is not wrong.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

import trisect
from trisect.data.dataset import Dataset
from trisect.data.generate import simulate
from trisect.data.inspect.alignment import alignment
from trisect.data.recording import Recording
from trisect.interventions import IndependentTargets
from trisect.variables import anonymous
from trisect.worlds import make

WORLDS = ("ball_in_boxes", "pong", "linear")
SEEDS = 20
LENGTHS = (200, 500, 1000, 2000, 5000, 20_000)
Fault = Callable[[Recording, np.random.Generator], Recording]


def recorded(world: str, num_frames: int, seed: int) -> Recording:
    """One episode of a world."""
    return simulate(make(world), num_frames, np.random.default_rng((seed, num_frames)), episode_length=None)


def retargeted(change: Callable[[np.ndarray, list[int]], None]) -> Fault:
    """A fault in the targets; the change gets the columns that have interventions."""

    def fault(recording: Recording, _: np.random.Generator) -> Recording:
        targets = recording.targets.copy()
        change(targets, np.flatnonzero(targets.any(axis=0)).tolist())
        return replace(recording, targets=targets)

    return fault


def equal(targets: np.ndarray, used: list[int]) -> None:
    """The second variable is marked whenever the first one is."""
    targets[:, used[1]] = targets[:, used[0]]


def complement(targets: np.ndarray, used: list[int]) -> None:
    """The second variable is marked whenever the first one is not."""
    targets[:, used[1]] = ~targets[:, used[0]]


def joint(targets: np.ndarray, used: list[int]) -> None:
    """A variable without interventions, or the last one, is marked whenever the first or the second one is."""
    unused = [column for column in range(targets.shape[1]) if column not in used]
    targets[:, unused[0] if unused else used[-1]] = targets[:, used[0]] | targets[:, used[1]]


def always(targets: np.ndarray, used: list[int]) -> None:
    """The first variable is marked in every step."""
    targets[:, used[0]] = True


def never(targets: np.ndarray, _: list[int]) -> None:
    """No interventions at all."""
    targets[:] = False


def rare(targets: np.ndarray, used: list[int]) -> None:
    """The first variable is intervened on only five times."""
    targets[np.flatnonzero(targets[:, used[0]])[5:], used[0]] = False


def shifted(rows: int) -> Fault:
    """Targets are shifted relative to the frames."""
    return lambda recording, _: replace(recording, targets=np.roll(recording.targets, rows, axis=0))


def joined(recording: Recording, rng: np.random.Generator) -> Recording:
    """Stretches of 100 rows in random order are recorded as one episode."""
    parts = rng.permutation(np.arange(len(recording)).reshape(-1, 100))
    rows = parts.ravel()
    return replace(recording, observations=recording.observations[rows], targets=recording.targets[rows], factors=None)


def frozen(recording: Recording, rng: np.random.Generator) -> Recording:
    """A fifth of the frames repeat the previous frame."""
    observations = np.array(recording.observations)
    for t in np.flatnonzero(rng.random(len(recording)) < 0.2):
        observations[t] = observations[max(t - 1, 0)]
    return replace(recording, observations=observations)


def blank(recording: Recording, _: np.random.Generator) -> Recording:
    """The same frame throughout."""
    return replace(recording, observations=np.full_like(recording.observations, 9))


FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "always together": (retargeted(equal), ("equal-targets",)),
    "always one of two": (retargeted(complement), ("complementary-targets",)),
    "one is either of two": (retargeted(joint), ("determined-targets", "equal-targets")),
    "always intervened on": (retargeted(always), ("always-intervened",)),
    "no interventions": (retargeted(never), ("no-interventions",)),
    "five interventions": (retargeted(rare), ("few-interventions",)),
    "targets a row late": (shifted(1), ("shifted",)),
    "targets a row early": (shifted(-1), ("shifted",)),
    "episodes joined": (joined, ("joined-episodes",)),
    "frozen frames": (frozen, ("frozen-frames",)),
    "blank frames": (blank, ("constant-observations",)),
}
"""Name of a fault -> the fault, and the codes of findings, one of which must be reported."""


def faults(num_frames: int = 5000) -> None:
    """Detection of every fault, and alarms (errors or warnings) on sound data."""
    print(f"{num_frames} frames, {SEEDS} seeds: detected")
    print(f"{'':24s}" + "".join(f"{world:>16s}" for world in WORLDS))
    for name, (fault, codes) in FAULTS.items():
        counts = [
            sum(bool(codes_found(fault, world, num_frames, seed) & {*codes}) for seed in range(SEEDS))
            for world in WORLDS
        ]
        print(f"{name:24s}" + "".join(f"{count:13d}/{SEEDS}" for count in counts), flush=True)
    for length in (500, 2000, num_frames):
        counts = [sum(bool(codes_found(None, world, length, seed)) for seed in range(SEEDS)) for world in WORLDS]
        print(f"{f'alarms, sound, {length}':24s}" + "".join(f"{count:13d}/{SEEDS}" for count in counts), flush=True)


def codes_found(fault: Fault | None, world: str, num_frames: int, seed: int) -> set[str]:
    """Codes of the errors and warnings on a recording with a fault, or on a sound one."""
    recording = recorded(world, num_frames, seed)
    recording = recording if fault is None else fault(recording, np.random.default_rng(seed))
    inspection = trisect.inspect(Dataset({"train": recording}))
    return {finding.code for finding in inspection.findings if finding.level != "note"}


def lags() -> None:
    """Right, wrong and undecided verdicts, and any verdict on shuffled targets."""
    print("verdicts right / wrong / undecided over shifts -1, 0, +1; verdicts on shuffled targets")
    for world in WORLDS:
        for length in LENGTHS:
            right = wrong = shuffled = 0
            for seed in range(SEEDS):
                recording = recorded(world, length, seed)
                verdicts = [
                    (rows, alignment(shifted(rows)(recording, np.random.default_rng())).lag) for rows in (-1, 0, 1)
                ]
                right += sum(lag == -rows for rows, lag in verdicts)
                wrong += sum(lag not in (None, -rows) for rows, lag in verdicts)
                mixed = np.random.default_rng(seed).permutation(recording.targets)
                shuffled += alignment(replace(recording, targets=mixed)).lag is not None
            undecided = 3 * SEEDS - right - wrong
            print(f"{world:14s} {length:6d}: {right:3d} / {wrong} / {undecided:3d}; {shuffled}/{SEEDS}", flush=True)


def cost() -> None:
    """CPU-seconds of whole inspections."""
    pong = Dataset({"train": simulate(make("pong"), 100_000, np.random.default_rng(0))})
    rng = np.random.default_rng(0)
    targets = IndependentTargets((0.1,) * 64).sample(100_000, rng)
    vectors = rng.normal(size=(100_000, 64)).astype(np.float32)
    many = Dataset({"train": Recording(vectors, targets, anonymous([f"v{k}" for k in range(64)]))})
    for name, data in (("Pong, 100,000 frames of 32x32x4", pong), ("64 targets, 100,000 vectors", many)):
        began = time.process_time()
        trisect.inspect(data)
        print(f"{name}: {time.process_time() - began:.1f} CPU-seconds", flush=True)


def main() -> None:
    """Run one of the three measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("faults", "lags", "cost"))
    {"faults": faults, "lags": lags, "cost": cost}[parser.parse_args().what]()


if __name__ == "__main__":
    main()
