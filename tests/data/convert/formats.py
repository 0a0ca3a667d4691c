"""One small recording, and how people store it: a writer for every format, each with the format's own library."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from PIL import Image

NAMES = ("lamp", "cart")


@dataclass(frozen=True)
class Recorded:
    """A lamp above a cart on a rail, in episodes.

    Attributes:
        frames: (T, 16, 24, 3) uint8.
        targets: (T, 2) bool; row t led to frame t.
        factors: (T, 2) brightness of the lamp and place of the cart, in -1..1.
        starts: rows where episodes start.
    """

    frames: np.ndarray
    targets: np.ndarray
    factors: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def readings(self) -> np.ndarray:
        """Three sensors that mix the factors, (T, 3) float32."""
        return (self.factors @ np.array([[1.0, 0.5, -0.3], [-0.4, 1.0, 0.8]])).astype(np.float32)

    @property
    def episodes(self) -> list[slice]:
        """The rows of every episode."""
        return [slice(a, b) for a, b in zip(self.starts, [*self.starts[1:], len(self)])]

    @property
    def caused(self) -> np.ndarray:
        """The targets as a log of commands has them: row t led to frame t+1."""
        moved = np.zeros_like(self.targets)
        for rows in self.episodes:
            moved[rows.start : rows.stop - 1] = self.targets[rows.start + 1 : rows.stop]
        return moved


def record(lengths: tuple[int, ...] = (60, 40, 80), seed: int = 0) -> Recorded:
    rng, num = np.random.default_rng(seed), sum(lengths)
    starts = np.cumsum([0, *lengths[:-1]])
    targets = rng.random((num, 2)) < 0.2
    targets[starts] = False
    factors = np.zeros((num, 2))
    for t in range(num):
        before = np.zeros(2) if t in starts else factors[t - 1]
        factors[t] = np.where(targets[t], rng.uniform(-1, 1, 2), 0.9 * before + 0.05 * rng.normal(size=2))
    return Recorded(drawn(factors), targets, factors, starts)


def drawn(factors: np.ndarray) -> np.ndarray:
    frames = np.full((len(factors), 16, 24, 3), 40, np.uint8)
    near = np.exp(-((np.arange(24) - 12 - 9 * factors[:, 1:2]) ** 2) / 4)
    frames[:, 10:14, :, 0] += (200 * near[:, None]).astype(np.uint8)
    frames[:, :5, :, 2] += (100 + 100 * factors[:, 0].clip(-1, 1)).astype(np.uint8)[:, None, None]
    return frames


def log(recorded: Recorded) -> pandas.DataFrame:
    """A table with the targets, the truth and the episode of every row."""
    table = pandas.DataFrame(recorded.targets.astype(int), columns=list(NAMES))
    table[["light", "place"]] = recorded.factors
    table["episode"] = np.searchsorted(recorded.starts, np.arange(len(recorded)), side="right") - 1
    return table


def write_pictures(recorded: Recorded, folder: Path) -> dict[str, Any]:
    (folder / "frames").mkdir(parents=True)
    for row, frame in enumerate(recorded.frames):
        Image.fromarray(frame).save(folder / "frames" / f"{row}.png")
    log(recorded).to_csv(folder / "log.csv", index=False)
    return {"columns": {"targets": NAMES, "factors": ["light", "place"]}, "alignment": "effect"}


def write_film(recorded: Recorded, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    encode_film(recorded.frames, folder / "film.mkv", rate=25)
    log(recorded).to_parquet(folder / "log.parquet")
    return {"columns": {"targets": NAMES, "factors": ["light", "place"]}, "alignment": "effect"}


def encode_film(frames: np.ndarray, file: Path, rate: int = 25, codec: str = "ffv1") -> None:
    """A film without loss, or with a codec that has some."""
    import av

    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.options = {} if codec == "ffv1" else {"crf": "6"}
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def write_archives(recorded: Recorded, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    for number, rows in enumerate(recorded.episodes):
        arrays = {"images": recorded.frames[rows], "targets": recorded.targets[rows][1:], "keys": np.array(NAMES)}
        np.savez(folder / f"episode_{number}.npz", **arrays, latents=recorded.factors[rows])
    return {}


def write_arrays(recorded: Recorded, folder: Path) -> dict[str, Any]:
    for number, rows in enumerate(recorded.episodes):
        inside = folder / f"run{number}"
        inside.mkdir(parents=True)
        np.save(inside / "camera.npy", recorded.frames[rows])
        np.save(inside / "interventions.npy", recorded.targets[rows].astype(np.uint8))
        np.save(inside / "factors.npy", recorded.factors[rows])
        np.save(inside / "keys.npy", np.array(NAMES))
    return {"alignment": "effect"}


def write_robomimic(recorded: Recorded, folder: Path) -> dict[str, Any]:
    import h5py

    folder.mkdir()
    with h5py.File(folder / "demo.hdf5", "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = len(recorded)
        for number, rows in enumerate(recorded.episodes):
            demo = data.create_group(f"demo_{number}")
            demo.attrs["num_samples"] = rows.stop - rows.start
            demo["actions"] = recorded.caused[rows].astype(np.float64)
            demo["dones"] = np.zeros(rows.stop - rows.start, np.int64)
            demo["obs/agentview_image"] = recorded.frames[rows]
            demo["obs/readings"] = recorded.readings[rows]
            demo["states"] = recorded.factors[rows]
        file["mask/train"] = np.array([b"demo_0", b"demo_1"])
    columns = {"targets": ["actions"], "factors": ["states"], "image": "obs/agentview_image"}
    return {"columns": columns}


def write_d4rl(recorded: Recorded, folder: Path) -> dict[str, Any]:
    import h5py

    folder.mkdir()
    ends = np.zeros(len(recorded), bool)
    ends[[*(recorded.starts[1:] - 1), len(recorded) - 1]] = True
    with h5py.File(folder / "door.hdf5", "w") as file:
        file["observations"] = recorded.readings
        file["actions"] = recorded.caused.astype(np.float32)
        file["rewards"] = np.zeros(len(recorded))
        file["terminals"], file["timeouts"] = np.zeros(len(recorded), bool), ends
        file["infos/truth"] = recorded.factors
        file["metadata/algorithm"] = "none"
    return {"columns": {"targets": ["actions"], "factors": ["infos/truth"]}}


def write_zarr(recorded: Recorded, folder: Path) -> dict[str, Any]:
    import zarr

    root = zarr.open_group(str(folder), mode="w")
    data, meta = root.create_group("data"), root.create_group("meta")
    arrays = {"img": recorded.frames, "moved": recorded.targets.astype(np.float32), "truth": recorded.factors}
    for name, values in arrays.items():
        data.create_array(name, data=values, chunks=(50, *values.shape[1:]))
    meta.create_array("episode_ends", data=np.array([*recorded.starts[1:], len(recorded)], dtype=np.int64))
    return {"columns": {"targets": ["data/moved"], "factors": ["data/truth"]}, "alignment": "effect"}


def write_lerobot(recorded: Recorded, folder: Path, version: str = "v3.0", pictures: bool = False) -> dict[str, Any]:
    """The layout of LeRobot 2.1 or 3.0, with films or with pictures in Parquet."""
    kinds = {"observation.images.top": "image" if pictures else "video", "observation.state": "float32"}
    kinds |= {"action": "float32", "moved": "float32"}
    features: dict[str, Any] = {
        name: {"dtype": kind, "shape": [2], "names": list(NAMES)} for name, kind in kinds.items()
    }
    features["observation.images.top"] |= {"shape": [16, 24, 3], "names": ["height", "width", "channels"]}
    single = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64"}
    features |= {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in single.items()}
    data, film = (
        "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    )
    if version == "v2.1":
        data = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
        film = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    info = {"codebase_version": version, "fps": 10, "chunks_size": 1000, "data_path": data, "features": features}
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps(info | {"video_path": None if pictures else film}))
    table = _lerobot_rows(recorded, pictures)
    if version == "v2.1":
        for number, rows in enumerate(recorded.episodes):
            file = folder / data.format(episode_chunk=0, episode_index=number)
            _saved_film(
                recorded.frames[rows],
                folder / film.format(episode_chunk=0, episode_index=number, video_key="observation.images.top"),
                pictures,
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            table.iloc[rows].to_parquet(file, index=False)
    else:
        file = folder / data.format(chunk_index=0, file_index=0)
        file.parent.mkdir(parents=True)
        table.to_parquet(file, index=False)
        _saved_film(
            recorded.frames,
            folder / film.format(video_key="observation.images.top", chunk_index=0, file_index=0),
            pictures,
        )
        places = pandas.DataFrame({"episode_index": range(len(recorded.starts))})
        prefix = "videos/observation.images.top"
        places[f"{prefix}/chunk_index"] = places[f"{prefix}/file_index"] = 0
        places[f"{prefix}/from_timestamp"] = recorded.starts / 10
        (folder / "meta/episodes/chunk-000").mkdir(parents=True)
        places.to_parquet(folder / "meta/episodes/chunk-000/file-000.parquet")
    return {"columns": {"targets": ["moved"], "factors": ["observation.state"]}}


def _lerobot_rows(recorded: Recorded, pictures: bool) -> pandas.DataFrame:
    import io

    lengths = [rows.stop - rows.start for rows in recorded.episodes]
    within = np.concatenate([np.arange(length) for length in lengths])
    columns: dict[str, Any] = {
        "observation.state": list(recorded.factors.astype(np.float32)),
        "action": list(recorded.caused.astype(np.float32)),
        "moved": list(recorded.caused.astype(np.float32)),
        "timestamp": (within / 10).astype(np.float32),
        "frame_index": within,
        "episode_index": np.repeat(np.arange(len(lengths)), lengths),
        "index": np.arange(len(recorded)),
    }
    if pictures:
        files = [io.BytesIO() for _ in recorded.frames]
        for frame, file in zip(recorded.frames, files):
            Image.fromarray(frame).save(file, "PNG")
        columns["observation.images.top"] = [{"bytes": file.getvalue(), "path": "x.png"} for file in files]
    return pandas.DataFrame(columns)


def _saved_film(frames: np.ndarray, file: Path, pictures: bool) -> None:
    if not pictures:
        file.parent.mkdir(parents=True, exist_ok=True)
        encode_film(frames, file, rate=10, codec="libx264")


FORMATS: dict[str, Callable[[Recorded, Path], dict[str, Any]]] = {
    "pictures": write_pictures,
    "film": write_film,
    "npz": write_archives,
    "npy": write_arrays,
    "robomimic": write_robomimic,
    "zarr": write_zarr,
    "lerobot-2": lambda recorded, folder: write_lerobot(recorded, folder, "v2.1"),
    "lerobot-3": lambda recorded, folder: write_lerobot(recorded, folder, "v3.0"),
    "lerobot-2-pictures": lambda recorded, folder: write_lerobot(recorded, folder, "v2.1", pictures=True),
    "lerobot-3-pictures": lambda recorded, folder: write_lerobot(recorded, folder, "v3.0", pictures=True),
}
"""Name of a format with pictures -> writes a recording in it, and returns the options with which it is converted."""
