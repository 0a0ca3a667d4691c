"""Worlds draw their own frames: no plotting library, no renderer to install, no growing memory, no shared seed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.cli import main
from trisect.data.generate import generate
from trisect.worlds import make

WITHOUT = """
import sys
for name in ("matplotlib", "bpy", "PIL", "cv2"):
    sys.modules[name] = None
from trisect.data.generate import generate
from trisect.worlds import make
generate(make(sys.argv[1]), sys.argv[2], num_frames=60, seed=3)
"""

MEASURE = """
import json, sys, resource
from trisect.data.generate import generate
from trisect.worlds import make
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
generate(make("pong"), sys.argv[1] + "/short", num_frames=1000, seed=0)
before = peak()
generate(make("pong"), sys.argv[1] + "/long", num_frames=20000, seed=0)
print(json.dumps({"rise": peak() - before}))
"""


def in_a_child(script: str, *arguments: str) -> str:
    """Run a script in another process; returns what it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment)
    assert child.returncode == 0, child.stderr
    return child.stdout


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*.npy")
    }


@pytest.mark.parametrize("world", ["ball_in_boxes", "pong"])
def test_frames_do_not_depend_on_plotting_libraries(tmp_path: Path, world: str) -> None:
    in_a_child(WITHOUT, world, str(tmp_path / "without"))
    generate(make(world), tmp_path / "with", num_frames=60, seed=3)
    assert hashes(tmp_path / "without") == hashes(tmp_path / "with") != {}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    rise = json.loads(in_a_child(MEASURE, str(tmp_path)))["rise"]
    stored = sum(file.stat().st_size for file in (tmp_path / "long").rglob("*.npy")) / 2**20
    assert stored > 60 and rise < 0.6 * stored, (rise, stored)


def test_the_rate_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "ball-in-boxes", "--frames", "5000", "--out", str(tmp_path / "boxes")]) == 0
    assert "per second" in capsys.readouterr().err
    assert len(trisect.load(tmp_path / "boxes")["train"]) == 5000


def test_no_frame_of_noise_is_drawn_twice(tmp_path: Path) -> None:
    """Processes that share a seed would repeat each other's episodes."""
    data = generate(make("linear"), tmp_path / "one", num_frames=4000, seed=0, workers=1)
    observations = np.asarray(data["train"].observations)
    assert len(np.unique(observations, axis=0)) == len(observations)
