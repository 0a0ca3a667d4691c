"""An attack: how a real file is changed, and the door that a user would open it with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Attack:
    """One hostile file or folder.

    Attributes:
        kind: what is attacked, and how, for the table.
        name: a name that is unique within the kind.
        door: one of `tests.hostile.doors.DOORS`.
        file: the attacked file within the sample, such as ``"run/run.json"``.
        change: changes the file, which is a fresh copy.
    """

    kind: str
    name: str
    door: str
    file: str
    change: Callable[[Path], object]

    def make(self, samples: Path, work: Path) -> Path:
        """A copy of the sample with the change; returns what the door opens."""
        root = Path(self.file).parts[0]
        source, target = samples / root, work / root
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        self.change(work / self.file)
        return target


def of_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A change of a file's bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def flips(kind: str, door: str, file: str, number: int) -> Iterator[Attack]:
    """Single flipped bits, spread over a file."""
    for i in range(number):
        change = of_bytes(lambda data, i=i: _flipped(data, (i + 0.5) / number, i % 8))
        yield Attack(kind, f"bit {i}", door, file, change)


def cuts(kind: str, door: str, file: str, number: int) -> Iterator[Attack]:
    """A file that ends early, at places spread over it."""
    for i in range(number):
        yield Attack(kind, f"cut {i}", door, file, of_bytes(lambda data, i=i: data[: int(len(data) * i / number)]))


def _flipped(data: bytes, share: float, bit: int) -> bytes:
    at = int(share * len(data))
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
