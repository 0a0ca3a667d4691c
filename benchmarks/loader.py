"""Random pairs of frames per CPU-second: the loader and a plain NumPy index, in memory and from a memory map.

    python benchmarks/loader.py                      # 20,000 frames of Pong, batches of 64 and of 512
    python benchmarks/loader.py --gigabytes 40       # also a file larger than memory (it needs the disk space)
    python benchmarks/loader.py --training           # the share of the autoencoder's training spent on data

Three operations are measured in one run: the index alone, which returns uint8 frames; the loader with conversion to
float, as in training; and the conversion alone, which every loader needs. A row shows how many times longer the loader
takes than the plain index in memory. The large file holds random bytes, different in every block, so that neither the
file system nor a cache can compress it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import trisect
from trisect.batches import SequenceBatch
from trisect.data import Recording
from trisect.data.generate import generate
from trisect.data.loader import SequenceLoader
from trisect.frames import frames_to_float
from trisect.methods.frozen_latents import autoencoder_for
from trisect.training.engine import FitOptions, fit
from trisect.variables import anonymous
from trisect.worlds import make

BLOCK = 4096


def per_second(make_batch: Callable[[int], object], batch_size: int, batches: int, repeats: int = 3) -> float:
    """Pairs per CPU-second, the best of some repeats; every repeat uses different batches."""
    rates = []
    for repeat in range(repeats):
        start = time.process_time()
        for k in range(batches):
            make_batch(repeat * batches + k)
        rates.append(batches * batch_size / (time.process_time() - start))
    return max(rates)


def measure(name: str, recording: Recording, batch_size: int, batches: int, reference: float | None) -> float:
    """Print a row; returns the pairs per CPU-second of the plain index, or ``reference`` if it is given."""
    loader = SequenceLoader(recording, recording.targeted, batch_size)
    frames = recording.observations
    indices = [loader.indices(k) for k in range(min(loader.batches_per_epoch, 3 * batches))]

    def bare(k: int) -> np.ndarray:
        rows = indices[k % len(indices)]
        return np.asarray(frames[rows[:, None] + np.arange(2)])

    some = torch.from_numpy(bare(0))
    index = per_second(bare, batch_size, batches)
    floats = per_second(lambda k: frames_to_float(some), batch_size, batches)
    loaded = per_second(loader.batch, batch_size, batches)
    compared = index if reference is None else reference
    print(
        f"{name:22} batch {batch_size:4d}: index {index:9,.0f}, floats {floats:9,.0f}, loader {loaded:9,.0f} pairs per "
        f"CPU-second; the loader takes {compared / loaded:.1f} times the index in memory",
        flush=True,
    )
    return compared


def large_file(folder: Path, gigabytes: float, shape: tuple[int, ...]) -> Recording:
    """A recording of random frames in a memory-mapped file of that size."""
    num = int(gigabytes * 1e9 / np.prod(shape))
    frames = np.lib.format.open_memmap(folder / "frames.npy", "w+", np.uint8, (num, *shape))
    rng = np.random.default_rng(0)
    for first in range(0, num, BLOCK):
        frames[first : first + BLOCK] = rng.integers(0, 256, frames[first : first + BLOCK].shape, np.uint8)
    frames.flush()
    del frames
    mapped = np.load(folder / "frames.npy", mmap_mode="r")
    targets = np.arange(num)[:, None] % 2 == np.arange(2)
    return Recording(mapped, targets, anonymous(["odd", "even"]))


def training_share(folder: Path, steps: int) -> None:
    """Print the share of training's CPU time that is spent on making batches."""
    data = trisect.load(folder)
    recipe = trisect.recipes.closed_form(16)
    train, val = data.recording("train"), data.recording("val")
    loader = SequenceLoader(train, data.targeted, recipe.batch_size)
    spent = 0.0

    class Timed:
        """The loader with a clock."""

        batch_size = loader.batch_size

        def batch(self, k: int, rank: int = 0, world_size: int = 1) -> SequenceBatch:
            nonlocal spent
            start = time.process_time()
            batch = loader.batch(k, rank, world_size)
            spent += time.process_time() - start
            return batch

    settings = replace(recipe.autoencoder_training, steps=steps, validate_every=steps)
    held_out = SequenceLoader(val, data.targeted, recipe.batch_size)
    module = autoencoder_for(recipe, train.observations.shape[1:], len(data.targeted))
    with tempfile.TemporaryDirectory() as run:
        result = fit(module, Timed(), lambda: [held_out.batch(0)], settings, run, FitOptions(0, progress=False))
    print(f"training spends on data {100 * spent / result.cpu_seconds:.1f} % of its CPU time ({steps} steps)")


def main() -> None:
    """Run the chosen measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=[64, 512])
    parser.add_argument("--gigabytes", type=float, default=None, help="size of an additional memory-mapped file")
    parser.add_argument("--training", action="store_true", help="measure the share of training spent on data")
    parser.add_argument(
        "--folder", type=Path, default=None, help="folder for files; by default the system's temporary folder"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        generate(make("pong"), folder / "pong", num_frames=args.frames, seed=0, splits={"val": 1000})
        mapped = trisect.load(folder / "pong").recording("train")
        in_memory = replace(mapped, observations=np.array(mapped.observations))
        if args.training:
            training_share(folder / "pong", 200)
            return
        large = None if args.gigabytes is None else large_file(folder, args.gigabytes, mapped.observations.shape[1:])
        for batch_size in args.batch_sizes:
            reference = measure("in memory", in_memory, batch_size, args.batches, None)
            measure("memory map", mapped, batch_size, args.batches, reference)
            if large is not None:
                measure("larger than memory", large, batch_size, args.batches, reference)


if __name__ == "__main__":
    main()
