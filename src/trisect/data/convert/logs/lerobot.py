"""Data sets of LeRobot, formats 2 and 3: tables in Parquet files, and a film, or pictures, for every camera.

| format | an episode's rows | its film |
|---|---|---|
| 2.0, 2.1 | a Parquet file per episode | a file per episode and camera |
| 3.0 | part of a Parquet file | part of a file, from ``videos/CAMERA/from_timestamp`` on |

``meta/info.json`` says where the files lie and which columns there are. Row t holds what was observed at frame t and
the action that then led to frame t+1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks, sealed
from trisect.data.convert.logs.exported import TODO, found_exported, starts_of
from trisect.data.convert.logs.films import FilmPictures, nearest, read_film
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.parquet import ParquetPictures, read_parquet
from trisect.data.convert.logs.pictures import JoinedPictures, Pictures, Size
from trisect.data.convert.logs.roles import Columns
from trisect.data.convert.logs.table import Table
from trisect.data.convert.logs.trees import evident
from trisect.data.convert.options import Options
from trisect.data.export.facts import KEY, Facts
from trisect.files import reading
from trisect.requirements import optional

INFO = "meta/info.json"
AGAIN = "copy the data set again"
EPISODE, TIME = "episode_index", "timestamp"
FIELD = r"\{\w+(:0?\d{1,2}d)?\}"
"""A field in the pattern of a path."""
PICTURES = ("video", "image")


def is_lerobot(folder: Path) -> bool:
    """Whether a folder holds a data set of LeRobot."""
    return (folder / INFO).is_file() and (folder / "data").is_dir()


def read_lerobot(folder: Path, options: Options) -> Found:
    """The data set in a folder; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    info = sealed.read_json(folder / INFO, "codebase_version", "features", todo=AGAIN)
    with reading(folder / INFO, AGAIN):
        version, features = str(info["codebase_version"]), {name: dict(each) for name, each in info["features"].items()}
        must, todo = "2 or 3", "convert it with LeRobot's own scripts"
    checks.require(version.startswith(("v2", "v3")), f"the format of '{folder}'", must, version, todo)
    files = sorted((folder / "data").rglob("*.parquet"))
    checks.require(bool(files), f"the folder '{folder / 'data'}'", "one with Parquet files", "none", "copy it again")
    names = {name: _names(feature) for name, feature in features.items() if feature.get("names")}
    table = read_parquet(files, f"'{folder.name}'", {name: each for name, each in names.items() if each})
    starts = starts_of(table)
    with reading(folder / INFO, AGAIN):
        cameras = _cameras(folder, info, features, table, options.size)
        facts = Facts.from_json(info[KEY]) if KEY in info else None
    log = Log(folder.name, table, cameras, starts)
    if facts is not None:
        return found_exported(f"a LeRobot data set ({version})", _splits(log, facts), facts, options)
    said = [f"{len(starts)} episodes at {info.get('fps', '?')} frames per second"]
    return Found(f"a LeRobot data set ({version})", [log], evident(options.columns or Columns(), log), "cause", said)


def _splits(log: Log, facts: Facts) -> dict[str, Log]:
    """Split -> its rows; the splits follow each other."""
    ends = np.cumsum([split.rows for split in facts.splits.values()])
    must = f"{ends[-1]}, as the key '{KEY}' of {INFO} says"
    checks.require(len(log.table) == ends[-1], f"the number of rows of {log.table.what}", must, len(log.table), TODO)
    return {
        name: log.rows(np.arange(stop - split.rows, stop)) for (name, split), stop in zip(facts.splits.items(), ends)
    }


def _names(feature: Mapping[str, Any]) -> list[str]:
    """The names of a feature's numbers, as the data set gives them; none if they do not fit."""
    names = feature.get("names")
    if isinstance(names, Mapping):
        names = next((each for each in names.values() if isinstance(each, list)), None)
    width = int(np.prod(feature.get("shape", [1])))
    fits = isinstance(names, list) and len({str(each).strip() for each in names}) == width == len(names)
    return [str(each) for each in names] if isinstance(names, list) and fits else []


