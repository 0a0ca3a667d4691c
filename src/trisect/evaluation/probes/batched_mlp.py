"""Many small networks side by side: batched matrix products instead of a loop over networks.

Passes write into a `Workspace` that is allocated once: at these sizes, allocating memory in every step costs as much as
the products. All parameters are in one tensor, so that an optimiser step is one call. Gradients are written by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from trisect.rows import chunks

CHUNK_ROWS = 512  # rows per pass without gradients


class BatchedMlp:
    """Networks of the same shape with separate weights: tanh between linear layers.

    Args:
        fan_in: for every network, the number of inputs that it uses; the other inputs must be zero.
        sizes: widths from input to output, shared by all networks.
        generator: draws the weights, uniform in +-1/sqrt(fan in).
        device: device of the networks.

    Attributes:
        parameters: all parameters in one tensor; their gradient is ``parameters.grad``.
        weights, biases: views of the parameters by layer, (networks, inputs, outputs) and (networks, 1, outputs).
    """

    def __init__(
        self,
        fan_in: Sequence[int],
        sizes: Sequence[int],
        generator: torch.Generator,
        device: str | torch.device = "cpu",
    ):
        self.sizes, self.num_networks = tuple(sizes), len(fan_in)
        initial = []
        for layer, (wide_in, wide_out) in enumerate(itertools.pairwise(sizes)):
            used = torch.tensor([max(n, 1) for n in fan_in]) if layer == 0 else torch.full((len(fan_in),), wide_in)
            bound = used.rsqrt()[:, None, None]
            for height in (wide_in, 1):
                initial.append((torch.rand(len(fan_in), height, wide_out, generator=generator) * 2 - 1) * bound)
        self.parameters = torch.cat([values.flatten() for values in initial]).to(device)
        self.parameters.grad = torch.zeros_like(self.parameters)
        shapes = [values.shape for values in initial]
        self.weights, self.biases = _by_layer(self.parameters, shapes)
        self.weight_slopes, self.bias_slopes = _by_layer(self.parameters.grad, shapes)

    def __call__(self, inputs: Float[Tensor, "networks samples inputs"]) -> Float[Tensor, "networks samples outputs"]:
        """Run every network on its own inputs."""
        outputs, workspace = inputs.new_empty(self.num_networks, inputs.shape[1], self.sizes[-1]), None
        for rows in chunks(inputs.shape[1], CHUNK_ROWS):
            num_rows = rows.stop - rows.start
            if workspace is None or num_rows < CHUNK_ROWS:
                workspace = Workspace(self, num_rows)
            outputs[:, rows] = workspace.forward(inputs[:, rows])
        return outputs


class Workspace:
    """Memory for one pass through all layers of a batch of networks.

    Args:
        network: the networks that are run.
        num_rows: number of rows per pass.

    Attributes:
        outputs: (networks, rows, outputs) of the last pass.
        slopes: derivatives of a loss by these outputs; fill them in before calling `backward`.
    """

    def __init__(self, network: BatchedMlp, num_rows: int):
        def allocate() -> list[Tensor]:
            shape = network.num_networks, num_rows
            return [network.parameters.new_empty(*shape, width) for width in network.sizes]

        self.network = network
        self._layers, self._slopes = allocate(), allocate()
        self.outputs, self.slopes = self._layers[-1], self._slopes[-1]

    def forward(self, inputs: Float[Tensor, "networks rows inputs"]) -> Float[Tensor, "networks rows outputs"]:
        """Outputs of every network on its own inputs; the next pass overwrites them."""
        return self._forward(self._layers[0].copy_(inputs))

    def forward_rows(
        self, inputs: Float[Tensor, "networks samples inputs"], rows: Tensor
    ) -> Float[Tensor, "networks rows outputs"]:
        """The same for some rows of the inputs, by their numbers."""
        return self._forward(torch.index_select(inputs, 1, rows, out=self._layers[0]))

    def backward(self) -> None:
        """Compute the gradient of all parameters from ``slopes``; it replaces the previous gradient."""
        network, last = self.network, len(self.network.weights) - 1
        for layer in range(last, -1, -1):
            below, slope = self._layers[layer], self._slopes[layer + 1]
            torch.bmm(below.mT, slope, out=network.weight_slopes[layer])
            torch.sum(slope, dim=1, keepdim=True, out=network.bias_slopes[layer])
            if layer:  # through tanh, whose derivative is 1 - tanh^2
                into = torch.bmm(slope, network.weights[layer].mT, out=self._slopes[layer])
                into.addcmul_(into, below.mul_(below), value=-1)

    def _forward(self, hidden: Tensor) -> Tensor:
        network, last = self.network, len(self.network.weights) - 1
        for layer, out in enumerate(self._layers[1:]):
            hidden = torch.baddbmm(network.biases[layer], hidden, network.weights[layer], out=out)
            if layer < last:
                hidden.tanh_()
        return hidden


def _by_layer(flat: Tensor, shapes: Sequence[torch.Size]) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and biases of all layers as views of one tensor."""
    parts = flat.split([shape.numel() for shape in shapes])
    views = [part.view(shape) for part, shape in zip(parts, shapes)]
    return views[::2], views[1::2]
