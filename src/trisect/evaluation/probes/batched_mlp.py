"""Many small networks side by side: batched matrix products in place of a loop over networks.

Passes write into a `Workspace`, made once: at these sizes, fresh memory for every step costs as much as the products.
All parameters lie in one piece, so that an optimiser step is one call. Gradients are written out by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from trisect.rows import chunks

CHUNK_ROWS = 512  # rows per pass where no gradient is wanted


class BatchedMlp:
    """Networks of equal shape with their own weights: tanh between linear layers.

    Args:
        fan_in: for every network the number of its inputs that are used; the others must be fed zeros.
        sizes: widths from input to output, shared by all networks.
        generator: draws the weights, uniform in +-1/sqrt(fan in).
        device: where the networks lie.

    Attributes:
        parameters: all of them, in one piece; their gradient is ``parameters.grad``.
        weights, biases: views of them by layer, (networks, inputs, outputs) and (networks, 1, outputs).
    """

    def __init__(
        self,
        fan_in: Sequence[int],
        sizes: Sequence[int],
        generator: torch.Generator,
        device: str | torch.device = "cpu",
    ):
        self.sizes, self.num_networks = tuple(sizes), len(fan_in)
        drawn = []
        for layer, (wide_in, wide_out) in enumerate(itertools.pairwise(sizes)):
            used = torch.tensor([max(n, 1) for n in fan_in]) if layer == 0 else torch.full((len(fan_in),), wide_in)
            bound = used.rsqrt()[:, None, None]
            for height in (wide_in, 1):
                drawn.append((torch.rand(len(fan_in), height, wide_out, generator=generator) * 2 - 1) * bound)
        self.parameters = torch.cat([part.flatten() for part in drawn]).to(device)
        self.parameters.grad = torch.zeros_like(self.parameters)
        shapes = [part.shape for part in drawn]
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
    """Room for one pass of some rows through all layers of a batch of networks.

    Args:
        network: whose passes are made.
        num_rows: of a pass.

    Attributes:
        outputs: (networks, rows, outputs) of the last pass.
        slopes: derivatives of a loss by these outputs, to be filled in before `backward`.
    """

    def __init__(self, network: BatchedMlp, num_rows: int):
        def room() -> list[Tensor]:
            shape = network.num_networks, num_rows
            return [network.parameters.new_empty(*shape, width) for width in network.sizes]

        self.network = network
        self._layers, self._slopes = room(), room()
        self.outputs, self.slopes = self._layers[-1], self._slopes[-1]

    def forward(self, inputs: Float[Tensor, "networks rows inputs"]) -> Float[Tensor, "networks rows outputs"]:
        """Outputs of every network on its own inputs; the next pass overwrites them."""
        return self._forward(self._layers[0].copy_(inputs))

    def forward_rows(
        self, inputs: Float[Tensor, "networks samples inputs"], rows: Tensor
    ) -> Float[Tensor, "networks rows outputs"]:
        """The same of some rows of the inputs, by their numbers."""
        return self._forward(torch.index_select(inputs, 1, rows, out=self._layers[0]))

    def backward(self) -> None:
        """From ``slopes`` the gradient by all parameters, in place of the one before."""
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
        for layer, room in enumerate(self._layers[1:]):
            hidden = torch.baddbmm(network.biases[layer], hidden, network.weights[layer], out=room)
            if layer < last:
                hidden.tanh_()
        return hidden


def _by_layer(flat: Tensor, shapes: Sequence[torch.Size]) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and biases of all layers as views of one tensor."""
    parts = flat.split([shape.numel() for shape in shapes])
    views = [part.view(shape) for part, shape in zip(parts, shapes)]
    return views[::2], views[1::2]
