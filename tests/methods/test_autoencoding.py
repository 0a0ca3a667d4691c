"""The autoencoder of a run whose settings leave the networks open."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.varied import varied

import trisect
from trisect.data import Dataset, simulate
from trisect.methods import autoencoding, identifying
from trisect.methods.autoencoding import settings_in
from trisect.models.drawing import DrawingSettings
from trisect.models.representations import slot_reduction
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import WIDE, AutoencoderSettings
from trisect.models.representations.slot_functions import SlotFunctionSettings
from trisect.models.representations.slot_reduction import SlotReduction
from trisect.recipes import closed_form
from trisect.runs.run import Run
from trisect.sealed import read_json, write_json
from trisect.training.settings import TrainingSettings
from trisect.worlds import make

FEW = TrainingSettings(steps=4, checkpoint_every=1, validate_every=4, logger=None, keep="last")
SMALL = {"num_latents": 4, "hidden": 8, "rank": 2}


@pytest.fixture(scope="module")
def data() -> Dataset:
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset({name: simulate(world, size, rng, 50) for name, size in (("train", 300), ("val", 60), ("test", 60))})


def recipe(**autoencoder: Any) -> Any:
    parts = {"autoencoder": SMALL | autoencoder, "closed_form": {"num_features": 10}}
    return varied(closed_form(seed=2), autoencoder_training=FEW, batch_size=8, **parts)


def trained(data: Dataset, folder: Path, **autoencoder: Any) -> Run:
    return trisect.train(recipe(**autoencoder), data, folder, progress=False)


def networks_of(run: Run) -> str:
    return str(run.model.representation.autoencoder.settings.networks)


def share_of(autoencoder: Autoencoder, *_: np.ndarray) -> float:
    """Much is left out, less by the combined networks."""
    return 0.5 if autoencoder.settings.networks == "profile" else 0.3


@pytest.fixture
def everything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoencoding, "share_undrawn", lambda *_: 0.0)


@pytest.fixture(scope="module")
def wide(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with both attempts, which ended with the combined networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autoencoding, "share_undrawn", share_of)
        return trained(data, tmp_path_factory.mktemp("wide") / "run")


def test_given_networks_are_the_only_attempt() -> None:
    given = AutoencoderSettings(networks="conv", foreground=7.0)
    assert given.attempts(5) == (replace(given, num_latents=16, frames=1, target_weight=8.0),)


def test_open_networks_are_first_simple_and_then_wide() -> None:
    first, second = AutoencoderSettings().attempts(5)
    assert first == AutoencoderSettings(16, networks="profile", frames=1, target_weight=16.0)
    scene = {"ground": "scene", "foreground": 2.0, "target_weight": 8.0}
    assert second == AutoencoderSettings(WIDE, networks="combined", frames=1, **scene)
    assert AutoencoderSettings().attempts(40)[1].num_latents == 80


def test_both_attempts_keep_what_was_given() -> None:
    given = AutoencoderSettings(24, hidden=99, ground="frame", foreground=1.0, frames=1, target_weight=3.0)
    assert given.attempts(5) == (replace(given, networks="profile"), replace(given, networks="combined"))


@pytest.mark.usefixtures("everything_is_drawn")
def test_the_simple_networks_stay_if_they_draw_all(data: Dataset, tmp_path: Path) -> None:
    run = trained(data, tmp_path / "run")
    given = trained(data, tmp_path / "given", networks="profile")
    assert networks_of(run) == "profile" and list(run.history) == ["autoencoder"]
    mine, theirs = run.model.state_dict(), given.model.state_dict()
    assert all(bool((mine[key] == theirs[key]).all()) for key in theirs), "as if they had been given"


def test_what_is_left_out_leads_to_the_next_networks(wide: Run) -> None:
    assert networks_of(wide) == "combined" and list(wide.history) == ["autoencoder", "autoencoder-combined"]
    assert [wide.history[stage]["steps"] for stage in wide.history] == [4, 2]
    assert wide.cost.cpu_seconds >= sum(stage["cpu_seconds"] for stage in wide.history.values())


def test_the_simple_networks_stay_if_the_next_ones_draw_less(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autoencoding, "share_undrawn", lambda *given: 1 - share_of(*given))
    run = trained(data, tmp_path / "run")
    assert networks_of(run) == "profile" and len(run.history) == 2


def test_little_trained_networks_leave_out_much(
    data: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "trisect"):
        run = trisect.train(recipe(), data, tmp_path / "run")
    assert len(run.history) == 2
    said = caplog.text
    assert "the profile networks leave out" in said and "training the combined networks" in said


def test_a_run_reloads_exports_and_lends_its_autoencoder(wide: Run, data: Dataset, tmp_path: Path) -> None:
    frames = data["test"].observations[:5]
    latents = wide.model.encode(frames)
    assert (trisect.load_run(wide.folder).model.encode(frames) == latents).all()
    trisect.export(wide, tmp_path / "exported")
    assert np.allclose(trisect.load_export(tmp_path / "exported").encode(frames), latents, atol=1e-5)
    other = trisect.train(recipe(), data, tmp_path / "other", progress=False, autoencoder=wide.folder)
    assert networks_of(other) == other.recipe.autoencoder.networks == "combined"
    assert (other.model.encode(frames) == latents).all()


@pytest.mark.parametrize("networks", ["profile", "combined"])
def test_an_interrupted_run_resumes_in_either_attempt(
    wide: Run, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: str
) -> None:
    class Dies(RuntimeError):
        """The process ends here."""

    loss = Autoencoder.loss

    def dying(self: Any, batch: Any, step: Any) -> Any:
        if self.settings.networks == networks and step.index == 1:
            raise Dies
        return loss(self, batch, step)

    monkeypatch.setattr(autoencoding, "share_undrawn", share_of)
    with monkeypatch.context() as patch:
        patch.setattr(Autoencoder, "loss", dying)
        with pytest.raises(Dies):
            trained(data, tmp_path / "run")
    resumed = trisect.train(recipe(), data, tmp_path / "run", progress=False, resume=True)
    mine, theirs = resumed.model.state_dict(), wide.model.state_dict()
    assert mine.keys() == theirs.keys() and all(bool((mine[key] == theirs[key]).all()) for key in theirs)


def test_records_of_earlier_versions_have_no_settings() -> None:
    given, other = AutoencoderSettings(4, networks="conv"), AutoencoderSettings(8, networks="profile")
    assert settings_in({"steps": 10}, given) == given
    assert settings_in({"settings": asdict(other)}, given) == other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": "auto"}, "the settings in the autoencoder's record must be with networks and num_latents"),
        ({"num_latents": None}, "the settings in the autoencoder's record must be with networks and num_latents"),
        ({"networks": "convv"}, "the networks of the autoencoder must be one of"),
        ({"hiden": 3}, "a key of the settings in the autoencoder's record"),
    ],
)
def test_settings_in_a_record_leave_nothing_open(changes: dict[str, Any], message: str) -> None:
    stored = asdict(AutoencoderSettings(4, networks="conv")) | changes
    with pytest.raises(ValueError, match=message):
        settings_in({"settings": stored}, AutoencoderSettings())


def test_a_make_with_other_networks_than_the_weights_is_refused(wide: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(wide.folder, tmp_path / "run")
    finished = read_json(folder / "finished.json")
    finished["make"]["autoencoder"]["networks"] = "conv"
    write_json(folder / "finished.json", finished)
    with pytest.raises(ValueError, match="the tensors in .* must"):
        trisect.load_run(folder)


@pytest.fixture(scope="module")
def reduced(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose code is wide enough to be reduced."""
    return trisect.train(wide_recipe(), data, tmp_path_factory.mktemp("reduced") / "run", progress=False)


