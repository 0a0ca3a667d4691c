"""Published checkpoints as run folders: the same model as from the file, and scored like any other run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import trisect
from trisect.cli import main
from trisect.data import split
from trisect.models.published import load
from trisect.recipes import import_checkpoint, load_causal_encoder
from trisect.runs.run import Run, load_run

TUTORIAL = ["x", "y", "z", "alpha", "beta", "spot_rotation", "hue_object", "hue_spot", "hue_background", "shape"]


def golden(shared: Path, name: str) -> Path:
    return shared / "golden" / f"{name}.ckpt"


@pytest.mark.parametrize("name", ["CITRISNF", "CITRISVAE", "CITRISNF_tutorial"])
def test_the_run_holds_the_model_of_the_file(shared: Path, tmp_path: Path, name: str) -> None:
    run, model = import_checkpoint(golden(shared, name), tmp_path / "run"), load(golden(shared, name))
    assert isinstance(run, Run)
    ours, theirs = run.model.state_dict(), model.state_dict()
    assert set(ours) == set(theirs) and all(torch.equal(ours[key], theirs[key]) for key in ours)
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    again = load_run(tmp_path / "run")
    assert torch.equal(again.model.encode(frames), model.encode(frames))  # type: ignore[union-attr]
    assert again.recipe.method == ("citris-vae" if name == "CITRISVAE" else "citris-nf")
    assert not again.model.training


def test_a_causal_encoder_is_imported_too(shared: Path, tmp_path: Path) -> None:
    import_checkpoint(golden(shared, "CausalEncoder"), tmp_path / "encoder")
    loaded, model = load_causal_encoder(tmp_path / "encoder").model, load(golden(shared, "CausalEncoder"))
    frames = torch.rand(4, 3, 64, 64) * 2 - 1
    assert torch.equal(loaded.predict(frames), model.predict(frames))  # type: ignore[union-attr]
    assert loaded.factors == model.factors  # type: ignore[union-attr]


def test_an_autoencoder_alone_is_refused_with_what_to_do(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a complete model or a causal encoder; got only an autoencoder; load it with"):
        import_checkpoint(golden(shared, "Autoencoder"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_with_files_is_refused(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="must be empty or new; got one with other files"):
        import_checkpoint(golden(shared, "CITRISVAE"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_it_is_evaluated_on_the_published_frames(shared: Path, tmp_path: Path, capsys) -> None:
    """The stand-in's weights are meaningless; the test is that names match and a report is written."""
    trisect.convert(shared / "data" / "causal3d_tutorial", tmp_path / "data")
    names = ["--variables", ",".join(TUTORIAL)]
    assert main(["import", str(golden(shared, "CITRISNF_tutorial")), "--out", str(tmp_path / "run"), *names]) == 0
    assert "32 latents in slots x " in capsys.readouterr().out
    run = load_run(tmp_path / "run")
    assert run.model.variables == tuple(TUTORIAL)
    data = split(trisect.load(tmp_path / "data"), {"val": 0.2, "test": 0.3})
    report = trisect.evaluate(run, data, quick=True)
    assert report["label_free"]["rows"] == [*TUTORIAL, "noise"] and report["r2"] is None
    assert any("undecided between slots" in sentence for sentence in report["warnings"])
    with pytest.raises(ValueError, match="the data of a run trained in memory must be a data set"):
        trisect.evaluate(run)


def test_bad_files_on_the_command_line_give_one_sentence(tmp_path: Path, capsys) -> None:
    (tmp_path / "half.ckpt").write_bytes(b"PK\x03\x04 half")
    assert main(["import", str(tmp_path / "half.ckpt"), "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err.startswith("trisect import: the checkpoint 'half.ckpt' must be")
    assert not (tmp_path / "run").exists()
