from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from trisect.models.representations.projection import require_independent
from trisect.models.representations.reduction import (
    Reduction,
    ReductionSettings,
    blank_projection,
    fit_reduction,
)
from trisect.models.representations.representation import VectorRepresentation


def redundant(num: int = 3000, dims: int = 64, rank: int = 5) -> np.ndarray:
    """Vectors of ``rank`` sources in many dimensions, far from zero, two of them constant."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(num, rank)) * np.arange(rank, 0, -1) @ rng.normal(size=(rank, dims)) + 10
    vectors[:, :2] = 3.0
    return vectors.astype(np.float32)


def fitted(vectors: np.ndarray, **settings):
    projection = fit_reduction(vectors, ReductionSettings(**settings))
    assert projection is not None
    return projection


def test_latents_are_white_and_lead_back_to_the_vectors() -> None:
    vectors = redundant()
    representation = Reduction(VectorRepresentation(64), fitted(vectors, components=5))
    z = representation.encode(torch.from_numpy(vectors))
    assert np.allclose(np.cov(z.numpy().T, bias=True), np.eye(5), atol=1e-3)
    assert torch.allclose(representation.decode(z), torch.from_numpy(vectors), atol=1e-3)
    assert float(representation.explained) == pytest.approx(1)


def test_the_array_and_the_module_agree() -> None:
    vectors = redundant()
    projection = fitted(vectors, components=4)
    z = Reduction(VectorRepresentation(64), projection).encode(torch.from_numpy(vectors)).numpy()
    assert np.allclose(projection(vectors), z, atol=1e-3)


def test_explained_is_the_share_of_the_largest_eigenvalues() -> None:
    vectors = redundant()
    values = np.linalg.eigvalsh(np.cov(vectors.T.astype(np.float64)))[::-1]
    assert fitted(vectors, components=2).explained == pytest.approx(values[:2].sum() / values.sum(), rel=1e-6)


def test_by_default_as_many_as_hold_the_share_are_kept() -> None:
    vectors = redundant()
    values = np.linalg.eigvalsh(np.cov(vectors.T.astype(np.float64)))[::-1]
    for share in (0.5, 0.8, 0.99):
        num_latents = int(np.argmax(np.cumsum(values) / values.sum() >= share)) + 1
        assert fitted(vectors, explained=share).matrix.shape == (64, num_latents)


def test_there_are_never_more_components_than_independent_dimensions() -> None:
    assert fitted(redundant(), components=20).matrix.shape == (64, 5)


def test_independent_vectors_of_about_unit_scale_need_no_reduction() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 6)) * [0.2, 1, 1, 2, 1, 5] + [0, 3, 0, 0, -3, 0]
    assert fit_reduction(vectors, ReductionSettings()) is None
    assert fit_reduction(vectors, ReductionSettings(components=6)) is None


@pytest.mark.parametrize("scale", [1e-20, 1e-4, 1e2, 1e15])
@pytest.mark.parametrize("offset", [0.0, 30.0, 1e6])
def test_units_and_offsets_do_not_matter(scale: float, offset: float) -> None:
    plain = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32).astype(np.float64)
    standard = (plain - plain.mean(axis=0)) / plain.std(axis=0)
    projection = fit_reduction((plain + offset) * scale, ReductionSettings())
    assert projection is not None and projection.matrix.shape == (6, 6)
    z = projection((plain + offset) * scale)
    assert np.abs(z.mean(axis=0)).max() < 0.06  # a mean of 1e6 is subtracted as float32 has it
    assert np.allclose(z - z.mean(axis=0), standard, atol=1e-5)
    restored = z @ projection.back + projection.mean
    assert np.allclose(restored / scale, plain + offset, rtol=1e-6)


def test_dimensions_in_different_units_are_standardised() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 3)) * [1e-3, 1, 1e4]
    assert np.allclose(fitted(vectors)(vectors).std(axis=0), 1, atol=1e-5)


def test_standardise_has_an_effect_on_few_dimensions_too() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 3)) * [0.5, 1, 2]
    assert fit_reduction(vectors, ReductionSettings()) is None
    assert np.allclose(fitted(vectors, standardise=True)(vectors).std(axis=0), 1, atol=1e-5)


def test_the_module_subtracts_a_large_mean_as_the_array_does() -> None:
    vectors = (np.random.default_rng(0).normal(size=(500, 4)) + 1e5).astype(np.float32)
    projection = fitted(vectors)
    z = Reduction(VectorRepresentation(4), projection).encode(torch.from_numpy(vectors)).numpy()
    assert np.allclose(projection(vectors), z, atol=1e-4)


def test_independent_dimensions_are_required() -> None:
    vectors = np.random.default_rng(0).normal(size=(5000, 3))
    require_independent(vectors, 3)
    require_independent(1e-4 * vectors + 1, 3)
    rare = np.concatenate([np.zeros((5000, 1)), vectors[:, :1]], axis=1)
    rare[4321, 0] = 1.0  # varies in one row only, which no sample shows
    require_independent(rare, 2)
    with pytest.raises(
        ValueError, match="independent dimensions of the vectors must be at least as many as targets, 3"
    ):
        require_independent(np.column_stack([vectors[:, :2], vectors[:, 0] - vectors[:, 1], np.ones(5000)]), 3)
    with pytest.raises(ValueError, match="at least as many as targets, 1; got 0; add dimensions that show every"):
        require_independent(np.ones((10, 4)), 1)


def test_few_dimensions_lose_only_what_repeats_others() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)) * [1e-4, 1e3]
    vectors = np.column_stack([x, np.full(500, 7.0), x[:, 0] * 2, x[:, 1]])
    projection = fitted(vectors)
    assert projection.matrix.shape == (5, 2)
    restored = projection(vectors) @ projection.back + projection.mean
    assert np.allclose(restored, vectors, rtol=1e-4, atol=1e-8)


def test_standardising_keeps_a_small_unit_in_sight() -> None:
    rng = np.random.default_rng(0)
    small, large = 1e-3 * rng.normal(size=(2000, 1)), rng.normal(size=(2000, 1))
    vectors = np.concatenate([small, large @ np.ones((1, 40)) + 0.01 * rng.normal(size=(2000, 40))], axis=1)
    correlations = [
        np.corrcoef(fitted(vectors, components=2, standardise=s)(vectors).T, small[:, 0])[2, :2] for s in (False, True)
    ]
    assert np.abs(correlations[0]).max() < 0.1
    assert np.abs(correlations[1]).max() > 0.95


def test_dropping_much_logs_a_warning(caplog) -> None:
    with caplog.at_level(logging.INFO, "trisect"):
        fitted(redundant(), components=1)
        fitted(redundant(), components=5)
    loud, quiet = caplog.records
    assert loud.levelname == "WARNING" and quiet.levelname == "INFO"
    assert "64 dimensions reduced to 1 latents" in loud.message and "reduction.components" in loud.message
    assert "hold 100.0% of the variance" in quiet.message


def test_fewer_than_the_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="components to keep must be at least the 3 targets; got 2; raise reduction"):
        fit_reduction(redundant(), ReductionSettings(components=2), at_least=3)
    with pytest.raises(ValueError, match="vectors must be at least as many as targets, 6; got 5; add dimensions that"):
        fit_reduction(redundant(), ReductionSettings(), at_least=6)
    with pytest.raises(ValueError, match="vectors must be at least as many as targets, 1; got 0"):
        fit_reduction(np.ones((10, 4)), ReductionSettings())


@pytest.mark.parametrize("wrong", [{"components": 0}, {"explained": 0.0}, {"explained": 1.5}])
def test_settings_are_checked(wrong) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} of a reduction must be"):
        ReductionSettings(**wrong)


def test_weights_load_into_a_blank() -> None:
    vectors = redundant(200)
    representation = Reduction(VectorRepresentation(64), fitted(vectors, components=3))
    blank = Reduction(VectorRepresentation(64), blank_projection(64, 3))
    blank.load_state_dict(representation.state_dict())
    x = torch.from_numpy(vectors)
    assert torch.equal(blank.encode(x), representation.encode(x))
