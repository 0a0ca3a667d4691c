"""``tools/causal_graph.py`` draws what a world declares."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.image import imread

from trisect.worlds import make

TOOLS = Path(__file__).resolve().parents[1] / "tools"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("causal_graph")


def test_the_tutorials_world_has_a_self_loop_per_variable_and_two_targets(tool: ModuleType) -> None:
    edges = tool.edges_of(make("ball_in_boxes"))
    names = ("ball_b", "ball_x", "ball_y")
    assert edges[:3] == [(("before", name), ("after", name)) for name in names]
    assert edges[3:5] == [(("target", name), ("after", name)) for name in ("ball_b", "ball_y")]
    assert edges[5:] == [(("after", name), ("frame", "frame")) for name in names]


def test_effects_within_a_step_are_drawn_too(tool: ModuleType) -> None:
    world = make("causal3dident", instantaneous=True)
    within = [edge for edge in tool.edges_of(world) if edge[0][0] == edge[1][0]]
    assert len(within) == world.instantaneous_graph.sum() > 0


@pytest.mark.parametrize("name", ["ball_in_boxes", "pong"])
def test_a_picture_is_the_same_twice_and_not_empty(tool: ModuleType, tmp_path: Path, name: str) -> None:
    for out in ("one.png", "two.png"):
        tool.draw(make(name), tmp_path / out)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert imread(tmp_path / "one.png").std() > 0.05
