"""What the loader passes to a model, and what a model passes to the training engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks


@dataclass(frozen=True)
class SequenceBatch:
    """Windows of consecutive frames.

    Attributes:
        observations: (batch, time, ...): frames (channels, height, width) as float in [-1, 1], or vectors.
        targets: (batch, time-1, K) float 0/1, one column per *targeted* variable, in order; ``targets[:, k]`` are the
            interventions that produced frame k+1.
    """

    observations: Float[Tensor, "batch time *observation"]
    targets: Float[Tensor, "batch time-1 variables"]

    def __len__(self) -> int:
        return len(self.observations)

    def to(self, device: torch.device | str) -> SequenceBatch:
        """The same windows on another device; the same object if nothing has to move."""
        observations, targets = self.observations.to(device), self.targets.to(device)
        stays = observations is self.observations and targets is self.targets
        return self if stays else SequenceBatch(observations, targets)


@dataclass(frozen=True)
class LabelledBatch:
    """Observations with their factors, for supervised training.

    Attributes:
        observations: (batch, ...), as in `SequenceBatch` but without time.
        factors: (batch, D) ground truth in the factors' own units.
    """

    observations: Float[Tensor, "batch *observation"]
    factors: Float[Tensor, "batch factors"]

    def __len__(self) -> int:
        return len(self.observations)

    def to(self, device: torch.device | str) -> LabelledBatch:
        """The same observations on another device."""
        return LabelledBatch(self.observations.to(device), self.factors.to(device))


Batch = SequenceBatch | LabelledBatch
"""What the training engine accepts."""


class LossTerms(Mapping[str, Tensor]):
    """Named terms of a loss; the total is their sum.

    Args:
        terms: name -> tensor, one value per example (averaged for the total) or a scalar.

    Example:
        >>> terms = LossTerms(nll=torch.tensor([1.0, 3.0]), penalty=torch.tensor(0.5))
        >>> float(terms.total())
        2.5
    """

    def __init__(self, **terms: Tensor):
        self._terms = terms

    def __getitem__(self, name: str) -> Tensor:
        return self._terms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    def total(self) -> Tensor:
        """The scalar to minimise: the mean of each term over examples, summed; `ValueError` without terms."""
        checks.require(len(self) > 0, "the number of terms of a loss", "at least 1", 0)
        return torch.stack([term.mean() for term in self._terms.values()]).sum()

    def first_non_finite(self) -> str | None:
        """Name of the first term with a NaN or infinite value, or None."""
        for name, term in self._terms.items():
            if not bool(torch.isfinite(term).all()):
                return name
        return None


@dataclass(frozen=True)
class Step:
    """The state of a run when a loss is computed.

    Attributes:
        index: number of the training step, from 0; held-out evaluation repeats the last number.
        progress: fraction of the run that is done, in [0, 1).
        generator: source of all randomness of this step, a pure function of (seed, index).
        training: False while held-out data are scored; pure regularisers are then left out of the loss.
    """

    index: int
    progress: float
    generator: torch.Generator
    training: bool = True


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate; a module returns its groups from ``parameter_groups(settings)``.

    Attributes:
        name: name of the group in logs.
        parameters: its trainable parameters; every parameter of a module belongs to exactly one group.
        learning_rate_factor: multiplies the run's learning rate, above 0.
        weight_decay: decoupled weight decay of AdamW, in [0, 1].
    """

    name: str
    parameters: Sequence[nn.Parameter]
    learning_rate_factor: float = 1.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        whose = f"of parameter group '{self.name}'"
        checks.in_range(self.learning_rate_factor, f"learning_rate_factor {whose}", 0.0, 1e6, open_low=True)
        checks.in_range(self.weight_decay, f"weight_decay {whose}", 0.0, 1.0)
