"""Atari Boxing with written memory (Arcade Learning Environment).

    python benchmarks/outside/boxing.py --frames 30000 --seed 0 --out FOLDER

| variable | memory | drawn from | next value, without an intervention |
| --- | --- | --- | --- |
| player_x, player_y (white) | 32, 34 | [30, 109], [3, 87] | the game: random buttons, held for a few frames |
| enemy_x, enemy_y (black) | 33, 35 | [30, 109], [3, 87] | the game: the program walks to the player and fights |

A frame of the recording is three frames of the game. Arms, punches, score and clock change by themselves and are no
variables. A game takes two minutes or a hundred points; then an episode ends.

The boxers change their shape, turn round, hide each other, and push each other away.
"""

from __future__ import annotations

import numpy as np
from games import LENGTH, Game
from recordings import Setup, main

from trisect.variables import Continuous

ADDRESSES = (32, 34, 33, 35)
RANGES = ((30.0, 109.0), (3.0, 87.0), (30.0, 109.0), (3.0, 87.0))
WINDOW = ((28, 188), (24, 136))
BUTTONS, RELEASE, BEGIN = 18, 0.25, 30
"""Number of buttons and their combinations, probability of pressing another one, and the game's frames at its start."""


class Boxing:
    """The world of this module's table."""

    factors = tuple(Continuous(name, 0, 255) for name in ("player_x", "player_y", "enemy_x", "enemy_y"))

    def __init__(self, setup: Setup):
        self._rng, self._game, self._button = setup.rng, Game("boxing", WINDOW, setup.side), 0
        self._begin()

    def step(self, target: np.ndarray) -> bool:
        if self._rng.random() < RELEASE:
            self._button = int(self._rng.integers(BUTTONS))
        self._game.act(self._button, LENGTH - 1)
        for address, value, is_target in zip(ADDRESSES, self._rng.uniform(*np.transpose(RANGES)), target):
            if is_target:
                self._game.write(address, value)
        self._game.act(self._button)
        return not self._game.emulator.game_over() or self._begin()

    def values(self) -> np.ndarray:
        return self._game.read(*ADDRESSES).astype(float)

    def picture(self) -> np.ndarray:
        return self._game.picture()

    def _begin(self) -> bool:
        """A new game; False, because an episode ends."""
        self._game.emulator.reset_game()
        self._game.act(0, BEGIN)
        return False


if __name__ == "__main__":
    main(Boxing, __doc__)
