"""The adapter: the one LightningModule, between a module with a ``loss`` and Lightning's Trainer.

Lightning moves the module and the batches to the device, sets the precision and writes checkpoints to disk. This module
defines the step itself, the schedule, the held-out score and the content of a checkpoint. Importing it imports
Lightning.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import CheckpointIO
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import Tensor, nn

from trisect import checks
from trisect.batches import Batch, LossTerms, Step
from trisect.files import has_text_name
from trisect.stopping import StopRequest
from trisect.training import checkpoints, optimiser
from trisect.training.held_out import held_out_score
from trisect.training.history import RunState
from trisect.training.progress import Progress
from trisect.training.randomness import TRAINING, generator, seed_ambient
from trisect.training.schedules import is_due
from trisect.training.task import NonFiniteLoss, Source, Task, loss_terms, require_finite

logger = logging.getLogger("trisect")


class Batches:
    """The batches ``first`` to ``steps - 1`` of a source, in order; of each batch, the slice for one process.

    Args:
        source: batches by number.
        first, steps: number of the first batch, and the number after the last batch.
        rank, world_size: number of this process, and of all processes; more than one needs
            ``source.batch(k, rank, world_size)``.
    """

    def __init__(self, source: Source, first: int, steps: int, rank: int = 0, world_size: int = 1):
        self.source, self.first, self.steps = source, first, steps
        self.slice = (rank, world_size) if world_size > 1 else ()

    def __len__(self) -> int:
        return self.steps - self.first

    def __iter__(self) -> Iterator[Batch]:
        return (self.source.batch(k, *self.slice) for k in range(self.first, self.steps))


class AtomicCheckpointIO(CheckpointIO):
    """Writes and reads Lightning's checkpoints with `trisect.training.checkpoints`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        checkpoints.write(checkpoint, Path(path))

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        return checkpoints.read(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


class Adapter(pl.LightningModule):
    """Trains a module on a task.

    Args:
        module: has ``loss(batch, step)``, and may have ``parameter_groups(settings)``, ``initialise(batch)`` and
            ``after_step(step)``.
        task: the data to train on, and the settings.
        state: the state of the run, updated after every step.
        progress: shows the progress.
        stop: a request to stop, after which the step that is being done is the last one.
    """

    def __init__(self, module: nn.Module, task: Task, state: RunState, progress: Progress, stop: StopRequest):
        super().__init__()
        self.automatic_optimization = False
        self.module, self.task, self.state, self.progress = module, task, state, progress
        self.trained = [p for p in module.parameters() if p.requires_grad]
        self.stop = stop
        self.terms: LossTerms | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        settings = self.task.settings
        adamw = optimiser.adamw(optimiser.parameter_groups(self.module, settings), settings)
        if self.state.optimiser is not None:
            adamw.load_state_dict(self.state.optimiser)
        return adamw

    def on_fit_start(self) -> None:
        self.state.history.device = device_name(self.device)

    def on_train_start(self) -> None:
        self.stop.listen()  # Lightning's handler of SIGTERM, set by now, ends the process without a checkpoint

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
        return batch.to(device)

    def training_step(self, batch: Batch, _: int) -> None:
        step = self._step(batch.observations.device)
        seed_ambient(self.task.identity.seed, step.index, batch.observations.device)
        if step.index == 0 and hasattr(self.module, "initialise"):
            with torch.no_grad():
                self.module.initialise(batch)  # type: ignore[operator]
        optimizer: Any = self.optimizers()
        optimiser.set_learning_rate(optimizer.optimizer, step.index, self.task.settings)
        self.terms = loss_terms(self.module, batch, step)
        total = self.terms.total()
        self.manual_backward(total)
        self._require_finite(total.detach(), self._clip(), step)
        optimizer.step()
        optimizer.zero_grad()
        if hasattr(self.module, "after_step"):
            self.module.after_step(step)  # type: ignore[operator]

    def _step(self, device: torch.device) -> Step:
        k, steps = self.state.history.step, self.task.settings.steps
        return Step(k, k / steps, generator(self.task.identity.seed, TRAINING, k, device))

    def _clip(self) -> Tensor:
        clip = self.task.settings.clip
        return torch.nn.utils.clip_grad_norm_(self.trained, math.inf if clip is None else clip)

    def _require_finite(self, total: Tensor, gradient_norm: Tensor, step: Step) -> None:
        if bool(torch.isfinite(total + gradient_norm)):  # the only synchronisation with the device in a step
            return
        assert self.terms is not None
        where = f"step {step.index}, batch {step.index}"
        todo = f"lower the learning rate or check the data; checkpoints written before stay in {self.task.folder}"
        require_finite(self.terms, step, where, todo)
        name, value = ("gradient", gradient_norm) if bool(torch.isfinite(total)) else ("total", total)
        message = checks.sentence(f"the {name} of the loss", "finite", f"{float(value)} at {where}", todo)
        raise NonFiniteLoss(message, name, step.index)

    def on_train_batch_end(self, *_: Any) -> None:
        history, settings = self.state.history, self.task.settings
        history.step += 1
        if is_due(history.step, settings.log_every, settings.steps):
            self._record()
        if is_due(history.step, settings.validate_every, settings.steps):
            self._score()
        if is_due(history.step, settings.checkpoint_every, settings.steps) or self.stop.is_set:
            self._write(checkpoints.LAST)
        self.trainer.should_stop = self.stop.is_set

    def _record(self) -> None:
        assert self.terms is not None
        terms = {name: float(term.detach().mean()) for name, term in self.terms.items()}
        terms["total"] = sum(terms.values())
        self.state.history.terms.append((self.state.history.step, terms))
        self._log("train", terms)
        self.progress.update(self.state.history.step, {"loss": terms["total"]})

    def _score(self) -> None:
        history = self.state.history
        with self.trainer.precision_plugin.forward_context():
            score = held_out_score(self.module, self.task, history.step - 1, self.device)
        self._log("held_out", {self.task.criterion: score})
        if history.add_score(score):
            self._write(checkpoints.BEST)

    def _log(self, group: str, numbers: dict[str, float]) -> None:
        for logger in self.trainer.loggers:
            logger.log_metrics({f"{group}/{name}": value for name, value in numbers.items()}, self.state.history.step)

    def _write(self, name: str) -> None:
        optimizer: Any = self.optimizers()
        content = {
            "format": checkpoints.FORMAT,
            "identity": self.task.identity.to_plain(),
            "criterion": self.task.criterion,
            "module": self.module.state_dict(),
            "optimiser": optimizer.optimizer.state_dict(),
            "history": self.state.history.to_plain(),
            "cost": asdict(self.state.meter.read()),
        }
        self.trainer.strategy.save_checkpoint(content, self.task.folder / name)


def device_name(device: torch.device) -> str:
    """The product name of a GPU; for any other device its type, such as cpu."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def trainer_for(task: Task, first: int) -> pl.Trainer:
    """A Trainer for the steps from ``first`` to the end, without any feature that costs time in every step."""
    return pl.Trainer(
        accelerator=task.settings.accelerator,
        devices=1,
        precision="bf16-mixed" if task.settings.precision == "bf16" else "32-true",
        max_epochs=1,
        logger=_logger(task, first) or False,
        plugins=[AtomicCheckpointIO(), LightningEnvironment()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_autolog_hparams=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        default_root_dir=task.folder,
    )


def _logger(task: Task, first: int) -> Logger | None:
    """The logger that the settings name; every resumed run writes to a new folder."""
    if task.settings.logger is None:
        return None
    if not has_text_name(task.folder):
        logger.warning("no log files are written: the name of the folder %r is not text in UTF-8", str(task.folder))
        return None
    kind = {"tensorboard": TensorBoardLogger, "csv": CSVLogger}[task.settings.logger]
    return kind(task.folder, name=task.settings.logger, version=f"from_step_{first}")
