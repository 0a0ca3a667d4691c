"""How many rays sample a pixel."""

from __future__ import annotations

import math

from trisect import checks


def rays_across(rays_per_pixel: int, what: str) -> int:
    """Rays across a pixel, the root of their number in all.

    Args:
        rays_per_pixel: a square number.
        what: whose number it is, for the message.

    Raises:
        ValueError: not a square.

    Example:
        >>> rays_across(16, "the rays per pixel of a scene")
        4
    """
    across = math.isqrt(checks.positive_int(rays_per_pixel, what))
    checks.require(across**2 == rays_per_pixel, what, "a square such as 4 or 16", rays_per_pixel)
    return across
