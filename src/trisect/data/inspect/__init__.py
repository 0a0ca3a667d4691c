"""Check a data set: what can be identified from it, whether targets and frames are aligned, what the frames contain."""

from trisect.data.inspect.inspection import Inspection, inspect
from trisect.data.inspect.sheet import contact_sheet

__all__ = ["Inspection", "contact_sheet", "inspect"]
