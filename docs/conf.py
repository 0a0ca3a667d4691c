"""Settings of the documentation site, which `make docs` builds.

The pages fetch nothing from elsewhere: no fonts, no scripts, no formulas drawn by a server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "extensions")]

import trisect  # noqa: E402

SHARED = HERE.parents[1] / "shared"
if (
    SHARED / "data" / "causal3d_tutorial"
).is_dir():  # where the tests look for published files; the tutorial shows them
    os.environ.setdefault("TRISECT_SHARED", str(SHARED))

project = "trisect"
author = "the trisect contributors"
project_copyright = author
version = release = trisect.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "api", "docstrings", "mathml", "sources"]
exclude_patterns = ["tutorials/*.ipynb"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"'[\w *-]+'"),  # axes of jaxtyping
    ("py:.*", r"(collections|datetime|enum|jaxtyping|np|numpy|nn|os|pandas|pathlib|torch|typing)\..*"),
    ("py:.*", r"Path|Callable|Iterable|Iterator|Mapping|Sequence|ndarray|Tensor|Unpack|Float|Bool|Int|UInt8"),
]
"""Types of other packages: their documentation is not fetched, so they cannot be linked."""
nitpick_ignore = [("py:class", "TrainingData"), ("py:class", "R")]  # what methods are handed; a recipe of any class

default_role = "name"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
autodoc_inherit_docstrings = False  # what only overrides a method of a world is left out
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "jupyter-cache")
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_ipywidgets_js = {}
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

html_theme = "furo"
html_title = "trisect"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
