"""The training engine: trains any module with a ``loss`` on numbered batches, and can resume after any interruption.

On a CPU, two runs with the same seed, settings and data end with the same weights, even if one of them was interrupted
and resumed, and however often they are validated.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from trisect import checks
from trisect.batches import Batch
from trisect.stopping import deferring
from trisect.training import checkpoints
from trisect.training.history import Cost, History, Meter, RunState
from trisect.training.progress import Progress, progress_for
from trisect.training.settings import TrainingSettings
from trisect.training.task import Source, Task, require_trainable

logger = logging.getLogger("trisect")

STOPPED = "training stops after step %d of %d, as asked; the checkpoint %s is written, resume=True (--resume) continues"
_CHATTY = "pytorch_lightning|lightning_fabric|lightning_utilities|torchmetrics"


@dataclass(frozen=True)
class TrainingResult:
    """The measurements of a run.

    Attributes:
        terms: (finished steps, name -> batch mean) of the training terms and their ``total``, at the log interval.
        scores: (finished steps, held-out score), lower is better.
        criterion: name of the loss term that the held-out score is the mean of.
        steps: finished steps.
        best_step: finished steps at the lowest held-out score.
        best_score: the lowest held-out score.
        cpu_seconds, wall_seconds: processor and wall-clock time, including the time before a resume.
        peak_memory_mb: largest resident memory of the process in MiB.
        device: device of the latest training: "cpu", the name of a GPU, or "" if it was not recorded.
    """

    terms: tuple[tuple[int, dict[str, float]], ...]
    scores: tuple[tuple[int, float], ...]
    criterion: str
    steps: int
    best_step: int
    best_score: float
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    device: str


@dataclass(frozen=True)
class FitOptions:
    """Options of one call of `fit`, besides the module, the data and the settings.

    Attributes:
        seed: seed of all randomness, at least 0.
        resume: continue from the newest checkpoint in the folder, or start from the beginning if there is none.
        progress: show a bar on a terminal, or a log line every ten seconds.
        name: name of the module, shown with the progress.
        held_out_term: the loss term by which weights are selected; None selects by the total.
        signature: names the recipe and the data, so that a checkpoint of another run is refused.
    """

    seed: int
    resume: bool = False
    progress: bool = True
    name: str = "flow"
    held_out_term: str | None = None
    signature: str = ""

    def __post_init__(self) -> None:
        checks.seed(self.seed, "seed of fit")


def fit(
    module: nn.Module,
    source: Source,
    held_out: Callable[[], Iterable[Batch]],
    settings: TrainingSettings,
    folder: str | Path,
    options: FitOptions,
) -> TrainingResult:
    """Train a module and select its weights on held-out windows; the module ends in evaluation mode.

    Args:
        module: has ``loss(batch, step) -> LossTerms``; may have ``parameter_groups(settings)``, ``initialise(batch)``
            (called once before the first step) and ``after_step(step)``. It ends on the CPU.
        source: training batches, each a pure function of its number.
        held_out: makes a new iterator over the held-out windows at every call.
        settings: training settings; ``settings.keep`` selects the weights that the module ends with.
        folder: folder for ``last.ckpt``, ``best.ckpt`` and log files.
        options: see `FitOptions`.

    Raises:
        TypeError: the module has no ``loss``.
        ValueError: the folder holds checkpoints of another run, or of any run when not resuming, or there are no
            held-out windows.
        NonFiniteLoss: a loss term or the gradient stopped being finite; the weights are those before that step.
        KeyboardInterrupt: Ctrl-C. As after SIGTERM, the current step is finished and a checkpoint is written first.
    """
    require_trainable(module)
    decisive = {**settings.decisive(), "criterion": options.held_out_term or "total"}
    identity = checkpoints.Identity(options.signature, options.seed, decisive)
    task = Task(source, held_out, options.held_out_term, settings, Path(folder), identity)
    state = _start(module, task, options.resume)
    if state.history.step < settings.steps:
        with progress_for(options.name, state.history.step, settings.steps, show=options.progress) as shown:
            _train(module, task, state, shown)
    _keep(module, task, state.history)
    return _result(task, state)


def _start(module: nn.Module, task: Task, resume: bool) -> RunState:
    """A new run, or the newest checkpoint of the folder, loaded into the module."""
    checkpoints.tidy(task.folder)
    newest = checkpoints.newest(task.folder, needs_best=task.settings.keep == "best")
    if newest is None:
        return RunState(History(), Meter(Cost()))
    path, checkpoint = newest
    what, todo = f"the folder of a new run ({task.folder})", "pass resume=True, or choose another folder"
    checks.require(resume, what, "without checkpoints", path.name, todo)
    checkpoints.require_same_run(checkpoint, task.identity, path)
    module.load_state_dict(checkpoint["module"])
    history = History.from_plain(checkpoint["history"])
    logger.info("resuming from %s at step %d of %d", path, history.step, task.settings.steps)
    cost = Cost(**checkpoint["cost"])
    return RunState(history, Meter(cost), checkpoint["optimiser"])


def _train(module: nn.Module, task: Task, state: RunState, progress: Progress) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trisect.training.adapter import Adapter, Batches, trainer_for
    with _undisturbed():
        batches = Batches(task.source, state.history.step, task.settings.steps)
        trainer = trainer_for(task, state.history.step)
        with deferring() as stop:
            try:
                trainer.fit(Adapter(module, task, state, progress, stop), train_dataloaders=batches)
            except SystemExit:  # how Lightning answers a SIGTERM that came before the first step
                if not stop.is_set:
                    raise
            if stop.is_set:
                logger.warning(STOPPED, state.history.step, task.settings.steps, task.folder / checkpoints.LAST)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Lightning's log messages, its way to end on Ctrl-C and the run's global seeds from affecting the caller."""
    loggers = [(logging.getLogger(name), logging.getLogger(name).level) for name in _CHATTY.split("|")]
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(gpus):
            warnings.filterwarnings("ignore", module=_CHATTY)
            for chatty, _ in loggers:
                chatty.setLevel(logging.ERROR)
            yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
    finally:
        for chatty, level in loggers:
            chatty.setLevel(level)


def _keep(module: nn.Module, task: Task, history: History) -> None:
    """Load the weights that the settings keep into the module, and put it into evaluation mode."""
    if task.settings.keep == "best" and history.best_step != history.step:
        module.load_state_dict(checkpoints.read(task.folder / checkpoints.BEST)["module"])
    module.zero_grad()
    module.eval()


def _result(task: Task, state: RunState) -> TrainingResult:
    history, cost = state.history, state.meter.read()
    return TrainingResult(
        terms=tuple(history.terms),
        scores=tuple(history.scores),
        criterion=task.criterion,
        steps=history.step,
        best_step=history.best_step,
        best_score=history.best_score,
        **asdict(cost),
        device=history.device,
    )
