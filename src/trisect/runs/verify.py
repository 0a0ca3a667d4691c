"""Checking every file of a folder against the digest that it was written with.

=================  ============================================================================
``*.json``         its own SHA-256 at its end, see `trisect.sealed`
``*.safetensors``  its own SHA-256 in its header, see `trisect.models.weights`
``*.ckpt``         its own SHA-256 as its last bytes, see `trisect.training.checkpoints`
``*.npy``          SHA-256 in the ``meta.json`` of its data folder
anything else      SHA-256 in the ``files`` of a ``model.json`` or ``report.json`` beside it
=================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trisect import checks, sealed
from trisect.data.writer import META
from trisect.files import sha256_of
from trisect.models import weights
from trisect.training import checkpoints


@dataclass(frozen=True)
class Verification:
    """What a check of a folder came to; paths are relative to the folder.

    Attributes:
        path: the folder, or the file.
        intact: files that have the digest that they were written with.
        unchecked: files without a digest: logs, pictures, and files of earlier versions.
        damaged: file -> what is wrong with it.
    """

    path: Path
    intact: tuple[str, ...]
    unchecked: tuple[str, ...]
    damaged: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.path}: {len(self.intact)} files are as they were written"]
        if self.unchecked:
            lines.append(f"{len(self.unchecked)} files have no digest: {', '.join(self.unchecked)}")
        lines += [f"damaged: {name}: {why}" for name, why in self.damaged.items()]
        return "\n".join(lines)


def verify(path: str | Path) -> Verification:
    """Read every byte of a data set, a run, an exported model or a single file, and compare the digests.

    Args:
        path: a folder, with everything in it, or a file.

    Raises:
        FileNotFoundError: there is nothing at ``path``, or an empty folder.

    Example:
        >>> verify("runs/pong").damaged  # doctest: +SKIP
        {}
    """
    path = Path(path)
    base = path if path.is_dir() else path.parent
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    if not files or not path.exists():
        got = "an empty folder" if path.is_dir() else "nothing there"
        message = checks.sentence(f"the path '{path}' to verify", "a file, or a folder with files", got, "check it")
        raise FileNotFoundError(message)
    listed = dict(_listed(files))
    results = {str(file.relative_to(base)): _problem(file, listed) for file in files}
    missing = {str(file.relative_to(base)): "no such file" for file in listed if not file.is_file() and path.is_dir()}
    damaged = {name: problem for name, problem in results.items() if problem}
    intact, unchecked = (tuple(name for name, each in results.items() if each == kind) for kind in ("", None))
    return Verification(path, intact, unchecked, damaged | missing)


def _listed(files: list[Path]) -> Iterator[tuple[Path, str]]:
    """Files and the SHA-256 that another file beside them names."""
    for file in files:
        if file.suffix != ".json":
            continue
        try:
            stored = sealed.read_json(file)
            if file.name == META:
                for split, entry in dict(stored["splits"]).items():
                    for array, described in dict(entry["arrays"]).items():
                        yield file.parent / split / f"{array}.npy", str(described["sha256"])
            for name, digest in dict(stored.get("files") or {}).items():
                yield file.parent / name, str(digest)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # the file itself is reported


def _problem(file: Path, listed: Mapping[Path, str]) -> str | None:
    """What is wrong with a file: nothing (an empty text), a sentence, or None if nothing is known about it."""
    try:
        own = _own_digest(file)
    except (ValueError, OSError) as error:
        return str(error)
    if file in listed:
        return "" if sha256_of(file) == listed[file] else "other bytes than were written"
    return "" if own else None


def _own_digest(file: Path) -> bool:
    """Whether a file carries its own digest; raises `ValueError` if its content is another one."""
    if file.suffix == ".json":
        sealed.read_json(file)
        return sealed.is_sealed(file)
    if file.suffix == ".safetensors":
        return weights.has_digest(file)
    if file.suffix == ".ckpt" and checkpoints.is_sealed(file):
        checks.require(checkpoints.is_intact(file), f"the file '{file}'", "as it was written", "other bytes")
        return True
    return False
