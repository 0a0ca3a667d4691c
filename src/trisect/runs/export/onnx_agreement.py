"""Whether an ONNX graph answers as the model does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trisect import checks
from trisect.evaluation.encode import as_input
from trisect.models.slot_model import SlotModel

TOLERANCE = 1e-4
"""How far a graph may be from the model, as a fraction of the model's largest value."""
SEED, NUM_RANDOM = 0, 16

Kinds = dict[str, Tensor]
"""Inputs by where they are from: "random", and "data" if there are any."""


def inputs_for(model: SlotModel[Any], observations: np.ndarray | None) -> tuple[Kinds, Kinds]:
    """Observations and latents to try graphs on, as the graphs take them.

    Random latents are Gaussian; random observations are what they decode to, if they are frames within [-1, 1], and
    noise among them.

    Args:
        model: on the CPU, in evaluation mode.
        observations: real ones at rest, or None.
    """
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        latents = {"random": torch.randn(NUM_RANDOM, model.representation.num_latents, generator=generator)}
        decoded = model.decode(latents["random"])
        noise = 2 * torch.rand(decoded.shape, generator=generator) - 1
        seen = {"random": torch.cat([decoded.clamp(-1, 1), noise]) if decoded.dim() == 4 else decoded}
        if observations is not None:
            seen["data"] = as_input(observations)
            latents["data"] = model.encode(seen["data"])
    return seen, latents


def differences(file: Path, model: Callable[[Tensor], Sequence[Tensor]], inputs: Kinds) -> dict[str, float]:
    """The largest difference between a graph and a model on each kind of input, as a fraction of the largest value.

    Args:
        file: of the graph, which is run on all inputs at once and on the first alone.
        model: gives what the outputs of the graph must be, in their order.
        inputs: one or more of each kind.

    Raises:
        ValueError: the graph is no valid one, or a difference is larger than `TOLERANCE`.
    """
    run = _runner(file)
    with torch.no_grad():
        found = {kind: _difference(run, given, model(given)) for kind, given in inputs.items()}
    what, must = f"the graph {file.name}", f"equal to the model, to within {TOLERANCE:g} of its largest value"
    worst = max(found.values())
    checks.require(worst <= TOLERANCE, what, must, f"a difference of {worst:.1e}", "export without ONNX, and report it")
    return found


def _runner(file: Path) -> Callable[[Tensor], list[np.ndarray]]:
    """Runs a graph, once it is known to be a valid one."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda given: session.run(None, {name: given.contiguous().numpy()})


def _difference(run: Callable[[Tensor], list[np.ndarray]], given: Tensor, wanted: Sequence[Tensor]) -> float:
    """Over all outputs, on all inputs and on the first alone; infinite for another shape or what is not finite."""
    must = [tensor.numpy() for tensor in wanted]
    scale = max(float(np.abs(values).max()) for values in must)
    largest = 0.0
    for inputs, outputs in ((given, must), (given[:1], [values[:1] for values in must])):
        for got, values in zip(run(inputs), outputs, strict=True):
            if got.shape != values.shape or not np.isfinite(got).all():
                return float("inf")
            largest = max(largest, float(np.abs(got - values).max()))
    return largest / max(scale, 1e-12)
