"""The recipe of a run: every setting that decides it, as one frozen dataclass of dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trisect import checks
from trisect.models.building.settings import ModelSettings
from trisect.settings import settings_from_json
from trisect.training.settings import TrainingSettings


@dataclass(frozen=True)
class Recipe(ModelSettings):
    """Everything that decides a run, besides the data: the settings of the model, and how it is trained.

    Attributes:
        batch_size: windows per batch of the autoencoder, or of the variational model.
        flow_batch_size: windows per batch of the flow.
        autoencoder_training: how long and how fast the autoencoder trains.
        flow_training: how long and how fast the flow trains.
        variational_training: how long and how fast the variational model trains.
    """

    batch_size: int = 64
    flow_batch_size: int = 128
    autoencoder_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=4e-3, warm_up=0.04, final_learning_rate=0.01, clip=5.0, keep="last"
        )
    )
    flow_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=5e-3, warm_up=0.05, final_learning_rate=0.02, clip=5.0, keep="best"
        )
    )
    variational_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=10_000, learning_rate=1e-3, warm_up=0.01, final_learning_rate=0.05, clip=1.0, keep="best"
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.positive_int(self.batch_size, "the batch_size of a recipe", 2)
        checks.positive_int(self.flow_batch_size, "the flow_batch_size of a recipe", 2)

    def to_json(self) -> dict[str, Any]:
        """Plain types that `recipe_from_json` reads back."""
        plain = asdict(self)
        for name in ("autoencoder_training", "flow_training", "variational_training"):
            plain[name]["betas"] = list(plain[name]["betas"])
        return plain

    def decisive(self) -> dict[str, Any]:
        """What of `to_json` decides the weights; a resumed run must have the same."""
        plain = self.to_json()
        for name in ("autoencoder_training", "flow_training"):
            plain[name] = getattr(self, name).decisive()
        return plain


def recipe_from_json(stored: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe from `Recipe.to_json`'s result; ValueError with a suggestion for an unknown key."""
    recipe: Recipe = settings_from_json(Recipe, stored, "the recipe")
    return recipe
