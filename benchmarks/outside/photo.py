"""A cart with a pole in front of a photograph (MuJoCo's physics, Gymnasium's model), in frames of 96x128.

    python benchmarks/outside/photo.py --frames 30000 --seed 0 --out FOLDER

| variable | drawn from | next value, without an intervention |
| --- | --- | --- |
| cart | [-.8, .8] m | physics: a motor holds the pole up, and moves the cart to where the light says |
| pole | [-.6, .6] rad from upright | physics |
| light | [.35, 1], brightness of the photograph | drifts towards a function of the cart |

Velocities are no variables; an intervention on a position sets its velocity to 0. If the pole falls, an episode ends.
The photograph is `grace_hopper.jpg`, which comes with Matplotlib. Cart and pole hide parts of it; frames are wider than
high.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import matplotlib.image
import numpy as np
from recordings import Setup, engine, main
from scenes import Scene, reflected

from trisect.variables import Continuous

SIDE = 96
RANGES = ((-0.8, 0.8), (-0.6, 0.6), (0.35, 1.0))
GAINS = np.array([0.5, 4.0, 0.7, 1.0])
"""Of the motor: for the cart's and the pole's distances from where they should be, and for their velocities."""
MOTOR_NOISE, FALLEN = 0.3, 1.2
HEIGHT, WIDTH, TOP = 384, 512, 30
"""The part of the photograph that is shown, in its pixels."""

WALL = """
  <camera name="eye" pos="0 -2.6 .2" xyaxes="1 0 0 0 0 1" fovy="38"/>
  <geom name="wall" type="plane" pos="0 1 .2" zaxis="0 -1 0" size="1.7 1.28 .1" material="photo"/>
</worldbody>"""
ASSETS = """<asset>
  <texture name="photo" type="2d" builtin="flat" width="{width}" height="{height}"/>
  <material name="photo" texture="photo" specular="0" reflectance="0"/>
</asset>
{visual}
<worldbody>"""


def cart_pole() -> str:
    """Gymnasium's inverted pendulum with a wall behind it, as a text for `Scene`."""
    model = Path(str(engine("gymnasium").__file__)).parent / "envs" / "mujoco" / "assets" / "inverted_pendulum.xml"
    text = model.read_text().replace("{", "{{").replace("}", "}}")
    assets = ASSETS.format(width=WIDTH, height=HEIGHT, visual="{visual}")
    return text.replace("<worldbody>", assets).replace("</worldbody>", WALL)


def photograph() -> np.ndarray:
    """The upper part of the photograph (HEIGHT, WIDTH, 3) uint8."""
    file = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    return matplotlib.image.imread(str(file))[TOP : TOP + HEIGHT, :WIDTH]


class Photo:
    """The world of this module's table."""

    factors = (Continuous("cart"), Continuous("pole"), Continuous("light", *RANGES[2]))

    def __init__(self, setup: Setup):
        self._rng = setup.rng
        self._scene = Scene(cart_pole(), setup.side, setup.side * 4 // 3, texture=photograph())
        self._light = 0.7

    def step(self, target: np.ndarray) -> bool:
        data, fresh = self._scene.data, self._fresh()
        light = self._next_light()
        self._push()
        for i in np.flatnonzero(target[:2]):
            data.qpos[i], data.qvel[i] = fresh[i], 0.0
        self._light = fresh[2] if target[2] else light
        return abs(data.qpos[1]) < FALLEN or self._begin(fresh)

    def values(self) -> np.ndarray:
        return np.array([*self._scene.data.qpos, self._light])

    def picture(self) -> np.ndarray:
        self._scene.model.geom("wall").rgba[:] = (*[self._light] * 3, 1.0)
        return self._scene.draw()

    def _push(self) -> None:
        """One time step of the physics, a fiftieth of a second."""
        data = self._scene.data
        away = np.array([data.qpos[0] - 1.5 * (self._light - 0.675), data.qpos[1], *data.qvel])
        data.ctrl[0] = np.clip(GAINS @ away + MOTOR_NOISE * self._rng.standard_normal(), -3, 3)
        self._scene.mujoco.mj_step(self._scene.model, data)

    def _next_light(self) -> float:
        cart = self._scene.data.qpos[0]
        moved = self._light + 0.1 * (0.675 + 0.25 * np.sin(3 * cart) - self._light)
        return reflected(moved + 0.025 * self._rng.standard_normal(), *RANGES[2])

    def _fresh(self) -> np.ndarray:
        return self._rng.uniform(*np.transpose(RANGES))

    def _begin(self, fresh: np.ndarray) -> bool:
        """A new episode, with everything drawn anew; False, because one ends."""
        self._scene.mujoco.mj_resetData(self._scene.model, self._scene.data)
        self._scene.data.qpos[:], self._light = fresh[:2], fresh[2]
        return False


if __name__ == "__main__":
    main(Photo, __doc__, SIDE)
