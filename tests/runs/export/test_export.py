from __future__ import annotations

import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.edited import edit_json
from tests.varied import varied

import trisect
from trisect.data import Dataset, Recording, save
from trisect.methods import citris_nf as citris_nf_method
from trisect.methods import closed_form as closed_form_method
from trisect.methods.citris_vae import CitrisVaeRecipe
from trisect.methods.closed_form import ClosedFormRecipe
from trisect.methods.frozen_latents import blank_parts
from trisect.methods.method import Blueprint
from trisect.methods.recipe import Recipe
from trisect.methods.table import method_of
from trisect.models.closed_form import splitting
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.leakage import NUM_KNOTS, Curves, blank_curves
from trisect.models.closed_form.splitting import Coupling
from trisect.models.closed_form.tanh_function import TanhFunction
from trisect.models.representations.reduction import Projection, Reduction
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.weights import save_weights
from trisect.recipes import citris_nf, citris_nf_vectors, citris_vae, closed_form
from trisect.runs.export import onnx_agreement, onnx_graphs
from trisect.sealed import read_json
from trisect.training.history import Cost
from trisect.variables import Categorical, Continuous, VariableSpace

SPACE = VariableSpace([Continuous("x", 0, 1), Categorical("a b", 3), Continuous("left alone")])
TARGETED = ("x", "a b")
WIDE, VECTORS = (8, 12, 3), (5,)


SIZES = {"num_latents": 4, "hidden": 8, "rank": 2, "channels": 4, "networks": "profile"}


def small(recipe: Recipe) -> Any:
    return varied(
        recipe,
        autoencoder=SIZES,
        variational=SIZES,
        flow={"num_blocks": 2, "hidden_per_variable": 2},
        prior={"hidden": 4},
        classifier={"hidden": 4},
    )


def published(recipe: Recipe) -> Any:
    networks = {"networks": "published"}
    return varied(recipe, autoencoder=networks, variational=networks)


def with_networks(recipe: Recipe, networks: str) -> Any:
    return varied(recipe, autoencoder={"networks": networks, "channels": 4})


def random_start(recipe: Recipe) -> Any:
    return varied(recipe, flow={"start": "random"})


def without_flow(recipe: Recipe) -> Any:
    return varied(recipe, variational={"flow_prior": False})


MODELS = {
    "closed-form": (small(closed_form()), WIDE, {"num_splits": 1, "num_curves": 2}),
    "citris-nf": (small(citris_nf()), WIDE, {"num_splits": 0}),
    "closed-form, conv networks": (with_networks(small(closed_form()), "conv"), (9, 24, 3), {}),
    "closed-form, glimpse networks": (with_networks(small(closed_form()), "glimpse"), (9, 24, 3), {}),
    "citris-nf, random start, published networks": (random_start(published(small(citris_nf()))), (32, 32, 3), {}),
    "citris-nf-vectors, reduced": (small(citris_nf_vectors()), VECTORS, {"reduction": {"dims": 5, "num_latents": 4}}),
    "citris-vae": (small(citris_vae()), WIDE, {}),
    "citris-vae, vectors": (small(citris_vae()), VECTORS, {}),
    "citris-vae, no flow, published networks": (without_flow(published(small(citris_vae()))), (64, 64, 1), {}),
}


def start(num_latents: int, make: dict, rng: np.random.Generator) -> Identification:
    """An identification with couplings and curves that are not the identity."""
    couplings = [coupling(num_latents, k % num_latents, size, rng) for k, size in enumerate(splitting.SIZES)]
    slots = np.array([1, 0, 0, 2, 2, 2])[:num_latents]
    matrix = np.linalg.qr(rng.normal(size=(num_latents, num_latents)))[0]
    ratios = (np.ones(num_latents),) * 2
    mean, parts = rng.normal(size=num_latents), tuple(couplings * make.get("num_splits", 0))
    curves = tuple(curves_of(num_latents, k, rng) for k in range(make.get("num_curves", 0)))
    return Identification(mean, matrix, slots, ratios, parts, curves)


def curves_of(num_latents: int, source: int, rng: np.random.Generator) -> Curves:
    shifts, stretches = 0.1 * rng.normal(size=(2, NUM_KNOTS, num_latents)) * (np.arange(num_latents) != source)
    return replace(blank_curves(num_latents), source=source, slope=1.0, shifts=shifts, stretches=stretches)


