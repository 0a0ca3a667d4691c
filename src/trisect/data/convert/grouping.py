"""Joining variables on conversion: what several columns of a file say of the one variable they make together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Grouping:
    """From the variables of a file to those of a recording.

    Attributes:
        fine: the variables that the columns of the file stand for.
        coarse: those of the recording, of the same factors in the same order; each is made of whole variables of
            the file.
    """

    fine: VariableSpace
    coarse: VariableSpace

    @property
    def members(self) -> list[list[int]]:
        """For every variable of the recording, the positions of the file's variables that make it."""
        owners = {
            factor: position for position, name in enumerate(self.fine.names) for factor in self.fine.groups[name]
        }
        return [sorted({owners[factor] for factor in group}) for group in self.coarse.groups.values()]

    def join_targets(self, targets: np.ndarray) -> np.ndarray:
        """(rows, coarse) bool from (rows, fine) bool: 1 where any member is one."""
        return np.stack([targets[:, columns].any(axis=1) for columns in self.members], axis=1)

    def join_masks(self, masks: np.ndarray, what: str) -> np.ndarray:
        """(rows, coarse) bool from (rows, fine) bool, in which the members of a variable must agree.

        Raises:
            ValueError: a triplet takes part of a variable from the first frame and part from the second.
        """
        split = self.split_rows(masks)
        if split:
            row, position = split[0]
            names = [self.fine.names[column] for column in self.members[position]]
            what = f"the mask of {what} for {', '.join(names)}"
            must = f"the same within '{self.coarse.names[position]}'"
            got = f"{masks[row, self.members[position]].astype(int).tolist()} in row {row}"
            todo = "leave these triplets out of the folder, or do not join these variables (group={} joins none)"
            raise ValueError(checks.sentence(what, must, got, todo))
        return np.stack([masks[:, columns[0]] for columns in self.members], axis=1)

    def split_rows(self, masks: np.ndarray) -> list[tuple[int, int]]:
        """(row, coarse variable) wherever members disagree, by rows."""
        parts = [masks[:, columns] for columns in self.members]
        disagree = np.stack([part.any(axis=1) & ~part.all(axis=1) for part in parts], axis=1)
        return [(int(row), int(position)) for row, position in np.argwhere(disagree)]


def join(space: VariableSpace, groups: Mapping[str, Sequence[str]]) -> VariableSpace:
    """The space in which some variables are joined; a joined one stands where its first member stood.

    Args:
        space: the variables as they are.
        groups: new name -> names of the variables to join, at least one.

    Raises:
        ValueError: an unknown variable, one in two groups, an empty group, or a new name that is taken.

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
        taken = new in space.names and new not in members
        checks.require(not taken, "the name of a group", "new", f"'{new}', which is a variable", "choose another")
    joined: dict[str, list[str]] = {}
    for name, factors in space.groups.items():
        joined.setdefault(new_names.get(name, name), []).extend(factors)
    return VariableSpace(space.factors, joined)
