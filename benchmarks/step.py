"""CPU-seconds of a training step: CITRIS-VAE with the published networks, and the engine's overhead for the flow.

    python benchmarks/step.py vae                    # batch 512, in three alternating modes
    python benchmarks/step.py vae --losses 40        # also the losses of 40 steps in each mode, from the same start
    python benchmarks/step.py engine                 # the flow stage in the engine and in a plain loop of its steps
    python benchmarks/step.py windows                # the autoencoder of citris-nf-glimpse, by windows in a batch
    python benchmarks/step.py profile                # the costliest operators of a step in every mode and stage

"plain" is float32 on contiguous frames with channels first, as in the published code. "float32" is `precision="32"`:
frames and feature maps have channels last in memory. "bf16" is `precision="bf16"`. The modes alternate step by step, so
that other processes on the machine affect them equally. "windows" runs on a GPU if there is one, and then reports
wall-clock time; everything else runs on the CPU.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch

import trisect
from trisect.batches import SequenceBatch, Step
from trisect.data.generate import simulate
from trisect.data.loader import SequenceLoader
from trisect.data.recording import Recording
from trisect.devices import device_of
from trisect.methods.citris_nf import model_around
from trisect.methods.citris_vae import fresh_model
from trisect.methods.frozen_latents import autoencoder_for
from trisect.models.closed_form.identification import blank_identification
from trisect.models.representations.representation import VectorRepresentation
from trisect.training import optimiser
from trisect.training.engine import FitOptions, fit
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

MODES = ("plain", "float32", "bf16")


class Loop:
    """Training steps without the engine.

    Args:
        module: module with a ``loss``.
        settings: training settings.
        mode: one of `MODES`.
    """

    def __init__(self, module: torch.nn.Module, settings: TrainingSettings, mode: str = "float32"):
        self.module, self.settings, self.mode = module.train(), settings, mode
        self.device = next(module.parameters()).device
        self.clock = time.perf_counter if self.device.type == "cuda" else time.process_time
        self.adamw = optimiser.adamw(optimiser.parameter_groups(module, settings), settings)
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def step(self, batch: SequenceBatch, k: int) -> None:
        """Do one timed step on a batch."""
        if self.mode == "plain":
            batch = SequenceBatch(batch.observations.contiguous(memory_format=torch.contiguous_format), batch.targets)
        start = self.clock()
        generator = torch.Generator(self.device).manual_seed(k)
        optimiser.set_learning_rate(self.adamw, k, self.settings)
        with self._precision():
            total = self.module.loss(batch, Step(k, k / self.settings.steps, generator)).total()  # type: ignore[operator]
        total.backward()
        clip = self.settings.clip
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), float("inf") if clip is None else clip)
        self.adamw.step()
        self.adamw.zero_grad()
        self.losses.append(float(total.detach()))  # waits for a GPU
        self.seconds.append(self.clock() - start)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.mode == "bf16" else nullcontext()


def variational_loops(recording: Recording) -> tuple[SequenceLoader, dict[str, Loop]]:
    """CITRIS-VAE with the published networks in every mode, from the same weights, and batches of 512 windows."""
    recipe = trisect.recipes.citris_vae(16)
    recipe = replace(recipe, variational=replace(recipe.variational, networks="published", channels=32))
    loader = SequenceLoader(recording, recording.targeted, 512)
    model = fresh_model(recipe, recording.observations.shape[1:], recording.targeted)
    with torch.no_grad():
        model.initialise(loader.batch(0))
    return loader, {mode: Loop(copy.deepcopy(model), recipe.variational_training, mode) for mode in MODES}


def variational(steps: int, num_losses: int) -> None:
    """Compare the modes of CITRIS-VAE's step."""
    loader, loops = variational_loops(_pong())
    for k in range(max(steps + 1, num_losses)):
        for loop in loops.values():
            loop.step(loader.batch(k), k)
    plain = float(np.median(loops["plain"].seconds[1:]))
    for mode, loop in loops.items():
        seconds = float(np.median(loop.seconds[1:]))
        print(f"{mode:8} {seconds:6.2f} CPU-s per step, {plain / seconds:.2f} times faster than plain")
    for k in range(4, num_losses, 5):
        means = (f"{mode} {np.mean(loop.losses[k - 4 : k + 1]):.3f}" for mode, loop in loops.items())
        print(f"loss, mean of steps {k - 4} to {k}: " + ", ".join(means))


def windows(steps: int) -> None:
    """Measure a step of citris-nf-glimpse's autoencoder, by windows in a batch."""
    recipe = trisect.recipes.citris_nf_glimpse()
    device = device_of(recipe.autoencoder_training.accelerator)
    recording = simulate(make("causal3dident", rays_per_pixel=4), 1000, np.random.default_rng(0))
    unit = "ms of wall-clock time" if device.type == "cuda" else "CPU-ms"
    for batch_size in (64, 128, 256):
        loader = SequenceLoader(recording, recording.targeted, batch_size, device=device)
        autoencoder = autoencoder_for(recipe, recording.observations.shape[1:], len(recording.targeted))
        autoencoder.initialise(loader.batch(0).to("cpu"))
        loop = Loop(autoencoder.to(device), recipe.autoencoder_training, "bf16")
        for k in range(steps + 1):
            loop.step(loader.batch(k), k)
        print(f"{batch_size:4} windows on {device.type}: {1000 * float(np.median(loop.seconds[1:])):.1f} {unit}")


