"""Peak memory and frames per CPU-second of `trisect convert` on long recordings, each in a separate process.

    python benchmarks/converting.py film FOLDER      # 100,000 frames of 320x240, H.264, beside a list of events
    python benchmarks/converting.py arrays FOLDER    # 50 GB of frames 256x256 in .npy (a sparse file), beside targets
    python benchmarks/converting.py pictures FOLDER  # 20,000 PNG files of 128x128 beside a table

FOLDER is made and filled once; the data set that the conversion makes is removed again. The pictures are reduced to
64x64. Memory is the largest resident size of the process; the pages of a memory-mapped file that the system keeps count
in it, though the system can take them back at any time, so the anonymous part is given too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas

SIDE = 64
FILM, ARRAYS, PICTURES = 100_000, 254_313, 20_000


def drawn(numbers: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames (N, height, width, 3) uint8 in which a bright bar stands where the number says."""
    frames = np.full((len(numbers), height, width, 3), 60, np.uint8)
    for frame, number in zip(frames, numbers):
        left = int(number * 7) % (width - 20)
        frame[height // 3 : height // 2, left : left + 20] = (220, 180, 40)
    return frames


def film(folder: Path) -> None:
    """A film, and a list of what happened when."""
    import av

    with av.open(str(folder / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for first in range(0, FILM, 500):
            for frame in drawn(np.arange(first, first + 500), 240, 320):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.uniform(0, FILM / 25, FILM // 10))
    log = pandas.DataFrame({"time": seconds, "what": rng.choice(["lamp", "cart"], len(seconds))})
    log.to_csv(folder / "log.csv", index=False)


def arrays(folder: Path) -> None:
    """Frames in a sparse file: it claims 50 GB, of which the disk holds almost nothing."""
    np.lib.format.open_memmap(folder / "camera.npy", "w+", np.uint8, (ARRAYS, 256, 256, 3))[0] = 255
    np.save(folder / "targets.npy", np.random.default_rng(0).random((ARRAYS - 1, 3)) < 0.1)


def pictures(folder: Path) -> None:
    """A folder of pictures, and a table."""
    from PIL import Image

    (folder / "frames").mkdir()
    for number in range(PICTURES):
        Image.fromarray(drawn(np.array([number]), 128, 128)[0]).save(folder / "frames" / f"{number}.png")
    moved = np.random.default_rng(0).random((PICTURES, 2)) < 0.1
    pandas.DataFrame(moved.astype(int), columns=["lamp", "cart"]).to_csv(folder / "log.csv", index=False)


PARTS: dict[str, tuple[Callable[[Path], None], int, list[str]]] = {
    "film": (film, FILM, ["--targets", "what"]),
    "arrays": (arrays, ARRAYS, []),
    "pictures": (pictures, PICTURES, ["--targets", "lamp,cart", "--alignment", "effect"]),
}
"""What writes a recording, its number of frames, and the flags with which it is converted."""


def anonymous_mb() -> float:
    """Memory of this process that is not part of a file, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


def convert(folder: Path, flags: list[str]) -> None:
    """Convert in this process, and print its memory and time."""
    from trisect.cli import main

    anonymous, done = [anonymous_mb()], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            anonymous.append(anonymous_mb())

    threading.Thread(target=watch, daemon=True).start()
    out = folder.parent / f"{folder.name}-converted"
    before = time.process_time()
    code = main(["convert", str(folder), "--out", str(out), "--size", str(SIDE), *flags])
    seconds = time.process_time() - before
    done.set()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shutil.rmtree(out, ignore_errors=True)
    assert code == 0
    print(f"{seconds:.0f} CPU-s, peak {peak:.0f} MB, of which anonymous {max(anonymous):.0f} MB")


def main() -> None:
    """Make the recording if it is not there, and convert it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--here", action="store_true", help="convert in this process; used by the command itself")
    args = parser.parse_args()
    write, number, flags = PARTS[args.part]
    if args.here:
        return convert(args.folder, flags)
    if not args.folder.exists():
        partial = args.folder.with_name(f"{args.folder.name}.making")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        partial.rename(args.folder)
    command = [sys.executable, __file__, args.part, str(args.folder), "--here"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ)
    said = done.stdout.strip().splitlines()[-1]
    seconds = float(said.split()[0])
    print(f"{args.part}: {number:,} frames, {number / max(seconds, 1e-9):,.0f} per CPU-s, {said}")
    return None


if __name__ == "__main__":
    main()
