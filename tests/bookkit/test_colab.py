"""A notebook on Colab: its first cell fetches the book if the package is missing, and installs what else is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

from bookkit.project import Project

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Project(ROOT)


def first(name: str) -> Any:
    return next(cell for cell in jupytext.read(PROJECT.source(name)).cells if cell.cell_type == "code")


def test_every_notebook_begins_with_the_same_cell() -> None:
    cells = [first(name) for name in PROJECT.notebooks()]
    assert len({cell.source for cell in cells}) == 1 and "On Colab" in cells[0].source
    assert all(cell.metadata["tags"] == ["remove-cell"] for cell in cells)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stand-in for the repository that the cell clones; its installer prints a word."""
    place = tmp_path / "repository"
    (place / "tools").mkdir(parents=True)
    for package in ("repro", "chapters", "bookkit"):
        (place / "src" / package).mkdir(parents=True)
        (place / "src" / package / "__init__.py").write_text("")
    (place / "tools" / "colab.py").write_text("print('installed')\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=place, check=True)
    return place


def test_the_cell_fetches_and_installs_where_the_chapters_are_missing(repository: Path, tmp_path: Path) -> None:
    missing = "import importlib.util\nimportlib.util.find_spec = lambda name: None\n"
    code = f"{missing}{first(PROJECT.notebooks()[0]).source}\nimport chapters\nprint(chapters.__file__)"
    elsewhere = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/literate-jpeg/repro",
    }
    work = tmp_path / "work"
    work.mkdir()
    for _ in range(2):  # the second time, as after a restart, the folder is there
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=work,
            env=os.environ | elsewhere,
            capture_output=True,
            text=True,
            check=True,
        )
        installed, place = done.stdout.split()
        assert installed == "installed" and place.endswith("literate-jpeg/src/chapters/__init__.py")
