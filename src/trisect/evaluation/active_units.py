"""Active units: which latents of a variational model differ between frames at all (after Burda et al., ICLR 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from trisect import checks

THRESHOLD = 0.01
"""Nats per frame above which a latent counts as active; Burda et al. use the variance of its mean instead."""


@dataclass(frozen=True)
class ActiveUnits:
    """How many latents are active.

    A latent whose KL against the prior is near 0 has the same posterior for every frame: the decoder cannot learn
    anything from it. With fewer active latents than variables, the latents miss some variable (posterior collapse;
    Bowman et al., CoNLL 2016).

    Attributes:
        kl: (latents,), mean KL of each latent's posterior on held-out frames, in nats.
        num_variables: K, the number of targeted variables.
    """

    kl: Float[np.ndarray, "latents"]
    num_variables: int

    def __post_init__(self) -> None:
        checks.shape(self.kl, "the KL of the latents", None)
        checks.finite(self.kl, "the KL of the latents")
        checks.positive_int(self.num_variables, "the number of variables behind the latents")

    @property
    def num_active(self) -> int:
        """Number of latents whose KL is above the threshold."""
        return int((self.kl > THRESHOLD).sum())

    @property
    def sentence(self) -> str:
        """The count in words."""
        return f"{self.num_active} of {len(self.kl)} latents carry more than {THRESHOLD:g} nats per frame."

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence if there are fewer active latents than variables, else none."""
        if self.num_active >= self.num_variables:
            return ()
        return (
            f"posterior collapse: {self.num_active} of {len(self.kl)} latents carry more than {THRESHOLD:g} nats per "
            f"frame, for {self.num_variables} targeted variables: lower beta (variational.beta), warm it up for longer "
            "(variational.beta_warm_up), or give small objects more weight (variational.foreground)",
        )

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {"kl": [float(value) for value in self.kl], "active": self.num_active, "threshold": THRESHOLD}
