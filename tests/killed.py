"""What killed processes leave behind, for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from trisect.files import temporary_prefix

NO_PROCESS = 2**22 + 1
"""Above the largest number that Linux gives a process."""


def left_by_a_killed_process(path: Path) -> Path:
    """The path of a temporary file or folder for ``path`` whose process has ended."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.getpid", lambda: NO_PROCESS)
        return path.parent / f"{temporary_prefix(path)}abc{path.suffix}"
