"""What the package needs: the lowest version of PyTorch, checked at import without importing it, and optional packages.

Optional packages are imported where they are used; a missing one is asked for by the name of its extra."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

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


def optional(name: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Args:
        name: name of the package.
        extra: the extra of trisect that installs it.
        purpose: what it is for, such as ``"to make environments by their id"``.

    Raises:
        ImportError: it cannot be imported; the message says how to install it.

    Example:
        >>> optional("json", "worlds", "to read JSON").__name__
        'json'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        todo = f"pip install 'trisect[{extra}]'"
        raise ImportError(f"the package {name} must be installed {purpose}; got: {error}; {todo}") from error
