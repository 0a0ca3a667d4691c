"""JSON files that carry their own SHA-256, so that a changed byte is noticed when they are read.

The last two entries of such a file are ``"sealed": 1`` and ``"sha256"``, the hash of every byte before the latter.
Files of earlier versions have neither and are read as they are. Sizes are checked before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.files import brief, reading, write_atomically

MAX_BYTES = 2**26
"""Largest JSON file that is read; the largest ones hold the curves of long trainings, a few MB."""
SEALED, DIGEST = "sealed", "sha256"
_END = re.compile(rb',\n"sha256": "([0-9a-f]{64})"\n}\n\Z')
AGAIN = "copy it again, or make it again"


def to_text(content: Mapping[str, Any], *, indent: int | None = None, allow_nan: bool = True) -> str:
    """A JSON object as text, with its seal; ``content`` must have neither of the two reserved keys."""
    assert not {SEALED, DIGEST} & content.keys()
    text = json.dumps({**content, SEALED: 1}, indent=indent, allow_nan=allow_nan).rstrip("}").rstrip()
    return f'{text},\n"{DIGEST}": "{hashlib.sha256(text.encode()).hexdigest()}"\n}}\n'


def write_json(path: Path, content: Mapping[str, Any], *, indent: int | None = None, allow_nan: bool = True) -> None:
    """Write a sealed JSON object, completely or not at all; without ``allow_nan``, NaN raises `ValueError`."""
    write_atomically(path, to_text(content, indent=indent, allow_nan=allow_nan))


def read_json(path: Path, *keys: str, todo: str = AGAIN) -> dict[str, Any]:
    """Read a JSON object, and check its seal if it has one.

    Args:
        path: the file.
        keys: keys that the object must have.
        todo: advice in the error messages.

    Returns:
        The object, without the seal.

    Raises:
        FileNotFoundError: there is no such file.
        PermissionError: this user may not read it.
        ValueError: it is not JSON, is too large or too deep, lacks a key, or has changed since it was written.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_json(file, {"x": 1.5})
        >>> read_json(file, "x")
        {'x': 1.5}
    """
    what = f"the file '{path}'"
    with reading(path, todo):
        size = path.stat().st_size
        checks.require(size <= MAX_BYTES, what, f"at most {MAX_BYTES // 2**20} MB of JSON", f"{size} bytes", todo)
        content = path.read_bytes()
        stored = _parsed(content, what, todo)
        checks.require(isinstance(stored, dict), what, "a JSON object", type(stored).__name__, todo)
        _check_seal(content, stored, what, todo)
        missing = [key for key in keys if key not in stored]
        checks.require(not missing, what, f"an object with {', '.join(keys)}", f"none with {', '.join(missing)}", todo)
        return {key: value for key, value in stored.items() if key not in (SEALED, DIGEST)}


def is_sealed(path: Path) -> bool:
    """Whether a file ends in a seal; the seal itself is checked by `read_json`."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200))
        return _END.search(file.read(200)) is not None


def _parsed(content: bytes, what: str, todo: str) -> Any:
    try:
        return json.loads(content.decode())
    except ValueError as error:  # json.JSONDecodeError, UnicodeDecodeError, and integers of too many digits
        raise ValueError(checks.sentence(what, "JSON", brief(error), todo)) from error


def _check_seal(content: bytes, stored: Mapping[str, Any], what: str, todo: str) -> None:
    end = _END.search(content)
    if end is None and SEALED not in stored:
        return
    text = content[: end.start()] if end is not None else b""
    intact = end is not None and hashlib.sha256(text).hexdigest().encode() == end[1]
    checks.require(intact, what, "as it was written", "other bytes than its SHA-256 says", todo)
