"""A slot model as two plain functions of tensors, encoding and decoding, to export as graphs for other programs.

Flows are converted to a form that a graph can express: a linear map stores its inverse as a matrix, computed in double
precision, because graphs do not solve equations; masks are multiplied into their weights; and the two inverses that are
loops become one operator each, which the exporter translates:

    affine_inverse  D passes, x_i = z_i exp(-s_i(x_<i)) - t_i(x_<i) (`trisect.models.flows.affine.AutoregressiveAffine`)
    curve_inverse   bisection, then one Newton step (`trisect.models.flows.elementwise.Elementwise`)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.flows.affine import AutoregressiveAffine, LULinear
from trisect.models.flows.elementwise import Elementwise
from trisect.models.flows.flow import Chain, Flow, LogDet, Vectors
from trisect.models.layers import MaskedLinear
from trisect.models.shapes import Latents
from trisect.models.slot_model import SlotModel

Observations = Float[Tensor, "batch *observation"]


@torch.library.custom_op("trisect::affine_inverse", mutates_args=())
def affine_inverse(z: Tensor, first: Tensor, middle: Tensor, last: Tensor, limit: Tensor) -> Tensor:
    """The inverse x of z; can only be executed as part of a graph.

    Args:
        z: (batch, D) values to invert.
        first, middle, last: layers (inputs + 1, outputs); the last row of each is its bias; the last layer returns all
            shifts, then all log-scales.
        limit: (D,) c, the largest log-scale.
    """
    raise NotImplementedError("affine_inverse can only run in an exported graph")


@torch.library.custom_op("trisect::curve_inverse", mutates_args=())
def curve_inverse(z: Tensor, slope: Tensor, height: Tensor, sharpness: Tensor, centre: Tensor) -> Tensor:
    """The inverse x of z = slope x + sum_k height_k tanh(sharpness_k (x - centre_k)); only for graphs.

    Args:
        z: (batch, D) values to invert.
        slope: (D,) positive slopes.
        height, sharpness, centre: (D, bumps) parameters of the bumps.
    """
    raise NotImplementedError("curve_inverse can only run in an exported graph")


@affine_inverse.register_fake
def _(z: Tensor, first: Tensor, middle: Tensor, last: Tensor, limit: Tensor) -> Tensor:
    return torch.empty_like(z)


@curve_inverse.register_fake
def _(z: Tensor, slope: Tensor, height: Tensor, sharpness: Tensor, centre: Tensor) -> Tensor:
    return torch.empty_like(z)


class GraphLinear(Flow):
    """z = x W, and x = z W^-1 with a stored inverse matrix.

    Args:
        flow: linear map with the matrix W.
    """

    matrix: Tensor
    back: Tensor

    def __init__(self, flow: LULinear):
        super().__init__()
        matrix = flow.matrix().detach()
        self.register_buffer("matrix", matrix)
        self.register_buffer("back", torch.linalg.inv(matrix.double()).to(matrix.dtype))

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x @ self.matrix, x.new_zeros(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        return z @ self.back


class GraphAffine(Flow):
    """An autoregressive affine map whose inverse is one operator.

    Args:
        flow: the map.
    """

    def __init__(self, flow: AutoregressiveAffine):
        super().__init__()
        self.flow = flow
        layers = [_with_bias(layer) for layer in (flow.first, flow.middle, flow.last)]
        layers[-1] = torch.cat([layers[-1][:, ::2], layers[-1][:, 1::2]], dim=1)  # shifts and log-scales alternate
        limit = 3 * torch.tanh(flow.log_limit.exp() / 3)
        self.parts = nn.ParameterList(_constant(part) for part in (*layers, limit))

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        z, log_det = self.flow(x)
        return z, log_det

    def inverse(self, z: Vectors) -> Vectors:
        return affine_inverse(z, *self.parts)


class GraphCurve(Flow):
    """An elementwise curve whose inverse is one operator.

    Args:
        flow: the curve.
    """

    def __init__(self, flow: Elementwise):
        super().__init__()
        self.flow = flow
        sharpness = flow.log_sharpness.exp()
        parts = (flow.log_slope.exp(), functional.softplus(flow.height), sharpness, flow.centre)
        self.parts = nn.ParameterList(_constant(part) for part in parts)

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        z, log_det = self.flow(x)
        return z, log_det

    def inverse(self, z: Vectors) -> Vectors:
        return curve_inverse(z, *self.parts)


def _with_bias(layer: MaskedLinear) -> Float[Tensor, "inputs_and_one outputs"]:
    """The masked weights of a layer, with its bias as the last row."""
    return torch.cat([(layer.weight * layer.mask).T, layer.bias[None]])


def _constant(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().clone().contiguous(), requires_grad=False)


FORMS: dict[type[Flow], Callable[[Any], Flow]] = {
    LULinear: GraphLinear,
    AutoregressiveAffine: GraphAffine,
    Elementwise: GraphCurve,
}
"""Flow -> its form for graphs; other flows need no conversion."""


def for_graphs(flow: Flow) -> Flow:
    """The same flow, built from parts that a graph can express.

    Example:
        >>> from trisect.models.flows.factory import linear_flow
        >>> same = for_graphs(linear_flow(torch.ones(2), torch.tensor([[2.0, 0.0], [0.0, 4.0]])))
        >>> same.inverse(torch.ones(1, 2)).tolist()
        [[1.5, 1.25]]
    """
    if isinstance(flow, Chain):
        return Chain([for_graphs(part) for part in flow.flows])
    return FORMS[type(flow)](flow) if type(flow) in FORMS else flow


class EncodeGraph(nn.Module):
    """Observations -> all latents, followed by the latents of each slot that has any.

    Args:
        model: model in evaluation mode; it is not changed.

    Attributes:
        slots: names of the slots that have latents, in the order of the outputs.
    """

    def __init__(self, model: SlotModel[Any]):
        super().__init__()
        self.representation, self.flow = model.representation, for_graphs(model.flow)
        columns = model.slot_columns()
        self.slots = tuple(name for name, latents in columns.items() if latents)
        self.columns = nn.ParameterList(
            nn.Parameter(torch.tensor(columns[name]), requires_grad=False) for name in self.slots
        )

    def forward(self, observations: Observations) -> tuple[Tensor, ...]:
        z = self.flow(self.representation.encode(observations))[0]
        return (z, *(z.index_select(1, columns) for columns in self.columns))


class DecodeGraph(nn.Module):
    """Latents -> observations.

    Args:
        model: model in evaluation mode with a representation that decodes; it is not changed.
    """

    def __init__(self, model: SlotModel[Any]):
        super().__init__()
        flow = for_graphs(model.flow)
        assert isinstance(flow, Flow)
        self.representation, self.flow = model.representation, flow

    def forward(self, z: Latents) -> Observations:
        return self.representation.decode(self.flow.inverse(z))
