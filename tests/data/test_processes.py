"""Worker processes, started from scripts as users write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PLAIN = """
import sys
from trisect.data.generate import generate
from trisect.worlds import make
generate({world}, sys.argv[1], num_frames=40, seed=0, splits={{}}, workers=2)
print("done")
"""
DEFINED = "import trisect.worlds.ball_in_boxes as b\nclass Mine(b.BallInBoxes):\n    pass\n"


def ran(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A script without a guard, run to its end."""
    (folder / "script.py").write_text(script)
    command = [sys.executable, folder / "script.py", folder / "out"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_script_without_a_guard_may_use_workers(tmp_path: Path) -> None:
    done = ran(tmp_path, PLAIN.format(world="make('ball_in_boxes')"))
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr


def test_a_world_of_such_a_script_needs_the_guard_and_the_error_says_so(tmp_path: Path) -> None:
    done = ran(tmp_path, DEFINED + PLAIN.format(world="Mine()"))
    assert done.returncode == 1 and "guard the call, or pass workers=1 (--workers 1)" in done.stderr


LIGHTS = "import sys; sys.path.insert(0, {root!r})\nfrom tests.lights import SET, Lights\n"
RECORDING = """
from trisect.data import Recorder
{definition}
{guard}Recorder({environment}, SET, size=None).record(frames=60, out=sys.argv[1], seed=0, splits={{}}, workers=2)
print("done")
"""
MAKE = "def make():\n    return Lights()"


@pytest.mark.parametrize(
    ("definition", "environment", "guard", "works"),
    [("", "Lights", "", True), (MAKE, "make", "if __name__ == '__main__': ", True), (MAKE, "make", "", False)],
)
def test_a_recording_needs_the_guard_only_for_what_the_script_defines(
    definition: str, environment: str, guard: str, works: bool, tmp_path: Path
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    script = LIGHTS.format(root=root) + RECORDING.format(definition=definition, environment=environment, guard=guard)
    done = ran(tmp_path, script)
    assert (done.returncode == 0) is works, done.stderr
    assert works or "guard the call, or pass workers=1 (--workers 1)" in done.stderr
