"""Check the annotations of trisect at every call, shapes included: beartype's checks, each in a context of jaxtyping's.

Unlike `jaxtyping.install_import_hook`, annotations are read at the first call, when every name of the module is there,
those below ``if TYPE_CHECKING`` included; one that still cannot be read is an error. Arguments are checked once, not
twice. What a function refuses itself, with a sentence of ours, stays refused by that sentence: a wrong argument is an
error of the check only where the function takes it. Functions that other tools read as source or signature are left
alone, see `READ_BY_OTHERS`.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import IO, Any
from zipfile import ZipExtFile

from beartype import BeartypeConf, FrozenDict, beartype
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import AbstractArray, jaxtyped

PACKAGE = "trisect"
READ_BY_OTHERS = {"compiled": "numba", "script": "onnxscript", "custom_op": "torch", "register_fake": "torch"}
"""Decorators of functions that are not checked, with who reads them."""

_MADE = "__made__"
_of_inner: dict[int, tuple[CodeType, Callable[..., Any]]] = {}
"""Checks of functions within others, which every call of those makes anew: by the id of their code, for codes of other
functions may be equal."""

_FILES = FrozenDict({IO[bytes]: IO[bytes] | ZipExtFile})  # whose mode says "r", where beartype wants a "b"
_checks = beartype(conf=BeartypeConf(is_pep484_tower=True, hint_overrides=_FILES))  # the tower: an int is a float


def checked(target: Any) -> Any:
    """The same function, or data class, with its annotations checked at every call."""
    if isinstance(target, type):
        if dataclasses.is_dataclass(target) and "__init__" in vars(target):
            target.__init__ = _checked(target.__init__, target)  # type: ignore[misc]
        return target
    return _checked(target, target)


def _checked(function: Callable[..., Any], annotated: Any) -> Callable[..., Any]:
    ready: Callable[..., Any] | None = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal ready
        if ready is None:
            ready = _with_checks(function, annotated)
        try:
            return ready(*args, **kwargs)
        except BeartypeCallHintParamViolation as violation:
            if not hasattr(violation, "of"):  # else of a call within
                violation.of = function
                function(*args, **kwargs)  # what it refuses itself gets its own sentence
            raise

    return call


def _with_checks(function: Callable[..., Any], annotated: Any) -> Callable[..., Any]:
    code = function.__code__
    inner = annotated is function and "<locals>" in function.__qualname__
    if not inner or code.co_flags & inspect.CO_VARKEYWORDS:
        return _read(function, annotated)
    if id(code) not in _of_inner:
        any_of_it = _any_of(function)
        _of_inner[id(code)] = code, _read(any_of_it, annotated)
        del any_of_it.__wrapped__  # type: ignore[attr-defined]  # and what this one closes over
    return functools.partial(_of_inner[id(code)][1], **{_MADE: function})


def _any_of(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Calls the function that is passed, with the signature of this one of the same code."""

    @functools.wraps(inner)
    def through(*args: Any, **kwargs: Any) -> Any:
        return kwargs.pop(_MADE)(*args, **kwargs)

    return through


def _read(function: Callable[..., Any], annotated: Any) -> Callable[..., Any]:
    """The function with checks; in a context of their own if they compare axes."""
    read = hints(annotated)
    function.__annotations__ = {name: read[name] for name in function.__annotations__ if name in read}
    checks = _checks(_at_once(function) if inspect.isgeneratorfunction(function) else function)
    return _in_context(checks) if any(map(_has_axes, function.__annotations__.values())) else checks


def _has_axes(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    parts = annotation if isinstance(annotation, list) else typing.get_args(annotation)  # a list: of a Callable
    return any(map(_has_axes, parts))


def _in_context(checks: Callable[..., Any]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with jaxtyped("context"):
            return checks(*args, **kwargs)

    return inside


def _at_once(generator: Callable[..., Any]) -> Callable[..., Any]:
    """A generator's arguments checked at the call, in a context of their own, and not at its first step."""

    @functools.wraps(generator)
    def start(*args: Any, **kwargs: Any) -> Any:
        return generator(*args, **kwargs)

    return start


def hints(annotated: Any) -> dict[str, Any]:
    """The annotations of a function, or of the fields of a class, as types."""
    return typing.get_type_hints(annotated, localns=_Names(annotated.__module__), include_extras=True)


class _Names(dict[str, Any]):
    """The names of a module, those that only type checkers import among them."""

    def __init__(self, module: str) -> None:
        super().__init__(vars(sys.modules[module]))

    def __missing__(self, name: str) -> Any:
        if name in vars(builtins):
            return vars(builtins)[name]
        names = dict(self)
        for node in _for_type_checkers(names["__file__"]):
            exec(compile(ast.Module([node], []), names["__file__"], "exec"), names)
        return names[name]


@functools.cache
def _for_type_checkers(path: str) -> list[ast.stmt]:
    with open(path, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    blocks = (node.body for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    return [node for block in blocks for node in block]


class _Decorate(ast.NodeTransformer):
    """Decorates with ``checked``: functions innermost, data classes outermost."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        names = {word for decorator in node.decorator_list for word in _words(decorator)}
        if not names & READ_BY_OTHERS.keys():
            node.decorator_list.append(_name_at(node))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list.insert(0, _name_at(node))
        return node


def _words(node: ast.AST) -> list[str]:
    return [getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)]


def _name_at(node: ast.AST) -> ast.expr:
    return ast.copy_location(ast.Name("__checked__", ast.Load()), node)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = _Decorate().visit(ast.parse(self.get_data(path), path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__checked__"] = checked
        super().exec_module(module)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Check all modules of trisect from now on; none may be loaded."""
    assert PACKAGE not in sys.modules, "trisect is already imported, unchecked"
    sys.meta_path.insert(0, _Finder())
