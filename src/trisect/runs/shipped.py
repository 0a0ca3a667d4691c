"""Trained models that come with the package: ``shipped_models/NAME`` holds an exported model and its card.

model.json, model.safetensors   see `trisect.runs.export.model_file`
card.md                         its training data, the commands to train it again, its scores and its limits

``tools/ship.py`` makes such a folder from a finished run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks

if TYPE_CHECKING:
    from trisect.models.slot_model import SlotModel

FOLDER = Path(__file__).parents[1] / "models" / "shipped_models"
CARD = "card.md"


def available() -> tuple[str, ...]:
    """Names of the models that `pretrained` can load.

    Example:
        >>> "pong" in available()
        True
    """
    return tuple(sorted(folder.name for folder in FOLDER.iterdir() if (folder / CARD).exists()))


def pretrained(name: str) -> SlotModel[Any]:
    """A trained model that comes with the package, on the CPU and in evaluation mode. Nothing is downloaded.

    Args:
        name: one of `available`; `card` describes the model's training data and scores.

    Raises:
        ValueError: no model has this name; the message suggests the closest name.

    Example:
        >>> model = pretrained("pong")
        >>> model.variables
        ('ball_vel_dir', 'ball_x', 'ball_y', 'paddle_left_y', 'paddle_right_y')
    """
    from trisect.runs.export.reading import load_export

    return load_export(_folder(name)).cpu()


def card(name: str) -> str:
    """The model card of a model of `pretrained`, in Markdown: data, commands, scores, limits, licence.

    Raises:
        ValueError: no model has this name; the message suggests the closest name.

    Example:
        >>> card("pong").splitlines()[0]
        '# The pretrained model `pong`'
    """
    return (_folder(name) / CARD).read_text(encoding="utf-8")


def _folder(name: str) -> Path:
    return FOLDER / checks.named(name, available(), "the name of a pretrained model")
