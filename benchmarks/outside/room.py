"""A room in perspective, seen by a camera that trembles and has a noisy sensor (MuJoCo).

    python benchmarks/outside/room.py --frames 30000 --seed 0 --out FOLDER
    python benchmarks/outside/room.py --camera-noise 0 --out FOLDER       # a still camera, a clean sensor

| variable | range | next value, without an intervention |
| --- | --- | --- |
| ball | [-.85, .85] m, along the floor | rolls to and fro; the drawer pulls it along |
| drawer | [0, .8] m, opening | drifts towards a function of the fan's angle |
| door | [0, 1.7] rad, opening | drifts towards a function of the ball |
| fan | angle of the red blade | turns, the faster the brighter the lamp |
| lamp | [.2, 1], brightness | random walk, pulled down by an open door |

In every frame the camera is shifted by a random part of a pixel or two, and every pixel gets noise of its own
(deviation 4 of 255). The lamp changes all pixels; the ball rolls in front of the drawer and the door.
"""

from __future__ import annotations

import numpy as np
from recordings import Setup, main
from scenes import DrawnWorld, reflected

from trisect.variables import Angle, Continuous

RANGES = ((-0.85, 0.85), (0.0, 0.8), (0.0, 1.7), (0.0, 2 * np.pi), (0.2, 1.0))
SHIFT, SENSOR_NOISE = 0.025, 4.0
"""Deviations of the camera's place in metres and of a pixel in levels, for a camera noise of 1."""
EYE = (0.0, -2.1, 1.35)

XML = """<mujoco>
{visual}
<worldbody>
  <camera name="eye" pos="0 -2.1 1.35" xyaxes="1 0 0 0 .17 .98" fovy="54"/>
  <light name="lamp" pos="0 0 2.3" dir="0 .3 -1" castshadow="false" specular="0 0 0" cutoff="170" exponent="0"/>
  <geom type="plane" size="3 4 .1" rgba=".55 .45 .35 1"/>
  <geom type="box" pos="0 2.1 1.2" size="3 .1 1.4" rgba=".75 .75 .65 1"/>
  <geom name="bulb" type="sphere" pos="0 1.2 2.05" size=".13" rgba="1 .95 .6 1"/>
  <geom type="box" pos="-1.35 1.2 .45" size=".4 .35 .45" rgba=".45 .25 .12 1"/>
  <body pos="-1.3 .84 .5">
    <joint name="drawer" type="slide" axis="1 0 0"/>
    <geom type="box" pos=".02 -.02 0" size=".36 .05 .17" rgba=".1 .7 .75 1"/>
  </body>
  <geom type="box" pos=".95 1.99 .72" size=".38 .02 .72" rgba=".08 .08 .1 1"/>
  <body pos="1.34 1.93 .72">
    <joint name="door" axis="0 0 1"/>
    <geom type="box" pos="-.38 0 0" size=".38 .03 .72" rgba=".2 .55 .25 1"/>
    <geom type="sphere" pos="-.68 -.06 0" size=".06" rgba=".9 .8 .2 1"/>
  </body>
  <geom type="cylinder" pos="-.8 1.98 1.72" euler="90 0 0" size=".62 .02" rgba=".93 .93 .9 1"/>
  <body pos="-.8 1.9 1.72">
    <joint name="fan" axis="0 -1 0"/>
    <geom type="box" pos=".27 0 0" size=".29 .02 .09" rgba=".85 .1 .1 1"/>
    <geom type="box" pos="-.12 0 .21" euler="0 60 0" size=".26 .02 .06" rgba=".25 .25 .3 1"/>
    <geom type="box" pos="-.12 0 -.21" euler="0 -60 0" size=".26 .02 .06" rgba=".25 .25 .3 1"/>
  </body>
  <body pos="0 -.1 .2">
    <joint name="ball" type="slide" axis="1 0 0"/>
    <geom type="sphere" size=".2" rgba=".95 .5 .1 1"/>
  </body>
</worldbody>
</mujoco>"""


class Room(DrawnWorld):
    """The world of this module's table."""

    factors = (
        Continuous("ball", *RANGES[0]),
        Continuous("drawer", *RANGES[1]),
        Continuous("door", *RANGES[2]),
        Angle("fan"),
        Continuous("lamp", *RANGES[4]),
    )

    def __init__(self, setup: Setup):
        super().__init__(setup, XML, RANGES)
        self._noise, self._rolling = setup.camera_noise, 0.04

    def picture(self) -> np.ndarray:
        ball, drawer, door, fan, lamp = self._values
        self._scene.place(ball=ball, drawer=drawer, door=door, fan=fan)
        self._shine(lamp)
        self._scene.model.camera("eye").pos[:] = EYE + self._noise * SHIFT * self._rng.standard_normal(3)
        frame = self._scene.draw()
        noise = self._noise * SENSOR_NOISE * self._rng.standard_normal(frame.shape, dtype=np.float32)
        return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)

    def _shine(self, lamp: float) -> None:
        self._scene.light((1.0, 1.0, 1.0), 0.1 + 0.25 * lamp, 0.05)
        self._scene.model.light("lamp").diffuse[:] = 0.8 * lamp
        self._scene.model.geom("bulb").rgba[:3] = np.array([1.0, 0.95, 0.6]) * (0.3 + 0.7 * lamp)

    def _next(self) -> np.ndarray:
        """The values one frame later; a ball that meets a wall turns round."""
        ball, drawer, door, fan, lamp = self._values
        noise = self._rng.standard_normal(5)
        rolled = ball + self._rolling + 0.04 * (drawer - 0.4) + 0.015 * noise[0]
        self._rolling *= 1 if RANGES[0][0] < rolled < RANGES[0][1] else -1
        moved = (
            rolled,
            drawer + 0.15 * (0.4 + 0.35 * np.sin(fan) - drawer) + 0.03 * noise[1],
            door + 0.12 * (0.85 + 0.7 * ball - door) + 0.06 * noise[2],
            fan + 0.05 + 0.2 * lamp + 0.05 * noise[3],
            lamp + 0.015 * (0.9 - door) + 0.035 * noise[4],
        )
        inside = [reflected(value, *ends) for value, ends in zip(moved, RANGES)]
        return np.array([*inside[:3], moved[3] % (2 * np.pi), inside[4]])


if __name__ == "__main__":
    main(Room, __doc__)
