"""Atari Breakout with written memory (Arcade Learning Environment).

    python benchmarks/outside/breakout.py --frames 30000 --seed 0 --out FOLDER

| variable | memory | drawn from | next value, without an intervention |
| --- | --- | --- | --- |
| ball_x | 99 | [60, 196] | the game: flies on, bounces off walls, bricks and the paddle |
| ball_y | 101 | [90, 165], below the bricks | the game, as above; also flies above the bricks |
| paddle_x | 72 | [62, 188] | follows the ball at a limited speed and not quite exactly |

A frame of the recording is three frames of the game. The game averages the paddle with its controller in every frame,
so the paddle is written in every frame. Directions of flight, bricks, score and lives change by themselves and are no
variables. When the ball passes the paddle, an episode ends.

The ball has two pixels in a frame of 64x64; where it flies cannot be seen in one frame; bricks vanish one by one.
"""

from __future__ import annotations

import numpy as np
from games import LENGTH, Game
from recordings import Setup, main

from trisect.variables import Continuous

BALL_X, BALL_Y, PADDLE = 99, 101, 72
RANGES = ((60.0, 196.0), (90.0, 165.0), (62.0, 188.0))
WINDOW = ((32, 196), (8, 152))
NOOP, FIRE, LEFT = 0, 1, 4
CENTRE = 8.5
"""Position of the ball less that of the paddle where it meets the middle of the paddle."""
LOST, GONE, WALLS = 180, 220, (52, 204)
"""Positions of the ball below which it has passed the paddle, where it is lost at once, and deep inside of walls."""
FASTEST, SHARE, NOISE = 8.0, 0.5, 1.5
"""The paddle's largest step, its share of the way to the ball, and the deviation of its noise."""


class Breakout:
    """The world of this module's table."""

    factors = (Continuous("ball_x", *WALLS), Continuous("ball_y", 0, LOST), Continuous("paddle_x", *RANGES[2]))

    def __init__(self, setup: Setup):
        self._rng, self._game = setup.rng, Game("breakout", WINDOW, setup.side)
        self._paddle = 123.0
        self._begin()

    def step(self, target: np.ndarray) -> bool:
        fresh = self._rng.uniform(*np.transpose(RANGES))
        new_paddle = fresh[2] if target[2] else self._followed()
        for paddle in np.linspace(self._paddle, new_paddle, LENGTH + 1)[1:-1]:
            self._move(new_paddle if target[2] else paddle)
        for address, value, is_target in zip((BALL_X, BALL_Y), fresh, target):
            if is_target and self._is_live():
                self._game.write(address, value)
        self._paddle = new_paddle
        self._move(new_paddle)
        return self._is_live() or self._serve()

    def values(self) -> np.ndarray:
        return self._game.read(BALL_X, BALL_Y, PADDLE).astype(float)

    def picture(self) -> np.ndarray:
        return self._game.picture()

    def _followed(self) -> float:
        """Where the paddle goes next: towards the ball."""
        away = self._game.read(BALL_X)[0] - CENTRE - self._paddle
        moved = np.clip(SHARE * away, -FASTEST, FASTEST) + NOISE * self._rng.standard_normal()
        return float(np.clip(self._paddle + moved, *RANGES[2]))

    def _move(self, paddle: float, action: int = NOOP) -> None:
        """One frame of the game, in which the paddle is written so that its average with the controller is right."""
        self._game.write(PADDLE, np.clip(2 * round(paddle) - self._controller, 0, 255))
        self._game.act(action)

    def _is_live(self) -> bool:
        """Whether there is a ball that has neither passed the paddle nor, as happens seldom, gone through a wall."""
        ball_x, ball_y = self._game.read(BALL_X, BALL_Y)
        return 0 < ball_y <= LOST and WALLS[0] <= ball_x <= WALLS[1]

    def _begin(self) -> None:
        """A new game, with the controller at the middle: then the paddle can be written over its whole range."""
        self._game.emulator.reset_game()
        self._game.act(LEFT, 4)
        self._game.act(NOOP, 10)
        self._controller = self._game.read(PADDLE)[0]
        self._serve()

    def _serve(self) -> bool:
        """A new ball, in a new game if that was the last one; False, because an episode ends."""
        while self._game.read(BALL_Y)[0]:
            self._game.write(BALL_Y, GONE)
            self._move(self._paddle)
        if self._game.emulator.game_over():
            self._begin()
        self._move(self._paddle, FIRE)
        while not self._is_live():
            self._move(self._paddle)
        return False


if __name__ == "__main__":
    main(Breakout, __doc__)
