"""The lowest version of PyTorch that the package works with, checked at import without importing PyTorch."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

LOWEST_TORCH = (2, 6)


def require_torch() -> None:
    """Raise `ImportError` if the installed PyTorch is too old; if there is none, importing it says so later."""
    version = _installed_torch()
    found = re.match(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < LOWEST_TORCH:
        lowest = ".".join(map(str, LOWEST_TORCH))
        todo = f"pip install 'torch>={lowest}'"
        raise ImportError(f"the version of torch must be at least {lowest} for trisect; got {version}; {todo}")


def _installed_torch() -> str:
    """The version as its own file states it, or an empty text."""
    try:
        spec = importlib.util.find_spec("torch")
        file = None if spec is None or spec.origin is None else Path(spec.origin).with_name("version.py")
        stated = re.search(r"__version__ *(?:: *str *)?= *['\"]([^'\"]+)", "" if file is None else file.read_text())
    except (ValueError, OSError):  # another loader than that of files
        return ""
    return stated[1] if stated else ""
