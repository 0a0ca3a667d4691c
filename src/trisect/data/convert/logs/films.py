"""Films: their frames by number, decoded with PyAV, and the times at which they are shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.foreign import require_content
from trisect.data.convert.logs.pictures import DecodedPictures, Size, is_visible
from trisect.data.resizing import resized
from trisect.requirements import optional

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".gif")
FAR = 64
"""Number of frames from which on it is quicker to jump to a frame than to decode all frames before it."""
INDEXED = ("mp4", "matroska")
"""Containers with an index of their frames."""
BACK = (0, 50, 300)
"""Numbers of frames by which a jump goes further back than to the wanted frame, one after the other."""


def films_in(folder: Path) -> list[Path]:
    """The films in a folder and in the folders in it."""
    found = (each for pattern in ("*", "*/*") for each in sorted(folder.glob(pattern)))
    return [each for each in found if each.suffix.lower() in SUFFIXES and is_visible(each, folder)]


@dataclass(frozen=True)
class Film:
    """A film on disk; its frames are decoded as they are asked for, and nothing is held in memory.

    Attributes:
        file: the film.
        times: (T,) seconds at which the frames are shown, ascending, as the file says.
        stamps: (T,) the same in the units of the file.
        has_index: whether the file knows where its frames lie, so that one can jump to them.
    """

    file: Path
    times: np.ndarray
    stamps: np.ndarray
    has_index: bool

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
            base, kind = stream.time_base, container.format.name
    except (av.error.FFmpegError, OSError) as error:
        raise _damaged(file, error) from error
    checks.require(len(packets) > 0, f"the film '{file}'", "one with frames", "none", "copy it again")
    stamps = np.sort(np.array([each.pts for each in packets], dtype=np.int64))
    return Film(file, (stamps - stamps[0]) * float(base), stamps, any(name in kind for name in INDEXED))


def _damaged(file: Path, error: object) -> ValueError:
    got = checks.shown(str(error), 100)
    return ValueError(checks.sentence(f"the film '{file}'", "whole", got, "copy it again, or convert it with ffmpeg"))


@dataclass(frozen=True)
class FilmPictures(DecodedPictures):
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

    In a file with an index, a frame is known by its time stamp. After a jump, decoding begins at a whole frame (a key
    frame) that is not later than the wanted one; where that fails, it begins further back, at last with the first
    frame. In other files time stamps are not reliable after a jump: their frames are counted from the first one on.

    Args:
        film: the film.
    """

    def __init__(self, film: Film):
        self.film, self._last = film, np.empty(0)
        self._at = -1  # number of the frame that was decoded last
        self._frames: Iterator[Any] = iter(())

    def frame(self, number: int) -> np.ndarray:
        """The frame with this number, (height, width, 3) uint8."""
        if number != self._at:
            found = self._stamped(number) if self.film.has_index else self._counted(number)
            if found is None:
                raise _damaged(self.film.file, f"no frame {number} of {len(self.film.stamps)}")
            self._at, self._last = number, _upright(found)
        return self._last

    def _counted(self, number: int) -> Any:
        """The frame with this number, counted from the first."""
        if number < self._at or self._at < 0:
            self._frames, self._at = self._from(0), -1
        return next(itertools.islice(self._frames, number - self._at - 1, None), None)

    def _stamped(self, number: int) -> Any:
        """The frame with the time stamp of this number."""
        found = self._found(number) if 0 <= self._at < number < self._at + FAR else None
        for start in [*(max(0, number - back) for back in BACK), 0] if found is None else []:
            self._frames = self._from(start)
            found = self._found(number, check_first=start > 0)
            if found is not None:
                break
        return found

    def _found(self, number: int, check_first: bool = False) -> Any:
        """The next decoded frame with the wanted time stamp; None if there is none, or decoding began too late."""
        wanted, is_first = self.film.stamps[number], check_first
        for frame in self._frames:
            if is_first and not (frame.key_frame and frame.pts <= wanted):
                return None
            is_first = False
            if frame.pts >= wanted:
                return frame if frame.pts == wanted else None
        return None

    def _from(self, number: int) -> Iterator[Any]:
        """The decoded frames from about a number on; all of them from number 0 on."""
        av = optional("av", "films", "to read films")
        try:
            with av.open(str(self.film.file)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "NONE"
                if number:
                    container.seek(int(self.film.stamps[number]), stream=stream, backward=True)
                yield from (frame for frame in container.decode(stream) if frame.pts is not None)
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
