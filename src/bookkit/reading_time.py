"""What stands under the head of every notebook's page: how long it takes to read, and how long its code took to run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import ceil
from typing import Any

from bookkit.execute import MARK
from bookkit.file_cache import notebook
from bookkit.project import Project
from bookkit.status import metadata
from repro.files import atomic_write

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
    return Pace(reading_minutes(notebook(project.executed(name))), metadata(project, name)["papermill"]["duration"])


def reading_minutes(of: dict[str, Any]) -> int:
    """Minutes to read a notebook: its text and captions, and a look at every formula, picture and table."""
    words = looks = 0
    for cell in of["cells"]:
        text = "".join(cell["source"])
        if MARK in cell["metadata"].get("tags", []):
            continue
        if cell["cell_type"] == "markdown":
            looks += len(_FORMULA.findall(text))
            words += len(_WORD.findall(_FENCE.sub("", _FORMULA.sub("", text))))
        elif "remove-cell" not in cell["metadata"].get("tags", []):
            caption = cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", "")
            looks += bool(cell["outputs"])
            words += len(_WORD.findall(caption))
    return max(1, ceil(words / WORDS_A_MINUTE + looks * SECONDS_A_PICTURE / 60))


def put(project: Project) -> None:
    """Set the line under the first cell of every executed notebook of ``project``, in the place of an older one."""
    end = " ({ref}`status`)." if "book/status" in project.pages() else "."
    for name in project.notebooks():
        path = project.executed(name)
        before = notebook(path)
        line = {
            "cell_type": "markdown",
            "id": MARK,
            "metadata": {"tags": [MARK]},
            "source": pace(project, name).words + end,
        }
        head, *rest = [cell for cell in before["cells"] if MARK not in cell["metadata"].get("tags", [])]
        if before["cells"] != [head, line, *rest]:
            atomic_write(path, json.dumps(before | {"cells": [head, line, *rest]}, indent=1, ensure_ascii=False))


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
