"""Acting on a model: a frame with other values in some slots, and what follows when variables are acted on.

With z = encode(x) and A the latents of a slot in the hard assignment,

    intervene   x' = decode(z'),  z'_l = value_l for l in A,  z'_l = z_l for every other latent, exactly
    roll out    z^{t+1} ~ p(z^{t+1} | z^t, I^{t+1}), each latent from its slot's Gaussian;  x^{t+1} = decode(z^{t+1})

Nothing here is trained, and no gradients are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from trisect import checks
from trisect.models.priors.transition import TransitionPrior
from trisect.models.representations.frozen import evaluation_mode
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents

SAMPLE = "sample"
"""As a value: a draw from the learned interventional distribution of the slot."""
SEED = 0
DECODED_ROWS = 256
"""Latents decoded at a time."""

Observations: TypeAlias = Tensor | np.ndarray
Targets: TypeAlias = Tensor | np.ndarray


@runtime_checkable
class ActingModel(Protocol):
    """What acting asks of a model, see `trisect.models.slot_model.SlotModel`."""

    prior: TransitionPrior
    prior_trained: bool
    variables: tuple[str, ...]

    @property
    def representation(self) -> Representation:
        """Says whether decoding is possible."""

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The variables, then "noise"."""

    def assignment(self) -> Float[Tensor, "latents slots"]:
        """One-hot."""

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
        ValueError: not two axes, or values that are not finite.
    """

    latents: Tensor | np.ndarray

    def __post_init__(self) -> None:
        what = "the latents of SlotValues"
        tensor = torch.as_tensor(self.latents)
        checks.require(tensor.ndim == 2, f"the shape of {what}", "(N or 1, latents of the slot)", tuple(tensor.shape))
        checks.require(bool(torch.isfinite(tensor).all()), what, "finite", "NaN or infinity")


Values: TypeAlias = Mapping[str, Observations | SlotValues | str]
"""Slot name -> observations, `SlotValues`, or "sample"."""


def intervene(
    model: ActingModel, observations: Observations, values: Values, generator: torch.Generator | None = None
) -> Float[Tensor, "batch *observation"]:
    """Observations with other values in some slots, decoded.

    Args:
        model: must be able to decode.
        observations: N of them, as `encode` takes them.
        values: see `set_slots`; an empty mapping gives the reconstructions.
        generator: of "sample"; None draws the same in every call.

    Raises:
        ValueError: the model cannot decode, and see `set_slots`.
    """
    _require_decoder(model)
    with _acting(model):
        return model.decode(set_slots(model, _encoded(model, observations), values, generator))


def set_slots(model: ActingModel, z: Latents, values: Values, generator: torch.Generator | None = None) -> Latents:
    """Latents with other values in some slots.

    "sample" draws from p(z_slot | z^t, I_slot = 1) with z^t the latents given: not those after another replacement,
    and independently of other slots that are sampled.

    Args:
        model: whose slots they are.
        z: (N, L).
        values: slot name, "noise" included -> N observations or one for all, whose latents of that slot are taken;
            `SlotValues`; or "sample", for variables.
        generator: of "sample"; None draws the same in every call.

    Raises:
        ValueError: an unknown slot, a slot without latents, a value of another kind, size or number.
    """
    checks.require(isinstance(values, Mapping), "the values of an intervention", "a mapping by slot name", repr(values))
    for name in values:
        checks.one_of(name, model.slot_names, "the slot to intervene on")
    _check_latents(model, z)
    drawn_by = torch.Generator().manual_seed(SEED) if generator is None else generator
    with _acting(model):
        changed = z.clone()
        for name in model.slot_names:  # not in the order of the mapping: the same draws for the same values
            if name in values:
                columns = filled_slot(model, name)
                changed[:, columns] = _slot_latents(model, z, name, values[name], drawn_by).to(z)
    return changed


def filled_slot(model: ActingModel, name: str) -> Int[Tensor, "slot_latents"]:
    """Which latents a slot holds; `ValueError` for a slot without any, which cannot be acted on."""
    checks.one_of(name, model.slot_names, "the slot to act on")
    columns = torch.nonzero(model.assignment().argmax(dim=-1) == model.slot_names.index(name)).flatten()
    todo = f"no latent was assigned to '{name}'; train with more latents, or look at the report"
    what, must = f"the slot of '{name}'", "of at least one latent, to act on it"
    checks.require(len(columns) > 0, what, must, "none", todo)
    return columns


def _slot_latents(
    model: ActingModel, z: Latents, name: str, value: Any, generator: torch.Generator
) -> Float[Tensor, "batch_or_one slot_latents"]:
    """The latents that a value puts into a slot: one row, or as many as there are in z."""
    columns = filled_slot(model, name)
    if isinstance(value, str):
        return _sampled(model, z, name, value, generator)[:, columns]
    if isinstance(value, SlotValues):
        latents = torch.as_tensor(value.latents)
        must, got = f"{len(columns)}, as many as the slot holds", latents.shape[1]
        checks.require(got == len(columns), f"the number of latents for '{name}'", must, got)
    else:
        must = "observations, SlotValues or 'sample'"
        known = isinstance(value, (Tensor, np.ndarray))
        checks.require(known, f"the value of '{name}'", must, f"a {type(value).__name__}")
        latents = _encoded(model, value, f"the value of '{name}': ")[:, columns]
    must = f"{len(z)}, one per frame, or 1" if len(z) != 1 else "1, for one frame"
    checks.require(len(latents) in (1, len(z)), f"the number of values of '{name}'", must, len(latents))
    return latents


def _sampled(model: ActingModel, z: Latents, name: str, value: str, generator: torch.Generator) -> Latents:
    """A draw of all latents with the target of one variable set."""
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
        model: must be able to decode.
        observations: N of them to start from, as `encode` takes them; they are not part of the result.
        targets: (N or 1, steps, K) 0/1, row s made predicted frame s; K is the number of the model's variables.
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
        model: with a trained prior.
        z: (N, L) to start from.
        targets: (N or 1, steps, K) 0/1, row s made predicted row s.
        generator: of the noise; None makes one from ``seed``.
        seed: same seed, same result.
        mean: without noise, each step takes the mean of its Gaussians; that is not the mean over roll-outs, where
            the prior bends.

    Raises:
        ValueError: the targets have another shape or are not 0/1, one is set of a slot without latents, the prior was
            not trained, or the latents stop being finite.
    """
    _require_prior(model)
    _check_latents(model, z)
    given = _checked_targets(model, targets, len(z)).to(z)
    drawn_by = torch.Generator().manual_seed(seed) if generator is None else generator
    psi, steps = model.assignment(), []
    with _acting(model):
        for step in range(given.shape[1]):
            z = model.prior.sample(z, given[:, step], psi, None if mean else drawn_by)
            what, todo = "the latents of a roll-out", "roll out fewer steps, or train longer"
            checks.require(bool(torch.isfinite(z).all()), what, "finite", f"NaN or infinity in step {step}", todo)
            steps.append(z)
    return torch.stack(steps, dim=1)


