from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.varied import varied
from torch import Tensor, nn

import trisect
from trisect.cli import main
from trisect.data import Dataset, from_arrays, save, simulate
from trisect.frames import frames_to_float
from trisect.models.representations.reduction import with_blank_reduction
from trisect.models.representations.representation import VectorRepresentation
from trisect.recipes import citris_nf, citris_nf_vectors, closed_form
from trisect.runs.external_encoder import external_functions
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

FEW = TrainingSettings(steps=4, checkpoint_every=4, validate_every=2, log_every=2, logger=None)


def tiny(recipe):
    return varied(recipe, flow_batch_size=8, flow={"num_blocks": 2}, flow_training=FEW)


class Place(nn.Module):
    """The position of the red ball, a column and a row in [-1, 1]; decodes a position to a picture of it."""

    grid: Tensor

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("grid", factor * torch.linspace(-1, 1, 32))

    def forward(self, x: Tensor) -> Tensor:
        red = (x[:, 0] - x[:, 1]).clamp(min=0)
        mass = red.sum((1, 2)).clamp(min=1e-6)
        return torch.stack([(red.sum(rows) * self.grid).sum(1) / mass for rows in (1, 2)], dim=1)


class Drawn(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(z.sum(1))[:, None, None, None].expand(-1, 3, 32, 32)


@pytest.fixture(scope="module")
def boxes() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    sizes = {"train": 3000, "val": 200, "test": 1000}
    return Dataset({name: simulate(world, size, rng, 50) for name, size in sizes.items()})


def train(recipe, data, out: Path, **functions):
    return trisect.train(recipe, data, out, progress=False, **functions)


@pytest.fixture(scope="module")
def run(boxes, tmp_path_factory):
    return train(closed_form(), boxes, tmp_path_factory.mktemp("own") / "run", encoder=Place(), decoder=Drawn())


def entry(report, slot: str, variable: str) -> float:
    r2 = report["r2"]
    return r2["matrix"][r2["rows"].index(slot)][r2["columns"].index(variable)]


def test_variables_are_identified_in_the_latents_of_an_external_encoder(run, boxes) -> None:
    report = trisect.evaluate(run, boxes, quick=True)
    assert entry(report, "ball_b", "ball_b") > 0.95 and entry(report, "ball_y", "ball_y") > 0.95
    assert max(entry(report, "ball_y", "ball_b"), entry(report, "ball_b", "ball_y")) < 0.1
    assert not (run.folder / "autoencoder").exists()
    assert {"ball_b", "ball_y"} < set(report["slots"])


def test_latents_are_a_map_of_the_encoder_s(run, boxes) -> None:
    frames = boxes["test"].observations[:50]
    base = Place()(frames_to_float(torch.from_numpy(frames)))
    assert torch.allclose(run.model.flow(base)[0], run.model.encode(frames))
    assert torch.allclose(run.model.decode(run.model.encode(frames)), Drawn()(base), atol=1e-4)


@pytest.mark.parametrize("recipe", [closed_form(), citris_nf()])
def test_a_run_reloads_with_its_encoder(tmp_path, boxes, recipe) -> None:
    first = train(tiny(recipe), boxes, tmp_path / "run", encoder=Place())
    again = trisect.load_run(tmp_path / "run", encoder=Place())
    frames = boxes["test"].observations[:50]
    assert torch.equal(first.model.encode(frames), again.model.encode(frames))
    assert "grid" not in " ".join(again.model.state_dict())
    with pytest.raises(ValueError, match="decoder of this model must be given, to decode latents"):
        again.model.decode(again.model.encode(frames))
    few = Dataset({name: boxes.recording(name).rows(0, 200) for name in boxes})
    report = trisect.evaluate(tmp_path / "run", few, quick=True, encoder=Place())
    assert report["r2"] is not None


def test_a_run_needs_its_encoder_and_imports_nothing(run) -> None:
    message = "must be passed again, because a run folder holds no code; got none; pass encoder= the module or function"
    with pytest.raises(ValueError, match=message):
        trisect.load_run(run.folder)
    with pytest.raises(ValueError, match=message):
        trisect.evaluate(run.folder)


def test_another_encoder_is_refused(run) -> None:
    with pytest.raises(ValueError, match="the encoder must be the one that .*; got different latents"):
        trisect.load_run(run.folder, encoder=Place(2.0))
    with pytest.raises(ValueError, match="got one with 3 latents instead of 2"):
        trisect.load_run(run.folder, encoder=lambda x: x.flatten(1)[:, :3])


def test_a_run_without_an_external_encoder_accepts_none(tmp_path, boxes) -> None:
    data = boxes.recording("train")
    vectors = from_arrays(data.factors[:, 1:], data.targets, data.variables, alignment="effect")
    train(closed_form(), vectors, tmp_path / "run")
    with pytest.raises(ValueError, match="encoder= cannot be used with the run in .*, which has no external encoder"):
        trisect.load_run(tmp_path / "run", encoder=Place())


def test_latents_are_cached_under_the_encoders_weights(tmp_path, boxes) -> None:
    names = []
    encoders = Place(), Place(2.0), lambda x: Place()(x), lambda x: Place(3.0)(x)
    for i, encoder in enumerate(encoders):
        train(closed_form(), boxes, tmp_path / str(i), encoder=encoder)
        names.append(frozenset(file.name for file in (tmp_path / str(i) / "latents").iterdir()))
    assert all(len(name) == 2 for name in names) and len(set(names)) == 4


def test_resuming_needs_the_same_encoder(tmp_path, boxes) -> None:
    train(closed_form(), boxes, tmp_path / "run", encoder=Place())
    trisect.train(closed_form(), boxes, tmp_path / "run", progress=False, resume=True, encoder=Place())
    with pytest.raises(ValueError, match="a run of the same recipe and data; got another encoder or decoder"):
        trisect.train(closed_form(), boxes, tmp_path / "run", progress=False, resume=True, encoder=Place(2.0))
    with pytest.raises(ValueError, match="got another encoder or decoder"):
        trisect.train(closed_form(), boxes, tmp_path / "run", progress=False, resume=True)


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (lambda x: x[1:].flatten(1), ValueError, "one row per observation; got 15 rows for 16 observations"),
        (lambda x: Place()(x) * torch.nan, ValueError, "the output of the encoder must be finite; got"),
        (lambda x: x[:, 0], ValueError, r"shape of the output of the encoder must be \(batch, latents\); got \(16, 32"),
        (lambda x: Place()(x) + 1e4 * torch.rand(1), ValueError, "must be the same in every call"),
        (lambda x: Place()(x)[:, :1], ValueError, "encoder returns must be at least 2, the number of targets; got 1"),
        (lambda x: [Place()(x)], TypeError, "must be a tensor or an array; got list"),
        (3, TypeError, "the encoder must be a callable; got int; pass a module, a function, or 'package.module:Name'"),
    ],
)
def test_wrong_encoders_are_refused_before_anything_is_written(tmp_path, boxes, encoder, error, message) -> None:
    with pytest.raises(error, match=message):
        train(closed_form(), boxes, tmp_path / "run", encoder=encoder)
    assert not (tmp_path / "run").exists()


