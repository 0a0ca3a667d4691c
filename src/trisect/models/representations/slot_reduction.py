"""Slot reduction: a wide code as few latents, in which a variable that turns with others is one latent, and back.

Every variable has values s(z): its directions in the code, or a slot function where this tells its interventions
clearly better (`trisect.models.representations.slot_functions`). With B(s) a regression of the standardised code on
the values of all variables, the other latents are the leading principal components V of what these leave:

    n = V^T (z - B(s(z))),    and back    z = B(s) + V n.

The latents are (s, n), each of unit variance. What follows sees them as it would see any latents.

Source: this library.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.models.closed_form.identification import Identification
from trisect.models.layers import row_major
from trisect.models.representations.representation import Representation
from trisect.models.representations.slot_functions import (
    SlotFunctions,
    SlotFunctionSettings,
    fit_slot_functions,
)
from trisect.models.shapes import Latents
from trisect.rows import spread_rows

logger = logging.getLogger("trisect")

MOST_LATENTS, EXPLAINED = 32, 0.998
"""Largest number of latents, and the share of the code's variance that they restore if fewer of them do."""
NUM_FEATURES, RIDGE = 300, 3.0
"""Random features of the regression B, and its penalty in units of one frame."""
MOST_FRAMES = 50_000
"""Largest number of frames, evenly spread, that the regression is fitted to."""
Codes = Float[Tensor, "batch codes"]
"""Latents of a wide code, before the reduction."""
SLOT_REDUCTION, SIZES = "slot_reduction", ("dims", "directions", "functions", "others")
"""Key of the sizes of a slot reduction in a model's make, and the fields of its entry."""


class SlotReducer(nn.Module):
    """A code z (L) to latents (s, n) and back; see the module.

    Args:
        num_latents: L.
        num_directions: number of directions among the values s; they come first.
        num_functions: number of slot functions, possibly 0.
        num_others: number of other latents.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor
    mixes: Tensor
    offsets: Tensor
    back: Tensor
    others: Tensor
    spread: Tensor

    def __init__(self, num_latents: int, num_directions: int, num_functions: int, num_others: int):
        super().__init__()
        self.sizes = (num_latents, num_directions, num_functions, num_others)
        self.num_values, self.num_latents = num_directions + num_functions, num_directions + num_functions + num_others
        self.functions = SlotFunctions(torch.zeros(num_latents, num_functions)) if num_functions else None
        shapes = {
            "mean": (num_latents,),
            "scale": (num_latents,),
            "directions": (num_latents, num_directions),
            "mixes": (self.num_values, NUM_FEATURES),
            "offsets": (NUM_FEATURES,),
            "back": (1 + self.num_values + NUM_FEATURES, num_latents),
            "others": (num_latents, num_others),
            "spread": (num_others,),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))

    def encode(self, z: Codes) -> Latents:
        """Latents of codes."""
        standard = (z.to(self.mean) - self.mean) / self.scale
        values = self.values_of(standard)
        return torch.cat([values, (standard - self.restored(values)) @ self.others / self.spread], dim=1)

    def decode(self, latents: Latents) -> Codes:
        """Codes of latents."""
        values, others = latents[:, : self.num_values], latents[:, self.num_values :]
        return (self.restored(values) + (others * self.spread) @ self.others.T) * self.scale + self.mean

    def values_of(self, standard: Codes) -> Float[Tensor, "batch values"]:
        """s of standardised codes."""
        along = standard @ self.directions
        return along if self.functions is None else torch.cat([along, self.functions(standard)], dim=1)

    def restored(self, values: Float[Tensor, "batch values"]) -> Codes:
        """B(s), standardised."""
        return self.features(values) @ self.back

    def features(self, values: Float[Tensor, "batch values"]) -> Float[Tensor, "batch features"]:
        """What B is linear in."""
        return torch.cat([torch.ones_like(values[:, :1]), values, torch.tanh(values @ self.mixes + self.offsets)], 1)


class SlotReduction(Representation):
    """A representation whose code is reduced.

    Args:
        inner: representation of the code.
        reducer: fitted, or blank if weights are loaded later.
    """

    def __init__(self, inner: Representation, reducer: SlotReducer):
        super().__init__()
        self.inner, self.reducer, self.num_latents = inner, reducer.requires_grad_(False), reducer.num_latents

    @property
    def decodes(self) -> bool:
        return self.inner.decodes

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        return self.reducer.encode(self.inner.encode(observations))

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        return self.inner.decode(self.reducer.decode(latents))


def fit_slot_reduction(
    z: Float[np.ndarray, "frames latents"],
    before: np.ndarray,
    targets: np.ndarray,
    identified: Identification,
    settings: SlotFunctionSettings,
    names: Sequence[str],
) -> SlotReducer:
    """Fit slot functions and the reduction; variables whose directions tell their interventions as well keep those.

    Args:
        z: codes of a recording in the order of time.
        before: (pairs,) int, the first frame of every transition, whose second one is the next.
        targets: (pairs, K) bool.
        identified: the closed form of these codes.
        settings: see `SlotFunctionSettings`.
        names: names of the variables.

    Returns:
        The reducer in evaluation mode.
    """
    mean, scale = z.mean(axis=0, dtype=np.float64), np.maximum(z.std(axis=0, dtype=np.float64), 1e-6)
    standard = ((z - mean) / scale).astype(np.float32)
    blocks = _blocks(identified, standard, scale, len(names))
    fitted = fit_slot_functions(standard, before, targets, blocks, settings)
    turned = [k for k, gain in enumerate(fitted.gain) if gain > settings.least_gain]
    for name, gain in zip(names, fitted.gain):
        logger.info("slot function of %s: held-out cross-entropy %+.0f %%", name, -100 * gain)
    kept = [block for k, block in enumerate(blocks) if k not in turned]
    directions = np.concatenate(kept, axis=1) if kept else np.empty((z.shape[1], 0))
    functions = fitted.functions.only(turned) if turned else None
    return _reducer(standard, functions, {"mean": mean, "scale": scale, "directions": directions}, settings.seed)


def slot_reduction_sizes(representation: Representation) -> dict[str, Any]:
    """The entry on a slot reduction in a model's make; empty if there is none."""
    if not isinstance(representation, SlotReduction):
        return {}
    return {SLOT_REDUCTION: dict(zip(SIZES, representation.reducer.sizes))}


