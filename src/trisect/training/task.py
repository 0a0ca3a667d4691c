"""The task of a run: its data and settings, and the interface that a module and a data source must have."""

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
    """A loss term or the gradient stopped being finite; the weights are those before that step.

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
        held_out_term: the loss term by which weights are selected; None selects by the total.
        settings: training settings.
        folder: folder for checkpoints and logs.
        identity: identifies the checkpoints of this run.
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
    """Raise an error if a module has no ``loss(batch, step)`` or no parameter to train."""
    what = f"the module to train ({type(module).__name__})"
    if not callable(getattr(module, "loss", None)):
        raise TypeError(checks.sentence(what, "a torch module with loss(batch, step)", "no method of that name"))
    count = sum(p.requires_grad for p in module.parameters())
    checks.require(count > 0, f"the parameters of {what}", "at least one that requires gradients", "none")


def loss_terms(module: nn.Module, batch: Batch, step: Step) -> LossTerms:
    """The named loss terms that the module's ``loss`` returns."""
    terms: LossTerms = module.loss(batch, step)  # type: ignore[operator]
    return terms


def require_finite(terms: LossTerms, step: Step, where: str, todo: str) -> None:
    """Raise `NonFiniteLoss` if a term has a NaN or infinite value, naming the first such term and its examples.

    Args:
        terms: the loss terms of one batch.
        step: the step of the batch.
        where: the step and batch in words.
        todo: advice for the user.
    """
    name = terms.first_non_finite()
    if name is None:
        return
    bad = (~terms[name].isfinite()).flatten().nonzero().flatten()[:5].tolist()
    values = terms[name].detach().flatten()[bad].tolist()
    got = f"{values[0]} at {where}" + (f", examples {bad}" if terms[name].dim() else "")
    raise NonFiniteLoss(checks.sentence(f"loss term '{name}'", "finite", got, todo), name, step.index)