def test_a_decoder_alone_is_refused(tmp_path, boxes) -> None:
    with pytest.raises(ValueError, match="decoder= cannot be used without encoder=; pass encoder= too"):
        train(closed_form(), boxes, tmp_path / "run", decoder=Drawn())
    with pytest.raises(ValueError, match="a keyword for an external encoder must be .*did you mean 'encoder'"):
        train(closed_form(), boxes, tmp_path / "run", encode=Place())


def test_many_latents_are_reduced(tmp_path, boxes, caplog) -> None:
    torch.manual_seed(0)
    wide = nn.Sequential(Place(), nn.Linear(2, 100))
    back = nn.Sequential(nn.Linear(100, 2), Drawn())
    first = train(tiny(closed_form(num_latents=2)), boxes, tmp_path / "run", encoder=wide, decoder=back)
    again = trisect.load_run(tmp_path / "run", encoder=wide, decoder=back)
    frames = boxes["test"].observations[:40]
    assert torch.equal(first.model.encode(frames), again.model.encode(frames))
    assert first.model.encode(frames).shape == (40, 2)
    with torch.no_grad():
        base = wide(frames_to_float(torch.from_numpy(frames)))
        assert torch.allclose(again.model.decode(again.model.encode(frames)), back(base), atol=1e-4)
    with caplog.at_level(logging.WARNING, "trisect"), pytest.raises(ValueError, match="at least the 2 targets; got 1"):
        train(closed_form(num_latents=1), boxes, tmp_path / "few", encoder=wide)


