"""Large recordings do not fill the memory: frames stay bytes on disk, and become floats batch by batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FRAMES, SIDE = 12_000, 64
MEGABYTES = FRAMES * SIDE * SIDE * 3 / 2**20

SCRIPT = """
import json, resource, sys
from pathlib import Path
import numpy as np
import trisect, torch
from trisect.data import SequenceLoader
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small, large, out = map(Path, sys.argv[1:])

def use(folder, out):
    data = trisect.convert(folder, out)
    loader = SequenceLoader(data.recording("train"), data.targeted, batch_size=64)
    for k in range(loader.batches_per_epoch):
        batch = loader.batch(k)
    return data, batch

use(small, out / "read small")
before = peak()
data, batch = use(large, out / "read large")
observations = data["train"].observations
print(json.dumps({
    "rise": peak() - before, "stored": str(observations.dtype), "mapped": isinstance(observations, np.memmap),
    "batch": str(batch.observations.dtype),
}))
"""


def saved(folder: Path, num: int) -> Path:
    """An ``.npz`` file of ``num`` frames."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (num, SIDE, SIDE, 3), dtype=np.uint8)
    np.savez(folder / "train.npz", images=frames, targets=rng.random((num - 1, 2)) < 0.2, keys_targets=["a", "b"])
    return folder


@pytest.mark.slow
def test_converting_and_reading_a_large_file_takes_less_than_one_and_a_half_times_its_bytes(tmp_path: Path) -> None:
    arguments = [saved(tmp_path / "small", 200), saved(tmp_path / "large", FRAMES), tmp_path]
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert child.returncode == 0, child.stderr
    seen = json.loads(child.stdout.splitlines()[-1])
    assert seen["stored"] == "uint8" and seen["mapped"] and seen["batch"] == "torch.float32"
    assert seen["rise"] < 1.5 * MEGABYTES, seen
