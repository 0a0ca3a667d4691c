"""Checking that an ONNX graph gives the same outputs as the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trisect import checks
from trisect.frames import as_input
from trisect.models.slot_model import SlotModel

TOLERANCE = 1e-4
"""Largest difference between a graph and the model, as a fraction of the model's largest value."""
SEED, NUM_RANDOM = 0, 16

Kinds = dict[str, Tensor]
"""Source of the inputs ("random", and "data" if there are any) -> inputs."""


def inputs_for(model: SlotModel[Any], observations: np.ndarray | None) -> tuple[Kinds, Kinds]:
    """Observations and latents to test graphs on, in the format that the graphs take.

    Random latents are Gaussian. Random observations are decoded from them; frames are clamped to [-1, 1], and noise
    frames are added.

    Args:
        model: model on the CPU, in evaluation mode.
        observations: stored observations from data, or None.
    """
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        latents = {"random": torch.randn(NUM_RANDOM, model.representation.num_latents, generator=generator)}
        decoded = model.decode(latents["random"])
        noise = 2 * torch.rand(decoded.shape, generator=generator) - 1
        inputs = {"random": torch.cat([decoded.clamp(-1, 1), noise]) if decoded.dim() == 4 else decoded}
        if observations is not None:
            inputs["data"] = as_input(observations)
            latents["data"] = model.encode(inputs["data"])
    return inputs, latents


def differences(file: Path, model: Callable[[Tensor], Sequence[Tensor]], inputs: Kinds) -> dict[str, float]:
    """The largest difference between a graph and a model on each kind of input, as a fraction of the largest value.

    Args:
        file: file of the graph, which is run on all inputs at once and on the first input alone.
        model: returns the expected outputs of the graph, in their order.
        inputs: one or more inputs of each kind.

    Raises:
        ValueError: the graph is invalid, or a difference is larger than `TOLERANCE`.
    """
    run = _runner(file)
    with torch.no_grad():
        largest = {kind: _difference(run, batch, model(batch)) for kind, batch in inputs.items()}
    what, must = f"the graph {file.name}", f"equal to the model, to within {TOLERANCE:g} of its largest value"
    worst = max(largest.values())
    todo = "export without ONNX, and report the problem"
    checks.require(worst <= TOLERANCE, what, must, f"a difference of {worst:.1e}", todo)
    return largest


def _runner(file: Path) -> Callable[[Tensor], list[np.ndarray]]:
    """A function that runs a graph; the graph is validated first."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda inputs: session.run(None, {name: inputs.contiguous().numpy()})


def _difference(run: Callable[[Tensor], list[np.ndarray]], batch: Tensor, outputs: Sequence[Tensor]) -> float:
    """Largest difference of all outputs, on all inputs and the first alone; infinite for wrong shapes or values."""
    expected = [tensor.numpy() for tensor in outputs]
    scale = max(float(np.abs(values).max()) for values in expected)
    largest = 0.0
    for inputs, of_inputs in ((batch, expected), (batch[:1], [values[:1] for values in expected])):
        for got, values in zip(run(inputs), of_inputs, strict=True):
            if got.shape != values.shape or not np.isfinite(got).all():
                return float("inf")
            largest = max(largest, float(np.abs(got - values).max()))
    return largest / max(scale, 1e-12)
