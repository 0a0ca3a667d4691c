"""Names of published tensors in our modules: prefixes of their names -> prefixes of ours, module by module."""

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
"""Last components of the names of constants that follow from the sizes."""


def encoder_names(num_blocks: int) -> Names:
    """Names in an encoder; 0 blocks mean the plain one for 32x32."""
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
    """Names in a decoder; 0 blocks mean the plain one for 32x32."""
    if num_blocks == 0:
        return PLAIN_DECODER
    blocks = {
        f"net.{i}.{j}.net": f"maps.{i}.{j}.branch" for i in range(num_blocks) for j in range(1, residual_blocks + 1)
    }
    return {"linear": "hidden", **blocks, **{f"net.{i + num_blocks}": f"head.{i}" for i in range(7)}}


def within(names: Names, prefix: str) -> Names:
    """The same names for a network that is under ``prefix`` in our model."""
    return {theirs: f"{prefix}.{ours}" for theirs, ours in names.items()}


@dataclass
class Filling:
    """Copies a checkpoint into modules, and at the end checks that every tensor was used.

    Attributes:
        checkpoint: source of the tensors.
        used: names of tensors that were copied, or are not needed.
    """

    checkpoint: Checkpoint
    used: set[str] = field(default_factory=set)

    def fill(self, part: nn.Module, prefix: str, names: Names, ours_alone: Iterable[str] = ()) -> None:
        """Copy every parameter and buffer of a module, except those in ``ours_alone``, which the published code lacks.

        Raises:
            ValueError: a tensor is missing, or has another shape.
        """
        state: dict[str, Tensor] = {}
        for name, value in self.checkpoint.under(prefix).items():
            ours = _translated(name, names)
            if ours is not None:
                state[ours] = value
                self.used.add(prefix + name)
        expected = part.state_dict()
        missing = sorted(expected.keys() - state.keys() - {*ours_alone})
        self._require(not missing, "with every tensor of its model", f"none for {_few(missing)} of {prefix}*")
        wrong = [name for name in state if name not in expected or state[name].shape != expected[name].shape]
        shapes = [
            f"{name} {tuple(state[name].shape)} for {tuple(expected[name].shape) if name in expected else 'nothing'}"
            for name in wrong
        ]
        self._require(not wrong, "with tensors of its model's shapes", f"{_few(shapes)} under {prefix}*")
        with torch.no_grad():
            for name, value in state.items():
                expected[name].copy_(value)

    def take(self, name: str) -> Tensor:
        """Return a single tensor, and mark it as used."""
        self.used.add(name)
        return self.checkpoint.tensor(name)

    def leave(self, *prefixes: str) -> None:
        """Mark tensors as not needed."""
        self.used |= {name for name in self.checkpoint.state if name.startswith(prefixes)}

    def finish(self) -> None:
        """Raise `ValueError` unless every tensor was used, except constants that follow from the sizes."""
        unused = [name for name in self.checkpoint.state if name not in self.used]
        unused = [name for name in unused if name.split(".")[-1] not in FIXED]
        self._require(not unused, "without other tensors", f"also {_few(unused)}")

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
