"""The API reference: the directive ``api`` lists a page of `api_names.PAGES`, and names in docstrings become links.

Docstrings put names in single backticks. A name that the reference documents becomes a link, whether it is written in
full, by the module that defines it, or by its last part; any other name is shown as code.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from functools import cache
from typing import Any, TypeVar

from api_names import MEMBERS, PAGES, names
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

UNSAYABLE = re.compile(r"<[^<>]*>")
UNPACKED = re.compile(r": [\w.~]*Unpack\[(\w+)\]")


class ApiDirective(SphinxDirective):
    """List what one page of `api_names.PAGES` names: ``{api} functions``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Let autodoc write every entry."""
        self.env.note_dependency(importlib.import_module("api_names").__file__ or "")
        listed = PAGES[self.arguments[0]].items()
        entries = [entry(module, name) for module, group in listed for name in group]
        return self.parse_text_to_nodes("````{eval-rst}\n" + "\n".join(entries) + "\n````")


def entry(module: str, name: str) -> str:
    """The directive of autodoc for a public name."""
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        members = MEMBERS.get(name)
        shown = "" if members == () else f"   :members: {', '.join(members or ())}\n"
        return f".. autoclass:: {module}.{name}\n{shown}"
    kind = "autofunction" if callable(value) else "autodata"
    return f".. {kind}:: {module}.{name}\n"


class NameRole(XRefRole):
    """The role of single backticks: a link where the name is documented, else code."""

    def process_link(
        self, env: BuildEnvironment, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        """Remember where the name stands, so that short names resolve."""
        known = {"refdomain": "py", "reftype": "obj", "is_name": True}
        refnode.attributes.update(known | {key: env.ref_context.get(key) for key in ("py:module", "py:class")})
        return title, target.removesuffix("()")


@cache
def public_names() -> dict[str, str]:
    """Where an object is defined -> the name that the reference gives it."""
    return {defined_at(module, name): f"{module}.{name}" for module, name in names()}


def defined_at(module: str, name: str) -> str:
    """The module that defines a public name, and the name."""
    value = getattr(importlib.import_module(module), name)
    return f"{getattr(value, '__module__', module)}.{name}"


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement) -> nodes.Node | None:
    """Link a Python name that Sphinx itself did not find; show an unknown name of a docstring as code."""
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    found = documented(node["reftarget"], node.get("py:module"), node.get("py:class"), objects)
    if found is not None:
        where = objects[found]
        return make_refnode(app.builder, node["refdoc"], where.docname, where.node_id, [shown], found)
    return shown if node.get("is_name") or is_type_variable(node["reftarget"]) else None


def is_type_variable(target: str) -> bool:
    """Whether a name in full is a type variable, which has no entry of its own."""
    module, _, name = target.rpartition(".")
    return module.startswith("trisect.") and isinstance(getattr(sys.modules.get(module), name, None), TypeVar)


def documented(target: str, module: str | None, around: str | None, objects: dict[str, Any]) -> str | None:
    """The documented name that a target means: in full, as defined, beside where it stands, or by its last part."""
    owner, _, member = target.rpartition(".")
    renamed = public_names()
    tried = [target, renamed.get(target, ""), f"{renamed.get(owner, '')}.{member}"]
    tried += [f"{module}.{around}.{target}", f"{module}.{target}"]
    last = [name for name, entry in objects.items() if name.endswith(f".{target}") and not entry.aliased]
    tried += last if len(last) == 1 else []
    return next((name for name in tried if name in objects), None)


def signature(app: Sphinx, what: str, name: str, value: Any, options: Any, given: str | None, *rest: Any) -> Any:
    """Leave out how to build what users never build, types of options without an entry, and ``<factory>``."""
    last = name.rpartition(".")[2]
    if what == "class" and last in MEMBERS:
        return "", None
    if given is None:
        return None
    listed = {each.rpartition(".")[2] for each in public_names().values()}
    shown = UNPACKED.sub(lambda found: found[0] if found[1] in listed else "", given)
    return UNSAYABLE.sub("...", shown), *rest


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_directive("api", ApiDirective)
    app.add_role("name", NameRole(innernodeclass=nodes.literal))
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
