"""How long a notebook's page takes to read, and how long its code took to run: the line under its title."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil
from typing import Any

from bookkit.execute import with_new_words
from bookkit.project import Project
from bookkit.status import metadata

#: A reader who thinks along: words a minute, and seconds for a picture, a displayed formula or a table.
WORDS_A_MINUTE, SECONDS_A_PICTURE = 170, 20
#: Pages of the walk, which are numbered: "01_jpeg".
_CHAPTER = re.compile(r"\d\d_")
#: What of a markdown cell is not read word by word.
_FENCE = re.compile(r"^```.*$|^:\w+:.*$", re.M)
_FORMULA = re.compile(r"\$\$.*?\$\$", re.S)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Pace:
    """What a page takes: minutes to read, by its words and pictures, and seconds in which its code ran."""

    minutes: int
    seconds: float

    @property
    def words(self) -> str:
        """The line on the page, but for its end."""
        ran = f"its code ran in {_seconds(self.seconds)} when this page was made"
        return f"About {_minutes(self.minutes)} to read; {ran}"


def pace(project: Project, name: str) -> Pace:
    """Of the executed notebook ``name``; its seconds are those of the page on how notebooks were run."""
    return Pace(reading_minutes(with_new_words(project, name)), metadata(project, name)["papermill"]["duration"])


def reading_minutes(notebook: Any) -> int:
    """Minutes to read a notebook: its text and captions, and a look at every formula, picture and table."""
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
    """The cell that says so, to stand under the first cell of the notebook ``name``."""
    import nbformat

    end = " ({ref}`status`)." if "book/status" in project.pages() else "."
    return nbformat.v4.new_markdown_cell(pace(project, name).words + end, id="reading-time")


def walk(project: Project) -> str:
    """How long all chapters take together, as a sentence for the start page."""
    paces = [pace(project, name) for name in project.notebooks() if _CHAPTER.match(name)]
    hours = sum(one.minutes for one in paces) / 60
    cores = metadata(project, project.notebooks()[0])["repro"]["machine"]["cores"]
    told = _seconds(sum(one.seconds for one in paces))
    return f"All {len(paces)} take about {hours:.0f} hours to read, and ran in {told} on {cores} processor cores.\n"


def _minutes(count: int) -> str:
    return "a minute" if count == 1 else f"{count} minutes"


def _seconds(count: float) -> str:
    return f"{count:.0f} seconds" if count < 100 else f"{count / 60:.0f} minutes"
