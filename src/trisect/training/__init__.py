"""The training engine: one adapter to Lightning's Trainer, schedules, checkpoints."""

from trisect.training.engine import FitOptions, TrainingResult, fit
from trisect.training.settings import TrainingSettings
from trisect.training.task import NonFiniteLoss

__all__ = ["FitOptions", "NonFiniteLoss", "TrainingResult", "TrainingSettings", "fit"]