def coupling(num_latents: int, changed: int, size: int, rng: np.random.Generator) -> Coupling:
    others = (np.arange(num_latents) != changed).astype(float)
    directions = rng.normal(size=(num_latents, size)) * others[:, None]
    function = TanhFunction(
        rng.normal(size=num_latents) * others, directions, rng.normal(size=size), np.ones(size) / size
    )
    return Coupling(changed, function)


def model_of(recipe: Recipe, shape: tuple[int, ...], make: dict) -> torch.nn.Module:
    rng, blueprint = np.random.default_rng(0), Blueprint(shape, TARGETED, make, Path())
    if isinstance(recipe, CitrisVaeRecipe):
        return trained(method_of(recipe).build(recipe, blueprint))
    representation, _ = blank_parts(recipe, blueprint)
    if "reduction" in make:
        q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
        representation = Reduction(VectorRepresentation(5), Projection(rng.normal(size=5), q[:, :4], q[:, :4].T, 0.9))
    found = start(representation.num_latents, make, rng)
    if isinstance(recipe, ClosedFormRecipe):
        return trained(closed_form_method.model_around(recipe, representation, found, TARGETED))
    first = found if recipe.flow.starts_closed_form else None
    return trained(citris_nf_method.model_around(recipe, representation, first, TARGETED))


@torch.no_grad()
def trained(model: torch.nn.Module) -> torch.nn.Module:
    """The model with all weights changed a little, and normalisations with non-trivial statistics."""
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.5, 2, generator=generator)
    return model.eval()


def write_run(folder: Path, name: str, data_path: Path | None = None) -> torch.nn.Module:
    """A run folder like that of a training, with an untrained model."""
    recipe, shape, make = MODELS[name]
    model = model_of(recipe, shape, make)
    data = {"path": data_path and str(data_path), "hash": "0", "shape": shape, "targeted": TARGETED}
    folder.mkdir()
    described = {"recipe": recipe.to_json(), "data": {**data, "variables": SPACE.to_json()}, "signature": ""}
    (folder / "run.json").write_text(json.dumps(described))
    save_weights(model, folder / "model.safetensors")
    (folder / "finished.json").write_text(json.dumps({"cost": asdict(Cost()), "history": {}, "make": make}))
    return model


def observations(name: str, num: int = 7) -> np.ndarray:
    shape, rng = MODELS[name][1], np.random.default_rng(1)
    if len(shape) == 3:
        return rng.integers(0, 256, (num, *shape), dtype=np.uint8)
    return rng.normal(size=(num, *shape)).astype(np.float32)


def data_set(name: str, path: Path) -> Path:
    seen = observations(name, 30)
    recording = Recording(seen, np.zeros((30, 3), bool), SPACE)
    save(Dataset({"train": recording, "test": recording}), path)
    return path


@pytest.fixture(scope="module", params=list(MODELS))
def exported(request, tmp_path_factory):
    """Name, the model that was exported, the folder and what `export` returned."""
    root = tmp_path_factory.mktemp("export")
    path = data_set(request.param, root / "data")
    model = write_run(root / "run", request.param, path)
    description = trisect.export(root / "run", root / "out", onnx=True)
    return request.param, model, root / "out", description


def test_the_loaded_model_equals_the_exported_one(exported) -> None:
    name, model, folder, _ = exported
    again = trisect.load_export(folder)
    assert not again.training
    before, after = model.state_dict(), again.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    z = model.encode(observations(name))
    assert torch.equal(again.encode(observations(name)), z)
    assert torch.equal(again.decode(z), model.decode(z))
    assert again.slots(z).keys() == model.slots(z).keys() == {*TARGETED, "noise"}
    assert all(torch.equal(again.slots(z)[slot], model.slots(z)[slot]) for slot in model.slots(z))


def test_every_tensor_has_the_layout_of_a_loaded_one(exported) -> None:
    """On some processors products round differently for other strides, so saving and loading must keep the layout."""
    _, model, folder, _ = exported
    for each in (model, trisect.load_export(folder)):
        for key, tensor in (*each.named_parameters(), *each.named_buffers()):
            assert tensor.stride() == torch.empty(tensor.shape).stride(), key
            assert tensor.data_ptr() % 64 == 0, key


