"""Renew tests/nbval/*.ipynb, which `pytest --nbval-lax` runs again and compares with what they hold.

A reference is a notebook run at profile smoke, without prose, up to the last cell tagged `nbval-check-output`, with the
outputs of such cells only. Notebooks without such a cell have no reference.

    make references
"""

from __future__ import annotations

import nbformat
from nbval.plugin import coalesce_streams

from bookkit.execute import execute
from bookkit.file_cache import source
from bookkit.project import Project, find_root
from repro.files import atomic_write

TAG = "nbval-check-output"


def reference(executed: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The reference for an executed notebook, which must have a tagged cell."""
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    checked = [TAG in cell.metadata.get("tags", []) for cell in cells]
    while not checked[-1]:  # cells after the last checked one need not run
        checked.pop()
    kept = []
    for number, (cell, check) in enumerate(zip(cells, checked, strict=False)):
        metadata, outputs = ({"tags": [TAG]}, coalesce_streams(cell.outputs)) if check else ({}, [])
        made = nbformat.v4.new_code_cell(cell.source, id=f"cell-{number}", metadata=metadata, outputs=outputs)
        made.execution_count = number + 1 if check else None
        kept.append(made)
    return nbformat.v4.new_notebook(cells=kept, metadata={"kernelspec": executed.metadata.kernelspec})


def main() -> None:
    project = Project(find_root(), "smoke")
    folder = project.root / "tests" / "nbval"
    cells = {name: source(project.source(name)).cells for name in project.notebooks()}
    names = [name for name, of in cells.items() if any(TAG in cell.metadata.get("tags", []) for cell in of)]
    execute(project, names)
    for old in folder.glob("*.ipynb"):
        old.unlink()
    for name in names:
        made = reference(nbformat.read(project.executed(name), as_version=4))
        atomic_write(folder / f"{name}.ipynb", nbformat.writes(made) + "\n")
        print(folder / f"{name}.ipynb")


if __name__ == "__main__":
    main()
