"""Runs on observations that hold several frames: from arrays to the report, and to the encoding of new frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.runs.test_train import tiny

import trisect
from trisect.data import Dataset, save, simulate, stack
from trisect.evaluation.views import reconstructions, views_of
from trisect.frames import as_input
from trisect.methods import identifying
from trisect.recipes import closed_form
from trisect.runs.run import Run
from trisect.worlds import make


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """(800, 32, 32, 3), two episodes."""
    return simulate(make("ball_in_boxes"), 800, np.random.default_rng(0), 400).observations


@pytest.fixture(scope="module")
def data(film: np.ndarray) -> Dataset:
    whole = simulate(make("ball_in_boxes"), 800, np.random.default_rng(0), 400)
    known = {"alignment": "effect", "factors": whole.factors, "episode_starts": whole.starts}
    return trisect.from_arrays(film, whole.targets, whole.variables, stack=2, **known)


@pytest.fixture(scope="module")
def run(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("stacked")
    save(data, folder / "data")
    return trisect.train(tiny(closed_form()), folder / "data", folder / "run", progress=False)


def test_a_run_is_evaluated_with_its_pictures(run: Run) -> None:
    trisect.evaluate(run, quick=True, progress=False)
    page = (run.folder / "report.html").read_text()
    assert "Swaps" in page and "Traversals" in page


def test_pictures_show_the_newest_frame(run: Run, data: Dataset) -> None:
    test = data.recording("test")
    shown = reconstructions(run.model, test)
    assert shown is not None
    rows = np.linspace(0, len(test) - 1, len(shown[0])).astype(int)
    np.testing.assert_array_equal(shown[0], test.observations[rows][..., 3:])
    assert shown[1].shape == shown[0].shape
    assert [view.png[:4] for view in views_of(run.model, test)] == [b"\x89PNG"] * 2


def test_new_frames_are_encoded_stacked_and_refused_alone(run: Run, film: np.ndarray) -> None:
    assert run.model.encode(stack(film[:9], 2)).shape == (9, 2 * 4)
    decoded = run.model.decode(run.model.encode(stack(film[:9], 2)))
    assert decoded.shape == (9, 6, 32, 32)
    with pytest.raises(ValueError, match=r"trained on 2 stacked frames, pass trisect.data.stack\(frames, 2\)"):
        run.model.encode(film[:9])


def test_the_code_of_a_frame_does_not_depend_on_its_neighbours(run: Run, film: np.ndarray) -> None:
    """The same frame is the newest of one observation and the older one of the next."""
    base = run.model.representation.encode(as_input(stack(film[:9], 2)))
    np.testing.assert_allclose(base[:-1, 4:], base[1:, :4], atol=1e-5)


def test_a_run_reloads_exports_and_lends_its_autoencoder(run: Run, data: Dataset, film: np.ndarray) -> None:
    pairs = stack(film[:5], 2)
    latents = run.model.encode(pairs)
    assert torch.equal(trisect.load_run(run.folder).model.encode(pairs), latents)
    folder = run.folder.parent
    trisect.export(run, folder / "exported", onnx=True)
    np.testing.assert_allclose(trisect.load_export(folder / "exported").encode(pairs), latents, atol=1e-5)
    other = trisect.train(tiny(closed_form()), data, folder / "other", progress=False, autoencoder=run.folder)
    assert torch.equal(other.model.encode(pairs), latents) and other.recipe.autoencoder.frames == 2


def test_frames_are_one_picture_where_that_is_wished(data: Dataset, tmp_path: Path) -> None:
    recipe = tiny(closed_form())
    together = replace(recipe, autoencoder=replace(recipe.autoencoder, frames=1))
    model = trisect.train(together, data, tmp_path / "run", progress=False).model
    assert model.representation.num_latents == 4
    assert model.representation.autoencoder.encoder.mean.shape[0] == 6


@pytest.mark.parametrize("held", [1, 2, 3])
def test_the_closed_form_gets_the_latents_whose_newest_frame_is_the_oldest(
    held: int, film: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = simulate(make("ball_in_boxes"), 800, np.random.default_rng(0), 400)
    options = {"alignment": "effect", "episode_starts": whole.starts, "stack": held}
    data = trisect.from_arrays(film, whole.targets, whole.variables, **options)
    given = []

    def spy(*arguments: object) -> object:
        given.append(arguments)
        return identify(*arguments)  # type: ignore[arg-type]

    identify = identifying.identify
    monkeypatch.setattr(identifying, "identify", spy)
    trained = trisect.train(tiny(closed_form(), 2), data, tmp_path / "run", progress=False)
    before, after, _, _, _, _, oldest = given[0]
    z = trained.model.representation.encode(torch_frames(data)).numpy()
    lag = max(held - 1, 1)
    assert len(after) == data.recording("train").episode_lengths.sum() - lag * data.recording("train").num_episodes
    first = after[0]
    np.testing.assert_allclose(first, z[lag], atol=1e-4)
    np.testing.assert_allclose(before[0], z[lag - 1], atol=1e-4)
    if held == 1:
        assert oldest is None
    else:
        np.testing.assert_allclose(oldest[0], z[lag - (held - 1)], atol=1e-4)


def torch_frames(data: Dataset) -> torch.Tensor:
    return as_input(np.array(data.recording("train").observations[:5]))
