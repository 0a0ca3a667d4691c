"""Sliders for notebooks: one per variable, to change a latent of its slot, with the decoded frame above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.evaluation.analysis.figures import frame_png
from trisect.evaluation.analysis.traversal import checked_reference, decoded_at_rest, encoded_frame, slots_of
from trisect.models.acting import ActingModel

ENDS = (0.02, 0.98)
REACH = 3.0
STEPS = 100


def slider(
    model: ActingModel,
    frame: Tensor | np.ndarray,
    reference: Float[np.ndarray, "samples latents"] | None = None,
    latents: Mapping[str, int] | None = None,
) -> Any:
    """Make a notebook widget with a slider per variable; the notebook shows it if it is the last line of a cell.

    Args:
        model: a model that can decode frames.
        frame: one frame in the form that `encode` accepts, with or without the batch axis.
        reference: latents of many frames; sliders range from the 2 % to the 98 % quantile. By default they range from
            3 below to 3 above the frame's value, which suits latents of variance 1.
        latents: variable -> which latent of its slot to change, counted from 0; by default the first.

    Returns:
        An ``ipywidgets.VBox``. A variable whose slot is empty has no slider, but a line that says so.

    Raises:
        ImportError: ipywidgets is missing.
        ValueError: there is more than one frame, the observations are vectors, a variable is unknown, or its slot does
            not have the latent.
    """
    widgets = _ipywidgets()
    z = encoded_frame(model, frame)
    latent_of = _slider_latents(model, latents or {})
    low, high = _ends(z, reference)
    image = widgets.Image(value=_picture(model, z), format="png")
    sliders = {name: _slider(widgets, name, low[at], float(z[0, at]), high[at]) for name, at in latent_of.items()}

    def show(_: object = None) -> None:
        changed = z.clone()
        for name, at in latent_of.items():
            changed[0, at] = sliders[name].value
        image.value = _picture(model, changed)

    for each in sliders.values():
        each.observe(show, names="value")
    empty = [widgets.Label(f"{name}: no latent") for name in model.variables if name not in latent_of]
    return widgets.VBox([image, *sliders.values(), *empty])


def _ipywidgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        message = "sliders need the package ipywidgets, which is not installed: pip install trisect[notebook]"
        raise ImportError(message) from error
    return ipywidgets


def _slider_latents(model: ActingModel, latents: Mapping[str, int]) -> dict[str, int]:
    """Variable -> the latent that its slider changes, for slots that are not empty."""
    for name in latents:
        checks.one_of(name, model.variables, "the variable of a slider")
    slots, latent_of = slots_of(model), {}
    for name in model.variables:
        columns, place = slots.columns(name), checks.positive_int(latents.get(name, 0), f"the latent of '{name}'", 0)
        must = f"one of the slot's {len(columns)}, counted from 0"
        checks.require(place < len(columns) or name not in latents, f"the latent of '{name}'", must, place)
        if len(columns):
            latent_of[name] = int(columns[place])
    return latent_of


def _ends(z: Tensor, reference: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of every latent's slider; the frame's value is always within this range."""
    values = z[0].cpu().numpy()
    if reference is None:
        return values - REACH, values + REACH
    low, high = np.quantile(checked_reference(reference, len(values)), ENDS, axis=0)
    return np.minimum(low, values), np.maximum(high, values)


def _slider(widgets: Any, name: str, low: float | np.floating, value: float, high: float | np.floating) -> Any:
    style = {"readout_format": ".2f", "style": {"description_width": "10em"}}
    step = (high - low) / STEPS or 1.0
    return widgets.FloatSlider(value=value, min=float(low), max=float(high), step=step, description=name, **style)


def _picture(model: ActingModel, z: Tensor) -> bytes:
    observations = decoded_at_rest(model, z)
    got = f"vectors of {observations.shape[-1]} values"
    checks.require(
        observations.ndim == 4, "the observations that sliders show", "frames", got, "see trisect.evaluation.analysis"
    )
    return frame_png(observations[0])
