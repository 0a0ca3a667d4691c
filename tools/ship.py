"""Put the model of a finished and evaluated run into the package, with a card, for `trisect.models.pretrained`.

python tools/ship.py runs/pong pong                     # replaces the model of that name, if there is one
python tools/ship.py runs/pong pong --data data/pong    # if the run's data set lies elsewhere now
python tools/ship.py runs/a b --autoencoder-data data/c # if the data set of a reused autoencoder does
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from model_card import card

import trisect
from trisect import checks
from trisect.data import Dataset
from trisect.data.dataset import training_splits
from trisect.data.fingerprint import data_hash
from trisect.runs.run import Run
from trisect.runs.shipped import CARD, FOLDER

LARGEST = 15_000_000
"""Bytes of a model with its card."""


def ship(
    folder: Path, name: str, data_path: Path | None, autoencoder_path: Path | None = None, into: Path = FOLDER
) -> Path:
    """Export a run and write the card beside it.

    Args:
        folder: folder of the run.
        name: name of the model: lower-case letters, digits and hyphens.
        data_path: folder of the run's data set; None: its folder during training.
        autoencoder_path: folder of the data set that a reused autoencoder was trained on; None: its folder during
            training.
        into: the folder of all models.

    Returns:
        The model's folder; it stays unchanged if an error occurs.

    Raises:
        FileNotFoundError: the folder has no finished run.
        ValueError: the run has no report, the data are missing or not those of the run, or the model is too large.
    """
    checks.require(re.fullmatch("[a-z0-9][a-z0-9-]*", name) is not None, "the name", "like ball-in-boxes", repr(name))
    run = trisect.load_run(folder)
    data = _data_of(run, data_path or run.data_path, run.data_hash, "data")
    autoencoder_data = _data_of_autoencoder(run, autoencoder_path)
    with_card = into / f".{name}"
    shutil.rmtree(with_card, ignore_errors=True)
    try:
        described = trisect.export(run, with_card)
        has_scores, todo = described["scores"] is not None, "call trisect evaluate first"
        checks.require(has_scores, f"the run in {folder}", "evaluated", "no report", todo)
        (with_card / CARD).write_text(card(name, run, described, data, autoencoder_data), encoding="utf-8")
        size = sum(file.stat().st_size for file in with_card.iterdir())
        checks.require(size <= LARGEST, "the size of the model", f"at most {LARGEST} bytes", size)
        shutil.rmtree(into / name, ignore_errors=True)
        return with_card.rename(into / name)
    finally:
        shutil.rmtree(with_card, ignore_errors=True)


def _data_of_autoencoder(run: Run, path: Path | None) -> Dataset | None:
    """The data set that a reused autoencoder was trained on; None if the run reuses none."""
    if run.reused is None:
        return None
    stored = run.reused["data"]
    former_path = None if stored["path"] is None else Path(stored["path"])
    return _data_of(run, path or former_path, stored["hash"], "autoencoder-data")


def _data_of(run: Run, path: Path | None, expected_hash: str, flag: str) -> Dataset:
    """Load a data set of the run, and check its hash."""
    exists = path is not None and path.exists()
    kind, todo = flag.replace("-", " "), f"generate them again and pass --{flag}"
    checks.require(exists, f"the {kind} of the run", "where the run has them", f"nothing at {path}", todo)
    data = trisect.load(str(path))
    actual_hash = data_hash(list(training_splits(data)))
    checks.require(actual_hash == expected_hash, f"the {kind} in {path}", f"those of {run.folder}", "others", todo)
    return data


def main() -> None:
    """Ship the run of the command line and print its card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--autoencoder-data", type=Path, default=None)
    args = parser.parse_args()
    shipped = ship(args.run, args.name, args.data, args.autoencoder_data)
    print((shipped / CARD).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