def _checked_targets(model: ActingModel, targets: Targets, num: int) -> Tensor:
    """The targets (num, steps, K) as float; every slot that they act on is filled."""
    array = targets.detach().cpu().numpy() if isinstance(targets, Tensor) else np.asarray(targets)
    what = "the targets of a roll-out"
    fits = array.ndim == 3 and array.shape[0] in (1, num) and array.shape[1] > 0
    fits = fits and array.shape[2] == len(model.variables)
    must = f"({num} or 1, steps, {len(model.variables)})" if num != 1 else f"(1, steps, {len(model.variables)})"
    todo = f"one column per variable: {', '.join(model.variables)}"
    checks.require(fits, f"the shape of {what}", must, array.shape, todo)
    checked = checks.indicator(array, what, ("row", "step", "column"))
    for column in np.flatnonzero(checked.any(axis=(0, 1))):
        filled_slot(model, model.variables[column])
    return torch.from_numpy(np.array(checked, dtype=np.float32)).expand(num, -1, -1)


@contextmanager
def _acting(model: ActingModel) -> Iterator[None]:
    with torch.no_grad(), evaluation_mode(model):
        yield


def _encoded(model: ActingModel, observations: Observations, whose: str = "") -> Latents:
    """Latents of at least one observation; complaints begin with ``whose``."""
    try:
        checks.require(len(observations) > 0, "the number of observations", "at least 1", 0)
        return model.encode(observations)
    except ValueError as error:
        raise ValueError(f"{whose}{error}") from error


def _check_latents(model: ActingModel, z: Latents) -> None:
    num_latents = len(model.assignment())
    fits = z.ndim == 2 and z.shape[1] == num_latents
    checks.require(fits, "the shape of the latents to act on", f"(N, {num_latents})", tuple(z.shape))


def _require_decoder(model: ActingModel) -> None:
    what, must = "the representation of this model", "one that decodes, to show what it predicts"
    todo = "pass decoder= beside encoder=, or work on latents with set_slots and rollout_latents"
    checks.require(model.representation.decodes, what, must, "an encoder without a decoder", todo)


def _require_prior(model: ActingModel) -> None:
    what, must = "the transition prior of this model", "trained, to draw from it"
    todo = "swap slots between observations, or train a recipe with a flow, such as citris-nf"
    checks.require(model.prior_trained, what, must, "an untrained one: the closed form trains none", todo)
