"""The package's reference from its docstrings: what to document where, and what names in docstrings point at.

:func:`markdown` writes a member of the house, module by module, for Sphinx's autodoc. As a Sphinx extension (see
``_config.yml``) this module resolves the names in docstrings and signatures as Python would: a name means what it
means in the module where it stands.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import repro
from repro import errors

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx

_PACKAGE = Path(repro.__file__).parent
#: The command line has a page of its own, made of what its commands say.
_LEFT_OUT = {"cli", "__main__", "__init__"}
_BLOCK = """\
```{{eval-rst}}
.. automodule:: {module}
{options}```
"""


def members() -> list[str]:
    """The members of the house that are documented: "attention", "book", "codecs" and so on."""
    found = {path.stem for path in _PACKAGE.glob("*.py")} | {
        path.parent.name for path in _PACKAGE.glob("*/__init__.py")
    }
    return sorted(found - _LEFT_OUT)


def markdown(member: str) -> str:
    """A section for ``repro.<member>``, a subsection for each module in it: autodoc fills them from the docstrings."""
    paths = _modules(member)
    return "\n".join(_section(_dotted(path), path, "##" if i == 0 else "###") for i, path in enumerate(paths))


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this where the module is listed as an extension."""
    app.connect("doctree-read", _resolve)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _modules(member: str) -> list[Path]:
    """The files of a member of the house, the package's own first."""
    alone = _PACKAGE / f"{member}.py"
    return [alone] if alone.is_file() else sorted((_PACKAGE / member).rglob("*.py"), key=_dotted)


def _dotted(path: Path) -> str:
    return ".".join(("repro", *path.relative_to(_PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def _section(module: str, path: Path, level: str) -> str:
    exported, imported = _exports(path)
    own = [name for name in exported if name not in imported]
    options = f"   :members: {', '.join(own)}\n" if own else "" if exported else "   :members:\n"
    lines = [f"{level} `{module}`\n", _BLOCK.format(module=module, options=options)]
    if imported:
        links = ", ".join(f"{{py:obj}}`{name} <{origin}>`" for name, origin in sorted(imported.items()))
        lines.append(f"To be imported from here: {links}.\n")
    return "\n".join(lines)


def _exports(path: Path) -> tuple[list[str], dict[str, str]]:
    """What ``__all__`` of a module lists, and of this what it only hands on: name → where it is defined."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    exported = [name for node in tree.body for name in _listed(node)]
    imported = {
        alias.name: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in exported
    }
    return exported, imported


def _listed(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
        yield from ast.literal_eval(node.value)


def _skip(_: Sphinx, what: str, name: str, member: object, skip: bool, options: object) -> bool | None:
    """Leave out what Python itself writes of a named tuple's fields; their class tells of them."""
    return True if str(getattr(member, "__doc__", "")).startswith("Alias for field number") else None


def _readable(
    _: Sphinx, what: str, name: str, member: object, options: object, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A default that is made anew, in Python's words: what it cannot read as Python, Sphinx would show raw."""
    return arguments and arguments.replace("<factory>", "..."), returned


def _resolve(_: Sphinx, doctree: document) -> None:
    """Names get the full ones of what they mean where they stand; those of other packages become plain text.

    What means nothing stays as it is: Sphinx knows it, or warns. This happens when a page is read, not each time it is
    written, as the whole package has to be imported for it.
    """
    from sphinx.addnodes import pending_xref
    from sphinx.util.nodes import find_pending_xref_condition

    for node in list(doctree.findall(pending_xref)):
        if node.get("refdomain") != "py":
            continue
        meant = _meaning(node["reftarget"], node.get("py:module"), node.get("py:class"))
        if meant is None:
            continue
        if meant.partition(".")[0] == "repro":
            node["reftarget"] = meant
        else:
            short = find_pending_xref_condition(node, "resolved")  # "ndarray", where the text is "numpy.ndarray"
            node.replace_self((node if short is None else short).children)


def _meaning(name: str, module: str | None, of_class: str | None) -> str | None:
    """The full name of what ``name`` is where it stands, None where it is nothing."""
    for start, path in _places(name, module, of_class):
        try:
            chain = [start, *accumulate(path, getattr, initial=start)]
        except AttributeError:
            continue
        return _full_name(chain[-1], chain[-2], name.rpartition(".")[2])
    return None


def _places(name: str, module: str | None, of_class: str | None) -> Iterator[tuple[object, list[str]]]:
    """Where Python would look: in the class, in the module, among all modules; and the attributes to follow there."""
    parts = name.split(".")
    if module:
        here = importlib.import_module(module)
        if of_class and hasattr(here, of_class):
            yield getattr(here, of_class), parts
        yield here, parts
        imported = _imported_for_types(here).get(parts[0])
        if imported:
            parts = [*imported.split("."), *parts[1:]]
    yield errors, parts  # which a docstring may name wherever something is raised, near or far
    for end in range(len(parts), 0, -1):
        with suppress(ImportError):
            yield importlib.import_module(".".join(parts[:end])), parts[end:]


@cache
def _imported_for_types(module: ModuleType) -> dict[str, str]:
    """What a module imports for its annotations alone, which is not there when it runs: name → full name."""
    found: dict[str, str] = {}
    for block in ast.parse(inspect.getsource(module)).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for node in block.body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    of = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                    found |= {alias.asname or alias.name: f"{of}{alias.name}" for alias in node.names}
    return found


def _full_name(found: object, owner: object, last: str) -> str:
    """Where ``found``, an attribute of ``owner``, is defined; of a constant no object knows it but its owner."""
    if isinstance(found, ModuleType):
        return found.__name__
    if isinstance(found, TypeVar):
        return f"typing.{last}"  # stands for a type, and is documented nowhere
    if hasattr(found, "__qualname__"):
        return f"{found.__module__}.{found.__qualname__}"
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}.{last}"
    return f"{getattr(owner, '__name__', type(owner).__module__)}.{last}"
