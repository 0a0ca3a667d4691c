"""Atari Boxing with written memory (Arcade Learning Environment).

    python benchmarks/outside/boxing.py --frames 30000 --seed 0 --out FOLDER

| variable | memory | drawn from | next value, without an intervention |
| --- | --- | --- | --- |
| player_x, player_y (white) | 32, 34 | [32, 107], [8, 82] | the game: random buttons, held for a few frames |
| enemy_x, enemy_y (black) | 33, 35 | [32, 107], [8, 82] | the game: the program walks to the player and fights |

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
RANGES = ((32.0, 107.0), (8.0, 82.0), (32.0, 107.0), (8.0, 82.0))
ROPES = (4, 88)
WINDOW = ((28, 188), (24, 136))
BUTTONS, RELEASE, BEGIN = 18, 0.25, 30
"""Number of buttons and their combinations, probability of pressing another one, and the game's frames at its start."""


class Boxing:
    """The world of this module's table."""

    factors = tuple(Continuous(name, 0, 120) for name in ("player_x", "player_y", "enemy_x", "enemy_y"))

    def __init__(self, setup: Setup):
        self._rng, self._game, self._button = setup.rng, Game("boxing", WINDOW, setup.side), 0
        self._begin()

    def step(self, target: np.ndarray) -> bool:
        if self._rng.random() < RELEASE:
            self._button = int(self._rng.integers(BUTTONS))
        self._act(LENGTH - 1)
        for address, value, is_target in zip(ADDRESSES, self._rng.uniform(*np.transpose(RANGES)), target):
            if is_target:
                self._game.write(address, value)
        self._act(1)
        return not self._game.emulator.game_over() or self._begin()

    def values(self) -> np.ndarray:
        return self._game.read(*ADDRESSES).astype(float)

    def picture(self) -> np.ndarray:
        return self._game.picture()

    def _act(self, frames: int) -> None:
        """Let the game go on; a boxer at the ropes is kept from being pushed through them, to the other end."""
        for _ in range(frames):
            for address, value in zip(ADDRESSES[1::2], self._game.read(*ADDRESSES[1::2])):
                self._game.write(address, np.clip(value, *ROPES))
            self._game.act(self._button)

    def _begin(self) -> bool:
        """A new game; False, because an episode ends."""
        self._game.emulator.reset_game()
        self._game.act(0, BEGIN)
        return False


if __name__ == "__main__":
    main(Boxing, __doc__)
