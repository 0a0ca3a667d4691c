"""Temporal Causal3DIdent (Lippe et al., CITRIS 2022): ``.npz`` files that do not name their columns.

``imgs`` (``images`` in the tutorial's sample) (N, 64, 64, 4) uint8 RGBA; ``interventions`` (N-1, 12), where **row n
produced frame n+1**; ``raw_latents`` (N, 10) in natural units and ``shape_latents`` (N, 2), or no factors at all. The
columns are in the order of `NAMES`. In triplets the mask is ``interventions`` or ``mask`` (N, 12). In the file of
slider positions ``interventions`` has N rows, and the last has no meaning. In the coarse variant position and rotation
are one variable each: the columns of a group in `GROUPS` are equal, except those that are never used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from trisect import checks
from trisect.data.convert import kinds
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.dialect import Columns, Dialect, Layout, group_user_variables
from trisect.data.convert.grouping import Grouping
from trisect.data.convert.npz import NpzReader
from trisect.variables import VariableSpace
from trisect.worlds.causal3dident_dynamics import GROUPS, NAMES

NUM_RAW = 10
FILES = {"causal3d": "train", "causal3d_triplets": "test_triplets", "data_slider": "slider"}
ARRAYS = ("imgs", "interventions", "mask", "raw_latents", "shape_latents")


def is_causal3dident(reader: NpzReader) -> bool:
    """Whether a file belongs to this family, by the names of its arrays and the number of interventions."""
    own = {*ARRAYS} & {*reader.keys}
    if not own or {"targets", "keys"} & {*reader.keys}:
        return False
    columns = [reader.shape(key)[-1:] for key in ("interventions", "mask") if key in own]
    return bool(own - {"interventions", "mask"}) or (len(NAMES),) in columns


class Causal3DIdent(Dialect):
    """The dialect of Temporal Causal3DIdent."""

    name: ClassVar[str] = "causal3dident"
    arrays: ClassVar[tuple[str, ...]] = (*ARRAYS, "images", "actions", "keys_targets")

    def require(self, reader: NpzReader, split: str) -> None:
        needed = [self.images(reader)]
        if split.endswith("_triplets") or split.endswith("_triplets_coarse"):
            needed.append("mask" if "mask" in reader.keys else "interventions")
        elif not split.endswith("_indep"):
            needed.append("interventions")
        if {"raw_latents", "shape_latents", "latents"} & {*reader.keys}:
            needed += ["raw_latents", "shape_latents"]
        reader.require(needed, optional=("raw_latents", "shape_latents"))

    def layout(self, train: NpzReader, variables: VariableSpace | None) -> Layout:
        kind = kinds.CAUSAL3DIDENT
        if variables is not None:
            return Layout(
                kind.name, group_user_variables(variables, NAMES, f"the interventions of '{train.path.name}'")
            )
        space = kinds.variable_space(kind, NAMES, NAMES)
        return Layout(kind.name, Grouping(space, space))

    def images(self, reader: NpzReader) -> str:
        return "images" if "images" in reader.keys else "imgs"

    def factors(self, reader: NpzReader, layout: Layout) -> Columns | None:
        if "raw_latents" not in reader.keys:
            return None
        what = f"of '{reader.path.name}'"
        raw = Columns(reader.read("raw_latents"), NAMES[:NUM_RAW], f"the raw_latents {what}").values
        shapes = Columns(reader.read("shape_latents"), NAMES[NUM_RAW:], f"the shape_latents {what}").values
        checks.require(
            raw.shape[:-1] == shapes.shape[:-1],
            f"the raw_latents and shape_latents {what}",
            "of the same number of rows",
            f"{raw.shape} and {shapes.shape}",
        )
        return Columns(np.concatenate([raw, shapes], axis=-1), NAMES, f"the latents {what}")

    def targets(self, reader: NpzReader, layout: Layout) -> Columns | None:
        return _columns(reader, "interventions")

    def mask(self, reader: NpzReader, layout: Layout) -> Columns:
        return _columns(reader, "mask" if "mask" in reader.keys else "interventions")

    def groups(self, train: NpzReader, layout: Layout) -> Mapping[str, Sequence[str]]:
        if layout.grouping.fine != layout.grouping.coarse or {*layout.grouping.coarse.names} != {*NAMES}:
            return {}
        columns = _columns(train, "interventions")
        targets = columns.values[:, columns.order(NAMES)]
        return {group: names for group, names in GROUPS.items() if _move_together(targets, names)}

    def alignment(self, split: str) -> Alignment | None:
        return "cause" if split == "slider" else None


def _columns(reader: NpzReader, key: str) -> Columns:
    names = reader.read_names("keys_targets") if "keys_targets" in reader.keys else NAMES
    return Columns(reader.read(key), names, f"the {key} of '{reader.path.name}'")


def _move_together(targets: np.ndarray, names: Sequence[str]) -> bool:
    """Whether at least two of the variables are ever intervened on, and these always together."""
    columns = targets[:, [NAMES.index(name) for name in names]]
    used = columns[:, columns.any(axis=0)]
    return used.shape[1] > 1 and bool((used == used[:, :1]).all())
