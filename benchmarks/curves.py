"""A figure of the results of `benchmarks/identify.py`: diag and sep of every run against its CPU-minutes.

    python benchmarks/curves.py runs/identify/pong-conv --out curves.png
    python benchmarks/curves.py runs/identify/pong runs/identify/pong-conv --targets 0.995 0.01

Every dot is a run; the dots of a seed are joined, in the order of their cost. Dashed lines are the aims.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

COLOURS = ("#17626e", "#d9822b", "#7a4fa3", "#5b8c3a", "#b03a48", "#6b6b6b")


def results(folders: list[Path]) -> list[dict[str, Any]]:
    """Recipe, seed, CPU-minutes of training, diag and sep of every finished run."""
    rows = []
    for file in sorted(file for folder in folders for file in folder.glob("result-*.json")):
        stored = json.loads(file.read_text())
        r2, cost = stored["report"]["r2"], stored["report"]["cost"]
        minutes = cost["cpu_seconds"] / 60
        scores = {"minutes": minutes, "diag": r2["diag"], "sep": r2["sep_slots"]}
        rows.append({"recipe": stored["recipe"], "seed": stored["seed"], **scores})
    return rows


def table(rows: list[dict[str, Any]]) -> None:
    """Print mean and worst of every recipe."""
    for recipe in sorted({row["recipe"] for row in rows}):
        of_recipe = [row for row in rows if row["recipe"] == recipe]
        diag, sep, minutes = ([row[name] for row in of_recipe] for name in ("diag", "sep", "minutes"))
        seeds = ", ".join(str(row["seed"]) for row in of_recipe)
        print(
            f"{recipe}, seeds {seeds}: diag {sum(diag) / len(diag):.4f} worst {min(diag):.4f}; "
            f"sep {sum(sep) / len(sep):.4f} worst {max(sep):.4f}; {min(minutes):.1f} to {max(minutes):.1f} CPU-minutes"
        )


def draw(rows: list[dict[str, Any]], targets: list[float], out: Path) -> None:
    """Two panels: 1 - diag and sep, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), sharex=True)
    of_seed = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["minutes"]):
        of_seed[row["seed"]].append(row)
    colours = dict(zip(sorted({row["recipe"] for row in rows}), COLOURS, strict=False))
    for axis, name, target in zip(axes, ("diag", "sep"), targets):
        for same_seed in of_seed.values():
            x, y = [row["minutes"] for row in same_seed], [_shown(row, name) for row in same_seed]
            axis.plot(x, y, color="#cccccc", lw=1)
        for recipe, colour in colours.items():
            of_recipe = [row for row in rows if row["recipe"] == recipe]
            x, y = [row["minutes"] for row in of_recipe], [_shown(row, name) for row in of_recipe]
            axis.plot(x, y, "o", color=colour, label=recipe, ms=6, alpha=0.8)
        axis.axhline(1 - target if name == "diag" else target, color="#444444", ls="--", lw=1)
        label = "1 - diag (R2 in the variable's slot)" if name == "diag" else "sep (highest other R2, mean over slots)"
        axis.set(xlabel="CPU-minutes of training", ylabel=label, yscale="log")
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3, which="both")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    print(out)


def _shown(row: dict[str, Any], name: str) -> float:
    return 1 - row["diag"] if name == "diag" else max(row["sep"], 1e-3)


def main() -> None:
    """Print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    parser.add_argument("--targets", type=float, nargs=2, default=[0.995, 0.01], help="aims for diag and sep")
    args = parser.parse_args()
    rows = results(args.folders)
    if not rows:
        parser.error("no result-*.json in these folders; run benchmarks/identify.py first")
    table(rows)
    draw(rows, args.targets, args.out)


if __name__ == "__main__":
    main()
