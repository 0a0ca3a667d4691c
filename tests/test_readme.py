"""The README's code and that of the page on export run, on arrays that are written for them; its links lead somewhere.

Training is shortened: what is tested is that the code runs as it stands and gives what its comments say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.varied import varied

import trisect
from trisect.data import simulate

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "docs/how-to/your-own-recording.md")
ABSENT = ("icitris", "biscuit", "ivae", "slowvae", "enco", "notears")


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the README's code leaves behind, in a folder that holds ``frames.npy`` and ``targets.npy``."""
    folder, left = tmp_path_factory.mktemp("reader"), {"__name__": "README"}
    recipe = varied(trisect.recipes.citris_nf(), autoencoder={"networks": "profile"})
    steps = {
        part: replace(getattr(recipe, part), steps=30, logger=None)
        for part in ("autoencoder_training", "flow_training")
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(trisect.recipes, "citris_nf", lambda: replace(recipe, **steps))
        recording = simulate(trisect.worlds.make("ball_in_boxes"), 2000, np.random.default_rng(0), 2000)
        np.save("frames.npy", recording.observations)
        np.save("targets.npy", recording.targets[:, [0, 2]])
        for number, block in enumerate(blocks("README.md")):
            exec(compile(block, f"README.md, block {number}", "exec"), left)
        yield left


def test_the_readme_s_code_runs_and_gives_what_it_says(names: dict[str, Any]) -> None:
    assert names["swapped"].shape == (8, 3, 32, 32)
    assert (Path("runs") / "mine" / "report.html").is_file()
    assert names["report"]["label_free"]["columns"] == ["lamp", "cart"]
    assert names["ball_x"].shape == (100, 1)
    assert names["movie"].shape == (8, 5, 4, 32, 32)
    assert names["movie"].clamp(-1, 1).mean() > 0.4, "frames of Pong are bright"


def test_the_first_block_has_about_ten_lines() -> None:
    assert len([line for line in blocks("README.md")[0].splitlines() if line]) <= 11


def test_the_page_on_export_runs(names: dict[str, Any]) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    left: dict[str, Any] = {"__name__": "export"}
    for number, block in enumerate(blocks("docs/how-to/export.md")):
        exec(compile(block, f"export.md, block {number}", "exec"), left)
    assert sorted(os.listdir("mine-model")) == ["model.json", "model.safetensors"]
    expected = names["run"].model.encode(left["frames"]).detach().numpy()
    assert np.abs(left["z"] - expected).max() < 1e-3 * max(1.0, np.abs(expected).max())
    assert left["cart"].shape == (
        100,
        names["run"].model.slots(names["run"].model.encode(left["frames"]))["cart"].shape[1],
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / link).is_file(), f"{page} links to {link}"


def test_the_readme_names_no_method_that_is_not_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z]+", text.lower()))
    assert not words & set(ABSENT)
    named = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    assert named == set(trisect.recipes.RECIPES)
    for world in ("pong", "ball-in-boxes", "causal3dident", "linear"):
        assert f"`{world}`" in text
    assert len(trisect.worlds.available()) == 4
