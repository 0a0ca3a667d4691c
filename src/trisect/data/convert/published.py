"""The published data sets that name their columns (Lippe et al., CITRIS 2022, iCITRIS 2023, BISCUIT 2023), and other
files in the same form: a folder of ``.npz`` files, one per split.

``images`` (N, H, W, C); ``latents`` (N, D), the factors, if they are known; ``targets`` (N-1, K), where **row n
produced frame n+1**; ``keys`` (D,), the factor names; and ``keys_targets`` (K,), if the targets have other names. In
``*_indep`` files frames have no past and the targets have no meaning. In ``*_triplets`` files ``images`` and
``latents`` have a second axis of 3, and ``targets`` (N, K) is 1 where the third frame has the variable's value from the
second frame. BISCUIT's Voronoi adds ``actions`` (N, A), where **row n led to frame n**; its targets are as above.

Instead of ``images`` files may contain ``embeddings`` or ``vectors`` (N, D), the output of another network or a sensor.
Such files need no ``keys`` if they have no ``latents``: their variables are then numbered.

If a recording has several episodes, one of the arrays of `trisect.data.convert.episodes` says where they start.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from trisect import checks
from trisect.data.convert import kinds
from trisect.data.convert.dialect import Columns, Dialect, Layout, group_user_variables
from trisect.data.convert.grouping import Grouping
from trisect.data.convert.npz import NpzReader
from trisect.data.convert.vectors import EMBEDDINGS, VECTORS
from trisect.data.targets import WHY_TARGETS, check_shape
from trisect.plain_arrays import NUMBERS
from trisect.variables import VariableSpace, anonymous

logger = logging.getLogger(__name__)

OPTIONAL = ("latents", "keys_targets", "actions")
OBSERVATIONS = ("images", VECTORS, EMBEDDINGS)
ARRAYS = (*OBSERVATIONS, "targets", "keys", *OPTIONAL)
LIKELY = {
    "images": ("frames", "imgs", "image", "observations", "obs", "pixels", "video", "x"),
    "targets": ("interventions", "intervention", "intervention_targets", "target", "moves", "treatments"),
    "keys": ("names", "variables", "variable_names", "labels", "columns", "causal_vars"),
}
"""Our name of an array -> names that it often has elsewhere."""
GUESS = (
    "%s: its variables %s are taken as those of the published data set '%s', by their names, with its kinds "
    "and ranges; to say otherwise pass variables= (--variable NAME=KIND) or alignment= (--alignment)"
)


class Published(Dialect):
    """The dialect of Pong, Ball-in-Boxes, Pinball, Voronoi, and of any other files in this form.

    Args:
        named: whether the user passes the variables, so that files need not name their columns.
    """

    name: ClassVar[str] = "published"
    arrays: ClassVar[tuple[str, ...]] = ARRAYS

    def __init__(self, named: bool = False):
        self.named = named

    def require(self, reader: NpzReader, split: str) -> None:
        names_elsewhere = self.named or ("keys_targets" in reader.keys and "keys" not in reader.keys)
        numbered = self.images(reader) != "images" and "targets" in reader.keys
        may_be_numbered = numbered and "latents" not in reader.keys
        names = () if names_elsewhere or may_be_numbered else ("keys",)
        without_targets = "actions" in reader.keys or split.endswith("_indep")
        needed = (self.images(reader), *(() if without_targets else ("targets",)), *names)
        reader.require(needed, optional=OPTIONAL, why=_why(reader, needed))

    def layout(self, train: NpzReader, variables: VariableSpace | None) -> Layout:
        factor_names = train.read_names("keys") if "keys" in train.keys else ()
        target_names = train.read_names("keys_targets") if "keys_targets" in train.keys else factor_names
        kind = kinds.find(factor_names)
        if kind is kinds.VORONOI and not _fits_voronoi(train, kind):
            kind = None
        if variables is not None:
            names = target_names or self._count_names(train, variables)
            grouping = group_user_variables(variables, names, f"the targets of '{train.path.name}'")
            return Layout("user", grouping, kind is None or kind.has_alpha, kind.actions if kind else None)
        if kind is None and "latents" not in train.keys:
            space = anonymous(target_names or _numbered(train))
            return Layout("user", Grouping(space, space))
        if kind is None:
            kinds.refuse(factor_names, f"'{train.path.name}'")
        level = logging.WARNING if kind is kinds.VORONOI else logging.INFO  # names such as c0 and c1 are everybody's
        logger.log(level, GUESS, train.path.name, checks.listed(factor_names, 60), kind.name)
        space = kinds.variable_space(kind, factor_names, target_names)
        return Layout(kind.name, Grouping(space, space), kind.has_alpha, kind.actions)

    def _count_names(self, train: NpzReader, variables: VariableSpace) -> tuple[str, ...]:
        """Names for unnamed target columns: the user's factors if the number of columns fits, else the variables."""
        shape = train.shape("targets") if "targets" in train.keys else ()
        by_factor = len(shape) == 2 and shape[1] == len(variables.factor_names) != len(variables.names)
        return variables.factor_names if by_factor else variables.names

    def images(self, reader: NpzReader) -> str:
        stored = [key for key in OBSERVATIONS if key in reader.keys]
        if len(stored) > 1:
            what, todo = f"the observations of '{reader.path.name}'", "save the others elsewhere"
            raise ValueError(checks.sentence(what, "one array", ", ".join(stored), todo))
        return stored[0] if stored else "images"

    def factors(self, reader: NpzReader, layout: Layout) -> Columns | None:
        if "latents" not in reader.keys:
            return None
        names = reader.read_names("keys") if "keys" in reader.keys else layout.grouping.fine.factor_names
        return Columns(reader.read("latents"), names, f"the latents of '{reader.path.name}'")

    def targets(self, reader: NpzReader, layout: Layout) -> Columns | None:
        if "targets" not in reader.keys:
            return None
        names = _named(reader) or layout.grouping.fine.names
        return Columns(reader.read("targets"), names, f"the targets of '{reader.path.name}'")

    def mask(self, reader: NpzReader, layout: Layout) -> Columns:
        values, fine = reader.read("targets"), layout.grouping.fine
        names = _named(reader) or fine.names
        if "keys_targets" not in reader.keys and "keys" in reader.keys and len(fine.names) != len(fine.factor_names):
            names = tuple(sorted(fine.names))  # published triplets of joined factors have unnamed columns
        return Columns(values, names, f"the targets of '{reader.path.name}'")


