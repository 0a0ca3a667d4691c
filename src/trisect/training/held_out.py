"""The held-out score by which weights are selected; the same weights always get the same score."""

from __future__ import annotations

import torch
from torch import nn

from trisect import checks
from trisect.batches import Batch, Step
from trisect.models.representations.frozen import evaluation_mode
from trisect.training.randomness import HELD_OUT, generator
from trisect.training.task import Task, loss_terms, require_finite


def held_out_score(module: nn.Module, task: Task, index: int, device: torch.device) -> float:
    """Mean of the task's selection term over all held-out examples; lower is better.

    The noise of held-out batch j is a pure function of (seed, j): the same weights get the same score.

    Args:
        module: module to score.
        task: the run's task.
        index: number of the last training step.
        device: device of the computation.

    Raises:
        ValueError: there is no held-out batch, or no term of that name.
        NonFiniteLoss: a term is NaN or infinite.
    """
    total, count = 0.0, 0
    with torch.no_grad(), evaluation_mode(module):
        for j, batch in enumerate(task.held_out()):
            batch = batch.to(device)
            draws = generator(task.identity.seed, HELD_OUT, j, device)
            step = Step(index, index / task.settings.steps, draws, training=False)
            total += _batch_score(module, task, batch, step, j) * len(batch)
            count += len(batch)
    checks.require(count > 0, "the held-out windows", "at least one batch", "none", "hold out more of the recording")
    return total / count


def _batch_score(module: nn.Module, task: Task, batch: Batch, step: Step, j: int) -> float:
    terms = loss_terms(module, batch, step)
    where = f"held-out batch {j} after step {step.index}"
    require_finite(terms, step, where, f"checkpoints are kept in {task.folder}")
    if task.held_out_term is None:
        return float(terms.total())
    return float(terms[checks.one_of(task.held_out_term, terms, "held_out_term")].mean())
