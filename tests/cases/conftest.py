"""Short runs that several tests use."""

from __future__ import annotations

import pytest

from trisect.recipes import citris_nf, citris_vae
from trisect.runs.run import Run

from .fixtures import tiny_run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A closed-form run on `boxes_data`."""
    return tiny_run(tmp_path_factory.mktemp("small") / "run")


@pytest.fixture(scope="session")
def small_nf_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of CITRIS-NF on `boxes_data`."""
    return tiny_run(tmp_path_factory.mktemp("small") / "run", recipe=citris_nf())


@pytest.fixture(scope="session")
def small_vae_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of CITRIS-VAE on `boxes_data`."""
    return tiny_run(tmp_path_factory.mktemp("small") / "run", recipe=citris_vae())
