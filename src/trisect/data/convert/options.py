"""What a user may declare about a folder to convert if its content alone does not show it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from trisect import checks
from trisect.data.convert.alignment import ALIGNMENTS, Alignment
from trisect.data.convert.encoding import Encode, check_encode
from trisect.data.convert.levels import LEVELS, Levels
from trisect.data.convert.logs.roles import Columns, read_columns
from trisect.data.convert.pixels import LAYOUTS, Channels
from trisect.data.stacking import check_frames
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Options:
    """How to read a folder; every field is optional.

    Attributes:
        variables: kinds and ranges of the variables; published data sets are recognised without them.
        alignment: what a row of targets (or actions) means if there are as many rows as frames, see
            `trisect.data.convert.alignment.align_targets`.
        group: new variable -> the variables it joins, such as ``{"pos": ["x", "y", "z"]}``: its target is 1 where
            the target of any of them is 1. By default only variables that the files show to be one are joined; ``{}``
            joins nothing.
        names: our array name -> the name in the files, such as ``{"images": "frames"}``.
        channels: ``"first"`` or ``"last"``, the position of a frame's channels; by default recognised from the shape.
        levels: the range of the pixels, ``"0..255"``, ``"0..1"`` or ``"-1..1"``; by default recognised from the
            values.
        encode: ``"switch"`` or ``"level"``, or column of the targets -> one of them, see
            `trisect.data.convert.encoding`; by default targets stay as they are.
        stack: number of frames that every observation shall hold, see `trisect.data.stacking`.
        stacked: number of frames that the observations hold already, along their channels, the oldest first.
        columns: of logs: what their columns are, see `trisect.data.convert.logs.roles.Columns`.
        interventions: of logs: experiment -> the variables that were intervened on in all of its rows, where no
            column says it; an experiment that is not named has none.
        size: height and width to which pictures are reduced; every pixel becomes the mean of the area that it covers.
        rate: of films: number of frames per second that are kept.
        offset: of films beside tables with times: the time of the film's first frame in the table, in seconds.

    Raises:
        ValueError: an option has a wrong value.
        TypeError: ``variables`` is not a `VariableSpace`.
    """

    variables: VariableSpace | None = None
    alignment: Alignment | None = None
    group: Mapping[str, Sequence[str]] | None = None
    names: Mapping[str, str] | None = None
    channels: Channels | None = None
    levels: Levels | None = None
    encode: Encode | None = None
    stack: int = 1
    stacked: int = 1
    columns: Columns | None = None
    interventions: Mapping[str, Sequence[str]] | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None
    offset: float | None = None

    def __post_init__(self) -> None:
        choices = {"alignment": ALIGNMENTS, "channels": LAYOUTS, "levels": tuple(LEVELS)}
        for name, values in choices.items():
            value = getattr(self, name)
            if value is not None:
                checks.one_of(value, values, f"the option '{name}' of convert")
        if self.variables is not None and not isinstance(self.variables, VariableSpace):
            what, got = "the option 'variables' of convert", type(self.variables).__name__
            raise TypeError(checks.sentence(what, "a VariableSpace", got, "such as VariableSpace([Continuous('x')])"))
        for name in ("group", "names", "interventions"):
            value = getattr(self, name)
            must = "a mapping of names"
            checks.require(value is None or isinstance(value, Mapping), f"the option '{name}' of convert", must, value)
        check_frames(self.stack, self.stacked, "convert")
        if self.encode is not None:
            check_encode(self.encode, "the option 'encode' of convert")
        self._check_numbers()

    def _check_numbers(self) -> None:
        size, must = self.size, "height and width in pixels, from 1 on"
        fits = isinstance(size, tuple) and len(size) == 2 and all(isinstance(each, int) and each > 0 for each in size)
        checks.require(
            size is None or fits, "the option 'size' of convert", must, checks.shown(size), "such as (64, 64)"
        )
        for name, low in (("rate", 0.0), ("offset", -math.inf)):
            if getattr(self, name) is not None:
                checks.in_range(getattr(self, name), f"the option '{name}' of convert", low, math.inf, open_low=True)


def read_options(given: Mapping[str, Any]) -> Options:
    """Make options from keyword arguments; an unknown one raises `ValueError` with a suggestion."""
    for name in given:
        checks.one_of(name, [field.name for field in fields(Options)], "an option of convert")
    columns = given.get("columns")
    if columns is not None and not isinstance(columns, Columns):
        fits, must = isinstance(columns, Mapping), "a mapping of roles to columns"
        checks.require(fits, "the option 'columns' of convert", must, checks.shown(columns))
        given = {**given, "columns": read_columns(columns)}
    return Options(**given)
