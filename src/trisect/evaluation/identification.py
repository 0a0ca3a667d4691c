"""The closed form for evaluation: it identifies slots in the latents of any encoder, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.statement import Statement
from trisect.models.representations.reduction import ReductionSettings, fit_reduction


class Identified(NamedTuple):
    """The result of a closed form.

    Attributes:
        latents: (frames, new latents).
        assignment: (new latents, slots) bool.
        statements: one per variable, or none.
    """

    latents: np.ndarray
    assignment: np.ndarray
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class ClosedForm:
    """Closed-form identification, after a reduction to principal components if latents are many or redundant.

    Attributes:
        settings: settings of the identification.
        reduction: settings that say when the latents are reduced first.
    """

    settings: ClosedFormSettings = field(default_factory=ClosedFormSettings)
    reduction: ReductionSettings = field(default_factory=ReductionSettings)

    def __call__(
        self,
        latents: Float[np.ndarray, "frames latents"],
        pairs: Int[np.ndarray, "pairs 2"],
        targets: Bool[np.ndarray, "pairs variables"],
    ) -> tuple[Float[np.ndarray, "frames new_latents"], Bool[np.ndarray, "new_latents slots"]]:
        """New latents of all frames and their assignment, identified from the pairs alone.

        Raises:
            ValueError: there are too few latents or interventions, see `trisect.models.closed_form.identify`.
        """
        found = self.identified(latents, pairs, targets)
        return found.latents, found.assignment

    def identified(
        self,
        latents: Float[np.ndarray, "frames latents"],
        pairs: Int[np.ndarray, "pairs 2"],
        targets: Bool[np.ndarray, "pairs variables"],
        names: Sequence[str] | None = None,
    ) -> Identified:
        """The same, with what the interventions show of each variable.

        Args:
            latents, pairs, targets: as when called.
            names: names of the variables.
        """
        projection = fit_reduction(latents[np.unique(pairs)], self.reduction, targets.shape[1])
        reduced = latents if projection is None else projection(latents)
        result = identify(reduced[pairs[:, 0]], reduced[pairs[:, 1]], targets, self.settings, names)
        return Identified(result.transform(reduced), result.assignment(), result.statements)
