"""The optimiser of a run: AdamW over a module's parameter groups, with a learning rate that depends on progress."""

from __future__ import annotations

import torch
from torch import nn

from trisect import checks
from trisect.batches import ParameterGroup
from trisect.training.schedules import warm_up_cosine
from trisect.training.settings import TrainingSettings


def parameter_groups(module: nn.Module, settings: TrainingSettings) -> list[ParameterGroup]:
    """The groups that the module defines, or one group of all its trainable parameters.

    Raises:
        ValueError: a trainable parameter is in no group or in two.
    """
    groups_of = getattr(module, "parameter_groups", None)
    trainable = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    if groups_of is None:
        return [ParameterGroup("all", [p for _, p in trainable], weight_decay=settings.weight_decay)]
    groups: list[ParameterGroup] = groups_of(settings)
    grouped = [id(p) for group in groups for p in group.parameters]
    for name, parameter in trainable:
        what = f"parameter '{name}' of {type(module).__name__}"
        count = grouped.count(id(parameter))
        checks.require(count == 1, what, "in one parameter group", count)
    return groups


def adamw(groups: list[ParameterGroup], settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW with decoupled weight decay per group (Loshchilov and Hutter, 2019, algorithm 2)."""
    entries = [
        {
            "params": list(group.parameters),
            "name": group.name,
            "peak": settings.learning_rate * group.learning_rate_factor,
            "weight_decay": group.weight_decay,
        }
        for group in groups
        if group.parameters
    ]
    return torch.optim.AdamW(entries, lr=settings.learning_rate, betas=settings.betas, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, step: int, settings: TrainingSettings) -> None:
    """Set every group's learning rate for step number ``step`` (from 0); the last step uses the final rate."""
    factor = warm_up_cosine((step + 1) / settings.steps, settings.warm_up, settings.final_learning_rate)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * factor
