"""Many chapters, one book: each has the same frame, and every figure and equation of the paper has its place."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest

from bookkit.project import Project
from bookkit.reading_time import line, walk

ROOT = Path(__file__).resolve().parents[2]
NAMES = Project(ROOT).notebooks()
#: An exercise, and its solution right behind it or behind a cell that works it out.
_EXERCISE = re.compile(r"^\*\*(\d)\.\*\* ", re.M)
_SOLUTION = "```{admonition} Solution\n:class: dropdown\n"


def text(name: str) -> str:
    """The markdown of a notebook."""
    notebook = jupytext.read(ROOT / "notebooks" / f"{name}.py")
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def label(name: str) -> str:
    found = re.match(r"\(([\w-]+)\)=\n# ", text(name))
    assert found, "a chapter begins with its label and its title"
    return found[1]


# --- the frame of every chapter


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_says_what_one_learns_and_ends_as_all_do(name: str) -> None:
    said = text(name)
    assert said.count("```{admonition} What you will learn\n") == 1
    ends = [said.index(f"\n## {heading}\n") for heading in ("Summary", "Exercises", "What's next")]
    assert ends == sorted(ends), "in this order"


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_has_exercises_with_hidden_solutions(name: str) -> None:
    exercises = text(name).partition("\n## Exercises\n")[2].partition("\n## What's next\n")[0]
    first, *each = re.split(_EXERCISE, exercises)
    numbers, told = each[::2], each[1::2]
    assert not first.strip() and numbers == [str(i) for i in range(1, len(numbers) + 1)]
    assert len(told) >= 3 and all(one.count(_SOLUTION) == 1 for one in told)


@pytest.mark.parametrize(("name", "following"), list(itertools.pairwise(NAMES)))
def test_a_chapter_leads_on_to_the_next(name: str, following: str) -> None:
    leads = text(name).partition("\n## What's next\n")[2]
    if following[0].isdigit():
        assert f"{{ref}}`{label(following)}`" in leads


# --- the line that the build puts in


@pytest.fixture
def built(tmp_path: Path) -> Project:
    """A book of one notebook that has been executed."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/status\nchapters:\n- file: notebooks/01_a\n")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "parameters.yml").write_text("")
    (tmp_path / "notebooks" / "01_a.py").write_text(f"# %% [markdown]\n# # Title\n#\n# {'word ' * 330}\n\n# %%\n1\n")
    project = Project(tmp_path, "smoke")
    executed = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[LOOK])])
    noted = {"reads": {}, "code": {}, "machine": {"cores": 2}}
    executed.metadata.update(papermill={"duration": 12.3}, repro=noted)
    project.executed("01_a").parent.mkdir(parents=True)
    nbformat.write(executed, project.executed("01_a"))
    return project


LOOK = nbformat.v4.new_output("display_data", {"text/plain": "a picture"})


def test_the_line_says_how_long_a_page_takes(built: Project) -> None:
    said = "About 3 minutes to read; its code ran in 12 seconds when this page was made ({ref}`status`)."
    assert line(built, "01_a").source == said
    assert walk(built) == "The 1 chapters take about 0 hours to read, and ran in 12 seconds on 2 processor cores.\n"


# --- the maps of the page on results


def rows(heading: str) -> list[str]:
    page = (ROOT / "book" / "results.md").read_text(encoding="utf-8")
    table = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in table.splitlines() if re.match(r"\| \d", line)]


@pytest.mark.parametrize(
    ("heading", "count", "role", "defined"),
    [
        ("Figure by figure", 15, "numref", '"name": "{}"'),
        ("Equation by equation", 10, "eq", "$$ ({})"),
    ],
)
def test_every_figure_and_equation_has_its_counterpart(heading: str, count: int, role: str, defined: str) -> None:
    found = rows(heading)
    assert [int(re.findall(r"\d+", row)[0]) for row in found] == list(range(1, count + 1))
    for row in found:
        chapters = set(re.findall(r"\{numref\}`%s <([\w-]+)>`", row))
        places = re.findall(rf"\{{{role}\}}`([\w-]+)`", row)
        assert places, row
        for place in places:
            holders = {label(n) for n in NAMES if defined.format(place) in (ROOT / f"notebooks/{n}.py").read_text()}
            assert holders and holders <= chapters, f"{place} is not in the chapter that the row names"
