"""The flows that methods use: the published one, a linear one, and a refinement of a linear start."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.models.flows.affine import ActNorm, AutoregressiveAffine, LULinear, random_rotation, shift
from trisect.models.flows.elementwise import Elementwise
from trisect.models.flows.flow import Chain, Flow


@dataclass(frozen=True)
class FlowSettings:
    """Size of a flow.

    Attributes:
        num_blocks: number of blocks, at least 1; the paper uses 4.
        hidden_per_variable: hidden units per latent of the autoregressive networks; the paper uses 16.
    """

    num_blocks: int = 4
    hidden_per_variable: int = 16

    def __post_init__(self) -> None:
        checks.size(self.num_blocks, "num_blocks of a flow")
        checks.size(self.hidden_per_variable, "hidden_per_variable of a flow")


def published_flow(dim: int, num_blocks: int, hidden_per_variable: int, generator: torch.Generator) -> Chain:
    """The flow of CITRIS-NF: blocks of [ActNorm, linear (not in the first), autoregressive affine].

    Args:
        dim: D, the number of latents.
        num_blocks: how many blocks, at least 1 (4 in the paper).
        hidden_per_variable: hidden units per variable of the autoregressive networks (16 in the paper).
        generator: draws the rotations.
    """
    checks.positive_int(num_blocks, "num_blocks of a flow")
    flows: list[Flow] = []
    for block in range(num_blocks):
        rotation = [LULinear(random_rotation(dim, generator))] if block > 0 else []
        flows += [ActNorm(dim), *rotation, AutoregressiveAffine(dim, hidden_per_variable)]
    return Chain(flows)


def linear_flow(mean: Float[Tensor, "dim"], matrix: Float[Tensor, "dim dim"]) -> Chain:
    """The flow z = (x - mean) matrix."""
    return Chain([shift(mean), LULinear(matrix)])


def refinement_flow(start: Chain, settings: FlowSettings, num_bumps: int = 0) -> Chain:
    """A flow that starts close to the map ``start`` and appends blocks [curve, autoregressive affine, reversal] to it.

    The curves and affine maps start close to the identity. The product of the reversals is the identity for an even
    number of blocks; after two blocks every variable can read every other one.

    Args:
        start: a chain with a linear map, such as that of `linear_flow`.
        settings: size of the blocks; their number must be even.
        num_bumps: number of steps of the elementwise curve before each affine map; 0 leaves the curves out.

    Raises:
        ValueError: the number of blocks is odd.
    """
    what = "num_blocks of a refinement flow"
    checks.require(settings.num_blocks % 2 == 0, what, "even", settings.num_blocks)
    dim = next(len(flow.sign) for flow in start.flows if isinstance(flow, LULinear))
    flows: list[Flow] = start.flows
    for _ in range(settings.num_blocks):
        reversal = LULinear(torch.eye(dim).flip(0))
        curve = [Elementwise(dim, num_bumps)] if num_bumps > 0 else []
        flows += [*curve, AutoregressiveAffine(dim, settings.hidden_per_variable), reversal]
    return Chain(flows)
