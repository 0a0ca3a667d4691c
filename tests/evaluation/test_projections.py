from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.projections import principal_components, random_encoder


@pytest.mark.parametrize("num_features", [6, 600])
def test_principal_components_by_svd(num_features, rng):
    vectors = rng.normal(size=(200, 3)) * [5, 2, 1] @ rng.normal(size=(3, num_features)) + 7
    components = principal_components(vectors.astype(np.float32), 2, rng)(vectors.astype(np.float32))
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * values[:2]
    assert np.abs(components) == pytest.approx(np.abs(expected), abs=1e-2)


@pytest.mark.parametrize("project", [principal_components, random_encoder])
class TestBoth:
    def test_a_function_of_each_frame_alone(self, project, rng):
        frames = rng.integers(256, size=(1500, 4, 4, 3)).astype(np.uint8)
        encode = project(frames, 5, rng)
        whole = encode(frames)
        assert whole.shape == (1500, 5) and whole.dtype == np.float32
        assert encode(frames[1200:1203]) == pytest.approx(whole[1200:1203], abs=1e-4)

    def test_seeded(self, project):
        frames = np.random.default_rng(0).integers(256, size=(50, 4, 4, 1)).astype(np.uint8)
        first, second, other = (project(frames, 3, np.random.default_rng(s))(frames) for s in (1, 1, 2))
        assert (first == second).all()
        if project is random_encoder:
            assert not np.allclose(first, other)

    def test_constant_frames(self, project, rng):
        frames = np.full((40, 4, 4, 3), 9, np.uint8)
        assert np.isfinite(project(frames, 3, rng)(frames)).all()

    def test_fewer_dimensions_than_latents(self, project, rng):
        vectors = rng.normal(size=(40, 2)).astype(np.float32)
        assert project(vectors, 5, rng)(vectors).shape == (40, 2 if project is principal_components else 5)


def test_uint8_and_its_float_form_agree(rng):
    frames = rng.integers(256, size=(50, 4, 4, 1)).astype(np.uint8)
    floats = (frames / 127.5 - 1).astype(np.float32)
    first, second = (random_encoder(x, 3, np.random.default_rng(0))(x) for x in (frames, floats))
    assert first == pytest.approx(second, abs=1e-4)
