"""Sliders for notebooks: one per variable, which moves a latent of its slot, and the decoded frame above them."""

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
    """A widget for notebooks with a slider per variable; the last line of a cell shows it.

    Args:
        model: must be able to decode frames.
        frame: one frame, as `encode` takes them; the axis of the batch may be left out.
        reference: latents of many frames; sliders go from their 2 % to their 98 % quantile. By default they go 3 to
            either side, which fits latents of variance 1.
        latents: variable -> which latent of its slot to move, from 0; the first by default.

    Returns:
        An ``ipywidgets.VBox``. Variables whose slot is empty have no slider, but a line that says so.

    Raises:
        ImportError: ipywidgets is missing.
        ValueError: more than one frame, vectors, an unknown variable, a latent that its slot does not hold.
    """
    widgets = _ipywidgets()
    z = encoded_frame(model, frame)
    moved = _moved_latents(model, latents or {})
    low, high = _ends(z, reference)
    image = widgets.Image(value=_picture(model, z), format="png")
    sliders = {name: _slider(widgets, name, low[at], float(z[0, at]), high[at]) for name, at in moved.items()}

    def show(_: object = None) -> None:
        changed = z.clone()
        for name, at in moved.items():
            changed[0, at] = sliders[name].value
        image.value = _picture(model, changed)

    for each in sliders.values():
        each.observe(show, names="value")
    empty = [widgets.Label(f"{name}: no latent") for name in model.variables if name not in moved]
    return widgets.VBox([image, *sliders.values(), *empty])


def _ipywidgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        message = "sliders need the package ipywidgets, which is not installed: pip install trisect[notebook]"
        raise ImportError(message) from error
    return ipywidgets


def _moved_latents(model: ActingModel, latents: Mapping[str, int]) -> dict[str, int]:
    """Variable -> the latent that its slider moves, for slots that are not empty."""
    for name in latents:
        checks.one_of(name, model.variables, "the variable of a slider")
    table, moved = slots_of(model), {}
    for name in model.variables:
        held, place = table.columns(name), checks.positive_int(latents.get(name, 0), f"the latent of '{name}'", 0)
        must = f"one of the slot's {len(held)}, counted from 0"
        checks.require(place < len(held) or name not in latents, f"the latent of '{name}'", must, place)
        if len(held):
            moved[name] = int(held[place])
    return moved


def _ends(z: Tensor, reference: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value of every latent, which include the frame's own."""
    own = z[0].cpu().numpy()
    if reference is None:
        return own - REACH, own + REACH
    low, high = np.quantile(checked_reference(reference, len(own)), ENDS, axis=0)
    return np.minimum(low, own), np.maximum(high, own)


def _slider(widgets: Any, name: str, low: float | np.floating, own: float, high: float | np.floating) -> Any:
    look = {"readout_format": ".2f", "style": {"description_width": "10em"}}
    step = (high - low) / STEPS or 1.0
    return widgets.FloatSlider(value=own, min=float(low), max=float(high), step=step, description=name, **look)


def _picture(model: ActingModel, z: Tensor) -> bytes:
    observations = decoded_at_rest(model, z)
    got = f"vectors of {observations.shape[-1]} values"
    checks.require(observations.ndim == 4, "what a slider shows", "frames", got, "see trisect.evaluation.analysis")
    return frame_png(observations[0])
