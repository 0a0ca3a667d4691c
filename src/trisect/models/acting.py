"""Acting on a model: set slots of a frame to other values, and roll out frames under interventions.

With z = encode(x) and A the latents of a slot in the hard assignment,

    intervene   x' = decode(z'),  z'_l = value_l for l in A,  z'_l = z_l for every other latent, exactly
    roll out    z^{t+1} ~ p(z^{t+1} | z^t, I^{t+1}), each latent from its slot's Gaussian;  x^{t+1} = decode(z^{t+1})

Nothing here is trained, and no gradients are computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from trisect import checks
from trisect.models.inputs import as_latents, tensor_of
from trisect.models.priors.transition import TransitionPrior
from trisect.models.representations.frozen import evaluation_mode
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents
from trisect.plain_arrays import plain_array

SAMPLE = "sample"
"""A slot's value that stands for a draw from the learned interventional distribution of the slot."""
SEED = 0
DECODED_ROWS = 256
"""Number of latent vectors decoded at a time."""

Observations: TypeAlias = Tensor | np.ndarray | Sequence[Any]
Targets: TypeAlias = Tensor | np.ndarray | Sequence[Any]


@runtime_checkable
class ActingModel(Protocol):
    """The interface that acting needs of a model, see `trisect.models.slot_model.SlotModel`."""

    prior: TransitionPrior
    prior_trained: bool
    variables: tuple[str, ...]

    @property
    def representation(self) -> Representation:
        """The representation; its ``decodes`` says whether the model can decode."""

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The variables, then "noise"."""

    def assignment(self) -> Float[Tensor, "latents slots"]:
        """The hard assignment, one-hot."""

    def encode(self, observations: Observations) -> Latents:
        """Latents of observations."""

    def decode(self, z: Latents) -> Float[Tensor, "batch *observation"]:
        """Observations of latents."""


@dataclass(frozen=True, eq=False)
class SlotValues:
    """Latents to put into a slot.

    Attributes:
        latents: (N, latents of the slot), or (1, latents of the slot) for all frames; tensor or array.

    Raises:
        ValueError: the latents do not have two axes, or are not finite.
    """

    latents: Tensor | np.ndarray | Sequence[Any]

    def __post_init__(self) -> None:
        what = "the latents of SlotValues"
        tensor = tensor_of(self.latents, what)
        checks.require(tensor.ndim == 2, f"the shape of {what}", "(N or 1, latents of the slot)", tuple(tensor.shape))
        checks.require(bool(torch.isfinite(tensor).all()), what, "finite", "NaN or infinity")


Values: TypeAlias = Mapping[str, Observations | SlotValues | str]
"""Slot name -> observations, `SlotValues`, or "sample"."""


def intervene(
    model: ActingModel, observations: Observations, values: Values, generator: torch.Generator | None = None
) -> Float[Tensor, "batch *observation"]:
    """Observations with other values in some slots, decoded.

    Args:
        model: a model that can decode.
        observations: N observations, in any form that `encode` takes.
        values: see `set_slots`; an empty mapping gives the reconstructions.
        generator: random generator for "sample"; None gives the same draws in every call.

    Raises:
        ValueError: the model cannot decode, and see `set_slots`.
    """
    _require_decoder(model)
    with _acting(model):
        return model.decode(set_slots(model, _encoded(model, observations), values, generator))


def set_slots(model: ActingModel, z: Latents, values: Values, generator: torch.Generator | None = None) -> Latents:
    """Latents with other values in some slots.

    "sample" draws from p(z_slot | z^t, I_slot = 1). z^t are the latents ``z``, before any slot is replaced, and slots
    are sampled independently of each other.

    Args:
        model: the model whose slots are set.
        z: (N, L).
        values: slot name, including "noise" -> N observations or one for all frames, whose latents of that slot are
            used; `SlotValues`; or "sample", for variables only.
        generator: random generator for "sample"; None gives the same draws in every call.

    Raises:
        ValueError: a slot is unknown or has no latents, or a value has another kind, size or number.
    """
    checks.require(isinstance(values, Mapping), "the values of an intervention", "a mapping by slot name", repr(values))
    for name in values:
        checks.one_of(name, model.slot_names, "the slot to intervene on")
    z = _latents(model, z)
    drawn_by = torch.Generator().manual_seed(SEED) if generator is None else generator
    with _acting(model):
        changed = z.clone()
        for name in model.slot_names:  # not in the mapping's order, so that the same values give the same draws
            if name in values:
                columns = filled_slot(model, name)
                changed[:, columns] = _slot_latents(model, z, name, values[name], drawn_by).to(z)
    return changed


def filled_slot(model: ActingModel, name: str) -> Int[Tensor, "slot_latents"]:
    """Indices of the latents in a slot; raises `ValueError` if it has none, since nothing can then act on it."""
    checks.one_of(name, model.slot_names, "the slot to act on")
    columns = torch.nonzero(model.assignment().argmax(dim=-1) == model.slot_names.index(name)).flatten()
    todo = f"no latent was assigned to '{name}'; train with more latents, or look at the report"
    what, must = f"the number of latents in the slot of '{name}'", "at least 1, to act on it"
    checks.require(len(columns) > 0, what, must, 0, todo)
    return columns


def _slot_latents(
    model: ActingModel, z: Latents, name: str, value: Any, generator: torch.Generator
) -> Float[Tensor, "batch_or_one slot_latents"]:
    """The latents that a value puts into a slot: one row, or as many as z has."""
    columns = filled_slot(model, name)
    if isinstance(value, str):
        return _sampled(model, z, name, value, generator)[:, columns]
    if isinstance(value, SlotValues):
        latents = tensor_of(value.latents, f"the latents for '{name}'")
        must, got = f"{len(columns)}, as many as the slot holds", latents.shape[1]
        checks.require(got == len(columns), f"the number of latents for '{name}'", must, got)
    else:
        must = "observations, SlotValues or 'sample'"
        is_array = isinstance(value, (Tensor, np.ndarray, list, tuple))
        checks.require(is_array, f"the value of '{name}'", must, f"a {type(value).__name__}")
        latents = _encoded(model, value, f"the value of '{name}': ")[:, columns]
    must = f"{len(z)}, one per frame, or 1" if len(z) != 1 else "1, for one frame"
    checks.require(len(latents) in (1, len(z)), f"the number of values of '{name}'", must, len(latents))
    return latents


def _sampled(model: ActingModel, z: Latents, name: str, value: str, generator: torch.Generator) -> Latents:
    """A draw of all latents when one variable is intervened on."""
    checks.one_of(value, [SAMPLE], f"the value of '{name}', if it is a text,")
    todo = "pass observations or SlotValues"
    checks.require(name in model.variables, "a slot to sample", "that of a variable", f"'{name}'", todo)
    _require_prior(model)
    targets = z.new_zeros(len(z), len(model.variables))
    targets[:, model.variables.index(name)] = 1
    return model.prior.sample(z, targets, model.assignment(), generator)


def rollout(
    model: ActingModel,
    observations: Observations,
    targets: Targets,
    generator: torch.Generator | None = None,
    seed: int = 0,
    mean: bool = False,
) -> Float[Tensor, "batch steps *observation"]:
    """Predicted observations under chosen interventions.

    Args:
        model: a model that can decode.
        observations: N observations to start from, in any form that `encode` takes; the result does not include them.
        targets: (N or 1, steps, K) 0/1; row s gives the interventions that lead to predicted frame s; K is the number
            of the model's variables.
        generator, seed, mean: see `rollout_latents`.

    Raises:
        ValueError: the model cannot decode, and see `rollout_latents`.
    """
    _require_decoder(model)
    with _acting(model):
        z = rollout_latents(model, _encoded(model, observations), targets, generator, seed, mean)
        parts = [model.decode(rows) for rows in z.flatten(0, 1).split(DECODED_ROWS)]
        return torch.cat(parts).unflatten(0, z.shape[:2])


def rollout_latents(
    model: ActingModel,
    z: Latents,
    targets: Targets,
    generator: torch.Generator | None = None,
    seed: int = 0,
    mean: bool = False,
) -> Float[Tensor, "batch steps latents"]:
    """Predicted latents under chosen interventions.

    Args:
        model: a model with a trained prior.
        z: (N, L), latents to start from.
        targets: (N or 1, steps, K) 0/1; row s gives the interventions that lead to predicted row s.
        generator: random generator for the noise; None makes one from ``seed``.
        seed: seed of the noise; the same seed gives the same result.
        mean: True uses no noise: each step takes the mean of its Gaussians. If the prior is nonlinear, this is not the
            mean over roll-outs.

    Raises:
        ValueError: the targets have another shape or are not 0/1, a target acts on a slot without latents, the prior
            was not trained, or the latents become infinite or NaN.
    """
    _require_prior(model)
    z = _latents(model, z)
    rows = _checked_targets(model, targets, len(z)).to(z)
    drawn_by = torch.Generator().manual_seed(seed) if generator is None else generator
    psi, steps = model.assignment(), []
    with _acting(model):
        for step in range(rows.shape[1]):
            z = model.prior.sample(z, rows[:, step], psi, None if mean else drawn_by)
            what, todo = "the latents of a roll-out", "roll out fewer steps, or train longer"
            checks.require(bool(torch.isfinite(z).all()), what, "finite", f"NaN or infinity in step {step}", todo)
            steps.append(z)
    return torch.stack(steps, dim=1)


def _checked_targets(model: ActingModel, targets: Targets, num: int) -> Tensor:
    """Check the targets, and that every slot they act on has latents; return them (num, steps, K) as float."""
    what = "the targets of a roll-out"
    array = plain_array(targets, what)
    fits = array.ndim == 3 and array.shape[0] in (1, num) and array.shape[1] > 0
    fits = fits and array.shape[2] == len(model.variables)
    must = f"({num} or 1, steps, {len(model.variables)})" if num != 1 else f"(1, steps, {len(model.variables)})"
    todo = f"one column per variable: {', '.join(model.variables)}"
    checks.require(fits, f"the shape of {what}", must, array.shape, todo)
    checked = checks.indicator(array, what, ("row", "step", "column"), model.variables)
    for column in np.flatnonzero(checked.any(axis=(0, 1))):
        filled_slot(model, model.variables[column])
    return torch.from_numpy(np.array(checked, dtype=np.float32)).expand(num, -1, -1)


@contextmanager
def _acting(model: ActingModel) -> Iterator[None]:
    with torch.no_grad(), evaluation_mode(model):
        yield


def _encoded(model: ActingModel, observations: Observations, whose: str = "") -> Latents:
    """Latents of at least one observation; error messages begin with ``whose``."""
    try:
        checks.require(len(observations) > 0, "the number of observations", "at least 1", 0)
        return model.encode(observations)
    except ValueError as error:
        raise ValueError(f"{whose}{error}") from error


def _latents(model: ActingModel, z: object) -> Latents:
    """Latents (N, L) in the model's type; any other shape raises `ValueError`."""
    psi = model.assignment()
    return as_latents(z, psi, len(psi))


def _require_decoder(model: ActingModel) -> None:
    what, must = "the representation of this model", "able to decode, to show predictions"
    todo = "pass decoder= beside encoder=, or work on latents with set_slots and rollout_latents"
    checks.require(model.representation.decodes, what, must, "an encoder without a decoder", todo)


def _require_prior(model: ActingModel) -> None:
    what, must = "the transition prior of this model", "trained before you draw from it"
    todo = "swap slots between observations, or train a recipe with a flow, such as citris-nf"
    checks.require(model.prior_trained, what, must, "an untrained one: the closed form trains none", todo)
