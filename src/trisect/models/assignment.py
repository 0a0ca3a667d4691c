"""Assignment psi: which slot each latent belongs to.

L latents are assigned to S = K + 1 slots: slots 0 .. K-1 are the targeted variables in their order, the last one is the
noise slot psi(0), which holds what no intervention moves (Lippe et al., ICML 2022, section 4). psi is a softmax over
slots of logits of shape (L, S), which only this class accesses.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.layers import finest_type

FROZEN_LOGIT = -30.0
"""Logit of every other slot once an assignment is frozen: probability 1e-13, finite in half precision."""


class Assignment(nn.Module):
    """A learned assignment of latents to slots, psi.

    Args:
        num_latents: L, at least 1.
        num_variables: K, the number of targeted variables; there are K + 1 slots.
        temperature: temperature tau of the Gumbel-softmax, in [1e-6, 1e6].
        generator: draws the initial logits from N(0, 0.01^2); None starts from zeros.

    Raises:
        ValueError: a size is not positive, or the temperature is out of range.
    """

    held: Tensor  # whether the assignment is frozen; the buffer has this name in weight files

    def __init__(
        self,
        num_latents: int,
        num_variables: int,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        checks.positive_int(num_latents, "num_latents of an Assignment")
        checks.positive_int(num_variables, "num_variables of an Assignment")
        self.temperature = checks.in_range(temperature, "the temperature of an Assignment", 1e-6, 1e6)
        shape = (num_latents, num_variables + 1)
        start = torch.zeros(shape) if generator is None else 0.01 * torch.randn(shape, generator=generator)
        self.logits = nn.Parameter(start)
        self.register_buffer("held", torch.tensor(False))

    @property
    def num_latents(self) -> int:
        """L."""
        return self.logits.shape[0]

    @property
    def num_variables(self) -> int:
        """K, the number of targeted variables."""
        return self.logits.shape[1] - 1

    @property
    def num_slots(self) -> int:
        """S = K + 1; the last slot is the noise slot."""
        return self.logits.shape[1]

    @property
    def is_frozen(self) -> bool:
        """Whether `freeze` was called, or weights of a frozen assignment were loaded."""
        return bool(self.held)

    def probs(self) -> Float[Tensor, "latents slots"]:
        """Probability of each slot for each latent; rows sum to one."""
        return functional.softmax(self._logits(), dim=-1)

    def hard(self) -> Float[Tensor, "latents slots"]:
        """The most probable slot of each latent, one-hot."""
        return functional.one_hot(self.logits.argmax(dim=-1), self.num_slots).to(self.logits.dtype)

    def sample(self, generator: torch.Generator) -> Float[Tensor, "latents slots"]:
        """One draw, one-hot, with straight-through gradients (Gumbel-softmax, Jang et al., 2017)."""
        exact = finest_type(self.logits.device)
        low = 1e-12 if exact == torch.float64 else torch.finfo(exact).eps
        uniform = torch.rand(self.logits.shape, generator=generator, device=generator.device, dtype=exact)
        gumbel = -torch.log(-torch.log(uniform.clamp(low, 1 - low))).float()
        scores = self._logits().float() + gumbel
        soft = functional.softmax((scores - scores.amax(dim=-1, keepdim=True).detach()) / self.temperature, dim=-1)
        hard = functional.one_hot(scores.argmax(dim=-1), self.num_slots).to(soft.dtype)
        return (hard + soft - soft.detach()).to(self.logits.dtype)

    def freeze(self, slots: Sequence[int]) -> None:
        """Fix the assignment permanently: latent l belongs to ``slots[l]``. It is no longer trained.

        Raises:
            ValueError: the number of slots is not L, or a slot is not in 0 .. K.
        """
        checks.require(len(slots) == self.num_latents, "the slots to freeze", f"{self.num_latents} numbers", len(slots))
        for slot in slots:
            checks.require(0 <= slot < self.num_slots, "a slot to freeze", f"from 0 to {self.num_slots - 1}", slot)
        one_hot = functional.one_hot(torch.as_tensor(slots, device=self.logits.device), self.num_slots)
        with torch.no_grad():
            self.logits.copy_((1 - one_hot) * FROZEN_LOGIT)
        self.held.fill_(True)

    def _logits(self) -> Tensor:
        return self.logits.detach() if self.is_frozen else self.logits
