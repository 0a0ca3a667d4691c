"""Files that are not complete published checkpoints: each raises a sentence, and nothing in them runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trisect.models.published import load

NAMES = ("Autoencoder", "CausalEncoder", "CITRISVAE", "CITRISNF")


class Harmful:
    """Unpickling it would create a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


@pytest.fixture
def changed(shared: Path, tmp_path: Path) -> Callable[..., Path]:
    """A golden checkpoint with some tensors replaced (None: left out), and other top-level entries."""

    def write(name: str, tensors: dict[str, torch.Tensor | None], **entries: object) -> Path:
        stored = torch.load(shared / "golden" / f"{name}.ckpt", weights_only=True)
        state = {**stored["state_dict"], **tensors}
        stored["state_dict"] = {key: value for key, value in state.items() if value is not None}
        torch.save({**stored, **entries}, tmp_path / "changed.ckpt")
        return tmp_path / "changed.ckpt"

    return write


@pytest.mark.parametrize("where", ["hyper_parameters", "callbacks", "state_dict"])
def test_an_object_that_would_run_is_refused_and_nothing_runs(changed, tmp_path, where) -> None:
    harmful = Harmful(tmp_path / "it ran")
    if where == "state_dict":
        path = changed("CITRISNF", {"flow.extra": harmful})
    else:
        path = changed("CITRISNF", {}, **{where: {"hook": harmful}})
    with pytest.raises(ValueError, match="of tensors and plain values; got an object that reading would execute"):
        load(path)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_cut_short_is_refused(shared, tmp_path, name, share) -> None:
    whole = (shared / "golden" / f"{name}.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"the checkpoint 'cut\.ckpt' must be .*copy or download it again"):
        load(tmp_path / "cut.ckpt")


def test_a_damaged_file_is_refused(shared, tmp_path) -> None:
    shutil.copy(shared / "golden" / "CausalEncoder.ckpt", tmp_path / "damaged.ckpt")
    content = bytearray((tmp_path / "damaged.ckpt").read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "damaged.ckpt").write_bytes(content)
    with pytest.raises(ValueError, match=r"'damaged\.ckpt'"):
        load(tmp_path / "damaged.ckpt")


@pytest.mark.parametrize(
    ("name", "tensor", "group"),
    [
        ("Autoencoder", "decoder.linear.3.bias", "hidden.3.bias of decoder"),
        ("CausalEncoder", "encoder.net.6.weight", "hidden.1.weight of encoder"),
        ("CITRISVAE", "encoder.scale_factor", "bound.scale of encoder"),
        ("CITRISVAE", "prior_t1.intv_prior", "intervened of prior_t1"),
        ("CITRISNF", "flow.flows.3.log_s", "log_diagonal of flow.flows.3"),
        ("CITRISNF", "prior_t1.prior_model.net.3.linear.bias", "last.bias of prior_t1"),
        ("CITRISNF", "autoencoder.encoder.net.8.bias", "outputs.bias of autoencoder.encoder"),
        ("CITRISNF", "intv_classifier.exp_classifiers.3.bias", "3.bias of intv_classifier.exp_classifiers"),
    ],
)
def test_a_missing_tensor_is_named(changed, name, tensor, group) -> None:
    with pytest.raises(ValueError, match=f"with every tensor of its model; got none for {group}"):
        load(changed(name, {tensor: None}))


def test_the_assignment_must_be_there(changed) -> None:
    with pytest.raises(ValueError, match=r"\(citris-nf\) must be one with the tensor prior_t1.target_params"):
        load(changed("CITRISNF", {"prior_t1.target_params": None}))


def test_other_tensors_are_named(changed) -> None:
    with pytest.raises(ValueError, match="without other tensors; got also flow.gate, intv_classifier.bonus"):
        load(changed("CITRISNF", {"flow.gate": torch.zeros(1), "intv_classifier.bonus": torch.zeros(1)}))


def test_another_shape_is_named(changed) -> None:
    message = r"got log_diagonal \(3,\) for \(12,\) under flow.flows.3"
    with pytest.raises(ValueError, match=message):
        load(changed("CITRISNF", {"flow.flows.3.log_s": torch.zeros(3)}))


def test_values_must_be_finite(changed) -> None:
    with pytest.raises(ValueError, match=r"the tensor encoder.net.8.bias of 'changed\.ckpt' must be finite"):
        load(changed("CausalEncoder", {"encoder.net.8.bias": torch.full((16,), float("nan"))}))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"mi_estimator.net.weight": torch.zeros(1)}, "must be one of CITRIS; got one of iCITRIS"),
        ({"backbone.weight": torch.zeros(1)}, "must be a published one; got tensors under backbone"),
        ({}, "must be a published one; got tensors under no name"),
    ],
)
def test_other_models_are_refused(tmp_path, state, message) -> None:
    torch.save({"state_dict": state}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "other.ckpt")


@pytest.mark.parametrize("stored", [[1, 2], {"weights": torch.zeros(1)}, {"state_dict": {"a": 1}}])
def test_other_files_are_refused(tmp_path, stored) -> None:
    torch.save(stored, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"'other\.ckpt' must be a checkpoint with a state_dict of tensors"):
        load(tmp_path / "other.ckpt")


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file '.*none\.ckpt'"):
        load(tmp_path / "none.ckpt")


def test_a_causal_encoder_without_its_factors_is_refused(changed) -> None:
    with pytest.raises(ValueError, match=r"the causal_var_info of 'changed\.ckpt' must be a description"):
        load(changed("CausalEncoder", {}, hyper_parameters={}))
    with pytest.raises(ValueError, match="must be continuous_A, angle or categ_N; got pos-x: colour"):
        load(changed("CausalEncoder", {}, hyper_parameters={"causal_var_info": {"pos-x": "colour"}}))
