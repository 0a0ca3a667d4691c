"""Joining variables during conversion: several columns of a file become one variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Grouping:
    """Maps the variables of a file to those of a recording.

    Attributes:
        fine: the variables of the file, one per column.
        coarse: the variables of the recording, with the same factors in the same order; each consists of whole
            variables of the file.
    """

    fine: VariableSpace
    coarse: VariableSpace

    @property
    def members(self) -> list[list[int]]:
        """For every variable of the recording, the positions of the file's variables that it consists of."""
        owners = {
            factor: position for position, name in enumerate(self.fine.names) for factor in self.fine.groups[name]
        }
        return [sorted({owners[factor] for factor in group}) for group in self.coarse.groups.values()]

    def join_targets(self, targets: np.ndarray) -> np.ndarray:
        """(rows, coarse) bool from (rows, fine) bool: True where any member is True."""
        return np.stack([targets[:, columns].any(axis=1) for columns in self.members], axis=1)

    def join_masks(self, masks: np.ndarray, what: str) -> np.ndarray:
        """(rows, coarse) bool from (rows, fine) bool, in which the members of a variable must agree.

        Raises:
            ValueError: a triplet mixes one variable from both frames.
        """
        split = self.split_rows(masks)
        if split:
            row, position = split[0]
            names = [self.fine.names[column] for column in self.members[position]]
            what = f"the mask of {what} for {', '.join(names)}"
            must = f"the same within '{self.coarse.names[position]}'"
            got = f"{masks[row, self.members[position]].astype(int).tolist()} in row {row}"
            todo = "remove these triplets from the folder, or do not join these variables (group={} joins none)"
            raise ValueError(checks.sentence(what, must, got, todo))
        return np.stack([masks[:, columns[0]] for columns in self.members], axis=1)

    def split_rows(self, masks: np.ndarray) -> list[tuple[int, int]]:
        """(row, position of a coarse variable) wherever its members disagree, row by row."""
        parts = [masks[:, columns] for columns in self.members]
        disagree = np.stack([part.any(axis=1) & ~part.all(axis=1) for part in parts], axis=1)
        return [(int(row), int(position)) for row, position in np.argwhere(disagree)]


def join(space: VariableSpace, groups: Mapping[str, Sequence[str]]) -> VariableSpace:
    """The space after joining some variables; a joined variable takes the position of its first member.

    Args:
        space: the variables before joining.
        groups: new name -> names of the variables to join, at least one.

    Raises:
        ValueError: a variable is unknown or in two groups, a group is empty, or a new name is already in use.

    Example:
        >>> from trisect.variables import anonymous
        >>> join(anonymous(["x", "hue", "y"]), {"pos": ["x", "y"]}).groups
        {'pos': ('x', 'y'), 'hue': ('hue',)}
    """
    new_names: dict[str, str] = {}
    for new, members in groups.items():
        for member in checks.unique_names(members, f"the variables of group '{new}'"):
            checks.one_of(member, space.names, f"a variable of group '{new}'")
            must, got = "in one group", f"in '{new_names.get(member)}' and '{new}'"
            checks.require(member not in new_names, f"the variable '{member}'", must, got)
            new_names[member] = new
        checks.require(len(members) > 0, f"the variables of group '{new}'", "at least one", "none")
        in_use = new in space.names and new not in members
        checks.require(not in_use, "the name of a group", "new", f"'{new}', which is a variable", "choose another")
    joined: dict[str, list[str]] = {}
    for name, factors in space.groups.items():
        joined.setdefault(new_names.get(name, name), []).extend(factors)
    return VariableSpace(space.factors, joined)
