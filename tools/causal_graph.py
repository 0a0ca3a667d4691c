"""Draw the causal graph of a world, from the graph that the world itself declares.

python tools/causal_graph.py ball_in_boxes --out docs/tutorials/causal_graph.png

Filled nodes are recorded: frames and targets. Open nodes are not recorded: the variables.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

import trisect
from trisect.interventions import Intervention

ACCENT, INK, FAINT, WASH = "#17616e", "#22282d", "#68727a", "#e3eef0"
ROW = 0.8
"""Distance between two variables, in inches."""
COLUMNS = {"target": 0.9, "before": 3.1, "after": 6.1, "frame": 8.4}
"""Distance from the left edge, in inches: targets, variables at t, variables at t+1, frame."""
WIDTH, NODE = 9.6, (1.5, 0.5)
DOTS = 120

Edge = tuple[tuple[str, str], tuple[str, str]]
"""From (column, name) to (column, name)."""


def edges_of(world: Any) -> list[Edge]:
    """All arrows of the figure: temporal and instantaneous ones, those from targets, and those to the frame."""
    names = world.variables.names
    temporal = [(("before", names[i]), ("after", names[j])) for i, j in np.argwhere(world.temporal_graph)]
    within = [(("after", names[i]), ("after", names[j])) for i, j in np.argwhere(world.instantaneous_graph)]
    targets = [(("target", name), ("after", name)) for name in targeted(world)]
    return temporal + within + targets + [(("after", name), ("frame", "frame")) for name in names]


def targeted(world: Any) -> list[str]:
    """The variables that can be intervened on, in the order of the world."""
    return [name for name in world.variables.names if world.interventions[name] is not Intervention.NONE]


def draw(world: Any, out: Path) -> None:
    """Write the figure as a PNG; the bytes are the same for the same world."""
    names = world.variables.names
    height = ROW * len(names) + 1.1
    figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.set_axis_off()
    rows = {name: height - 1.0 - ROW * row for row, name in enumerate(names)}
    rows["frame"] = float(np.mean(list(rows.values())))
    for start, end in edges_of(world):
        _arrow(axes, start, end, rows)
    _nodes(axes, world, rows)
    _headings(axes, height)
    figure.savefig(out, metadata={"Software": None})


def _nodes(axes: Axes, world: Any, rows: dict[str, float]) -> None:
    for name in world.variables.names:
        _variable(axes, COLUMNS["before"], rows[name], name)
        _variable(axes, COLUMNS["after"], rows[name], name)
    for name in targeted(world):
        _recorded(axes, COLUMNS["target"], rows[name], "target t+1", ACCENT)
    _recorded(axes, COLUMNS["frame"], rows["frame"], "frame t+1", INK)


def _headings(axes: Axes, height: float) -> None:
    texts = {"target": "log: what was\nintervened on", "before": "variables at t", "after": "variables at t+1"}
    for column, text in {**texts, "frame": "camera"}.items():
        axes.text(COLUMNS[column], height - 0.32, text, ha="center", va="center", size=10, color=FAINT)
    axes.text(0.15, 0.16, "filled: recorded     open: never seen in training", size=9, color=FAINT, va="center")


def _variable(axes: Axes, x: float, y: float, name: str) -> None:
    axes.add_patch(Ellipse((x, y), *NODE, facecolor="white", edgecolor=INK, lw=1.3, zorder=2))
    axes.text(x, y, name, ha="center", va="center", size=10 if len(name) < 12 else 8, color=INK, zorder=3)


def _recorded(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    width, height = 1.1, 0.42
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=WASH, edgecolor=colour, lw=1.3, zorder=2)
    )
    axes.text(x, y, text, ha="center", va="center", size=10, color=colour, zorder=3)


def _arrow(axes: Axes, start: tuple[str, str], end: tuple[str, str], rows: dict[str, float]) -> None:
    """Draw from the right side of one node to the left side of another; arrows of targets pass above nodes at t."""
    (from_column, from_name), (to_column, to_name) = start, end
    by_target, within = from_column == "target", from_column == to_column
    half = NODE[0] / 2
    tail = (COLUMNS[from_column] + (0.55 if by_target else half), rows[from_name])
    head = (COLUMNS[to_column] - (0.55 if to_column == "frame" else half), rows[to_name])
    bend = 0.0
    if by_target:
        tail, head, bend = (tail[0], tail[1] + 0.12), (COLUMNS[to_column] - 0.45, rows[to_name] + 0.21), -0.12
    elif within:
        head, bend = (COLUMNS[to_column] + half, rows[to_name]), -0.6 if rows[from_name] > rows[to_name] else 0.6
    colour = ACCENT if by_target else (FAINT if to_column == "frame" else INK)
    arrow = FancyArrowPatch(
        tail,
        head,
        arrowstyle="-|>",
        mutation_scale=11,
        color=colour,
        lw=1.2,
        connectionstyle=f"arc3,rad={bend}",
        shrinkA=2,
        shrinkB=2,
        zorder=1,
    )
    axes.add_patch(arrow)


def main() -> None:
    """Draw one world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", nargs="?", default="ball_in_boxes", choices=trisect.worlds.available())
    parser.add_argument("--out", type=Path, default=Path("docs/tutorials/causal_graph.png"))
    arguments = parser.parse_args()
    draw(trisect.worlds.make(arguments.world), arguments.out)


if __name__ == "__main__":
    main()
