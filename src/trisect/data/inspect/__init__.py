"""Is this data set fit: what can be identified from it, are targets and frames aligned, what lies in it."""

from trisect.data.inspect.inspection import Inspection, inspect
from trisect.data.inspect.sheet import contact_sheet

__all__ = ["Inspection", "contact_sheet", "inspect"]
