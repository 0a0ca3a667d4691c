"""The closed form as evaluation uses it: on latents of any encoder, without labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.representations.reduction import ReductionSettings, fit_reduction


@dataclass(frozen=True)
class ClosedForm:
    """The residual contrast, after principal components where there are many or redundant latents.

    Attributes:
        settings: of the residual contrast.
        reduction: when latents are reduced first.
    """

    settings: ClosedFormSettings = field(default_factory=ClosedFormSettings)
    reduction: ReductionSettings = field(default_factory=ReductionSettings)

    def __call__(
        self,
        latents: Float[np.ndarray, "frames latents"],
        pairs: Int[np.ndarray, "pairs 2"],
        targets: Bool[np.ndarray, "pairs variables"],
    ) -> tuple[Float[np.ndarray, "frames found"], Bool[np.ndarray, "found slots"]]:
        """New latents of all frames and their assignment, found from the pairs alone.

        Raises:
            ValueError: the latents or the interventions are too few, see `trisect.models.closed_form.identify.identify`.
        """
        projection = fit_reduction(latents[np.unique(pairs)], self.reduction, targets.shape[1])
        reduced = latents if projection is None else projection(latents)
        found = identify(reduced[pairs[:, 0]], reduced[pairs[:, 1]], targets, self.settings)
        return found.transform(reduced), found.assignment()