def test_embeddings_are_identified_and_reconstructed(tmp_path, boxes) -> None:
    """Keypoints embedded in 64 redundant and two constant dimensions are identified, and decoded back."""
    data, rng = boxes.recording("train"), np.random.default_rng(1)
    keypoints = np.stack([16 * data.factors[:, 0] + data.factors[:, 1], data.factors[:, 2]], 1)
    vectors = np.concatenate([keypoints @ rng.normal(size=(2, 64)), np.full((len(data), 2), 5.0)], axis=1)
    arrays = {"factors": data.factors, "episode_starts": data.starts}
    embedded = from_arrays(vectors, data.targets, data.variables, alignment="effect", **arrays)
    run = train(tiny(citris_nf_vectors()), embedded, tmp_path / "run")
    assert run.model.representation.num_latents == 2
    x = torch.from_numpy(embedded.recording("test").observations)
    again = trisect.load_run(tmp_path / "run").model
    assert torch.allclose(again.decode(again.encode(x)), x, atol=0.05)
    finished = json.loads((tmp_path / "run" / "finished.json").read_text())
    assert finished["make"]["reduction"] == {"dims": 66, "num_latents": 2, "explained": pytest.approx(1.0)}


def test_a_reduction_that_drops_much_is_in_the_report(tmp_path) -> None:
    world, rng = make("linear", num_variables=2, num_latents=40), np.random.default_rng(0)
    data = Dataset({name: simulate(world, 1500, rng, 50) for name in ("train", "val", "test")})
    run = train(closed_form(num_latents=4), data, tmp_path / "run")
    warnings = trisect.evaluate(run, data, quick=True)["warnings"]
    assert any("40 dimensions reduced to 4 latents, which hold" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"dims": 2}, "'reduction' in .*finished.json must be an object with dims, num_latents; got"),
        ({"dims": 5, "num_latents": 0}, "'num_latents' of .* must be an integer of at least 1"),
        ({"dims": 7, "num_latents": 3}, "'reduction' in .* must be of 5 dims and at most as many latents; got"),
    ],
)
def test_a_damaged_reduction_is_refused(tmp_path, stored, message) -> None:
    with pytest.raises(ValueError, match=message):
        with_blank_reduction(VectorRepresentation(5), {"reduction": stored}, tmp_path / "finished.json")


MODULE = """
import torch
LOADED = True
class Net(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))
    def decode(self, z):
        return z[:, :, None, None].expand(-1, 3, 32, 32)
made = Net()
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in the working directory."""
    name = f"somebodys_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield name
    sys.modules.pop(name, None)


def test_class_paths_are_imported_only_if_they_are_passed(tmp_path, boxes, module, capsys) -> None:
    save(boxes, tmp_path / "data")
    command = ["--data", "data", "--out", "run", "--quiet", "--encoder", f"{module}:Net"]
    assert main(["train", "closed-form", *command, "--decoder", f"{module}:made.decode"]) == 0
    assert f"trisect evaluate run --encoder {module}:Net --decoder {module}:made.decode" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "run.json").read_text())["encoder"]["encoder"] == f"{module}:Net"
    sys.modules.pop(module)
    assert main(["evaluate", "run", "--quick"]) == 1
    assert f"if you trust it, pass encoder='{module}:Net' (--encoder {module}:Net)" in capsys.readouterr().err
    assert module not in sys.modules
    assert main(["evaluate", "run", "--quick", "--encoder", f"{module}:Net"]) == 0
    assert module in sys.modules


def test_class_paths_name_classes_objects_and_methods(tmp_path, module, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    functions = external_functions({"encoder": f"{module}:Net", "decoder": f"{module}:made.decode"})
    assert functions is not None and functions.decoder is not None
    assert isinstance(functions.encoder, nn.Module)
    assert functions.decoder(torch.ones(2, 3)).shape == (2, 3, 32, 32)
    assert functions.paths == {"encoder": f"{module}:Net", "decoder": f"{module}:made.decode"}
    assert external_functions({"encoder": None}) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("somewhere", "the encoder 'somewhere' must be of the form package.module:Name"),
        ("no_such_module_here:Net", "'no_such_module_here:Net' must be importable; got No module named"),
        ("torch.nn:Liner", "must be importable; got module 'torch.nn' has no attribute 'Liner'; check the name"),
    ],
)
def test_class_paths_that_cannot_be_imported_are_refused(path, message) -> None:
    with pytest.raises(ValueError, match=message):
        external_functions({"encoder": path})


def test_a_damaged_sample_is_refused(tmp_path, boxes) -> None:
    train(closed_form(), boxes, tmp_path / "run", encoder=Place())
    file = tmp_path / "run" / "encoder_sample.safetensors"
    file.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="encoder_sample.safetensors must be a whole safetensors file"):
        trisect.load_run(tmp_path / "run", encoder=Place())
    file.unlink()
    with pytest.raises(FileNotFoundError, match="encoder_sample.safetensors must be there; got no such file"):
        trisect.load_run(tmp_path / "run", encoder=Place())