def wide_recipe() -> Any:
    wide = recipe(networks="profile", num_latents=40)
    return replace(wide, slot_functions=SlotFunctionSettings(steps=5), drawing_training=FEW)


def test_a_wide_code_is_reduced(reduced: Run, data: Dataset, tmp_path: Path) -> None:
    assert isinstance(reduced.model.representation, SlotReduction)
    assert reduced.model.representation.inner.num_latents == 40
    frames = data["test"].observations[:5]
    latents = reduced.model.encode(frames)
    assert latents.shape[1] == reduced.model.representation.num_latents <= 32
    assert (trisect.load_run(reduced.folder).model.encode(frames) == latents).all()
    trisect.export(reduced, tmp_path / "exported")
    assert np.allclose(trisect.load_export(tmp_path / "exported").encode(frames), latents, atol=1e-4)
    swapped = reduced.model.intervene(frames, {"ball_b": frames[::-1].copy()})
    assert swapped.shape == (5, 3, 32, 32)


def test_the_decoder_of_a_reduced_code_is_refined(reduced: Run, data: Dataset, tmp_path: Path) -> None:
    def decoder_of(run: Run) -> dict[str, Any]:
        inner = getattr(run.model.representation, "inner", run.model.representation)
        return dict(inner.autoencoder.decoder.state_dict())

    assert list(reduced.history) == ["autoencoder", "drawing"]
    assert reduced.history["drawing"]["steps"] == FEW.steps
    left_alone = replace(wide_recipe(), drawing=DrawingSettings(refined="never"))
    other = trisect.train(left_alone, data, tmp_path / "never", progress=False)
    assert "drawing" not in other.history
    assert not all(bool((decoder_of(other)[key] == value).all()) for key, value in decoder_of(reduced).items())
    frames = data["test"].observations[:5]
    assert (other.model.encode(frames) == reduced.model.encode(frames)).all()
    assert not any(p.requires_grad for p in reduced.model.representation.parameters())


