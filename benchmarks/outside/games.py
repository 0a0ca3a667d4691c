"""What the Atari games share: the emulator with memory that can be written, and smaller frames by area averaging.

ale-py (the Arcade Learning Environment) is under the GPL and is used by these benchmarks alone.
"""

from __future__ import annotations

import numpy as np
from recordings import engine

LENGTH = 3
"""Number of the game's frames from one frame of the recording to the next."""


class Game:
    """A game of the Arcade Learning Environment without repeated actions.

    Args:
        name: of the game, such as "breakout".
        window: rows and columns of the screen that are kept, ((top, bottom), (left, right)).
        side: height and width of a frame.
    """

    def __init__(self, name: str, window: tuple[tuple[int, int], tuple[int, int]], side: int):
        ale_py = engine("ale_py")
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self.emulator = ale_py.ALEInterface()
        self.emulator.setInt("random_seed", 0)
        self.emulator.setFloat("repeat_action_probability", 0.0)
        self.emulator.loadROM(ale_py.roms.get_rom_path(name))
        self._window = tuple(slice(*ends) for ends in window)
        self._rows, self._columns = (averaging(end - start, side) for start, end in window)

    def act(self, action: int, frames: int = 1) -> None:
        """Do the same for a number of the game's frames."""
        for _ in range(frames):
            self.emulator.act(action)

    def read(self, *addresses: int) -> np.ndarray:
        """Bytes of the memory, as integers."""
        return self.emulator.getRAM()[list(addresses)].astype(int)

    def write(self, address: int, value: float) -> None:
        """Set a byte of the memory to the nearest whole number."""
        self.emulator.setRAM(address, round(value))

    def picture(self) -> np.ndarray:
        """The window of the screen as a frame (side, side, 3) uint8."""
        screen = self.emulator.getScreenRGB()[self._window].astype(np.float32)
        height, width, _ = screen.shape
        rows = (self._rows @ screen.reshape(height, -1)).reshape(-1, width, 3)
        return np.rint(self._columns @ rows).astype(np.uint8)


def averaging(length: int, side: int) -> np.ndarray:
    """The matrix (side, length) float32 that averages over ``side`` equal parts of ``length`` pixels.

    Example:
        >>> averaging(3, 2).round(3).tolist()
        [[0.6669999957084656, 0.3330000042915344, 0.0], [0.0, 0.3330000042915344, 0.6669999957084656]]
    """
    ends = np.linspace(0, length, side + 1)
    pixels = np.arange(length)
    low, high = np.maximum(ends[:-1, None], pixels), np.minimum(ends[1:, None], pixels + 1)
    return (np.clip(high - low, 0, None) * side / length).astype(np.float32)
