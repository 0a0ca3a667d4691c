"""Gymnasium's Reacher (MuJoCo), seen from above and recorded by `trisect.data.Recorder`.

    python benchmarks/outside/reacher.py --frames 10000 --seed 0 --out FOLDER
    python benchmarks/outside/reacher.py --elbow .3 --out FOLDER               # the elbow bends to one side

| variable | drawn from | next value, without an intervention |
| --- | --- | --- |
| shoulder | angle, all round | physics: a motor moves the arm towards the target |
| elbow | [-2.5, 2.5] rad, from the first link | physics, as above |
| target_x, target_y | [-.16, .16] m each | stays where it is |

Speeds are no variables; an intervention on a joint sets its speed to 0. The agent steers speeds, and reaches them
within a frame, so that one frame nearly shows what follows. Episodes have 100 frames. The two links have one colour,
the target is a ball of two or three pixels, and the arm passes over it.

Unlike the other worlds, the environment is Gymnasium's own, with a camera and a frame rate chosen for it: everything
else is what the page "Record a simulator" describes. Besides ``--frames`` to train on, a tenth of them each goes to
validation and test.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recordings import POLICIES, engine

from trisect import checks
from trisect.data import Recorder
from trisect.variables import Angle, Continuous

SIDE, DRAWN = 64, 128
"""Sides of a recorded frame and of the rendered picture, of which a frame's pixels are means."""
SIMULATED = 5
"""Steps of the physics, of a hundredth of a second each, in a frame."""
EPISODE = 100
LINK = 0.1
ELBOW, TARGET = (-2.5, 2.5), (-0.16, 0.16)
CAMERA = {"type": 0, "lookat": np.zeros(3), "distance": 0.6, "elevation": -90.0, "azimuth": 90.0}
REACHING, PUSH, NOISE = 120.0, 0.1, 1.5
"""Speed per metre and metre of lever, action per missing speed, and the deviation of the steered speeds in rad/s."""
VARIABLES = (Angle("shoulder"), Continuous("elbow"), Continuous("target_x"), Continuous("target_y"))


def maker() -> Callable[[], Any]:
    """What makes the environment; `ImportError` if an engine is missing."""
    engine("mujoco")
    camera = {"width": DRAWN, "height": DRAWN, "default_camera_config": CAMERA}
    settings = {"render_mode": "rgb_array", "max_episode_steps": EPISODE, "frame_skip": SIMULATED, **camera}
    return functools.partial(engine("gymnasium").make, "Reacher-v5", **settings)


def move(place: int, low: float, high: float, reacher: Any, rng: np.random.Generator) -> None:
    """Put one joint of the model where the generator says, at rest; the others stay as they are."""
    places, speeds = reacher.data.qpos.copy(), reacher.data.qvel.copy()
    places[place], speeds[place] = rng.uniform(low, high), 0.0
    reacher.set_state(places, speeds)


def interventions(elbow: tuple[float, float] = ELBOW) -> dict[str, Callable[[Any, np.random.Generator], None]]:
    """Variable -> its intervention.

    Args:
        elbow: range of the elbow's new values.
    """
    ranges = {"shoulder": (0.0, 2 * np.pi), "elbow": elbow, "target_x": TARGET, "target_y": TARGET}
    return {name: functools.partial(move, place, *ends) for place, (name, ends) in enumerate(ranges.items())}


def truth(reacher: Any) -> dict[str, float]:
    """The four places, with the shoulder from 0 to 2 pi."""
    shoulder, *others = reacher.data.qpos
    return dict(zip((each.name for each in VARIABLES), (shoulder % (2 * np.pi), *others)))


def reach(observation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move the fingertip towards the target, not quite steadily."""
    (cos_shoulder, cos_elbow), (sin_shoulder, sin_elbow) = observation[:2], observation[2:4]
    speeds, away = observation[6:8], observation[8:10]
    outer = LINK * np.array(
        [
            -sin_shoulder * cos_elbow - cos_shoulder * sin_elbow,
            cos_shoulder * cos_elbow - sin_shoulder * sin_elbow,
        ]
    )
    inner = LINK * np.array([-sin_shoulder, cos_shoulder])
    wanted = -REACHING * np.array([(inner + outer) @ away, outer @ away]) + NOISE * rng.standard_normal(2)
    return np.clip(PUSH * (wanted - speeds), -1, 1).astype(np.float32)


def recorder(policy: str = "single", elbow: tuple[float, float] = ELBOW) -> Recorder:
    """What records the world of this module's table."""
    return Recorder(maker(), interventions(elbow), policy, VARIABLES, truth, reach, SIDE, EPISODE)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, help="to train on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policy", choices=POLICIES, default="single")
    text = "least angle to which interventions bend the elbow, in radians; at .3 it bends to one side"
    parser.add_argument("--elbow", type=float, default=ELBOW[0], help=text)
    parser.add_argument("--out", type=Path, required=True, help="the data folder to make")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Record as the command line says; bad options or a missing engine end the program with one sentence."""
    options = arguments(argv)
    try:
        elbow = (checks.in_range(options.elbow, "--elbow", *ELBOW), ELBOW[1])
        recorder(options.policy, elbow).record(frames=options.frames, out=options.out, seed=options.seed)
    except (ImportError, ValueError, FileExistsError) as error:
        sys.exit(str(error))
    print(f"{options.out}: {options.frames} frames, {time.process_time():.0f} CPU-seconds")


if __name__ == "__main__":
    main()
