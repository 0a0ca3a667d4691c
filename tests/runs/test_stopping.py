"""Ctrl-C and SIGTERM during a training by the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.runs.test_train import vectors

from trisect import load_run
from trisect.cli import main
from trisect.data.store import save
from trisect.models.weights import weights_hash

pytestmark = pytest.mark.slow

STEPS = 400


def command(folder: Path, out: str, *more: str) -> list[str]:
    settings = {"steps": STEPS, "validate_every": 20, "checkpoint_every": 100_000, "logger": "null"}
    flags = [f"--flow_training.{name}={value}" for name, value in settings.items()]
    flags += ["--flow_batch_size", "64"]
    paths = ["--data", str(folder / "data"), "--out", str(folder / out)]
    return ["train", "citris-nf-vectors", *paths, *flags, *more]


def stopped(folder: Path, number: signal.Signals) -> tuple[int, str]:
    """Exit code and last line of a training that gets a signal while it trains the flow."""

    def as_on_a_terminal() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it

    words = [sys.executable, "-m", "trisect", *command(folder, "run")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=as_on_a_terminal) as process:
        deadline = time.monotonic() + 120
        while not (folder / "run" / "flow" / "best.ckpt").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_ends_a_training_with_a_checkpoint_and_a_sentence(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    save(vectors(), tmp_path / "data")
    returned, errors = stopped(tmp_path, number)
    assert returned == code, errors
    last = errors.strip().splitlines()[-1]
    assert last == f"trisect train: {word}; nothing is lost: run the same command with --resume to continue"
    assert "training stops after step" in errors and "Traceback" not in errors
    assert (tmp_path / "run" / "flow" / "last.ckpt").exists() and not (tmp_path / "run" / ".lock").exists()
    if number == signal.SIGINT:
        return  # what follows is the same after either signal
    for arguments in (command(tmp_path, "run", "--resume"), command(tmp_path, "whole")):
        assert main([*arguments, "--quiet"]) == 0
    resumed, whole = load_run(tmp_path / "run"), load_run(tmp_path / "whole")
    assert weights_hash(resumed.model) == weights_hash(whole.model)
