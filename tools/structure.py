"""The structure of the package in numbers: modules and imports per sub-package, import cycles, sizes of files.

python tools/structure.py            # of this checkout
python tools/structure.py OTHER/src  # of another one
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

PACKAGE = "trisect"
LONG_FILE, LONG_FUNCTION = 250, 30


def rooms_and_arrows(graph: grimp.ImportGraph) -> list[tuple[str, int, int, int]]:
    """(sub-package, modules, imports between its modules, imports of others) of every package with modules in it."""
    packages = sorted({name.rpartition(".")[0] for name in graph.modules if "." in name})
    rows = []
    for package in packages:
        inside = {name for name in graph.modules if name == package or name.startswith(f"{package}.")}
        imports = [(name, other) for name in inside for other in graph.find_modules_directly_imported_by(name)]
        within = sum(other in inside for _, other in imports)
        rows.append((package, len(inside), within, len(imports) - within))
    return rows


def cycles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Sets of modules that import each other, directly or through others."""
    reach = {name: graph.find_upstream_modules(name) for name in graph.modules}
    seen: set[str] = set()
    found = []
    for name in sorted(graph.modules):
        if name in seen:
            continue
        component = {name, *(other for other in reach[name] if name in reach[other])}
        seen |= component
        if len(component) > 1:
            found.append(component)
    return found


def functions(file: Path) -> Iterator[int]:
    """Lines of every function in a file, without its docstring."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            is_documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            documented = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
            yield (node.end_lineno or 0) - node.lineno + 1 - documented


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).resolve().parents[1] / "src"
    parser.add_argument("source", type=Path, nargs="?", default=default, help="folder that holds the package")
    source = parser.parse_args().source.resolve()
    sys.path.insert(0, str(source))
    graph = grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=True)
    print(f"{'package':40} {'modules':>8} {'imports within':>15} {'of others':>10}")
    for package, modules, within, others in rooms_and_arrows(graph):
        print(f"{package:40} {modules:8} {within:15} {others:10}")
    files = sorted((source / PACKAGE).rglob("*.py"))
    lines = [len(file.read_text().splitlines()) for file in files]
    sizes = [size for file in files for size in functions(file)]
    print(f"\n{len(graph.modules)} modules, {graph.count_imports()} imports, {len(cycles(graph))} cycles")
    print(f"{sum(lines)} lines in {len(files)} files: median {statistics.median(lines):.0f}, longest {max(lines)}, "
          f"{sum(size > LONG_FILE for size in lines)} over {LONG_FILE}")  # fmt: skip
    print(f"{len(sizes)} functions: median {statistics.median(sizes):.0f} lines, longest {max(sizes)}, "
          f"{sum(size > LONG_FUNCTION for size in sizes)} over {LONG_FUNCTION}")  # fmt: skip


if __name__ == "__main__":
    main()
