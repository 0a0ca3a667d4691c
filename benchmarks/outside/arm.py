"""A planar arm of two joints, a block, and a coloured light, seen from above (MuJoCo).

    python benchmarks/outside/arm.py --frames 30000 --seed 0 --out FOLDER

| variable | range | next value, without an intervention |
| --- | --- | --- |
| joint1 | [-1.5, 1.5] rad, from the x axis | drifts towards the direction of the block |
| joint2 | [-1.2, 1.2] rad, from the first link | drifts towards a function of joint1 and hue |
| block_x | [-.85, .85] of the half width of the table | random walk; the faster, the further the arm is bent |
| block_y | [-.85, .85] | random walk that is pushed along by joint1 |
| hue | angle, the light's colour | goes round, faster where block_x is large |

The arm passes above the block and may hide part of it. The effect of joint2 on pixels turns with joint1; the light
changes all pixels at once.
"""

from __future__ import annotations

import numpy as np
from recordings import Setup, main
from scenes import DrawnWorld, reflected, tint

from trisect.variables import Angle, Continuous

REACH1, REACH2, REACH = 1.5, 1.2, 0.85
RANGES = ((-REACH1, REACH1), (-REACH2, REACH2), (-REACH, REACH), (-REACH, REACH), (0.0, 2 * np.pi))
SATURATION = 0.5

XML = """<mujoco>
{visual}
<worldbody>
  <camera name="eye" pos="0 0 3" fovy="38.6"/>
  <geom type="plane" size="3 3 .1" rgba=".78 .78 .78 1"/>
  <body name="block" pos="0 0 .06">
    <joint name="block_x" type="slide" axis="1 0 0"/><joint name="block_y" type="slide" axis="0 1 0"/>
    <geom type="box" size=".14 .14 .06" rgba=".15 .6 .2 1"/>
  </body>
  <geom type="cylinder" pos="-.6 0 .1" size=".11 .1" rgba=".25 .25 .25 1"/>
  <body pos="-.6 0 .22">
    <joint name="joint1" axis="0 0 1"/>
    <geom type="capsule" fromto="0 0 0 .46 0 0" size=".065" rgba=".85 .15 .1 1"/>
    <body pos=".46 0 .04">
      <joint name="joint2" axis="0 0 1"/>
      <geom type="capsule" fromto="0 0 0 .38 0 0" size=".055" rgba=".1 .15 .85 1"/>
    </body>
  </body>
</worldbody>
</mujoco>"""


class Arm(DrawnWorld):
    """The world of this module's table."""

    factors = (
        Continuous("joint1", *RANGES[0]),
        Continuous("joint2", *RANGES[1]),
        Continuous("block_x", *RANGES[2]),
        Continuous("block_y", *RANGES[3]),
        Angle("hue"),
    )

    def __init__(self, setup: Setup):
        super().__init__(setup, XML, RANGES)

    def picture(self) -> np.ndarray:
        joint1, joint2, block_x, block_y, hue = self._values
        self._scene.place(joint1=joint1, joint2=joint2, block_x=block_x, block_y=block_y)
        self._scene.light(tint(hue, SATURATION))
        return self._scene.draw()

    def _next(self) -> np.ndarray:
        """The values one frame later."""
        joint1, joint2, block_x, block_y, hue = self._values
        noise = self._rng.standard_normal(5)
        moved = (
            joint1 + 0.15 * (np.arctan2(block_y, block_x + 1.6) * 1.5 - joint1) + 0.06 * noise[0],
            joint2 + 0.15 * (0.7 * np.sin(hue) - 0.4 * joint1 - joint2) + 0.06 * noise[1],
            block_x + (0.03 + 0.03 * abs(joint2)) * noise[2],
            block_y + 0.03 * joint1 + 0.04 * noise[3],
            hue + 0.08 + 0.06 * block_x + 0.05 * noise[4],
        )
        inside = [reflected(value, *ends) for value, ends in zip(moved[:4], RANGES)]
        return np.array([*inside, moved[4] % (2 * np.pi)])


if __name__ == "__main__":
    main(Arm, __doc__)
