"""Whether a stored model is plausible, before it is built: its description is compared with its file of weights.

Loops are bounded by the number of tensors in the file, and sizes by the number of values; see
`trisect.models.bounded_building`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.methods.frozen_latents import COUNTS
from trisect.methods.recipe import Recipe
from trisect.models.bounded_building import at_most
from trisect.models.slot_model import SlotModel
from trisect.models.stored_weights import Kinds, check_kinds, kinds_of, num_values

LOGITS = "_assignment.logits"


@dataclass(frozen=True)
class Described:
    """What a file says about a model, as far as it can be compared with the weights.

    Attributes:
        file: the file.
        recipe: recipe of the model.
        shape: shape of a stored observation.
        num_targeted: number of targeted variables.
        make: other numbers that are needed to build the model.
        is_external: whether an external encoder gives the latents, so that neither their number nor that of the values
            in an observation follows from the description.
        todo: what to do if it is wrong, for messages.
    """

    file: Path
    recipe: Recipe
    shape: tuple[int, ...]
    num_targeted: int
    make: Mapping[str, Any]
    is_external: bool
    todo: str

    def counts(self) -> dict[str, int]:
        """The numbers of parts of the model that depend on the data, by name."""
        return {name: checks.positive_int(self.make.get(name, 0), f"'{name}' in {self.file}", 0) for name in COUNTS}


def build(
    described: Described, kinds: Kinds, weights: Path, make_model: Callable[[], SlotModel[Any]]
) -> SlotModel[Any]:
    """Build a described model, to load weights into.

    Args:
        described: the description.
        kinds: types and shapes of the tensors in the file of weights.
        weights: that file.
        make_model: builds the model.

    Raises:
        ValueError: the model is far larger than its weights, or the weights are not those of the model.
    """
    _check_sizes(described, kinds, weights)
    with at_most(num_values(kinds), f"the model in {described.file}", described.todo):
        model = make_model()
    check_kinds(kinds, kinds_of(model.state_dict()), weights, described.todo)
    return model


def _check_sizes(described: Described, kinds: Kinds, weights: Path) -> None:
    todo, largest = described.todo, max(described.recipe.num_blocks, *described.counts().values())
    logits, what = kinds[LOGITS].shape if LOGITS in kinds else None, f"the shape of '{LOGITS}' in {weights}"
    if not described.is_external:
        expected = (described.recipe.num_latents(described.shape, described.make), described.num_targeted + 1)
        checks.require(logits == expected, what, str(expected), checks.shown(logits or "no such tensor"), todo)
        what, size = f"the size of observations in {described.file}", prod(described.shape)
        checks.require(size <= num_values(kinds), what, "at most the number of weights", size, todo)
    what, must = f"the number of parts in {described.file}", f"at most that of tensors, {len(kinds)}"
    checks.require(largest <= len(kinds), what, must, checks.shown(largest), todo)
