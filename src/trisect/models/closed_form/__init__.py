"""Closed form: which linear directions of latents each intervention moves, and the invertible map that shows them."""

from trisect.models.closed_form.identify import ClosedFormSettings, identify

__all__ = ["ClosedFormSettings", "identify"]
