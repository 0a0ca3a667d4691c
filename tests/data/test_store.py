"""Data folders: saved data are loaded unchanged, and damage is named."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

import trisect
from trisect import sealed
from trisect.data import Dataset, load, make_triplets, save, simulate, verify
from trisect.worlds import make


@pytest.fixture
def data():
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    splits = {"train": simulate(world, 120, rng, episode_length=50), "test_triplets": make_triplets(world, 10, rng)}
    return Dataset(splits, {"seed": 0})


@pytest.fixture
def folder(data, tmp_path):
    return save(data, tmp_path / "boxes")


def test_saved_is_loaded(data, folder):
    again = trisect.load(folder)
    assert again.variables == data.variables and again.source == {"seed": 0} and list(again) == list(data)
    for array in ("observations", "targets", "factors", "episode_starts"):
        assert np.array_equal(getattr(again["train"], array), getattr(data["train"], array)), array
    assert np.array_equal(again["test_triplets"].from_second, data["test_triplets"].from_second)
    assert again["train"].actions is None


def test_frames_are_memory_mapped_and_read_only(folder):
    observations = load(folder)["train"].observations
    assert isinstance(observations, np.memmap) and not observations.flags.writeable


def test_vectors_and_actions_are_kept(counted, tmp_path):
    from dataclasses import replace

    recording = replace(counted, factors=None, actions=np.ones((30, 2)))
    again = load(save(Dataset({"train": recording}), tmp_path / "vectors"))["train"]
    assert again.factors is None and again.actions.shape == (30, 2) and again.observations.dtype == np.float32


def test_verify_finds_a_changed_byte(folder):
    verify(folder)
    file = folder / "train" / "observations.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"train/observations\.npy changed"):
        verify(folder)


def test_a_folder_is_never_overwritten(data, folder):
    with pytest.raises(FileExistsError, match="the output folder must be new"):
        save(data, folder)


def test_a_path_without_a_name_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileExistsError, match=r"must be new; got '\.', which exists"):
        save(data, ".")


def test_a_foreign_partial_folder_is_left_alone(data, tmp_path):
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="move it away"):
        save(data, tmp_path / "out")
    assert (tmp_path / "out.partial" / "thesis.txt").read_text() == "mine"


def test_missing_and_unfinished_folders_get_different_messages(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        load(tmp_path / "nothing")
    (tmp_path / "half.partial").mkdir()
    for name in ("half", "half.partial"):
        with pytest.raises(FileNotFoundError, match="the writing was interrupted"):
            load(tmp_path / name)
    np.savez(tmp_path / "train.npz", images=np.zeros(3))
    with pytest.raises(FileNotFoundError, match="trisect convert"):
        load(tmp_path)


def edit_meta(folder, change):
    stored = sealed.read_json(folder / "meta.json")
    change(stored)
    (folder / "meta.json").write_text(json.dumps(stored))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta: meta.update(format="zip"), "'format' in"),
        (lambda meta: meta.update(format_version=99), "update trisect"),
        (lambda meta: meta.update(format_version=-1), "an integer from 1 to 1; got -1"),
        (lambda meta: meta.update(format_version=True), "an integer from 1 to 1; got True"),
        (lambda meta: meta.pop("variables"), "complete and undamaged"),
        (lambda meta: meta.update(splits=3), "complete"),
        (lambda meta: meta["splits"]["train"].update(kind="movie"), "kind of split 'train'"),
        (lambda meta: meta["splits"]["train"]["arrays"].pop("targets"), "complete"),
        (lambda meta: meta["splits"]["train"]["arrays"].update({"../secret": {}}), "an array of split 'train'"),
        (lambda meta: meta["splits"].update({"../train": meta["splits"]["train"]}), "the name of a split"),
        (lambda meta: meta["splits"]["train"]["arrays"]["targets"].update(shape=[1, 3]), "the array in"),
        (lambda meta: meta.update(source=3), "complete"),
    ],
)
def test_damaged_meta_is_refused(folder, change, message):
    edit_meta(folder, change)
    with pytest.raises(ValueError, match=message):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta.pop("splits"),
        lambda meta: meta["splits"]["train"].pop("arrays"),
        lambda meta: meta["splits"]["train"]["arrays"]["targets"].pop("sha256"),
    ],
)
def test_verifying_with_a_damaged_meta_is_refused(folder, change):
    edit_meta(folder, change)
    with pytest.raises(ValueError, match=r"meta.json' must be complete and undamaged"):
        verify(folder)


def test_meta_that_is_not_json_is_refused(folder):
    (folder / "meta.json").write_text('{"format": ')
    with pytest.raises(ValueError, match="must be JSON"):
        load(folder)


def test_a_cut_or_missing_array_is_named(folder):
    file = folder / "train" / "observations.npy"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"observations.npy' must be a complete .npy array"):
        load(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"observations.npy' must be there"):
        load(folder)


class Malicious:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


def test_pickled_arrays_are_refused_and_not_run(folder, tmp_path):
    np.save(folder / "train" / "targets.npy", np.array([Malicious(tmp_path / "trace")], dtype=object))
    with pytest.raises(ValueError, match=r"targets.npy' must be numbers or text; got pickled objects"):
        load(folder)
    assert not (tmp_path / "trace").exists()


def zipped():
    content = io.BytesIO()
    np.savez(content, targets=np.zeros((120, 3), bool))
    return content.getvalue()


def with_header(header):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUM", zipped(), with_header(b"{'descr': '|b1', 'shape': (\n"), with_header(b"\xff" * 64)]
)
def test_files_that_are_not_arrays_are_named(folder, content):
    (folder / "train" / "targets.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"targets.npy' must be a complete .npy array"):
        load(folder)
