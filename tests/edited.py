"""Changing JSON files in tests, as somebody would who writes them with another program: without a seal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trisect import sealed


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the object in a JSON file in place."""
    stored = sealed.read_json(path)
    change(stored)
    path.write_text(json.dumps(stored))
