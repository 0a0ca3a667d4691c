"""The recipe of a run: every setting that decides it, as one frozen dataclass of dataclasses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from trisect import checks
from trisect.training.settings import TrainingSettings

R = TypeVar("R", bound="Recipe")

HOW_TRAINED = ("batch_size", "training")
"""Endings of the names of fields that say how a model is trained; nothing is built from those."""


@dataclass(frozen=True)
class Recipe(ABC):
    """Everything that decides a run, besides the data.

    Each method has a recipe of its own, with the settings that the method uses and no others.

    Attributes:
        method: name of the method, a key of `trisect.methods.table.METHODS`.
        image_trainings: fields that say how a network on observations trains; `on_gpu` trains those in mixed precision.
        seed: of all randomness, at least 0.
    """

    method: ClassVar[str]
    image_trainings: ClassVar[tuple[str, ...]] = ()

    seed: int = 0

    def __post_init__(self) -> None:
        checks.positive_int(self.seed, "the seed of a recipe", 0)

    @abstractmethod
    def num_latents(self, shape: tuple[int, ...], make: Mapping[str, Any]) -> int:
        """Number of latents L of a model that is made by this recipe.

        Args:
            shape: of an observation at rest: (height, width, channels) or (D,).
            make: what the method recorded of the model's make, see `trisect.methods.method.Trained`.
        """

    @property
    def num_blocks(self) -> int:
        """Blocks of the trained flow; 0 without one."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Plain types that `trisect.methods.table.recipe_from_json` reads back."""
        return {"method": self.method, **_plain(asdict(self))}

    def decisive(self) -> dict[str, Any]:
        """What of `to_json` decides the weights; a resumed run must have the same."""
        trainings = {name: training.decisive() for name, training in _trainings(self).items()}
        return {**self.to_json(), **trainings}


def on_gpu(recipe: R, larger: int = 8) -> R:
    """The recipe for a GPU: larger batches, fewer and larger steps, images in mixed precision.

    Frames stay on the card as bytes where they fit. Learning rates rise and the number of steps falls by the square
    root of ``larger``, so a run sees every frame that many times more often. On an H200 a step of the glimpse networks
    took as long with 256 windows as with 64. How far the learning rate may rise is a rule of thumb that was not
    measured: watch the held-out loss.

    Args:
        recipe: a recipe that was made for a CPU.
        larger: factor by which batches grow, at least 1.

    Example:
        >>> from trisect.recipes import citris_nf
        >>> on_gpu(citris_nf(), larger=4).batch_size, citris_nf().batch_size
        (256, 64)
    """
    checks.positive_int(larger, "the factor by which batches grow")
    root = larger**0.5

    def changed(name: str, training: TrainingSettings) -> TrainingSettings:
        rate, steps = min(training.learning_rate * root, 0.02), max(1, round(training.steps / root))
        precision = "bf16" if name in recipe.image_trainings else training.precision
        return replace(training, learning_rate=rate, steps=steps, precision=precision)

    sizes = (field.name for field in fields(recipe) if field.name.endswith("batch_size"))
    changes: dict[str, Any] = {name: larger * getattr(recipe, name) for name in sizes}
    changes |= {name: changed(name, training) for name, training in _trainings(recipe).items()}
    return replace(recipe, **changes)


def _trainings(recipe: Recipe) -> dict[str, TrainingSettings]:
    """The fields that say how something is trained."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    return {name: value for name, value in values.items() if isinstance(value, TrainingSettings)}


def _plain(value: Any) -> Any:
    """Tuples as lists, at any depth of dictionaries."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
