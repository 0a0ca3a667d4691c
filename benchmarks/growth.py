"""How cost and memory grow with the numbers of variables, latents and frames, and with the size of images.

    python benchmarks/growth.py                      # all points, then the figure and the exponents
    python benchmarks/growth.py --what flow frames   # some of them

flow      a training step of CITRIS-NF's flow, batch 128: 4 to 64 variables at 64 latents, 8 to 256 latents at 4
closed    the closed form on 20,000 transitions: the same numbers of latents
frames    the closed form on 10,000 to 1,000,000 transitions of 16 latents and 5 variables
side      a training step of the autoencoder on frames of 32 to 128 pixels, batch 64, "profile" and "conv" networks

Every point is measured in a separate process, as the best of some repeats, and writes one JSON file into the results
folder; points with a file are skipped. Memory is the peak of the process. The exponent is the slope between the two
largest points on logarithmic scales: 1 is linear, 2 is quadratic.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

VARIABLES, LATENTS = (4, 8, 16, 32, 64), (8, 16, 32, 64, 128, 256)
POINTS: dict[str, list[dict[str, Any]]] = {
    "flow": [{"variables": k, "latents": 64} for k in VARIABLES] + [{"variables": 4, "latents": n} for n in LATENTS],
    "closed": [{"latents": n, "variables": 4, "frames": 20_000} for n in LATENTS],
    "frames": [{"frames": n, "latents": 16, "variables": 5} for n in (10_000, 31_623, 100_000, 316_228, 1_000_000)],
    "side": [{"networks": name, "side": side} for name in ("profile", "conv") for side in (32, 64, 128)],
}
SERIES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("flow", "variables", "flow step, 64 latents", {"latents": 64}),
    ("flow", "latents", "flow step, 4 variables", {"variables": 4}),
    ("closed", "latents", "closed form, 20,000 transitions", {}),
    ("frames", "frames", "closed form, 16 latents", {}),
    ("side", "side", "autoencoder step, profile", {"networks": "profile"}),
    ("side", "side", "autoencoder step, conv", {"networks": "conv"}),
]
"""Part, name of the growing number, title, and settings of the part's points that belong to the series."""


def best(run: Callable[[], object], repeats: int) -> float:
    """CPU-seconds of the fastest of some repeats, after a first run that is not counted."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def flow(variables: int, latents: int) -> float:
    """CPU-seconds of a step of the flow stage."""
    import torch

    import trisect
    from trisect.batches import SequenceBatch, Step
    from trisect.methods.citris_nf import model_around
    from trisect.models.closed_form.identification import blank_identification
    from trisect.models.representations.representation import VectorRepresentation

    recipe = trisect.recipes.citris_nf(latents)
    names = tuple(f"v{i}" for i in range(variables))
    values = np.random.default_rng(0).normal(size=(1000, latents)).astype(np.float32)
    start = blank_identification(latents, variables)
    start = replace(start, slots=np.arange(latents) % (variables + 1))
    model = model_around(recipe, VectorRepresentation(latents), start, names, values).train()
    generator = torch.Generator().manual_seed(0)
    observations = torch.randn(recipe.flow_batch_size, 2, latents, generator=generator)
    targets = (torch.rand(recipe.flow_batch_size, 1, variables, generator=generator) < 0.1).float()
    batch = SequenceBatch(observations, targets)
    model.initialise(batch)

    def step() -> None:
        model.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0))).total().backward()

    return best(step, 5)


def closed(latents: int, variables: int, frames: int) -> float:
    """CPU-seconds of the closed form on transitions of a linear world."""
    from trisect.models.closed_form.identify import identify

    rng = np.random.default_rng(0)
    targets = rng.random((frames, variables)) < 0.1
    before = rng.normal(size=(frames, latents))
    after = 0.8 * before + 0.3 * rng.normal(size=before.shape)
    after[:, :variables] = np.where(targets, rng.normal(size=targets.shape), after[:, :variables])
    start = time.process_time()
    identify(before, after, targets)
    return time.process_time() - start


def side(networks: str, side: int) -> float:
    """CPU-seconds of a step of the autoencoder."""
    import torch

    import trisect
    from trisect.batches import SequenceBatch, Step
    from trisect.methods.frozen_latents import autoencoder_for

    recipe = trisect.recipes.closed_form(16)
    recipe = replace(recipe, autoencoder=replace(recipe.autoencoder, networks=networks))
    module = autoencoder_for(recipe, (side, side, 3), 5).train()
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(recipe.batch_size, 2, 3, side, side, generator=generator) * 2 - 1
    targets = (torch.rand(recipe.batch_size, 1, 5, generator=generator) < 0.1).float()
    batch = SequenceBatch(frames, targets)
    module.initialise(batch)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=networks == "conv"):
            total = module.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0))).total()
        total.backward()

    return best(step, 5)


PARTS: dict[str, Callable[..., float]] = {"flow": flow, "closed": closed, "frames": closed, "side": side}


def point(part: str, settings: dict[str, Any]) -> None:
    """Measure one point, in this process, and print it as JSON."""
    seconds = PARTS[part](**settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({"cpu_seconds": seconds, "peak_memory_mb": peak}))


def measured(part: str, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A point's result: read from its file, or measured in a separate process."""
    name = "-".join([part, *(f"{key}-{value}" for key, value in sorted(settings.items()))])
    file = folder / f"{name}.json"
    if not file.exists():
        command = [sys.executable, __file__, "--point", part, json.dumps(settings)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        temporary = file.with_suffix(".partial")
        temporary.write_text(output.strip().splitlines()[-1])
        temporary.replace(file)
    result: dict[str, Any] = json.loads(file.read_text())
    print(f"{name}: {result['cpu_seconds']:.3f} CPU-s, peak {result['peak_memory_mb']:.0f} MB", flush=True)
    return {**settings, **result}


def exponent(x: list[float], y: list[float]) -> float:
    """Slope between the two largest points on logarithmic scales."""
    return math.log(y[-1] / y[-2]) / math.log(x[-1] / x[-2])


def draw(results: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Print the exponents and draw one panel per series."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [series for series in SERIES if series[0] in results]
    figure, axes = pyplot.subplots(2, math.ceil(len(shown) / 2), figsize=(4 * math.ceil(len(shown) / 2), 6.5))
    for axis, (part, key, title, selection) in itertools.zip_longest(np.ravel(axes), shown, fillvalue=("", "", "", {})):
        if not part:
            axis.axis("off")
            continue
        rows = [row for row in results[part] if all(row[name] == value for name, value in selection.items())]
        rows.sort(key=lambda row: row[key])
        x, seconds, memory = ([row[name] for row in rows] for name in (key, "cpu_seconds", "peak_memory_mb"))
        slope = exponent(x, seconds)
        print(f"{title}: cost grows with {key} to the power of {slope:.2f} at the end; peak {max(memory):.0f} MB")
        axis.loglog(x, seconds, "o-", color="#17626e")
        axis.set(title=f"{title}\nexponent {slope:.1f} at the end", xlabel=key, ylabel="CPU-seconds")
        axis.set_xticks(x, [f"{value:g}" for value in x], minor=False)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(folder / "growth.png", dpi=110)
    print(folder / "growth.png")


def main() -> None:
    """Measure the missing points, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="*", choices=list(POINTS), default=list(POINTS))
    parser.add_argument("--out", type=Path, default=Path("runs/growth"))
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        point(args.point[0], json.loads(args.point[1]))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    draw({part: [measured(part, settings, args.out) for settings in POINTS[part]] for part in args.what}, args.out)


if __name__ == "__main__":
    main()
