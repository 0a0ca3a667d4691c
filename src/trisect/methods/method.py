"""The interface of a method: its recipe and presets, and how its models are built and trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trisect.data.inspect.refused import standing_still
from trisect.data.recording import Recording
from trisect.methods.recipe import Recipe
from trisect.models.representations.representation import Representation
from trisect.models.slot_model import SlotModel
from trisect.rows import chunks_of
from trisect.training.stage import StageContext

CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class ExternalEncoder:
    """A user's encoder, with an optional decoder, that replaces the autoencoder.

    Attributes:
        representation: encoder and decoder as a frozen representation.
        fingerprint: SHA-256 that identifies the encoder of cached latents.
    """

    representation: Representation
    fingerprint: str


@dataclass(frozen=True)
class TrainingData:
    """The data that a method trains on.

    Attributes:
        train, val: training and validation recording.
        targeted: names of the targeted variables, in the order of the data.
        external: an external encoder; None trains the method's autoencoder.
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
    def num_variables(self) -> int:
        """Number of all variables, those that are never intervened on as well."""
        return len(self.train.variables)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a stored observation: (height, width, channels) or (D,)."""
        return tuple(self.train.observations.shape[1:])

    def require_varying(self) -> None:
        """Refuse observations that are the same in every row; reads some until the first difference."""
        observations = self.train.observations
        first, parts = np.asarray(observations[:1]), chunks_of(observations, CHUNK_BYTES)
        varies = any(bool((observations[rows] != first).any()) for rows in parts)
        if not varies:
            raise ValueError(str(standing_still(observations)))


@dataclass(frozen=True)
class Trained:
    """The result of training a method.

    Attributes:
        model: model with the trained weights.
        history: stage -> its record, a `trisect.training.engine.TrainingResult` in plain types.
        make: numbers of parts that depend on the data, such as ``num_splits`` of the closed form; together with the
            recipe they are needed to build the model again.
    """

    model: SlotModel[Any]
    history: Mapping[str, Any]
    make: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Blueprint:
    """The facts that are needed, besides the recipe, to build a model to load weights into.

    Attributes:
        shape: shape of a stored observation: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: see `Trained`.
        file: file that ``make`` was read from, for messages.
        representation: representation by an external encoder; None builds the recipe's representation.
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
        build: makes a model with a recipe's and a blueprint's sizes, to load weights into.
        train: trains the stages that are not finished yet in the run folder of the context.
        takes_encoder: True if the method works on the latents of an autoencoder; then an autoencoder of another run or
            an external encoder may replace it.
        equal_baselines: names of the baselines in a report that are this method itself.
    """

    recipe: type[Recipe]
    presets: Mapping[str, Callable[..., Recipe]]
    build: Callable[[Any, Blueprint], SlotModel[Any]]
    train: Callable[[Any, TrainingData, StageContext], Trained]
    takes_encoder: bool
    equal_baselines: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The method's name."""
        return self.recipe.method
