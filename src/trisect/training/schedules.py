"""Schedules: how a number changes over a run, as pure functions of the run's progress.

Progress is the finished fraction of the run, so a schedule keeps its shape when a run gets longer or shorter.
"""

from __future__ import annotations

import math


def warm_up_cosine(progress: float, warm_up: float, final: float) -> float:
    """Linear rise from 0 to 1 over the warm-up, then half a cosine from 1 to ``final``.

    With progress p, warm-up w and final value f: p/w for p < w, else f + (1 - f)(1 + cos(pi (p - w)/(1 - w)))/2.

    Args:
        progress: fraction of the run, in [0, 1].
        warm_up: fraction of the run over which the value rises, in [0, 1]; with 0 the value starts at 1.
        final: the value at the end, in [0, 1].

    Source:
        Loshchilov and Hutter, SGDR, 2017, equation 5, without restarts and with a warm-up.

    Example:
        >>> [round(warm_up_cosine(p, 0.2, 0.0), 3) for p in (0.0, 0.1, 0.2, 0.6, 1.0)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if progress < warm_up:
        return progress / warm_up
    if warm_up >= 1.0:
        return 1.0
    decayed = (progress - warm_up) / (1.0 - warm_up)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * decayed))


def is_due(step: int, interval: int, steps: int) -> bool:
    """True after every ``interval`` finished steps and after the last one.

    Example:
        >>> [step for step in range(1, 8) if is_due(step, 3, 7)]
        [3, 6, 7]
    """
    return step % interval == 0 or step == steps