def _why(reader: NpzReader, needed: Sequence[str]) -> dict[str, str]:
    """Missing array -> what the message adds: why it is needed, and flags that map the file's names to ours."""
    missing = [name for name in needed if name not in reader.keys]
    likely = {name: stored for name in missing for stored in reader.stored if stored.lower() in LIKELY.get(name, ())}
    flags = " ".join(f"--name {name}={likely.get(name, 'ITS_NAME')}" for name in missing)
    why = {} if "targets" in likely else {"targets": WHY_TARGETS}
    if missing:
        also = ", or --variable NAME=continuous for each column" if "keys" in missing and "keys" not in likely else ""
        last = missing[-1]
        why[last] = "; ".join(filter(None, [why.get(last), f"in the shell {flags}{also}"]))
    return why


def _fits_voronoi(train: NpzReader, kind: kinds.Kind) -> bool:
    """Whether a file with the factor names of Voronoi has frames, and factors in its range, too."""
    if "images" not in train.keys or "latents" not in train.keys:
        return "images" in train.keys
    latents = train.read("latents")
    return latents.dtype.kind in NUMBERS and bool((np.abs(latents) <= kinds.VORONOI_LIMIT + 1e-4).all())


def _numbered(reader: NpzReader) -> list[str]:
    """Names for the target columns of a file without names."""
    check_shape(reader.shape("targets"), f"the targets of '{reader.path.name}'")
    return [f"variable_{column}" for column in range(reader.shape("targets")[-1])]


def _named(reader: NpzReader) -> tuple[str, ...]:
    key = "keys_targets" if "keys_targets" in reader.keys else "keys"
    return reader.read_names(key) if key in reader.keys else ()
