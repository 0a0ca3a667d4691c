"""The commands as a user types them: generate a world, train it by a name alone, evaluate it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scored import r2_of

import trisect
from trisect.cli import main
from trisect.models.representations.slot_reduction import SlotReduction
from trisect.models.slot_model import SlotModel

FRAMES = {
    "ball-in-boxes": ("--frames", "1200"),
    "pong": ("--frames", "1200"),
    "linear": ("--frames", "1200"),
    "linear mixed nonlinearly": ("--frames", "1200", "--set", "mixing=nonlinear"),
    "causal3dident": ("--frames", "400"),
}
LATENTS = {"ball-in-boxes": 16, "pong": 16, "linear": 8, "linear mixed nonlinearly": 8, "causal3dident": 20}
"""The number that follows from all variables of a world of frames; vectors keep their dimensions."""
AFTER_FOUR_STEPS = 64
"""The number of latents of the second networks, which stay where the first ones draw even less."""
SHORT = {
    "closed-form": ("autoencoder_training",),
    "citris-nf": ("autoencoder_training", "flow_training"),
    "citris-vae": ("variational_training",),
}
EVALUATED = {
    ("ball-in-boxes", "citris-nf"),
    ("pong", "closed-form"),
    ("linear", "citris-vae"),
    ("linear mixed nonlinearly", "citris-nf"),
    ("causal3dident", "citris-vae"),
}
"""Every world once and every recipe; of the others, the slots are scored alone."""


def run(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


@pytest.fixture(scope="module", params=FRAMES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a world in the tables above, and a small data set from it."""
    folder, name = tmp_path_factory.mktemp("world") / "data", request.param
    run("generate", name.split()[0], *FRAMES[name], "--seed", "0", "--out", folder)
    return name, folder


def wide_of(model: SlotModel[Any]) -> int:
    """The number of latents before a reduction."""
    representation = model.representation
    inner = representation.inner if isinstance(representation, SlotReduction) else representation
    return int(inner.num_latents)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SHORT)
def test_a_recipe_s_name_alone_trains_every_world(world: tuple[str, Path], recipe: str, tmp_path: Path) -> None:
    name, data = world
    few = [word for stage in SHORT[recipe] for word in (f"--{stage}.steps", "4", f"--{stage}.logger", "null")]
    if recipe != "citris-vae":
        few += ["--slot_functions.steps", "4"]
    run("train", recipe, "--data", data, "--out", tmp_path / "run", "--seed", "3", "--quiet", *few)
    model = trisect.load_run(tmp_path / "run").model
    expected = 16 if recipe == "citris-vae" and name.startswith("linear") else LATENTS[name]
    of_frames = recipe != "citris-vae" and not name.startswith("linear")
    assert wide_of(model) in ((expected, AFTER_FOUR_STEPS) if of_frames else (expected,))
    stored = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
    part = "variational" if recipe == "citris-vae" else "autoencoder"
    assert stored["seed"] == 3 and stored[part]["num_latents"] in (expected, None)
    if (name, recipe) in EVALUATED:
        r2 = trisect.evaluate(tmp_path / "run", quick=True)["r2"]
        scores, mean = [value for row in r2["matrix"] for value in row if value is not None], r2["diag"]
    else:
        scored = r2_of(model, trisect.load(data).recording("test_indep"))
        scores, mean = scored.matrix[~np.isnan(scored.matrix)].tolist(), scored.diag
    assert len(scores) > 0 and all(math.isfinite(value) for value in scores)
    assert math.isfinite(mean)
