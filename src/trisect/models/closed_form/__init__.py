"""Closed form: find the directions of the latents that each intervention moves, and an invertible map to them."""

from trisect.models.closed_form.identify import ClosedFormSettings, identify

__all__ = ["ClosedFormSettings", "identify"]
