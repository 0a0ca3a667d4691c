"""A data set from a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.reading import reading_of
from trisect.data.convert.logs.roles import Columns, require_interventions, with_events
from trisect.data.convert.logs.table import Table
from trisect.data.convert.options import read_options
from trisect.data.dataset import Dataset

if TYPE_CHECKING:
    import pandas

USED = ("columns", "variables", "alignment", "encode", "stack", "stacked")


def from_dataframe(frame: pandas.DataFrame, **options: Any) -> Dataset:
    """Make a data set in memory from a DataFrame with a row per step, cut into train, val and test.

    Args:
        frame: readings, targets and whatever else was recorded, in columns; the rows in the order of time.
        options: ``columns=``, a mapping from roles to names of columns (see `trisect.data.convert.logs.roles.Columns`),
            such as ``{"targets": ["valve"], "sensors": ["t1", "t2"]}``; ``alignment=``, ``encode=``, ``variables=``,
            ``stack=`` and ``stacked=``, see `trisect.data.convert.options.Options`.

    Raises:
        ValueError: a column or an option is wrong or missing, or a cell is.
        TypeError: not a DataFrame.

    Example:
        >>> import numpy, pandas
        >>> frame = pandas.DataFrame({"volt": numpy.arange(40.0), "lamp": [0, 1] * 20})
        >>> from_dataframe(frame, columns={"targets": "lamp"}, alignment="effect")["train"]
        Recording(28 vectors of (1,) in 1 episode; interventions: lamp 14)
    """
    if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
        got = type(frame).__name__
        raise TypeError(checks.sentence("the frame of from_dataframe", "a pandas DataFrame", got))
    for name in options:
        checks.one_of(name, USED, "an option of from_dataframe")
    settings = read_options(options)
    declared = settings.columns or Columns()
    must = "left out: a DataFrame holds no pictures; save it and use trisect convert"
    checks.require(declared.image is None, "the column 'image' of from_dataframe", must, declared.image)
    require_interventions(declared.targets, None)
    copied = frame.reset_index(drop=True).copy()
    tables, roles = with_events([Table(copied, "the DataFrame")], declared)
    return reading_of(Found("a DataFrame", [Log("frame", tables[0])], roles), settings).data
