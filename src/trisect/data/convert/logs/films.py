"""Films: their frames by number, decoded with PyAV, and the times at which they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.foreign import require_content
from trisect.data.convert.logs.pictures import Size
from trisect.data.resizing import resized
from trisect.requirements import optional

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".gif")
FAR = 64
"""Number of frames from which on it is quicker to jump to a frame than to decode all frames before it."""


def films_in(folder: Path) -> list[Path]:
    """The films in a folder and in the folders in it."""
    found = (each for pattern in ("*", "*/*") for each in sorted(folder.glob(pattern)))
    return [each for each in found if each.suffix.lower() in SUFFIXES and each.is_file()]


@dataclass(frozen=True)
class Film:
    """A film on disk; its frames are decoded as they are asked for, and nothing is held in memory.

    Attributes:
        file: the film.
        times: (T,) seconds at which the frames are shown, ascending, as the file says.
        stamps: (T,) the same in the units of the file.
    """

    file: Path
    times: np.ndarray
    stamps: np.ndarray

    @property
    def rate(self) -> float:
        """The usual number of frames per second."""
        return 1 / float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


def read_film(file: Path) -> Film:
    """The times of a film's frames, from its packets, without decoding them.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: the file cannot be read, or holds no film.
    """
    require_content(file)
    av = optional("av", "films", "to read films")
    try:
        with av.open(str(file)) as container:
            checks.require(bool(container.streams.video), f"'{file}'", "a film", "a file without pictures")
            stream = container.streams.video[0]
            packets = [each for each in container.demux(stream) if each.pts is not None and not each.is_discard]
            base = stream.time_base
    except (av.error.FFmpegError, OSError) as error:
        raise _damaged(file, error) from error
    checks.require(len(packets) > 0, f"the film '{file}'", "one with frames", "none", "copy it again")
    stamps = np.sort(np.array([each.pts for each in packets], dtype=np.int64))
    return Film(file, (stamps - stamps[0]) * float(base), stamps)


def _damaged(file: Path, error: object) -> ValueError:
    got = checks.shown(str(error), 100)
    return ValueError(checks.sentence(f"the film '{file}'", "whole", got, "copy it again, or convert it with ffmpeg"))


@dataclass(frozen=True)
class FilmPictures:
    """Some frames of a film, as pictures.

    Attributes:
        film: the film.
        numbers: (T,) numbers of its frames, ascending; a number may occur twice.
        size: size to which they are reduced; by default the film's own.
    """

    film: Film
    numbers: np.ndarray
    size: Size | None = None
    _shape: list[tuple[int, ...]] = field(default_factory=list, init=False, repr=False)
    _decoder: list[_Decoder] = field(default_factory=list, init=False, repr=False)

    @property
    def what(self) -> str:
        """Name of the pictures in error messages."""
        return f"the frames of '{self.film.file}'"

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, height, width, 3)."""
        if not self._shape:
            self._shape.append(self.take(np.zeros(1, np.int64)).shape[1:])
            self.release()
        return (len(self.numbers), *self._shape[0])

    @property
    def dtype(self) -> np.dtype:
        """Always uint8."""
        return np.dtype(np.uint8)

    @property
    def is_decoded(self) -> bool:
        """Always."""
        return True

    def take(self, rows: np.ndarray) -> np.ndarray:
        if not self._decoder:
            self._decoder.append(_Decoder(self.film))
        numbers = self.numbers[rows]
        frames: dict[int, np.ndarray] = {}
        for number in np.unique(numbers):
            frame = self._decoder[0].frame(int(number))
            frames[int(number)] = frame if self.size is None else resized(frame, *self.size)
        return np.stack([frames[int(number)] for number in numbers])

    def release(self) -> None:
        self._decoder.clear()


class _Decoder:
    """Decodes frames of a film by number; those that follow each other are decoded once.

    Args:
        film: the film.
    """

    def __init__(self, film: Film):
        self.film, self._next, self._last = film, -1, np.empty(0)
        self._frames: Iterator[Any] = iter(())

    def frame(self, number: int) -> np.ndarray:
        """The frame with this number, (height, width, 3) uint8."""
        if number == self._next - 1:
            return self._last
        if not self._next <= number < self._next + FAR or self._next < 0:
            self._frames = self._from(number)
            self._next = number
        skipped = range(self._next, number)
        for _ in skipped:
            self._advance(number)
        self._last = _upright(self._advance(number))
        self._next = number + 1
        return self._last

    def _advance(self, number: int) -> Any:
        frame = next(self._frames, None)
        if frame is None:
            raise _damaged(self.film.file, f"no frame {number} of {len(self.film.stamps)}")
        return frame

    def _from(self, number: int) -> Iterator[Any]:
        """The decoded frames from a number on."""
        av, wanted = optional("av", "films", "to read films"), int(self.film.stamps[number])
        try:
            with av.open(str(self.film.file)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "NONE"
                if number:
                    container.seek(wanted, stream=stream, backward=True)
                for frame in container.decode(stream):
                    if frame.pts is not None and frame.pts >= wanted:
                        yield frame
        except (av.error.FFmpegError, OSError) as error:
            raise _damaged(self.film.file, error) from error


def _upright(frame: Any) -> np.ndarray:
    """A decoded frame as an array, turned as the camera says."""
    picture = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Numbers of the times nearest to those wanted; of two equally near ones the earlier.

    Args:
        times: (T,) ascending.
        wanted: (N,).

    Example:
        >>> nearest(np.array([0.0, 1.0, 2.0]), np.array([-1, 0.4, 0.6, 1.5, 9])).tolist()
        [0, 0, 1, 1, 2]
    """
    after = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1))
    if len(times) == 1:
        return np.zeros(len(wanted), dtype=np.int64)
    earlier = wanted - times[after - 1] <= times[after] - wanted
    return np.asarray(after - earlier, dtype=np.int64)


def one_film(films: Sequence[Path], whose: str) -> Path:
    """The only film of several; `ValueError` if there are more."""
    must, todo = "beside one film", "keep one film beside each table, or name the films in a column (--image COLUMN)"
    checks.require(len(films) == 1, whose, must, ", ".join(each.name for each in films), todo)
    return films[0]
