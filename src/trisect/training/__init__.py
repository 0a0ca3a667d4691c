"""The training engine: the loop that trains a module, its schedules and its checkpoints."""

from trisect.training.engine import FitOptions, TrainingResult, fit
from trisect.training.settings import TrainingSettings
from trisect.training.task import NonFiniteLoss

__all__ = ["FitOptions", "NonFiniteLoss", "TrainingResult", "TrainingSettings", "fit"]
