"""The notebooks: pairs in step, stripped, without logic, running at profile ``smoke``, their references current."""

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
#: A function in a notebook may name a step of the story; anything longer belongs into the package.
MAX_FUNCTION_LINES = 5


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
def test_no_logic(name):
    for cell in code(name):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.ClassDef | ast.While | ast.Try), f"belongs into the package:\n{cell.source}"
            if isinstance(node, ast.FunctionDef):
                lines = node.end_lineno - node.lineno + 1
                assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines; move it into the package"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("open", "exec", "eval", "Path"), f"no files here:\n{cell.source}"


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


@pytest.mark.parametrize("name", NAMES)
def test_reference_is_current(name):
    """`pytest --nbval-lax` compares what the reference holds, so the reference must hold what the notebook says."""
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
