"""The lowest version of PyTorch that the package works with, checked at import without importing PyTorch."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

LOWEST_TORCH = (2, 6)
STATED = r"""__version__ *(?:: *str *)?= *['"]([^'"]+)"""


def require_torch() -> None:
    """Raise `ImportError` if the installed PyTorch is too old; if there is none, importing it says so later."""
    version = _installed_torch()
    found = re.match(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < LOWEST_TORCH:
        lowest = ".".join(map(str, LOWEST_TORCH))
        todo = f"pip install 'torch>={lowest}'"
        raise ImportError(f"the version of torch must be at least {lowest} for trisect; got {version}; {todo}")


def _installed_torch() -> str:
    """The version as its own files state it, or an empty text."""
    try:
        spec = importlib.util.find_spec("torch")
    except ValueError:  # a stand-in for the package
        return ""
    if spec is None or spec.origin is None:
        return ""
    files = (Path(spec.origin).with_name(name) for name in ("version.py", "__init__.py"))
    stated = (re.search(STATED, file.read_text(errors="replace")) for file in files if file.is_file())
    return next((match[1] for match in stated if match), "")