def reduced_number(sizes: Mapping[str, Any]) -> int:
    """The number of latents after a slot reduction, by the entry on it."""
    return sum(int(sizes[name]) for name in SIZES[1:])


def with_blank_slot_reduction(representation: Representation, make: Mapping[str, Any], file: Path) -> Representation:
    """The representation with a blank slot reduction of the sizes in ``make``, to load weights into.

    Args:
        representation: representation of frames.
        make: content of a finished.json or a model.json.
        file: path of that file, for messages.

    Raises:
        ValueError: the entry on the reduction is incomplete, or does not fit the representation.
    """
    if SLOT_REDUCTION not in make:
        return representation
    stored, what = make[SLOT_REDUCTION], f"'{SLOT_REDUCTION}' in {file}"
    return SlotReduction(representation, blank_reducer(stored, representation.num_latents, what))


def blank_reducer(stored: Any, num_latents: int, what: str) -> SlotReducer:
    """A reducer of stored sizes, to load weights into.

    Args:
        stored: sizes in plain types, with the keys `SIZES`.
        num_latents: number of latents to reduce.
        what: what the sizes are, for messages.

    Raises:
        ValueError: sizes are missing, out of range, or those of other latents.
    """
    complete = isinstance(stored, dict) and stored.keys() == set(SIZES)
    checks.require(complete, what, f"an object with {', '.join(SIZES)}", checks.quoted(stored))
    sizes = [checks.size(stored[name], f"'{name}' of {what}", 0) for name in SIZES]
    checks.require(sizes[0] == num_latents, what, f"of {num_latents} dims", checks.quoted(stored))
    return SlotReducer(*sizes)


def _blocks(identified: Identification, standard: np.ndarray, scale: np.ndarray, count: int) -> list[np.ndarray]:
    """Every variable's directions in standardised codes, of unit variance."""
    matrix = identified.matrix * scale[:, None]
    matrix = matrix / np.maximum((standard @ matrix).std(axis=0), 1e-12)
    return [matrix[:, identified.slots == k] for k in range(count)]


def _reducer(
    standard: np.ndarray, functions: SlotFunctions | None, arrays: Mapping[str, np.ndarray], seed: int
) -> SlotReducer:
    """The regression back, and the components of what it leaves."""
    num_latents, num_directions = arrays["directions"].shape
    num_functions = 0 if functions is None else functions.linear.shape[1]
    values = num_directions + num_functions
    rng = np.random.default_rng(seed)
    mixes = 2 * rng.normal(size=(values, NUM_FEATURES)) / np.sqrt(values)
    offsets = rng.uniform(-2, 2, NUM_FEATURES)
    some = standard[spread_rows(len(standard), MOST_FRAMES)]
    plain = SlotReducer(num_latents, num_directions, num_functions, 0)
    plain.functions = functions
    _fill(plain, {**arrays, "mixes": mixes, "offsets": offsets})
    with torch.no_grad():
        features = plain.features(plain.values_of(torch.from_numpy(some))).double().numpy()
    gram = features.T @ features + RIDGE * np.eye(features.shape[1])
    back = np.linalg.solve(gram, features.T @ some)
    left = some - features @ back
    sizes, components = np.linalg.eigh(left.T @ left / len(left))
    sizes, components = np.maximum(sizes[::-1], 0.0), components[:, ::-1]
    number = _number(sizes, float(some.var(axis=0).sum()), most=min(MOST_LATENTS, num_latents) - values)
    reducer = SlotReducer(num_latents, num_directions, num_functions, number)
    reducer.functions = functions
    spread = np.sqrt(np.maximum(sizes[:number], 1e-12))
    more = {"mixes": mixes, "offsets": offsets, "back": back, "others": components[:, :number], "spread": spread}
    return _fill(reducer, {**arrays, **more}).requires_grad_(False).eval()


def _number(sizes: np.ndarray, total: float, most: int) -> int:
    """How many components are needed."""
    left = sizes.sum() - sizes.cumsum()
    needed = 1 + int((left > (1 - EXPLAINED) * total).sum())
    return max(0, min(needed, most))


def _fill(reducer: SlotReducer, arrays: Mapping[str, np.ndarray]) -> SlotReducer:
    for name, array in arrays.items():
        getattr(reducer, name).copy_(row_major(array))
    return reducer
