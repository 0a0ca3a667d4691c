from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.runs.test_train import tiny, vectors

import trisect
from trisect.cli import main
from trisect.data.store import save
from trisect.recipes import citris_nf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, a run on it, evaluated, and its export."""
    folder = tmp_path_factory.mktemp("made")
    save(vectors(), folder / "data")
    trisect.train(tiny(citris_nf()), folder / "data", folder / "run", progress=False)
    trisect.evaluate(folder / "run", quick=True)
    trisect.export(folder / "run", folder / "export")
    return folder


def test_everything_that_was_made_is_intact_and_only_logs_have_no_digest(made: Path) -> None:
    verification = trisect.verify(made)
    assert not verification.damaged
    assert all("tensorboard" in name or "csv" in name for name in verification.unchecked)
    for name in ("data/meta.json", "data/train/observations.npy", "run/run.json", "run/model.safetensors",
                 "run/flow/last.ckpt", "run/report.html", "run/report.json", "export/model.json"):  # fmt: skip
        assert name in verification.intact


def test_every_damaged_file_is_named(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in trisect.verify(made).intact:
        file = made / name
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 4
        original = file.read_bytes()
        file.write_bytes(content)
        assert list(trisect.verify(made).damaged) == [name]
        file.write_bytes(original)
    assert main(["verify", str(made)]) == 0 and "files are as they were written" in capsys.readouterr().out


def test_a_missing_array_is_named_and_the_exit_code_is_1(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(vectors(), tmp_path / "data")
    (tmp_path / "data" / "val" / "targets.npy").unlink()
    assert main(["verify", str(tmp_path / "data")]) == 1
    assert "damaged: val/targets.npy: no such file" in capsys.readouterr().out


def test_files_of_earlier_versions_are_unchecked(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"recipe": {}}))
    verification = trisect.verify(tmp_path)
    assert verification.unchecked == ("run.json",) and "1 files have no digest: run.json" in str(verification)


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="must be a file, or a folder with files; got an empty folder"):
        trisect.verify(tmp_path)
    with pytest.raises(FileNotFoundError, match="got nothing there"):
        trisect.verify(tmp_path / "nope")


def test_a_damaged_byte_of_the_data_stops_a_training_and_names_the_file(tmp_path: Path) -> None:
    save(vectors(), tmp_path / "data")
    file = tmp_path / "data" / "train" / "observations.npy"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"train/observations\.npy' must be unchanged since it was written"):
        trisect.train(tiny(citris_nf()), tmp_path / "data", tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
