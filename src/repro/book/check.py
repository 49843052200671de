"""What every figure of the book must have, checked on executed notebooks so that the build can stop with a name."""

from __future__ import annotations

from typing import Any

from repro.errors import ReproError


def check_figures(notebook: Any, name: str) -> None:
    """Every cell that shows a picture says what it is: ``mystnb.image.alt`` and ``mystnb.figure.caption``.

    A picture that a widget holds carries its own words (:func:`repro.book.frames_slider`). Raises
    :class:`ReproError` with the notebook's name and the cell's first line.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code" or not any(_is_picture(output) for output in cell.outputs):
            continue
        words = cell.metadata.get("mystnb", {})
        first = cell.source.strip().splitlines()[0]
        for part, key in (("image", "alt"), ("figure", "caption")):
            if not words.get(part, {}).get(key):
                raise ReproError(f'{name}, cell {first!r}: shows a picture without mystnb={{"{part}": {{"{key}": …}}}}')


def _is_picture(output: Any) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))
