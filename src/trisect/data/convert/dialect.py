"""The dialect of a family of ``.npz`` files: which of its arrays hold what, and what their columns are called."""

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
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Columns:
    """An array of a file with the names of its columns, in the file's order.

    Attributes:
        values: (..., columns) numbers.
        names: one per column.
        what: whose they are, for messages.

    Raises:
        ValueError: no numbers, or not one name per column.
    """

    values: np.ndarray
    names: tuple[str, ...]
    what: str

    def __post_init__(self) -> None:
        checks.require(self.values.dtype.kind in "biuf", self.what, "numbers", self.values.dtype)
        num = self.values.shape[-1] if self.values.ndim else 0
        must = f"one per name, {len(self.names)}: {', '.join(self.names)}"
        got, todo = (
            f"{num} columns (shape {self.values.shape})",
            "save the names of the columns with them, or mend them",
        )
        checks.require(self.values.ndim > 1 and num == len(self.names), f"the columns of {self.what}", must, got, todo)

    def order(self, wanted: Sequence[str]) -> list[int]:
        """Positions of the columns in the order wanted; files may list them in any order.

        Raises:
            ValueError: a name is repeated, or one has no counterpart among the wanted ones, or the other way round.
        """
        what = f"the column names of {self.what}"
        checks.unique_names(self.names, what)
        unmatched = sorted({*wanted} ^ {*self.names})
        must, got = (
            "named " + ", ".join(wanted),
            f"{', '.join(self.names)}; without counterpart: {', '.join(unmatched)}",
        )
        checks.require(not unmatched, what, must, got, "rename or drop columns")
        return [self.names.index(name) for name in wanted]


@dataclass(frozen=True)
class Layout:
    """What all splits of a folder share.

    Attributes:
        kind: name of the published world, or ``"user"``.
        grouping: from the variables of the files to those of the recording.
        has_alpha: a fourth channel of the frames is one of opacity.
        actions: what a row of actions means, where the kind says it.
    """

    kind: str
    grouping: Grouping
    has_alpha: bool = True
    actions: Alignment | None = None


class Dialect(ABC):
    """How one family of files names its arrays."""

    name: ClassVar[str]

    @abstractmethod
    def require(self, reader: NpzReader, split: str) -> None:
        """Raise `ValueError` unless the arrays of a split are there."""

    @abstractmethod
    def layout(self, train: NpzReader, variables: VariableSpace | None) -> Layout:
        """What the training split says of all; nothing joined but what ``variables`` joins."""

    @abstractmethod
    def images(self, reader: NpzReader) -> str:
        """Name of the array of frames."""

    @abstractmethod
    def factors(self, reader: NpzReader, layout: Layout) -> Columns | None:
        """The ground truth, or None where a file has none."""

    @abstractmethod
    def targets(self, reader: NpzReader, layout: Layout) -> Columns | None:
        """The targets of a recording, or None where actions take their place."""

    @abstractmethod
    def mask(self, reader: NpzReader, layout: Layout) -> Columns:
        """For triplets, 1 where the third frame's variable is the second's."""

    def groups(self, train: NpzReader, layout: Layout) -> Mapping[str, Sequence[str]]:
        """Variables that the training split shows to be joined: none, unless a family has such."""
        return {}

    def alignment(self, split: str) -> Alignment | None:
        """What a row of as many targets as frames means, where the family says it."""
        return None


def group_user_variables(variables: VariableSpace, target_names: Sequence[str], what: str) -> Grouping:
    """From a file's targets to a user's variables: columns are named after the variables, or after their factors.

    Raises:
        ValueError: they are named after neither.
    """
    if sorted(target_names) == sorted(variables.names):
        return Grouping(variables, variables)
    if sorted(target_names) == sorted(variables.factor_names):
        return Grouping(VariableSpace(variables.factors), variables)
    unmatched = ", ".join(sorted({*target_names} ^ {*variables.names}))
    got = f"{', '.join(target_names)}; without counterpart: {unmatched}"
    must = "named " + ", ".join(variables.names)
    raise ValueError(checks.sentence(f"the column names of {what}", must, got, "rename or drop columns"))


def with_groups(layout: Layout, groups: Mapping[str, Sequence[str]]) -> Layout:
    """The layout with further variables joined."""
    grouping = Grouping(layout.grouping.fine, join(layout.grouping.coarse, groups))
    return Layout(layout.kind, grouping, layout.has_alpha, layout.actions)
