"""The house rule: a module imports only from floors below its own, also inside functions. See CONTRIBUTING.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
#: Helpers of floor 0 that anyone may import, also from the same floor.
HELPERS = {"errors", "files", "progress"}
FLOORS = {
    **dict.fromkeys([*HELPERS, "jpeg", "data", "weights", "precision", "recurrent", "runtime"], 0),
    **dict.fromkeys(["attention", "rounding", "metrics", "codecs", "trellis"], 1),
    **dict.fromkeys(["model", "losses", "plain"], 2),
    **dict.fromkeys(["training", "evaluation", "encoder"], 3),
    "experiments": 4,
    **dict.fromkeys(["figures", "book"], 5),
    "cli": 6,
}
#: The door: it has no floor, and imports the command line.
DOORS = {"__main__"}
MAX_LINES = 320


def modules() -> list[Path]:
    return sorted((SOURCE / "repro").rglob("*.py"))


def part(dotted: str) -> str:
    """The member of the house that a dotted name is in: "jpeg" for "repro.jpeg.dct", "" for "repro" itself."""
    return [*dotted.split("."), ""][1]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name of ours that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "repro")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports in full: from repro.…"
            if (node.module or "").split(".")[0] == "repro":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(name: str, text: str) -> list[str]:
    """What the module ``name`` with this text imports that it must not."""
    here = part(name)
    found = []
    for imported in imports(ast.parse(text)):
        there = part(imported)
        if there in ("", "__version__") or there in HELPERS or there == here or here in ("", *DOORS):
            continue
        if there not in FLOORS or FLOORS[there] >= FLOORS[here]:
            found.append(f"{name} (floor {FLOORS[here]}) imports {imported} (floor {FLOORS.get(there)})")
    return found


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_only_from_floors_below(path):
    name = dotted(path)
    assert part(name) in {*FLOORS, *DOORS, ""}, f"{name} has no floor; give it one here"
    assert not violations(name, path.read_text())


def test_the_rule_can_be_broken():
    assert violations("repro.jpeg.dct", "def f():\n    from repro.model import LearnedJPEG")
    assert violations("repro.rounding", "import repro.metrics")
    assert violations("repro.data.photos", "from repro import weights")
    assert not violations("repro.model", "from repro.jpeg.dct import dct\nfrom repro import attention, errors")
    assert not violations("repro.jpeg.dct", "from repro.jpeg.blocks import pad\nfrom repro.errors import ReproError")


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_module_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
