"""Renew tests/nbval/*.ipynb, which `pytest --nbval-lax` runs again and compares with what they hold.

A reference is a notebook as `make book PROFILE=smoke` executed it, without prose, as far as the last cell tagged
`nbval-check-output`, and with the outputs of such cells only. Notebooks without such a cell have no reference.

    make references
"""

from __future__ import annotations

from pathlib import Path

import nbformat

from bookkit.project import Project, find_root
from repro.files import atomic_write

TAG = "nbval-check-output"


def reference(executed: Path) -> nbformat.NotebookNode | None:
    """The reference made of an executed notebook, or None where no cell is to be compared."""
    notebook = nbformat.read(executed, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    checked = [TAG in cell.metadata.get("tags", []) for cell in cells]
    while checked and not checked[-1]:  # what comes after the last checked cell need not run
        checked.pop()
    kept = []
    for number, (cell, check) in enumerate(zip(cells, checked, strict=False)):
        metadata, outputs = ({"tags": [TAG]}, cell.outputs) if check else ({}, [])
        made = nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}", metadata=metadata, outputs=outputs)
        made.execution_count = number + 1 if check else None
        kept.append(made)
    if not kept:
        return None
    return nbformat.v4.new_notebook(cells=kept, metadata={"kernelspec": notebook.metadata.kernelspec})


def main() -> None:
    project = Project(find_root(), "smoke")
    folder = project.root / "tests" / "nbval"
    made = {name: reference(project.executed(name)) for name in project.notebooks()}
    for old in folder.glob("*.ipynb"):
        old.unlink()
    for name, notebook in made.items():
        if notebook is not None:
            atomic_write(folder / f"{name}.ipynb", nbformat.writes(notebook) + "\n")
            print(folder / f"{name}.ipynb")


if __name__ == "__main__":
    main()
