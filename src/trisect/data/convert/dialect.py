"""The dialect of a family of ``.npz`` files: what its arrays contain and how their columns are named."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from trisect import checks
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.grouping import Grouping, join
from trisect.data.convert.npz import NpzReader
from trisect.data.targets import check_shape
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Columns:
    """An array of a file with the names of its columns, in the file's order.

    Attributes:
        values: (..., columns) numbers.
        names: one per column.
        what: name of the array in error messages.

    Raises:
        ValueError: the values are not numbers, or there is not one name per column.
    """

    values: np.ndarray
    names: tuple[str, ...]
    what: str

    def __post_init__(self) -> None:
        checks.require(self.values.dtype.kind in "biuf", self.what, "numbers", self.values.dtype)
        if self.values.ndim == 1:
            check_shape(self.values.shape, self.what)
        num = self.values.shape[-1] if self.values.ndim else 0
        must = f"one per name, {len(self.names)}: {checks.listed(self.names)}"
        got, todo = (
            f"{num} columns (shape {self.values.shape})",
            "save the names of the columns with them, or correct the names",
        )
        checks.require(self.values.ndim > 1 and num == len(self.names), f"the columns of {self.what}", must, got, todo)

    def order(self, wanted: Sequence[str]) -> list[int]:
        """Positions of the columns in the order of ``wanted``; files may list them in any order.

        Raises:
            ValueError: a name is repeated, or the names are not those in ``wanted``.
        """
        what = f"the column names of {self.what}"
        checks.unique_names(self.names, what)
        unmatched = sorted({*wanted} ^ {*self.names})
        must = "named " + checks.listed(wanted)
        got = f"{checks.listed(self.names)}; not in both: {checks.listed(unmatched)}"
        checks.require(not unmatched, what, must, got, "rename or drop columns")
        return [self.names.index(name) for name in wanted]


@dataclass(frozen=True)
class Layout:
    """What all splits of a folder share.

    Attributes:
        kind: name of the published world, or ``"user"``.
        grouping: maps the variables of the files to those of the recording.
        has_alpha: whether a fourth channel of the frames is opacity.
        actions: what a row of actions means, if the kind defines it.
    """

    kind: str
    grouping: Grouping
    has_alpha: bool = True
    actions: Alignment | None = None


class Dialect(ABC):
    """How one family of files names its arrays.

    Attributes:
        name: of the family.
        arrays: names of the arrays that it may read, apart from marks of episodes.
    """

    name: ClassVar[str]
    arrays: ClassVar[tuple[str, ...]]

    @abstractmethod
    def require(self, reader: NpzReader, split: str) -> None:
        """Raise `ValueError` if an array of a split is missing."""

    @abstractmethod
    def layout(self, train: NpzReader, variables: VariableSpace | None) -> Layout:
        """The layout of all splits, read from the training split; only ``variables`` joins factors here."""

    @abstractmethod
    def images(self, reader: NpzReader) -> str:
        """Name of the array of frames."""

    @abstractmethod
    def factors(self, reader: NpzReader, layout: Layout) -> Columns | None:
        """The ground truth, or None if a file has none."""

    @abstractmethod
    def targets(self, reader: NpzReader, layout: Layout) -> Columns | None:
        """The targets of a recording, or None if the file has actions instead."""

    @abstractmethod
    def mask(self, reader: NpzReader, layout: Layout) -> Columns:
        """For triplets, 1 where the third frame has the variable's value from the second frame."""

    def groups(self, train: NpzReader, layout: Layout) -> Mapping[str, Sequence[str]]:
        """Groups of variables that the training split shows to be one variable; none by default."""
        return {}

    def alignment(self, split: str) -> Alignment | None:
        """What a row of targets means if there are as many rows as frames; None if the family does not define it."""
        return None


def group_user_variables(variables: VariableSpace, target_names: Sequence[str], what: str) -> Grouping:
    """Map a file's targets to a user's variables: the columns are named after the variables, or after their factors.

    Raises:
        ValueError: the columns are named after neither.
    """
    if sorted(target_names) == sorted(variables.names):
        return Grouping(variables, variables)
    if sorted(target_names) == sorted(variables.factor_names):
        return Grouping(VariableSpace(variables.factors), variables)
    unmatched = checks.listed(sorted({*target_names} ^ {*variables.names}))
    got = f"{checks.listed(target_names)}; not in both: {unmatched}"
    must = "named " + checks.listed(variables.names)
    raise ValueError(checks.sentence(f"the column names of {what}", must, got, "rename or drop columns"))


def with_groups(layout: Layout, groups: Mapping[str, Sequence[str]]) -> Layout:
    """The layout with further variables joined."""
    grouping = Grouping(layout.grouping.fine, join(layout.grouping.coarse, groups))
    return Layout(layout.kind, grouping, layout.has_alpha, layout.actions)
