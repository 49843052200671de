"""How long a notebook's page takes to read and how long its code took to run, for the line under its title."""

from __future__ import annotations

import re
from math import ceil
from typing import Any

from bookkit.execute import with_new_words
from bookkit.project import Project
from bookkit.status import metadata

#: The pace of an attentive reader: words per minute, and seconds per picture, displayed formula or table.
WORDS_A_MINUTE, SECONDS_A_PICTURE = 170, 20
#: The chapters, whose notebooks are numbered: "01_jpeg".
_CHAPTER = re.compile(r"\d\d_")
#: Parts of a markdown cell that are not read word by word.
_FENCE = re.compile(r"^```.*$|^:\w+:.*$", re.M)
_FORMULA = re.compile(r"\$\$.*?\$\$", re.S)
_WORD = re.compile(r"[^\W_]+")


def reading_minutes(notebook: Any) -> int:
    """Minutes to read a notebook's text and captions and to look at every formula, picture and table."""
    words = looks = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            looks += len(_FORMULA.findall(cell.source))
            words += len(_WORD.findall(_FENCE.sub("", _FORMULA.sub("", cell.source))))
        elif "remove-cell" not in cell.metadata.get("tags", []):
            looks += bool(cell.outputs)
            words += len(_WORD.findall(cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")))
    return max(1, ceil(words / WORDS_A_MINUTE + looks * SECONDS_A_PICTURE / 60))


def line(project: Project, name: str) -> Any:
    """The cell that states both times, to insert after the first cell of the notebook ``name``."""
    import nbformat

    minutes = reading_minutes(with_new_words(project, name))
    ran = f"its code ran in {_seconds(_took(project, name))} when this page was made"
    more = " ({ref}`status`)" if "book/status" in project.pages() else ""
    said = f"About {'a minute' if minutes == 1 else f'{minutes} minutes'} to read; {ran}{more}."
    return nbformat.v4.new_markdown_cell(said, id="reading-time")


def walk(project: Project) -> str:
    """How long all chapters take to read and took to run, as a sentence for the start page."""
    names = [name for name in project.notebooks() if _CHAPTER.match(name)]
    hours = sum(reading_minutes(with_new_words(project, name)) for name in names) / 60
    cores = metadata(project, names[0])["repro"]["machine"]["cores"]
    told = _seconds(sum(_took(project, name) for name in names))
    read = f"The {len(names)} chapters take about {hours:.0f} hours to read"
    return f"{read}, and ran in {told} on {cores} processor cores.\n"


def _took(project: Project, name: str) -> float:
    """Duration in seconds of the run of the notebook ``name``, as on the status page."""
    return metadata(project, name)["papermill"]["duration"]


def _seconds(count: float) -> str:
    return f"{count:.0f} seconds" if count < 100 else f"{count / 60:.0f} minutes"
