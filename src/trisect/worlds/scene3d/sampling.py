"""The number of rays that sample a pixel."""

from __future__ import annotations

import math

from trisect import checks


def rays_across(rays_per_pixel: int, what: str) -> int:
    """Return the number of rays across a pixel, the root of the number of rays per pixel.

    Args:
        rays_per_pixel: a square number.
        what: name of the number, for the message.

    Raises:
        ValueError: the number is not a square.

    Example:
        >>> rays_across(16, "the rays per pixel of a scene")
        4
    """
    across = math.isqrt(checks.positive_int(rays_per_pixel, what))
    checks.require(across**2 == rays_per_pixel, what, "a square such as 4 or 16", rays_per_pixel)
    return across