def test_graphs_give_the_outputs_of_the_model(exported) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    name, model, folder, description = exported
    given = observations(name)
    taken = np.moveaxis(given / np.float32(255) * 2 - 1, -1, 1) if given.ndim == 4 else given
    encode, decode = (onnxruntime.InferenceSession(folder / f"{each}.onnx") for each in ("encode", "decode"))
    z = model.encode(given)
    decoded = model.decode(z).detach().numpy()
    names = {"latents": z, **{f"slot_{slot}": part for slot, part in model.slots(z).items() if part.shape[1]}}
    assert [output.name for output in encode.get_outputs()] == list(names)
    for answer, wanted in zip(encode.run(None, {"observations": taken.astype(np.float32)}), names.values()):
        assert np.abs(answer - wanted.numpy()).max() <= 1e-4 * float(z.abs().max())
    (answer,) = decode.run(["observations"], {"latents": z.numpy()})
    assert np.abs(answer - decoded).max() <= 1e-4 * np.abs(decoded).max()
    assert description["onnx"]["encode.onnx"]["outputs"]["slots"]["a b"] == "slot_a b"


def test_graphs_are_checked_on_random_and_on_real_inputs(exported) -> None:
    found = exported[3]["onnx"]["largest_difference"]
    assert found.keys() == {"encode.onnx", "decode.onnx"}
    assert all(each.keys() == {"random", "data"} and max(each.values()) < 1e-5 for each in found.values())


def test_the_folder_names_no_machine(exported) -> None:
    _, _, folder, _ = exported
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert files.keys() == {"model.json", "model.safetensors", "encode.onnx", "decode.onnx"}
    for place in (str(folder.parent), str(Path(trisect.__file__).parent), "site-packages"):
        assert not any(place.encode() in content for content in files.values())


def test_the_description_has_the_facts_that_users_need(exported) -> None:
    name, model, folder, description = exported
    recipe, shape, _ = MODELS[name]
    assert read_json(folder / "model.json") == json.loads(json.dumps(description))
    assert (description["format"], description["format_version"]) == ("trisect-model", 1)
    assert description["trisect_version"] == trisect.__version__ and description["method"] == recipe.method
    assert VariableSpace.from_json(description["variables"]) == SPACE
    assert description["targeted"] == list(TARGETED) and description["scores"] is None
    columns = description["slots"]
    assert sorted(latent for each in columns.values() for latent in each) == list(range(description["num_latents"]))
    assert all(model.assignment()[latent, list(columns).index(slot)] for slot in columns for latent in columns[slot])
    seen = description["observations"]
    wanted = [shape[2], *shape[:2]] if len(shape) == 3 else list(shape)
    assert seen["shape"] == wanted and seen["range"] == ([-1, 1] if len(shape) == 3 else None)


@pytest.fixture
def run(tmp_path) -> Path:
    write_run(tmp_path / "run", "citris-nf")
    return tmp_path / "run"


@pytest.fixture
def folder(run, tmp_path) -> Path:
    trisect.export(run, tmp_path / "out")
    return tmp_path / "out"


def rewritten(folder: Path, change) -> Path:
    """The folder with a changed model.json."""
    edit_json(folder / "model.json", change)
    return folder


def test_without_onnx_there_are_no_graphs(folder) -> None:
    assert {file.name for file in folder.iterdir()} == {"model.json", "model.safetensors"}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}
    assert json.loads((folder / "model.json").read_text())["onnx"] is None


def test_a_run_in_memory_is_exported_with_its_current_weights(run, tmp_path) -> None:
    loaded = trisect.load_run(run)
    with torch.no_grad():
        loaded.model.representation.autoencoder.shift.add_(1)
    trisect.export(loaded, tmp_path / "deep" / "out")
    again = trisect.load_export(tmp_path / "deep" / "out")
    assert torch.equal(again.representation.autoencoder.shift, loaded.model.representation.autoencoder.shift)
    assert not (tmp_path / "out").exists()


