"""Checks that every notebook is in step with its text and that its pictures are described."""

from __future__ import annotations

from typing import Any

from bookkit.file_cache import source
from bookkit.project import Project
from repro.errors import ReproError


def check_pairs(project: Project) -> None:
    """Check that each ``.ipynb``, which others open, has the same cells as its ``.py``.

    Raises :class:`ReproError` with the name of the first that does not.
    """
    names = project.notebooks()
    for path in sorted((project.root / "notebooks").glob("*.ipynb")):
        if path.stem not in names:
            raise ReproError(f"notebooks/{path.name}: has no {path.stem}.py, the text that the book is built from")
    for name in names:
        check_pair(project, name)


def check_pair(project: Project, name: str) -> None:
    """Raise :class:`ReproError` if the notebook ``name`` is missing or out of step with its text."""
    import nbformat

    path = project.source(name).with_suffix(".ipynb")
    if not path.is_file():
        raise ReproError(f"notebooks/{path.name}: is missing; run `make sync`")
    try:
        paired = nbformat.read(path, as_version=4)
    except (ValueError, KeyError, AttributeError) as error:  # nbformat's own errors; the last two are for "{}"
        raise ReproError(f"notebooks/{path.name}: is no notebook; delete it and run `make sync`") from error
    if _said(paired) != _said(source(project.source(name))):
        raise ReproError(f"notebooks/{path.name}: differs from {name}.py; run `make sync`")


def _said(notebook: Any) -> list[Any]:
    return [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.metadata.get("mystnb", {}))
        for cell in notebook.cells
    ]


def check_figures(notebook: Any, name: str) -> None:
    """Check that every cell that shows a picture has ``mystnb.image.alt`` and ``mystnb.figure.caption``.

    A picture inside a widget carries its own alternative text (:func:`bookkit.frames_slider`). Raises
    :class:`ReproError` with the notebook's name and the first line of the first cell that lacks one.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code" or not any(_is_picture(output) for output in cell.outputs):
            continue
        words = cell.metadata.get("mystnb", {})
        for part, key in (("image", "alt"), ("figure", "caption")):
            if not words.get(part, {}).get(key):
                raise ReproError(
                    f'{name}, cell {_first(cell)!r}: shows a picture without mystnb={{"{part}": {{"{key}": …}}}}'
                )


def _first(cell: Any) -> str:
    """The cell's first line, which a reader can search for."""
    return str(cell.source.strip().splitlines()[0])


def _is_picture(output: Any) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))
