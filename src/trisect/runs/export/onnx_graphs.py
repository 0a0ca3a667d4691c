"""Writing a trained model as ONNX graphs; each graph is compared with the model before the export is finished.

encode.onnx   "observations" -> "latents" (N, L), and "slot_NAME" (N, latents of the slot) for every slot that has any
decode.onnx   "latents" (N, L) -> "observations"

Observations are float32: frames (N, channels, height, width) in [-1, 1], that is v / 255 * 2 - 1 for levels v, or
vectors (N, D). N is any batch size. A graph must agree with the model to within `onnx_agreement.TOLERANCE` of the
largest value.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trisect import checks
from trisect.models.slot_model import SlotModel
from trisect.runs.export import onnx_agreement
from trisect.runs.export.graphs import DecodeGraph, EncodeGraph
from trisect.version import __version__

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
OPSET = 18
ENCODE, DECODE = "encode.onnx", "decode.onnx"
OBSERVATIONS, LATENTS, SLOT = "observations", "latents", "slot_"


def require_packages() -> None:
    """Raise `ImportError` with one sentence if a package is missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        todo = "pip install 'trisect[onnx]'"
        raise ImportError(checks.sentence("the packages for ONNX", "installed", f"no {', '.join(missing)}", todo))


def write_graphs(model: SlotModel[Any], folder: Path, observations: np.ndarray | None) -> dict[str, Any]:
    """Write both graphs, run them with onnxruntime, and compare them with the model.

    Args:
        model: model on the CPU, in evaluation mode.
        folder: folder to write into.
        observations: stored observations to compare on besides random ones, or None.

    Returns:
        The entry in model.json: opset; input and outputs of each graph by name; tolerance; and the largest difference
        between graph and model per graph and kind of input, as a fraction of the model's largest value.

    Raises:
        ValueError: a graph cannot be written, or does not agree with the model.
    """
    inputs, latents = onnx_agreement.inputs_for(model, observations)
    encoder, decoder = EncodeGraph(model), DecodeGraph(model)
    slots = {name: SLOT + name for name in encoder.slots}
    _write(encoder, inputs["random"], folder / ENCODE, (OBSERVATIONS, LATENTS, *slots.values()))
    differences = {ENCODE: onnx_agreement.differences(folder / ENCODE, _encoding(model, encoder.slots), inputs)}
    _write(decoder, latents["random"], folder / DECODE, (LATENTS, OBSERVATIONS))
    differences[DECODE] = onnx_agreement.differences(folder / DECODE, lambda z: [model.decode(z)], latents)
    return {
        "opset": OPSET,
        ENCODE: {"input": OBSERVATIONS, "outputs": {"latents": LATENTS, "slots": slots}},
        DECODE: {"input": LATENTS, "outputs": {"observations": OBSERVATIONS}},
        "tolerance": onnx_agreement.TOLERANCE,
        "largest_difference": differences,
    }


def _encoding(model: SlotModel[Any], slots: Sequence[str]) -> Callable[[Tensor], list[Tensor]]:
    """A function that returns the expected outputs of encode.onnx."""

    def outputs(observations: Tensor) -> list[Tensor]:
        z = model.encode(observations)
        return [z, *(model.slots(z)[name] for name in slots)]

    return outputs


def _write(module: nn.Module, example: Tensor, file: Path, names: tuple[str, ...]) -> None:
    """Write one graph.

    Args:
        module: module with one input tensor.
        example: a batch of at least 2 inputs.
        file: file to write.
        names: names of the input and of all outputs.
    """
    import onnx

    with _quiet():
        try:
            program = torch.onnx.export(
                module.eval(),
                (example,),
                input_names=names[:1],
                output_names=names[1:],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                custom_translation_table=_translations(),
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            first = str(error).strip().splitlines()[0]
            todo = "export without ONNX, and report the problem"
            raise ValueError(
                checks.sentence(f"the graph {file.name}", "one that torch can write", first, todo)
            ) from error
    assert program is not None
    proto = program.model_proto
    _strip(proto.graph)
    proto.producer_name = "trisect"
    proto.producer_version = __version__
    onnx.save(proto, file)


def _translations() -> dict[Any, Any]:
    from trisect.runs.export import onnx_loops

    operators = torch.ops.trisect
    return {
        operators.affine_inverse.default: onnx_loops.affine_inverse,
        operators.curve_inverse.default: onnx_loops.curve_inverse,
    }


def _strip(graph: Any) -> None:
    """Remove the exporter's notes on every node, such as source lines with local paths."""
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _strip(attribute.g)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's log messages and warnings."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
