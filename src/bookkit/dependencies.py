"""What a notebook's outputs depend on: modules that it imports, directly or indirectly, and the data that they read."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bookkit.file_cache import file_hash, remembered, source
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import sha256_bytes

if TYPE_CHECKING:
    from grimp import ImportGraph

    from repro.data.publishers import Status

#: Dependencies of every notebook: the versions of all packages, the files that ship in ours, and the book's scripts.
ALWAYS = ("requirements.lock", "requirements-nodeps.lock", "src/repro/assets", "src/bookkit/assets")
#: Dependencies of notebooks that import ``repro.experiments``, directly or indirectly.
RESULTS = ("data/results", "data/checkpoints", "data/reference", "data/ablation_sets")


def key(project: Project, name: str) -> str:
    """Hash of everything that the executed notebook ``name`` depends on: 16 hexadecimal digits.

    That is its code and parameters, our modules that it imports directly or indirectly, the lock file, the photos and
    weights in use, whether Butteraugli's program is installed, and the stored results if it can read them. Its prose is
    not included, because no output depends on it.
    """
    modules = imported_modules(project.source(name))
    folders = [*ALWAYS, *(RESULTS if "repro.experiments" in modules else ())]
    files = {path for place in folders for path in _files(project.root / place)}
    for module in modules:
        path = project.root / "src" / module.replace(".", "/")
        files |= {p for p in (path.with_suffix(".py"), path / "__init__.py", *path.glob("*.json")) if p.is_file()}
    parts = {
        "code": [
            (cell.source, cell.metadata.get("tags", []))
            for cell in source(project.source(name)).cells
            if cell.cell_type == "code"
        ],
        "parameters": project.parameters(name),
        "files": {path.relative_to(project.root).as_posix(): file_hash(path) for path in sorted(files)},
        "photos": {row.split: row.sha256 for row in _photos()} if "repro.data" in modules else {},
        "weights": _weights() if "repro.weights" in modules else {},
        "butteraugli": "repro.metrics.butteraugli" in modules and _has_butteraugli(),
    }
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:16]


def inputs(project: Project, name: str) -> dict[str, dict[str, str]]:
    """What the notebook ``name`` can read, in words: photos by split, weights by network, and stored results.

    Only what is available is listed, and only if the notebook imports a module that reads it.
    """
    modules = imported_modules(project.source(name))
    return {
        "photos": {row.split: row.source for row in _photos() if row.source} if "repro.data" in modules else {},
        "weights": {of: source for of, source in _weights().items() if source} if "repro.weights" in modules else {},
        "results": dict.fromkeys(RESULTS, "the checkout") if "repro.experiments" in modules else {},
    }


def imported_modules(notebook: Path) -> set[str]:
    """Every module of ours, by dotted name, that running ``notebook`` can import, including imports inside functions.

    Raises :class:`ReproError` with file and line if the notebook or a module is not valid Python.
    """
    graph, direct, found = _graph(), set(_imports(notebook)), set[str]()
    waiting = set(direct)
    while waiting:
        module = waiting.pop()
        if module in found or module not in graph.modules:
            continue
        found.add(module)
        if module == "repro" and module not in direct:
            continue  # it imports the encoder lazily: importing a module inside it does not trigger that
        waiting |= graph.find_modules_directly_imported_by(module) | {module.rpartition(".")[0]}
    return found


@cache
def _graph() -> ImportGraph:
    """The import graph of our packages, read by grimp from their sources."""
    import grimp

    try:
        return grimp.build_graph("repro", "chapters", "bookkit", exclude_type_checking_imports=True, cache_dir=None)
    except grimp.exceptions.SourceSyntaxError as error:
        raise ReproError(f"{error.filename}, line {error.lineno}: invalid syntax; fix the Python there") from error


@remembered
def _imports(notebook: Path) -> set[str]:
    """Imported names that could be modules: in ``from a import b``, b may be a module or an object of a."""
    try:
        nodes = list(ast.walk(ast.parse(notebook.read_text(encoding="utf-8"))))
    except SyntaxError as error:
        raise ReproError(f"{notebook}, line {error.lineno}: {error.msg}; fix the Python there") from error
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]


@cache
def _photos() -> list[Status]:
    from repro import data

    return data.status()


@cache
def _weights() -> dict[str, str]:
    from repro import weights

    return {row.name: row.source for row in weights.status()}


def _has_butteraugli() -> bool:
    from repro.metrics import butteraugli_installed

    return butteraugli_installed()
