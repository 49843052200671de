"""The reference pages are made from what they describe: docstrings, registries, locks, runs, the command line."""

from __future__ import annotations

import ast
import re
import tomllib
from html import unescape
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import command_line
from bookkit import api, cards, markdown, parts, status
from bookkit.project import Project
from repro import cli, weights
from repro.errors import ReproError

ROOT = Path(__file__).resolve().parents[2]


# --- parts


def test_every_part_is_included_once() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.md"))
    for name in parts.makers(Project(ROOT)):
        assert pages.count(f"```{{include}} ../made/{name}.md\n") == 1, f"no page, or more than one, has {name}"


# --- the package


def test_every_module_is_documented_once() -> None:
    found = [name for names in api.pages().values() for name in names]
    files = (path.relative_to(ROOT / "src").with_suffix("").parts for path in (ROOT / "src" / "repro").rglob("*.py"))
    wanted = {".".join(parts).removesuffix(".__init__") for parts in files if parts[1] not in ("cli", "__main__")}
    assert sorted(name for name in found if name.startswith("repro")) == sorted(wanted - {"repro"})


def test_every_public_thing_says_what_it_is() -> None:
    silent = []
    for path in (ROOT / "src" / "repro").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            inside = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else []
            for one in (node, *inside):
                public = isinstance(one, ast.FunctionDef | ast.ClassDef) and not one.name.startswith("_")
                if public and ast.get_docstring(one) is None and "Protocol" not in ast.unparse(node):
                    silent.append(f"{path.name}: {one.name}")
    assert not silent


# --- cards and versions


def test_torchvision_publishes_what_the_package_expects() -> None:
    from torchvision.models import get_model_weights

    for name, published in weights.PUBLISHED.items():
        assert next(iter(get_model_weights(name))).url == weights.PUBLISHER + published.file


def test_cards_have_every_model_with_the_hashes_that_are_checked() -> None:
    text = cards.models()
    for path in (ROOT / "src/repro/assets/models").glob("*/SHA256SUMS"):
        assert f"model set `{path.parent.name}`" in text
        assert all(line.split()[0] in text for line in path.read_text().splitlines())
    assert "distilled trunk `resnet152`" in text


def test_the_page_on_the_environment_has_every_package_that_the_project_asks_for() -> None:
    page = (ROOT / "book" / "environment.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {
        canonicalize_name(Requirement(r).name)
        for r in chain(project["dependencies"], *project["optional-dependencies"].values())
    }
    assert not {name for name in asked if f"| `{name}` | {{version}}`{name}` |" not in page}


# --- runs

MACHINE = {"cpu": "A", "cores": 2, "gpu": None, "platform": "Linux", "python": "3.11.7", "versions": {"torch": "2"}}
READS = {"photos": {"kodak": "24 of Kodak"}, "weights": {"vgg16": "a file"}, "results": {"data/results": "it"}}


def executed(folder: Path, name: str, **noted: Any) -> None:
    ours = {"reads": READS, "code": {"commit": "0123456789abcdef", "modified": False}, "machine": MACHINE} | noted
    papermill = {"parameters": {"profile": "cpu"}, "start_time": "2026-11-25T04:20:12.1+00:00", "duration": 61.26}
    metadata = {"repro": ours, "papermill": papermill}
    nbformat.write(nbformat.v4.new_notebook(metadata=metadata), folder / f"{name}.ipynb")


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    names = ["01_a", "02_b", "03_c"]
    for name in names:
        executed(tmp_path, name)
    return SimpleNamespace(notebooks=lambda: names, executed=lambda name: tmp_path / f"{name}.ipynb", folder=tmp_path)


def test_status_says_when_where_and_with_what(runs: Any) -> None:
    executed(runs.folder, "02_b", reads={}, code={"commit": None, "modified": None})
    executed(runs.folder, "03_c", machine=MACHINE | {"gpu": "B"}, code={"commit": "f" * 40, "modified": True})
    text = status.page(runs)
    run = "| cpu | [2026-11-25 04:20]{.unbroken} | [61.3 s]{.unbroken} |"
    assert f"| {{doc}}`../notebooks/01_a` {run} results, weights, photos | `0123456789` | 1 |" in text
    assert f"| {{doc}}`../notebooks/02_b` {run} nothing | no checkout | 1 |" in text
    assert f"| {{doc}}`../notebooks/03_c` {run} results, weights, photos | `ffffffffff`, modified | 2 |" in text
    assert "| vgg16 | a file | 01, 03 |" in text and "| kodak | 24 of Kodak | 01, 03 |" in text
    assert text.count("## Machine") == 2 and "| GPU | none |" in text and "| GPU | B |" in text
    assert "| `torch` | 2 |" in text


def test_what_a_table_takes_from_outside_is_no_markdown() -> None:
    from markdown_it import MarkdownIt

    wild = "<img src=x onerror=alert(1)> | [a](javascript:b) `c` *d* {doc}`e` $f$ \\ & λ"
    html = MarkdownIt("commonmark").enable("table").render(markdown.table(["what"], [[markdown.plain(wild)]]))
    assert "<img" not in html and "<a" not in html and "<em>" not in html and "<code>" not in html
    assert [unescape(cell) for cell in re.findall("<td>(.*)</td>", html)] == [wild]


def test_a_run_without_its_note_is_named(runs: Any) -> None:
    nbformat.write(nbformat.v4.new_notebook(metadata={"repro": {"key": "x"}}), runs.folder / "02_b.ipynb")
    with pytest.raises(ReproError, match=r"notebooks/02_b.py: was executed without a record"):
        status.page(runs)


# --- the command line


def test_the_page_on_the_command_line_is_current() -> None:
    written = command_line.PAGE.read_text(encoding="utf-8")
    assert all(f"\n## `repro {name}`\n" in written for name in (*cli.COMMANDS, "data fetch", "weights distil"))
    assert written.count(command_line.MARK) == 1
    assert command_line.page(written) == written, "run `make sync`"