def _cameras(
    folder: Path, info: Mapping[str, Any], features: Mapping[str, Any], table: Table, size: Size | None
) -> dict[str, Pictures]:
    """The pictures of every camera."""
    cameras: dict[str, Pictures] = {}
    rate = checks.in_range(info.get("fps"), f"the fps in '{folder / INFO}'", 0, math.inf, open_low=True)
    for name, feature in features.items():
        if feature.get("dtype") == "image" or (feature.get("dtype") == "uint8" and len(feature["shape"]) == 3):
            cameras[name] = ParquetPictures(sorted((folder / "data").rglob("*.parquet")), name, size)
        elif feature.get("dtype") == "video":
            cameras[name] = _films(folder, {**info, "fps": rate}, name, table, size)
    return cameras


def _films(folder: Path, info: Mapping[str, Any], camera: str, table: Table, size: Size | None) -> Pictures:
    """The frames of a camera's films, one per row."""
    episodes, times = table.numbers([EPISODE, TIME]).T
    places = _places(folder, info, camera, np.unique(episodes))
    parts: list[Pictures] = []
    for file in dict.fromkeys(file for file, _ in places.values()):
        inside, must = file.resolve().is_relative_to(folder.resolve()), "within the data set"
        checks.require(inside, f"the film '{file}' of {INFO}", must, "a path that leaves it", AGAIN)
        if not file.is_file():
            message = checks.sentence(f"the film '{file}'", f"there, as {INFO} says", "no file", "copy it again")
            raise FileNotFoundError(message)
        film = read_film(file)
        rows = np.isin(episodes, [episode for episode, (other, _) in places.items() if other == file])
        wanted = times[rows] + np.array([places[int(episode)][1] for episode in episodes[rows]])
        numbers = nearest(film.times, wanted)
        apart = float(np.abs(film.times[numbers] - wanted).max())
        must, got = "one with a frame at the time of every row", f"none within {apart:.2f} s of some rows"
        checks.require(apart < 0.5 / info["fps"], f"the film '{file}'", must, got, "copy it again")
        parts.append(FilmPictures(film, numbers, size))
    return JoinedPictures(parts)


def _places(folder: Path, info: Mapping[str, Any], camera: str, episodes: np.ndarray) -> dict[int, tuple[Path, float]]:
    """Episode -> its film, and the time at which it begins there."""
    pattern = str(info["video_path"])
    must, todo = "made of plain fields, such as {episode_index:06d}", AGAIN
    plain = (
        len(pattern) < 1000
        and re.sub(FIELD, "", pattern).isprintable()
        and not re.search(r"[{}]", re.sub(FIELD, "", pattern))
    )
    checks.require(plain, f"the video_path in '{folder / INFO}'", must, checks.quoted(pattern, 80), todo)
    if not str(info["codebase_version"]).startswith("v3"):
        chunk = checks.positive_int(info.get("chunks_size"), f"the chunks_size in '{folder / INFO}'")
        names = {
            int(k): pattern.format(episode_chunk=int(k) // chunk, episode_index=int(k), video_key=camera)
            for k in episodes
        }
        return {episode: (folder / name, 0.0) for episode, name in names.items()}
    pandas = optional("pandas", "lerobot", "to read data sets of LeRobot")
    files = sorted((folder / "meta" / "episodes").rglob("*.parquet"))
    columns = [f"videos/{camera}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
    must = "there, as in format 3"
    checks.require(bool(files), f"the tables in '{folder / 'meta' / 'episodes'}'", must, "none", AGAIN)
    try:
        rows = pandas.concat([pandas.read_parquet(file, columns=["episode_index", *columns]) for file in files])
    except (ValueError, OSError, KeyError) as error:
        what, got = f"the tables in '{folder / 'meta' / 'episodes'}'", checks.shown(str(error).splitlines()[0], 100)
        raise ValueError(checks.sentence(what, "whole", got, AGAIN)) from error
    return {
        int(episode): (
            folder / pattern.format(chunk_index=int(chunk), file_index=int(file), video_key=camera),
            float(start),
        )
        for episode, chunk, file, start in rows.itertuples(index=False, name=None)
    }
