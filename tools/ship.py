"""Put the model of a finished and evaluated run into the package, with a card, for `trisect.models.pretrained`.

python tools/ship.py runs/pong pong                     # in place of the model of that name, if there is one
python tools/ship.py runs/pong pong --data data/pong    # if the run's data set lies elsewhere now
python tools/ship.py runs/a b --autoencoder-data data/c # if that of an autoencoder taken from another run does
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
from trisect.methods import stages
from trisect.runs.shipped import CARD, FOLDER
from trisect.runs.train import Run

LARGEST = 15_000_000
"""Bytes of a model with its card."""


def ship(
    folder: Path, name: str, data_path: Path | None, autoencoder_path: Path | None = None, into: Path = FOLDER
) -> Path:
    """Export a run and write the card beside it.

    Args:
        folder: of the run.
        name: lower-case letters, digits and hyphens.
        data_path: where the run's data set lies; None: where it was.
        autoencoder_path: where the data set lies that an autoencoder taken from another run was trained on; None:
            where it was.
        into: the folder of all models.

    Returns:
        The model's folder; nothing changes there if anything goes wrong before.

    Raises:
        FileNotFoundError: no finished run is there.
        ValueError: a run without a report, data that are not there or not the run's, or too large a model.
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
    """The data set that an autoencoder taken from another run was trained on; None where there is none."""
    if run.taken is None:
        return None
    stored = run.taken["data"]
    there = None if stored["path"] is None else Path(stored["path"])
    return _data_of(run, path or there, stored["hash"], "autoencoder-data")


def _data_of(run: Run, path: Path | None, wanted: str, flag: str) -> Dataset:
    """A data set of the run, known again by its hash."""
    found = path is not None and path.exists()
    kind, todo = flag.replace("-", " "), f"generate them again and pass --{flag}"
    checks.require(found, f"the {kind} of the run", "where the run has them", f"nothing at {path}", todo)
    data = trisect.load(str(path))
    now = stages.data_hash(list(stages.training_splits(data)))
    checks.require(now == wanted, f"the {kind} in {path}", f"those of {run.folder}", "others", todo)
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
