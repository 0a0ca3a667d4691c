"""Settings of a training run that are common to all modules that the engine trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from trisect import checks, devices

PRECISIONS = ("32", "bf16")
LOGGERS = ("tensorboard", "csv")
KEPT = ("best", "last")
ACCELERATORS = ("auto", "cpu", "gpu", "mps")

FREE_ON_RESUME = ("accelerator", "checkpoint_every", "log_every", "keep", "logger")
"""Fields that a resumed run may change: they do not affect training, or only by the rounding of another device."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training: its length, its optimiser, and how often it is checked and logged.

    Attributes:
        steps: number of optimiser steps, at least 1.
        learning_rate: peak learning rate of AdamW, in (0, 1].
        warm_up: fraction of the run over which the learning rate rises linearly, in [0, 1].
        final_learning_rate: fraction of the peak that the cosine ends at, in [0, 1].
        clip: largest gradient norm over all parameters, above 0; None switches clipping off.
        weight_decay: decoupled weight decay, in [0, 1]; a model's parameter groups may set a different one.
        betas: decay rates of AdamW's two running moments, each in [0, 1).
        precision: "32", or "bf16" for mixed precision with bfloat16.
        accelerator: device to train on: "cpu", "gpu", "mps", or "auto" for the best one that the machine has.
        checkpoint_every: steps between two checkpoints, at least 1.
        validate_every: steps between two scores on held-out data, at least 1.
        log_every: steps between two records of the training losses, at least 1.
        keep: weights that the model ends with: "best" by held-out score, or "last".
        logger: "tensorboard", "csv", or None for no log files.
    """

    steps: int = 10_000
    learning_rate: float = 1e-3
    warm_up: float = 0.02
    final_learning_rate: float = 0.05
    clip: float | None = 1.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    precision: str = "32"
    accelerator: str = "auto"
    checkpoint_every: int = 1000
    validate_every: int = 500
    log_every: int = 50
    keep: str = "best"
    logger: str | None = "tensorboard"

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_every", "validate_every", "log_every"):
            checks.positive_int(getattr(self, name), f"{name} of TrainingSettings")
        for name in ("warm_up", "final_learning_rate", "weight_decay"):
            checks.in_range(getattr(self, name), f"{name} of TrainingSettings", 0.0, 1.0)
        checks.in_range(self.learning_rate, "learning_rate of TrainingSettings", 0.0, 1.0, open_low=True)
        if self.clip is not None:
            checks.in_range(self.clip, "clip of TrainingSettings", 0.0, 1e9, open_low=True)
        self._check_betas()
        self._check_words()

    def _check_betas(self) -> None:
        are_two = isinstance(self.betas, (tuple, list)) and len(self.betas) == 2
        checks.require(are_two, "betas of TrainingSettings", "two numbers, such as (0.9, 0.999)", repr(self.betas))
        for beta in self.betas:
            checks.in_range(beta, "a beta of TrainingSettings", 0.0, 1.0)
            checks.require(beta < 1.0, "a beta of TrainingSettings", "below 1", beta)
        object.__setattr__(self, "betas", tuple(self.betas))

    def _check_words(self) -> None:
        checks.one_of(self.precision, PRECISIONS, "precision of TrainingSettings")
        checks.one_of(self.accelerator, ACCELERATORS, "accelerator of TrainingSettings")
        checks.one_of(self.keep, KEPT, "keep of TrainingSettings")
        if self.logger is not None:
            checks.one_of(self.logger, LOGGERS, "logger of TrainingSettings")

    def decisive(self) -> dict[str, Any]:
        """The fields that affect the result, in plain types; a resumed run must have the same values."""
        fields = {name: value for name, value in asdict(self).items() if name not in FREE_ON_RESUME}
        return {**fields, "betas": list(self.betas)}


def require_devices(recipe: object) -> None:
    """Raise `ValueError` if a training of the recipe is to run on a device that this machine does not have."""
    todo = "pass accelerator='auto' in the training settings (--device auto)"
    for value in vars(recipe).values():
        if isinstance(value, TrainingSettings):
            got = f"'{value.accelerator}', but PyTorch finds no such device"
            is_here = devices.is_available(value.accelerator)
            checks.require(is_here, "the accelerator to train on", "one of this machine", got, todo)
