"""Files that are not ``.npz`` archives are called what they are, with what reads them."""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trisect.data.convert import convert


def write_file(folder: Path, name: str) -> Path:
    """A small file of the format that its name says."""
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, np.zeros(3))
    elif name.endswith((".zip", ".xlsx")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "text")
    elif name.endswith(".tar"):
        with tarfile.open(path, "w") as archive:
            archive.add(__file__, "a.txt")
    else:
        path.write_bytes(BYTES[name])
    return path


BYTES = {
    "a.parquet": b"PAR1....PAR1",
    "a.h5": b"\x89HDF\r\n\x1a\n....",
    "renamed.npz": b"\x89HDF\r\n\x1a\n....",
    "a.mp4": b"\x00\x00\x00\x18ftypmp42....",
    "a.csv": b"image_file,red\na.png,1\n",
    "pointer.npz": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n",
    "a.pkl": pickle.dumps([1]),
    "pickled.npz": pickle.dumps([1]),
    "a.tar.gz": b"\x1f\x8b........",
    "a.png": b"\x89PNG....",
    "a.json": b"{}",
    "a.pt": b"....",
}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.parquet", "what was intervened on must be said either by columns or by experiments; got neither"),
        ("a.h5", "the file '.*a.h5' must be a whole HDF5 file"),
        ("renamed.npz", "the file '.*renamed.npz' must be an .npz archive; got an HDF5 file"),
        ("a.npy", "got a single numpy array; put it into a folder with targets.npy"),
        ("a.mp4", "the film '.*a.mp4' must be beside one table that says what was intervened on; got no CSV"),
        ("a.csv", "what was intervened on must be said either by columns or by experiments; got neither"),
        ("pointer.npz", "got a Git LFS pointer, not the file itself; fetch the file with git lfs pull"),
        ("a.pkl", "got a pickle, which can run code when it is read"),
        ("pickled.npz", "got a pickle"),
        ("a.zip", "got a zip archive; unpack it and convert the folder"),
        ("a.xlsx", "got a spreadsheet; read it with pandas.read_excel"),
        ("a.tar", "got a compressed archive; unpack it"),
        ("a.tar.gz", "got a compressed archive; unpack it"),
        ("a.png", "got a picture; put a table beside it"),
        ("a.json", "got a JSON file"),
        ("a.pt", "got a PyTorch file"),
    ],
)
def test_a_file_is_called_what_it_is(tmp_path: Path, name: str, message: str) -> None:
    path = write_file(tmp_path, name)
    with pytest.raises(ValueError, match=message) as refused:
        convert(path, tmp_path / "out")
    assert "copy" not in str(refused.value) or name in ("a.csv", "a.h5", "a.parquet")


@pytest.mark.parametrize("name", ["a.xlsx", "a.mp4", "a.png"])
def test_a_folder_of_them_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    write_file(tmp_path / "in", name)
    with pytest.raises(FileNotFoundError, match=r"must be one with a recording; got 1 files of which each is a\w* "):
        convert(tmp_path / "in", tmp_path / "out")


def test_pointers_in_a_folder_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "train.npz").write_bytes(BYTES["pointer.npz"])
    with pytest.raises(ValueError, match="'.*train.npz' must be an .npz archive; got a Git LFS pointer"):
        convert(tmp_path, tmp_path / "out")


def test_an_archive_of_arrays_may_have_another_name(write, boxes, tmp_path: Path) -> None:
    file = write("mine", boxes()) / "mine.npz"
    renamed = file.rename(tmp_path / "mine.zip")
    assert len(convert(renamed, tmp_path / "out")["train"]) == 14


def test_a_missing_file_and_a_missing_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the file to convert must be there; got no file '.*nope.npz'; check"):
        convert(tmp_path / "nope.npz", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="the folder to convert must be a folder; got '.*nowhere'"):
        convert(tmp_path / "nowhere", tmp_path / "out")


def test_a_data_set_needs_no_conversion(write, boxes, tmp_path: Path) -> None:
    convert(write("train", boxes()), tmp_path / "out")
    with pytest.raises(ValueError, match="'.*out' holds a data set already: use it as it is"):
        convert(tmp_path / "out", tmp_path / "again")