def test_scores_of_the_report_are_exported(tmp_path) -> None:
    rng = np.random.default_rng(0)
    targets = rng.random((400, 2)) < 0.2
    z = (np.cumsum(rng.normal(size=(400, 2)) * (0.1 + targets), axis=0) % 3).astype(np.float32)
    space = VariableSpace([Continuous("x"), Continuous("y")])
    recording = Recording(z, targets, space, factors=z)
    data = Dataset({"train": recording, "val": recording.rows(0, 100), "test": recording.rows(100, 300)})
    run = trisect.train(closed_form(), data, tmp_path / "run", progress=False, despite_errors=True)
    report = trisect.evaluate(run, data, quick=True)
    scores = trisect.export(run, tmp_path / "out")["scores"]
    assert scores["r2"] == json.loads(json.dumps(report["r2"])) and "baselines" in scores
    assert not {"title", "findings", "cost", "recipe"} & scores.keys()
    (tmp_path / "run" / "report.json").write_text(json.dumps({**report, "slots": {"x": []}}))
    with pytest.raises(ValueError, match="must be a report on the model to export; got one on another model"):
        trisect.export(run, tmp_path / "other")


@pytest.mark.parametrize(
    ("missing", "message"), [("finished.json", "--resume"), ("run.json", "train one with trisect train")]
)
def test_an_unfinished_run_is_refused(run, tmp_path, missing, message) -> None:
    (run / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"must be a finished run; got no {missing} in it; .*{message}"):
        trisect.export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_refused_and_kept(run, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="the folder to export to must be new; got .*out, which exists; choose"):
        trisect.export(run, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_weights_that_are_not_finite_are_refused(run, tmp_path) -> None:
    loaded = trisect.load_run(run)
    with torch.no_grad():
        loaded.model.flow.flows[0].bias[1] = float("nan")
    with pytest.raises(ValueError, match=r"'flow._flows.0.bias' in .*run must be finite; got NaN or infinity; train"):
        trisect.export(loaded, tmp_path / "out")


def test_an_external_encoder_is_refused_with_advice(run, tmp_path) -> None:
    edit_json(run / "run.json", lambda described: described.update(encoder={"encoder": "mine:Encoder"}))
    with pytest.raises(ValueError, match="cannot be exported: its external encoder is code; .*embeddings"):
        trisect.export(run, tmp_path / "out")


def test_a_run_and_an_export_are_distinguished(run, folder) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run.json in it; read an exported model with trisect.load_export"):
        trisect.load_run(folder)
    with pytest.raises(FileNotFoundError, match=r"no model.json in it; .*read a run with trisect.load_run"):
        trisect.load_export(run)


def with_latents(stored) -> None:
    """So many latents that their matrices would be far larger than the file."""
    stored["num_latents"] = stored["recipe"]["autoencoder"]["num_latents"] = 10**4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(format="other"), "'format' in .* must be 'trisect-model'; got 'other'"),
        (
            lambda s: s.update(format_version=2),
            "'format_version' in .* must be 1; got 2; read",
        ),
        (lambda s: s.pop("slots"), "model.json must be complete; got KeyError: 'slots'; copy or export"),
        (lambda s: s["recipe"].update(code="import os"), "a key of the recipe must be one of .*; got 'code'"),
        (lambda s: s["recipe"]["flow"].update(num_blocks="2"), "num_blocks of a flow must be an integer"),
        (
            lambda s: s["recipe"]["flow"].update(num_blocks=4),
            "the tensors in .* must be those of the .*; got no 'flow",
        ),
        (lambda s: s["recipe"]["flow"].update(num_blocks=10**4), "number of parts .* must be at most that of tensors"),
        (lambda s: s["recipe"]["autoencoder"].update(rank=3), r"must be float32 of shape .*; got float32 of shape"),
        (lambda s: s["recipe"]["autoencoder"].update(hidden=10**4), "the model in .* must be valid"),
        (
            lambda s: s["recipe"]["autoencoder"].update(num_latents=5),
            "'num_latents' in .* of the recipe, 5; got 4",
        ),
        (with_latents, "the shape of '_assignment.logits' in .* must be .*; got "),
        (lambda s: s["observations"].update(shape=[3, 10**6, 10**6]), "the size of observations .* must be at most"),
        (lambda s: s["observations"].update(shape=[3, 8]), "the shape of observations in .* must be .channels, height"),
        (lambda s: s["targeted"].append("y"), "a targeted variable in .* must be one of x, a b, left alone; got 'y'"),
        (lambda s: s["slots"].update(x=[], noise=[1, 2, 3]), "'slots' in .* must be those of the weights"),
        (lambda s: s["files"].clear(), "model.safetensors must be as it was written; got other bytes"),
        (lambda s: s["make"].update(reduction=3), "model.json must be complete; got TypeError: .*; copy or export"),
        (lambda s: s["make"].update(num_splits=True), "'num_splits' in .* must be an integer"),
    ],
)
def test_a_wrong_description_is_refused(folder, change, message) -> None:
    with pytest.raises(ValueError, match=message):
        trisect.load_export(rewritten(folder, change))


