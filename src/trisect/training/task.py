"""The task of a run: what is trained on what, and what is asked of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import nn

from trisect import checks
from trisect.batches import Batch, LossTerms, Step
from trisect.training.checkpoints import Identity
from trisect.training.settings import TrainingSettings


@runtime_checkable
class Source(Protocol):
    """Training batches by number."""

    def batch(self, k: int) -> Batch:
        """Batch number ``k`` (from 0), a pure function of ``k``."""
        ...


class NonFiniteLoss(FloatingPointError):
    """A loss term or the gradient stopped being finite; the weights are those of the step before.

    Attributes:
        term: name of the loss term, or "gradient".
        step: number of the training step, from 0.
    """

    def __init__(self, message: str, term: str, step: int):
        super().__init__(message)
        self.term, self.step = term, step


@dataclass(frozen=True)
class Task:
    """Everything that a run needs besides the module.

    Attributes:
        source: training batches by number.
        held_out: makes a new iterator over the held-out windows at every call.
        held_out_term: the loss term to select by; None selects by the total.
        settings: how long and how fast.
        folder: where checkpoints and logs go.
        identity: what makes a checkpoint one of this run.
    """

    source: Source
    held_out: Callable[[], Iterable[Batch]]
    held_out_term: str | None
    settings: TrainingSettings
    folder: Path
    identity: Identity

    @property
    def criterion(self) -> str:
        """The name of the held-out score."""
        return self.held_out_term or "total"


def require_trainable(module: nn.Module) -> None:
    """Raise unless a module has a ``loss(batch, step)`` and a parameter to train."""
    what = f"the module to train ({type(module).__name__})"
    if not callable(getattr(module, "loss", None)):
        raise TypeError(checks.sentence(what, "a torch module with loss(batch, step)", "no method of that name"))
    count = sum(p.requires_grad for p in module.parameters())
    checks.require(count > 0, f"the parameters of {what}", "at least one that requires gradients", "none")


def loss_terms(module: nn.Module, batch: Batch, step: Step) -> LossTerms:
    """The module's named loss terms, by its ``loss``."""
    terms: LossTerms = module.loss(batch, step)  # type: ignore[operator]
    return terms


def require_finite(terms: LossTerms, step: Step, where: str, todo: str) -> None:
    """Raise `NonFiniteLoss` naming the first term with a NaN or infinite value, and the examples that have it.

    Args:
        terms: the loss terms of one batch.
        step: the step that they belong to.
        where: the step and batch in words.
        todo: what the user can do.
    """
    name = terms.first_non_finite()
    if name is None:
        return
    bad = (~terms[name].isfinite()).flatten().nonzero().flatten()[:5].tolist()
    values = terms[name].detach().flatten()[bad].tolist()
    got = f"{values[0]} at {where}" + (f", examples {bad}" if terms[name].dim() else "")
    raise NonFiniteLoss(checks.sentence(f"loss term '{name}'", "finite", got, todo), name, step.index)