@pytest.mark.parametrize("refined", ["reduced", "always"])
def test_the_decoder_of_another_code_is_refined_if_it_shall_be(data: Dataset, tmp_path: Path, refined: str) -> None:
    narrow = replace(recipe(networks="profile"), drawing=DrawingSettings(refined=refined), drawing_training=FEW)
    run = trisect.train(narrow, data, tmp_path / "run", progress=False)
    assert ("drawing" in run.history) == (refined == "always")


def test_other_codes_are_not(data: Dataset, tmp_path: Path) -> None:
    without = replace(wide_recipe(), slot_functions=SlotFunctionSettings(steps=0))
    assert trisect.train(without, data, tmp_path / "off", progress=False).model.representation.num_latents == 40
    assert trained(data, tmp_path / "narrow", networks="profile").model.representation.num_latents == 4


@pytest.mark.parametrize("damaged", [False, True])
def test_slot_functions_are_read_again_or_fitted_again(
    reduced: Run, tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    folder = shutil.copytree(reduced.folder, tmp_path / "run")
    (folder / "finished.json").unlink()
    fits = []
    fit = identifying.fit_slot_reduction
    monkeypatch.setattr(identifying, "fit_slot_reduction", lambda *given: fits.append(1) or fit(*given))
    if damaged:
        (folder / "slots.safetensors").write_bytes(b"half")
    resumed = trisect.train(wide_recipe(), data, folder, progress=False, resume=True)
    assert len(fits) == damaged
    mine, theirs = resumed.model.state_dict(), reduced.model.state_dict()
    assert all(bool((mine[key] == theirs[key]).all()) for key in theirs)


def test_slot_functions_reload_and_export(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = slot_reduction.fit_slot_functions
    monkeypatch.setattr(slot_reduction, "fit_slot_functions", lambda *given: replace(fit(*given), gain=np.ones(2)))
    run = trisect.train(wide_recipe(), data, tmp_path / "run", progress=False)
    assert run.model.representation.reducer.sizes[1:3] == (0, 2)
    frames = data["test"].observations[:5]
    latents = run.model.encode(frames)
    assert (trisect.load_run(tmp_path / "run").model.encode(frames) == latents).all()
    trisect.export(run, tmp_path / "exported", onnx=True)
    assert np.allclose(trisect.load_export(tmp_path / "exported").encode(frames), latents, atol=1e-4)