def test_the_training_settings_are_stored_but_not_read(folder) -> None:
    stored = json.loads((folder / "model.json").read_text())
    assert stored["recipe"] == small(citris_nf()).to_json()
    trisect.load_export(rewritten(folder, lambda s: s["recipe"].update(batch_size="other", flow_training={"new": 1})))


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_description_is_refused(folder, content) -> None:
    (folder / "model.json").write_bytes(content)
    message = r"the file .*model.json' must be (JSON|a JSON object|complete and undamaged); got "
    with pytest.raises(ValueError, match=message):
        trisect.load_export(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("flow._flows.0.bias"), "must be those of the model; got no 'flow._flows.0.bias'; copy"),
        (lambda t: t.update(more=torch.zeros(1), most=torch.zeros(1)), "got another, 'more' and 1 more"),
        (lambda t: t.update({"flow._flows.0.bias": torch.zeros(5)}), r"must be float32 of shape \(4,\); got float32"),
        (lambda t: t.update({"flow._flows.0.bias": torch.zeros(4).double()}), "must be float32 .*; got float64 of"),
        (lambda t: t["flow._flows.0.bias"].fill_(torch.inf), "'flow._flows.0.bias' in .* must be finite; got NaN or"),
        (lambda t: t["flow._flows.0.bias"].add_(1), "must be as it was written; got other bytes; copy or export"),
    ],
)
def test_other_weights_are_refused(folder, change, message) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=message):
        trisect.load_export(folder)


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_truncated_file_is_refused(folder, kept) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model.safetensors must be a whole safetensors file; got .*; copy or export"):
        trisect.load_export(folder)


def test_missing_weights_are_named(folder) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"the weights .*model.safetensors must be there; got no such file"):
        trisect.load_export(folder)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["more.pkl", "model.json", "model.safetensors"])
@pytest.mark.parametrize("write", [lambda trap, file: file.write_bytes(pickle.dumps(trap)), torch.save])
def test_a_pickle_in_the_folder_is_not_run(folder, tmp_path, name, write) -> None:
    write(Trap(tmp_path / "sprung"), folder / name)
    if name == "more.pkl":
        trisect.load_export(folder)
    else:
        with pytest.raises(ValueError, match=f"the file .*{name}'? must be (JSON|a whole safetensors file); got"):
            trisect.load_export(folder)
    assert not (tmp_path / "sprung").exists()


def test_a_graph_with_other_outputs_is_refused_and_no_folder_is_left(tmp_path, monkeypatch) -> None:
    run = tmp_path / "run"
    write_run(run, "citris-vae, vectors")
    monkeypatch.setattr(onnx_agreement, "TOLERANCE", 1e-12)
    with pytest.raises(ValueError, match=r"encode.onnx must be equal to the model, .*; got a difference of .*e-"):
        trisect.export(run, tmp_path / "out", onnx=True)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_missing_packages_give_one_sentence(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(onnx_graphs, "PACKAGES", ("json", "no_such_runtime"))
    message = r"the packages for ONNX must be installed; got no no_such_runtime; pip install 'trisect\[onnx\]'"
    with pytest.raises(ImportError, match=message):
        trisect.export(run, tmp_path / "out", onnx=True)
    trisect.export(run, tmp_path / "out")


def test_data_to_check_on_must_be_those_of_the_run(run, tmp_path) -> None:
    other = data_set("citris-nf-vectors, reduced", tmp_path / "data")
    with pytest.raises(ValueError, match=r"must be that of the run, \(8, 12, 3\); got \(5,\); pass the data"):
        trisect.export(run, tmp_path / "out", onnx=True, data=other)
    with pytest.raises(ValueError, match=r"data= .* cannot be used without onnx=True"):
        trisect.export(run, tmp_path / "out", data=other)
