"""The notebooks: pairs in step, stripped, readable cells, runs at profile ``smoke``, current references."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import jupytext
import nbformat
import pytest

from bookkit.check import check_pair
from bookkit.project import MARK, PROFILES, Project

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Project(ROOT)
NAMES = PROJECT.notebooks()
REFERENCES = ROOT / "tests" / "nbval"
CHECKED = "nbval-check-output"
#: A visible cell defines what the sentence before it says. A longer one must be split, with words between.
MAX_VISIBLE_LINES, MAX_LINES = 30, 40
#: Over all chapters, in visible cells.
MIN_LINES_SHOWN = 600
FOLDED = {"hide-input", "hide-cell", "remove-cell", "remove-input"}


def code(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in jupytext.read(PROJECT.source(name)).cells if cell.cell_type == "code"]


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


@pytest.mark.parametrize("name", NAMES)
def test_pair_is_in_step(name):
    check_pair(PROJECT, name)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_stripped_and_can_be_opened_anywhere(name):
    notebook = nbformat.read(PROJECT.source(name).with_suffix(".ipynb"), as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("name", NAMES)
def test_parameters(name):
    (cell,) = [cell for cell in code(name) if "parameters" in tags(cell)]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    assert values.items() >= {"profile": "cpu", "data_dir": None}.items() and isinstance(values["seed"], int)
    for profile in PROFILES:
        unknown = set(Project(ROOT, profile).parameters(name)) - set(values)
        assert not unknown, f"{MARK}: {profile}: {name}: {unknown}"


@pytest.mark.parametrize("name", NAMES)
def test_cells_can_be_read(name):
    for cell in code(name):
        most = MAX_LINES if FOLDED & set(tags(cell)) else MAX_VISIBLE_LINES
        assert len(cell.source.splitlines()) <= most, f"cut it in two:\n{cell.source}"


@pytest.mark.parametrize("name", [name for name in NAMES if name[0].isdigit()])
def test_a_chapter_shows_code(name):
    """A reader who deletes the package ``chapters`` loses pictures, but no idea."""
    assert any(not FOLDED & set(tags(cell)) for cell in code(name) if "parameters" not in tags(cell))


def test_the_chapters_show_their_code():
    cells = [cell for name in NAMES for cell in code(name) if not {*FOLDED, "parameters"} & set(tags(cell))]
    assert sum(len(cell.source.splitlines()) for cell in cells) >= MIN_LINES_SHOWN


def functions(source: str) -> dict[str, str]:
    """Map each function at the top level of ``source`` to its text without docstring and annotations."""
    found = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.FunctionDef):
                    node.returns = None
                    node.body = node.body[ast.get_docstring(node) is not None :]
                if isinstance(node, ast.arg):
                    node.annotation = None
            found[function.name] = ast.unparse(function)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_equations_stand_as_in_the_package(name):
    """A function of :mod:`repro.plain` that a chapter shows is the very one that other tests use as their oracle."""
    tested = functions((ROOT / "src" / "repro" / "plain.py").read_text())
    for cell in code(name):
        for function, text in functions(cell.source).items():
            assert text == tested.get(function, text)


def test_the_chapters_show_every_equation():
    """A function under another name would be compared with nothing."""
    shown = {function for name in NAMES for cell in code(name) for function in functions(cell.source)}
    assert shown >= functions((ROOT / "src" / "repro" / "plain.py").read_text()).keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_runs_at_profile_smoke(name, smoke):
    executed = json.loads(smoke.executed(name).read_text())
    assert executed["metadata"]["repro"]["profile"] == "smoke"
    assert executed["metadata"]["papermill"]["parameters"]["profile"] == "smoke"
    for cell in executed["cells"]:
        if cell["cell_type"] == "code":
            assert cell["execution_count"], "a cell was not run"
            assert all(output["output_type"] != "error" for output in cell["outputs"])
            said = "".join("".join(o["text"]) for o in cell["outputs"] if o["output_type"] == "stream")
            assert "agrees: False" not in said, f"what a page shows and what the package does differ:\n{said}"


@pytest.mark.parametrize("name", NAMES)
def test_reference_is_current(name):
    """`pytest --nbval-lax` runs what the reference holds, so the reference must hold the notebook's current code."""
    cells, path = code(name), REFERENCES / f"{name}.ipynb"
    checked = [cell.source for cell in cells if CHECKED in tags(cell)]
    assert bool(checked) == path.exists(), "run `make references`"
    if checked:
        reference = [cell for cell in nbformat.read(path, as_version=4).cells]
        (injected,) = [cell for cell in reference if cell.source.startswith("# Parameters")]
        assert '"smoke"' in injected.source
        reference.remove(injected)
        assert [c.source for c in reference] == [c.source for c in cells][: len(reference)], "run `make references`"
        assert [c.source for c in reference if CHECKED in tags(c)] == checked
        assert all(cell.outputs for cell in reference if CHECKED in tags(cell)), "a checked cell that shows nothing"


def test_no_reference_without_a_notebook():
    assert {path.stem for path in REFERENCES.glob("*.ipynb")} <= set(NAMES)
