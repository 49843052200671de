"""What a notebook's outputs depend on: the modules that it imports, directly or not, and the data that those read."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bookkit import file_cache
from bookkit.file_cache import file_hash, remembered
from bookkit.project import Project
from repro.errors import ReproError
from repro.files import sha256_bytes

if TYPE_CHECKING:
    from repro.data.publishers import Status

#: Read by every notebook: versions of all packages, and the files that ship inside this one.
ALWAYS = ("requirements.lock", "requirements-nodeps.lock", "src/repro/assets")
#: Read by notebooks that (even indirectly) import the module on the left.
WITH_MODULE = {"repro.experiments": ("data/results", "data/checkpoints")}


def key(project: Project, name: str) -> str:
    """Hash of all that the executed notebook ``name`` depends on: 16 hexadecimal digits.

    That is its code and parameters, the modules of ``repro`` that it imports at any remove, the lock, the photos and
    weights in use, and the stored results where it can read them. Its prose is not: no output depends on it.
    """
    source = project.source(name)
    modules = imported_modules(source, project.root / "src")
    folders = [*ALWAYS, *(f for module, names in WITH_MODULE.items() if module in modules for f in names)]
    files = {path for place in folders for path in _files(project.root / place)}
    for module in modules.values():
        files |= {module, *module.parent.glob("*.json")}
    parts = {
        "code": _code(source),
        "parameters": project.parameters(name),
        "files": {path.relative_to(project.root).as_posix(): file_hash(path) for path in sorted(files)},
        "photos": {row.split: row.sha256 for row in _photos()} if "repro.data" in modules else {},
        "weights": _weights() if "repro.weights" in modules else {},
    }
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:16]


def inputs(project: Project, name: str) -> dict[str, dict[str, str]]:
    """What the notebook ``name`` can read, in words: photos by split, weights by network, and stored results.

    Of each only what is at hand; nothing where the notebook imports no module that reads it.
    """
    modules = imported_modules(project.source(name), project.root / "src")
    results = [place for module, places in WITH_MODULE.items() if module in modules for place in places]
    return {
        "photos": {row.split: row.source for row in _photos() if row.source} if "repro.data" in modules else {},
        "weights": {of: source for of, source in _weights().items() if source} if "repro.weights" in modules else {},
        "results": {place: "the checkout" for place in results},
    }


def imported_modules(source: Path, packages: Path) -> dict[str, Path]:
    """Every module of ours, by dotted name, that running ``source`` can import; also imports inside functions."""
    found: dict[str, Path] = {}
    waiting = list(_imports(source))
    while waiting:
        name = waiting.pop()
        base = packages / name.replace(".", "/")
        path = next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)
        if path and name not in found:
            found[name] = path
            waiting += [*_imports(path), name.rpartition(".")[0]]
    return found


def _code(source: Path) -> list[tuple[str, list[str]]]:
    """The code cells of a notebook, each with its tags."""
    cells = [cell for cell in file_cache.source(source).cells if cell.cell_type == "code"]
    return [(cell.source, cell.metadata.get("tags", [])) for cell in cells]


@remembered
def _imports(path: Path) -> list[str]:
    """Names that could be modules of ours; ``from a import b`` may name the module a.b or a thing in a."""
    return list(_names(path))


def _names(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ReproError(f"{path}, line {error.lineno}: {error.msg}; mend the Python there") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("repro"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("repro"):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
