"""The recipe of a run: all its settings, as one frozen dataclass of dataclasses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from trisect import checks
from trisect.training.settings import TrainingSettings

if TYPE_CHECKING:
    from trisect.methods.method import TrainingData

R = TypeVar("R", bound="Recipe")

LARGEST_RATE = 0.02
"""Learning rate that `on_gpu` does not raise others beyond."""
HOW_TRAINED = ("batch_size", "training")
"""Endings of the names of fields that say how a model is trained; nothing is built from those."""


class RunSeed(int):
    """The seed of a run in the settings of one of its parts; it changes with the run's, unlike a seed of their own."""


@dataclass(frozen=True)
class Recipe(ABC):
    """All settings of a run.

    Each method has its own recipe class, which holds the settings that the method uses and no others.

    Attributes:
        method: name of the method, a key of `trisect.methods.table.METHODS`.
        image_trainings: names of the fields with training settings of networks on observations; `on_gpu` sets mixed
            precision for them.
        seed: seed of all randomness, at least 0. Settings of a part that have a seed get this one, unless you give them
            one of their own other than 0.
    """

    method: ClassVar[str]
    image_trainings: ClassVar[tuple[str, ...]] = ()

    seed: int = 0

    def __post_init__(self) -> None:
        checks.seed(self.seed, "the seed of a recipe")
        for name, part in _settings(self).items():
            seed = getattr(part, "seed", None)
            if isinstance(seed, RunSeed) or seed in (0, self.seed):
                object.__setattr__(self, name, replace(part, seed=RunSeed(self.seed)))

    def for_data(self: R, data: TrainingData) -> R:
        """The recipe with the settings that follow from the data, such as the number of latents unless it is given.

        Raises:
            ValueError: the recipe cannot be trained on these data.
        """
        return self

    @abstractmethod
    def num_latents(self, shape: tuple[int, ...], make: Mapping[str, Any]) -> int:
        """Number of latents L of a model that is built from this recipe.

        Args:
            shape: shape of a stored observation: (height, width, channels) or (D,).
            make: the make of the model, see `trisect.methods.method.Trained`.

        Raises:
            ValueError: the number follows from data, see `for_data`.
        """

    @property
    def num_blocks(self) -> int:
        """Number of blocks of the trained flow; 0 if there is no flow."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Plain types that `trisect.methods.table.recipe_from_json` reads back."""
        return {"method": self.method, **_plain(asdict(self))}

    def decisive(self) -> dict[str, Any]:
        """The part of `to_json` that affects the weights; a resumed run must have the same values."""
        trainings = {name: training.decisive() for name, training in _trainings(self).items()}
        return {**self.to_json(), **trainings}


def known_num_latents(number: int | None, part: str) -> int:
    """Return the number of latents if it is known, else raise `ValueError`.

    Args:
        number: the number, or None if it follows from the data.
        part: name of the settings that hold it, such as "autoencoder".
    """
    what = f"num_latents of the {part} settings"
    todo = "the recipe of a finished run has one; in other recipes, None stands for the default"
    if number is None:
        raise ValueError(checks.sentence(what, "a number, to build a model without data", "None", todo))
    return number


def require_latents(number: int, num_targeted: int, part: str) -> None:
    """Raise `ValueError` if there are fewer latents than variables to identify. Arguments as in `known_num_latents`."""
    todo = f"pass num_latents=None for the default (--{part}.num_latents null), or a larger number"
    checks.require(
        number >= num_targeted,
        f"num_latents of the {part} settings",
        f"at least the number of targeted variables, {num_targeted}",
        number,
        todo,
    )


def on_gpu(recipe: R, larger: int = 8) -> R:
    """The recipe for a GPU: larger batches, fewer and larger steps, images in mixed precision.

    Frames stay in GPU memory as bytes if they fit. The learning rate is multiplied and the number of steps divided by
    the square root of ``larger``, so a run sees every frame more often by that factor. On an H200 a step of the glimpse
    networks took as long with 256 windows as with 64. The larger learning rate follows a rule of thumb and was not
    tuned: watch the held-out loss.

    Args:
        recipe: a recipe for a CPU.
        larger: factor by which the batch size is multiplied, at least 1.

    Example:
        >>> from trisect.recipes import citris_nf
        >>> on_gpu(citris_nf(), larger=4).batch_size, citris_nf().batch_size
        (256, 64)
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(checks.sentence("the recipe for a GPU", "a Recipe", repr(recipe)[:100]))
    checks.positive_int(larger, "the factor by which batches grow")
    root = larger**0.5

    def changed(name: str, training: TrainingSettings) -> TrainingSettings:
        rate = max(training.learning_rate, min(training.learning_rate * root, LARGEST_RATE))
        steps = max(1, round(training.steps / root))
        precision = "bf16" if name in recipe.image_trainings else training.precision
        return replace(training, learning_rate=rate, steps=steps, precision=precision)

    sizes = (field.name for field in fields(recipe) if field.name.endswith("batch_size"))
    changes: dict[str, Any] = {name: larger * getattr(recipe, name) for name in sizes}
    changes |= {name: changed(name, training) for name, training in _trainings(recipe).items()}
    return replace(recipe, **changes)


def _trainings(recipe: Recipe) -> dict[str, TrainingSettings]:
    """The fields with training settings."""
    return {name: value for name, value in _settings(recipe).items() if isinstance(value, TrainingSettings)}


def _settings(recipe: Recipe) -> dict[str, Any]:
    """The fields whose values are settings themselves."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    return {name: value for name, value in values.items() if is_dataclass(value)}


def _plain(value: Any) -> Any:
    """Tuples as lists and seeds as integers, at any depth of dictionaries."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, RunSeed):
        return int(value)
    return list(value) if isinstance(value, tuple) else value
