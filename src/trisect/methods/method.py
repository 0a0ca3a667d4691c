"""What a method is to the rest of the library: a recipe, presets, and how its models are built and trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trisect.data.recording import Recording
from trisect.methods.recipe import Recipe
from trisect.models.representations.representation import Representation
from trisect.models.slot_model import SlotModel
from trisect.training.stage import StageContext


@dataclass(frozen=True)
class ExternalEncoder:
    """A user's encoder, and maybe decoder, that takes the place of an autoencoder.

    Attributes:
        representation: frozen.
        fingerprint: SHA-256 by which cached latents know the encoder.
    """

    representation: Representation
    fingerprint: str


@dataclass(frozen=True)
class TrainingData:
    """What a method trains on.

    Attributes:
        train, val: training and validation recording.
        targeted: names of the targeted variables, in the order of the data.
        external: a user's encoder; None trains the method's own.
    """

    train: Recording
    val: Recording
    targeted: tuple[str, ...]
    external: ExternalEncoder | None = None

    @property
    def recordings(self) -> tuple[Recording, Recording]:
        """Training and validation recording."""
        return self.train, self.val

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an observation at rest: (height, width, channels) or (D,)."""
        return tuple(self.train.observations.shape[1:])


@dataclass(frozen=True)
class Trained:
    """What a method hands on.

    Attributes:
        model: with the trained weights.
        history: stage -> its record, as `trisect.training.engine.TrainingResult` in plain types.
        make: what a file must say, besides the recipe, for the model to be built again: numbers of parts that the
            data decided, such as ``num_splits`` of the closed form.
    """

    model: SlotModel[Any]
    history: Mapping[str, Any]
    make: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Blueprint:
    """What must be known, besides the recipe, to build a model for weights to be loaded into.

    Attributes:
        shape: of an observation at rest: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: see `Trained`.
        file: where ``make`` was read, for messages.
        representation: a user's own; None builds the recipe's.
    """

    shape: tuple[int, ...]
    targeted: tuple[str, ...]
    make: Mapping[str, Any]
    file: Path
    representation: Representation | None = None


@dataclass(frozen=True)
class Method:
    """A row of `trisect.methods.table.METHODS`.

    Attributes:
        recipe: class of the method's recipes; it holds the method's name.
        presets: name on the command line -> function that returns a recipe.
        build: makes a model of a recipe's and a blueprint's sizes, for weights to be loaded into.
        train: trains what is not done yet in the run folder of the context.
        trains_autoencoder: whether the method works on latents of an autoencoder, which then may come from another run
            or be a user's encoder.
    """

    recipe: type[Recipe]
    presets: Mapping[str, Callable[..., Recipe]]
    build: Callable[[Any, Blueprint], SlotModel[Any]]
    train: Callable[[Any, TrainingData, StageContext], Trained]
    trains_autoencoder: bool

    @property
    def name(self) -> str:
        """The method's name."""
        return self.recipe.method
