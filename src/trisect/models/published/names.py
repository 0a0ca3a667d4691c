"""Which published tensor is which of ours: prefixes of their names -> prefixes of ours, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from trisect import checks
from trisect.models.flows.affine import ActNorm, AutoregressiveAffine, LULinear
from trisect.models.published.checkpoint import AGAIN, Checkpoint

Names = Mapping[str, str]

PLAIN_ENCODER = {**{f"net.{i}": f"maps.{i}" for i in range(12)}, "net.12": "hidden.0", "net.14": "outputs"}
PLAIN_DECODER = {"linear": "hidden", "net": "maps"}
PRIOR = {
    "context_layer": "network.context",
    "inp_layer": "network.input",
    "out_layer.1": "network.middle",
    "out_layer.3": "network.output",
}
AUTOREGRESSIVE_PRIOR = {
    "prior_model.context_layer": "context",
    "prior_model.target_layer": "row",
    "prior_model.init_layer.linear": "first",
    "prior_model.net.1.linear": "middle",
    "prior_model.net.3.linear": "last",
}
FLOWS: dict[type[nn.Module], Names] = {
    ActNorm: {"bias": "bias", "scales": "scale"},
    LULinear: {"p": "permutation", "sign_s": "sign", "l": "lower", "u": "upper", "log_s": "log_diagonal"},
    AutoregressiveAffine: {
        "transformation.scaling": "log_limit",
        "net.0.linear": "first",
        "net.2.linear": "middle",
        "net.4.linear": "last",
    },
}
FIXED = ("mask", "l_mask", "eye", "target_mask")
"""Last parts of the names of constants that follow from the sizes."""


def encoder_names(num_blocks: int) -> Names:
    """Of an encoder: 0 blocks is the plain one of 32x32."""
    if num_blocks == 0:
        return PLAIN_ENCODER
    blocks = {f"net.{i}.{j}": f"maps.{i}.{j - (j > 0)}" for i in range(1, num_blocks) for j in (0, 2, 4, 5)}
    last = {
        f"net.{num_blocks + 1}": "hidden.0",
        f"net.{num_blocks + 2}": "hidden.1",
        f"net.{num_blocks + 4}": "outputs",
    }
    return {"net.0": "maps.0", **blocks, **last}


def decoder_names(num_blocks: int, residual_blocks: int) -> Names:
    """Of a decoder: 0 blocks is the plain one of 32x32."""
    if num_blocks == 0:
        return PLAIN_DECODER
    blocks = {
        f"net.{i}.{j}.net": f"maps.{i}.{j}.branch" for i in range(num_blocks) for j in range(1, residual_blocks + 1)
    }
    return {"linear": "hidden", **blocks, **{f"net.{i + num_blocks}": f"head.{i}" for i in range(7)}}


def within(names: Names, prefix: str) -> Names:
    """The same, for a network that lies under ``prefix`` in ours."""
    return {theirs: f"{prefix}.{ours}" for theirs, ours in names.items()}


@dataclass
class Filling:
    """Fills parts from a checkpoint, and at the end accounts for every tensor of it.

    Attributes:
        checkpoint: where the tensors come from.
        used: names of tensors that have found their place, or need none.
    """

    checkpoint: Checkpoint
    used: set[str] = field(default_factory=set)

    def fill(self, part: nn.Module, prefix: str, names: Names, ours_alone: Iterable[str] = ()) -> None:
        """Every parameter and buffer of a part, but those that the published code does not have.

        Raises:
            ValueError: a tensor is missing, or of another shape.
        """
        state: dict[str, Tensor] = {}
        for name, value in self.checkpoint.under(prefix).items():
            ours = _translated(name, names)
            if ours is not None:
                state[ours] = value
                self.used.add(prefix + name)
        wanted = part.state_dict()
        missing = sorted(wanted.keys() - state.keys() - {*ours_alone})
        self._require(not missing, "with every tensor of its model", f"none for {_few(missing)} of {prefix}*")
        wrong = [name for name in state if name not in wanted or state[name].shape != wanted[name].shape]
        shapes = [
            f"{name} {tuple(state[name].shape)} for {tuple(wanted[name].shape) if name in wanted else 'nothing'}"
            for name in wrong
        ]
        self._require(not wrong, "with tensors of its model's shapes", f"{_few(shapes)} under {prefix}*")
        with torch.no_grad():
            for name, value in state.items():
                wanted[name].copy_(value)

    def take(self, name: str) -> Tensor:
        """A single tensor, used by the caller."""
        self.used.add(name)
        return self.checkpoint.tensor(name)

    def leave(self, *prefixes: str) -> None:
        """Say of tensors that nothing needs them here."""
        self.used |= {name for name in self.checkpoint.state if name.startswith(prefixes)}

    def finish(self) -> None:
        """Raise `ValueError` unless every tensor has been used, but constants that follow from the sizes."""
        left = [name for name in self.checkpoint.state if name not in self.used]
        left = [name for name in left if name.split(".")[-1] not in FIXED]
        self._require(not left, "without other tensors", f"also {_few(left)}")

    def _require(self, holds: bool, must: str, got: str) -> None:
        checkpoint = self.checkpoint
        checks.require(holds, f"the checkpoint '{checkpoint.path.name}' ({checkpoint.kind})", must, got, AGAIN)


def _translated(name: str, names: Names) -> str | None:
    for theirs, ours in names.items():
        if name == theirs or name.startswith(f"{theirs}."):
            return ours + name.removeprefix(theirs).replace("pos_embed", "embed")
    return None


def _few(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