def profile(steps: int, rows: int = 8) -> None:
    """Print the costliest operators of CITRIS-VAE's step in every mode, and of the two stages of CITRIS-NF."""
    frames = _pong()
    loader, loops = variational_loops(frames)
    for mode, loop in loops.items():
        _profile(f"CITRIS-VAE, published networks, batch 512, {mode}", loop, loader, steps, rows)
    recipe = trisect.recipes.citris_nf(16)
    smaller = SequenceLoader(frames, frames.targeted, recipe.batch_size)
    for networks, mode in (("profile", "float32"), ("conv", "float32"), ("conv", "bf16")):
        changed = replace(recipe, autoencoder=replace(recipe.autoencoder, networks=networks))
        autoencoder = autoencoder_for(changed, frames.observations.shape[1:], len(frames.targeted))
        with torch.no_grad():
            autoencoder.initialise(smaller.batch(0))
        loop = Loop(autoencoder, recipe.autoencoder_training, mode)
        _profile(f"autoencoder, {networks} networks, batch {recipe.batch_size}, {mode}", loop, smaller, steps, rows)
    latents = _latents()
    start = blank_identification(16, 5)
    model = model_around(recipe, VectorRepresentation(16), start, latents.targeted, latents.observations)
    vectors = SequenceLoader(latents, latents.targeted, recipe.flow_batch_size)
    loop = Loop(model, recipe.flow_training)
    _profile(f"flow, 16 latents, batch {recipe.flow_batch_size}, float32", loop, vectors, steps, rows)


def _profile(name: str, loop: Loop, loader: SequenceLoader, steps: int, rows: int) -> None:
    """Print the median CPU time of a step and the operators with the largest shares of all steps' time."""
    loop.step(loader.batch(0), 0)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for k in range(1, steps + 1):
            loop.step(loader.batch(k), k)
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    print(f"{name}: {1000 * float(np.median(loop.seconds[1:])):.1f} CPU-ms per step")
    for event in events[:rows]:
        print(f"    {event.self_cpu_time_total / total:6.1%}  {event.count / steps:6.0f} calls  {event.key}")


class Timed:
    """A source that records the CPU time of its first batch."""

    def __init__(self, loader: SequenceLoader):
        self.loader, self.batch_size = loader, loader.batch_size
        self.started = 0.0

    def batch(self, k: int) -> SequenceBatch:
        """Batch number ``k``."""
        if k == 0:
            self.started = time.process_time()
        return self.loader.batch(k)


def engine(steps: int, repeats: int) -> None:
    """Compare the flow stage's steps in the engine with those of a plain loop."""
    recipe = trisect.recipes.citris_nf(16)
    settings = replace(
        recipe.flow_training, steps=steps, validate_every=steps, checkpoint_every=steps, log_every=steps, logger=None
    )
    recording = _latents()
    loader = SequenceLoader(recording, recording.targeted, recipe.flow_batch_size)
    start = blank_identification(16, 5)
    model = model_around(recipe, VectorRepresentation(16), start, recording.targeted, recording.observations)

    def held_out() -> Iterable[SequenceBatch]:
        return [loader.batch(0)]

    shares = []
    for repeat in range(repeats):
        loop = Loop(copy.deepcopy(model), settings)
        for k in range(steps):
            loop.step(loader.batch(k), k)
        source = Timed(loader)
        with tempfile.TemporaryDirectory() as folder:
            fit(copy.deepcopy(model), source, held_out, settings, folder, FitOptions(repeat, progress=False))
        whole, bare = time.process_time() - source.started, sum(loop.seconds)
        shares.append(whole / bare - 1)
        print(f"{steps} steps: engine {whole:.1f} CPU-s, bare {bare:.1f} CPU-s: {100 * shares[-1]:.1f} % more")
    print(
        f"median of {repeats}: {100 * float(np.median(shares)):.1f} % more, with checkpoints, data and one validation"
    )


def _pong() -> Recording:
    return simulate(make("pong"), 20_000, np.random.default_rng(0))


def _latents() -> Recording:
    """Random vectors instead of an autoencoder's latents, with Pong's targets."""
    recording = _pong()
    values = np.random.default_rng(1).normal(size=(len(recording), 16)).astype(np.float32)
    return replace(recording, observations=values)


def main() -> None:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["vae", "engine", "windows", "profile"])
    parser.add_argument("--steps", type=int, default=None, help="number of timed steps")
    parser.add_argument("--losses", type=int, default=0, help="number of steps whose losses are compared")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if args.what == "vae":
        variational(args.steps or 5, args.losses)
    elif args.what == "windows":
        windows(args.steps or 5)
    elif args.what == "profile":
        profile(args.steps or 5)
    else:
        engine(args.steps or 300, args.repeats)


if __name__ == "__main__":
    main()
