"""trisect inspect: what a data set holds."""

from __future__ import annotations

from pathlib import Path

from trisect.verbs.arguments import parser_for
from trisect.verbs.describe import describe


def run(arguments: list[str]) -> None:
    """Print names, kinds, targeted variables, counts and lengths."""
    parser = parser_for("inspect", "Say what a data set holds: variables, splits, episodes, interventions.")
    parser.add_argument("data", type=Path, help="folder that trisect generate or trisect convert made")
    args = parser.parse_args(arguments)
    from trisect.data.store import load

    print(describe(args.data, load(args.data)))
