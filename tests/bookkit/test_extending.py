"""What the page on extending shows fits the sources as they are: its differences apply, and its code runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro.experiments import everything

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "extending.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SECTIONS = PAGE.split("\n## ")[1:]


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def apply(difference: str, root: Path) -> None:
    """Change one file below ``root``; each hunk must fit at one place."""
    name, *hunks = re.split(r"^@@\n", difference, flags=re.M)
    path = root / name.removeprefix("--- ").strip()
    text = path.read_text(encoding="utf-8")
    for hunk in hunks:
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(before) == 1, f"{name}: fits {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with every difference of the page applied."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("assets", "__pycache__", "*.egg-info"))
    for difference in blocks(PAGE, "diff"):
        apply(difference, root)
    return root / "src"


def run(code: str, source: Path) -> str:
    call = [sys.executable, "-c", code]
    done = subprocess.run(
        call, cwd=source, env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_the_code_runs_on_the_changed_sources(section: str, changed: Path) -> None:
    assert blocks(section, "diff"), "shows no change"
    (code,) = blocks(section, "python")
    run(code, changed)


def test_no_stored_result_gets_another_name(changed: Path) -> None:
    code = "import json, repro.experiments as e; print(json.dumps([w.key for w in e.everything('cpu')]))"
    assert {wanted.key for wanted in everything("cpu")} <= set(json.loads(run(code, changed)))
