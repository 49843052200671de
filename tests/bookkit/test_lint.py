"""No measured number is typed into prose: a cell stores it for the page to paste, or it is a definition with a reason.

The build checks every page in the same way (:mod:`bookkit.lint`), and stops; here each page has a test of its own. No
line of code on a page is too long for a laptop.
"""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import pytest
import yaml

from bookkit import lint
from bookkit.lint import MEASURED, texts, wordless

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = lint.definitions(ROOT / lint.ALLOWED)
PAGES = [*sorted((ROOT / "notebooks").glob("*.py")), *sorted((ROOT / "book").glob("*.md"))]

#: Columns that a page 1280 px wide shows without scrolling; notebooks/ruff.toml and book/_static/repro.css must agree.
COLUMNS = 88
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


def typed(markdown: str) -> list[str]:
    return lint.typed(markdown, ALLOWED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_measured_number_is_typed(page: Path) -> None:
    found = [f"{page.name}{where}: …{words}…" for where, text in texts(page) for words in typed(text)]
    assert not found, f"glue what was measured; say why what was not may stand, in {lint.ALLOWED}"


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.name)
def test_shown_code_fits_a_laptop(notebook: Path) -> None:
    cells = [cell for cell in jupytext.read(notebook).cells if cell.cell_type == "code"]
    shown = [cell.source for cell in cells if not FOLDED & set(cell.metadata.get("tags", []))]
    long = [line for source in shown for line in source.splitlines() if len(line) > COLUMNS]
    assert not long, "name a part of it, or say it shorter"


# --- the checker itself


@pytest.mark.parametrize(
    "planted",
    [
        "Learned tables save 12.3 % of the bits.",
        "That is 57 per cent more.",
        "It takes **1,234.5** of them.",
        "A photo takes 3 seconds,\nas ever.",
        "It is 3× faster, a 3-fold gain.",
        "It wins on 17 of 24 photos.",
        "```{admonition} What was found\n:class: tip\nIt saves 12.3 %.\n```",
        "````{note}\n```{glue} a_table\n```\nIt saves 12.3 %.\n````",
        "| we | they |\n|---|---|\n| 12.3 % | 14 % |",
        "with $x = 1$ it is 12.3 %, with $x = 2$ less",
        "[the page](https://example.org) saves 12.3 %",
        'it says "so" and saves 12.3 %, not "more"',
    ],
)
def test_a_planted_number_is_found(planted: str) -> None:
    assert typed(planted)


@pytest.mark.parametrize(
    "said",
    [
        "Blocks of 8 × 8 samples, 4:2:0, on 0–255, in 1992, with σ = 1000 and γ = 500.",
        "They need {glue:text}`../notebooks/05.ipynb::saved:.1f` % fewer, at quality 25.",
        'The paper says “about 57% higher” and "a mean of 0.126\nwith 0.010".',
        "`quality=12.5` and ``12 %`` are code; so is\n\n```sh\nsleep 0.5\n```\n\nand",
        "```{glue} plot\n:width: 12.5 %\n```\n\n```{admonition} A hint\n:width: 12.5 %\nNo more.\n```",
        "$$ Y = 0.299 R + 0.587 G + 0.114 B $$ (eq-luma)\n\nand $0.5 \\%$ and $a\n= 0.5$",
        "A decision at [the page](https://example.org/0.5/12) or https://example.org/1.5, see {cite:p}`a2020`.",
        "VGG-16, ResNet-152, CID22, MP3, 20,000 steps on 8 crops of 224 px in 32 bits.",
        "Three of the 64 cosines; Python\n3.11.",
        "(ch-1.5)=\n# A chapter\n\n% a remark: 12.3 %\n\n<!-- 12.3 % -->",
    ],
)
def test_what_is_no_result_passes(said: str) -> None:
    assert typed(said) == []


def test_a_phrase_allows_no_other_number() -> None:
    assert typed("at λ = 0.02") == [] and typed("at λ = 0.025") and typed("at λ = 0.03")
    assert typed("see Section 6.2") == [] and typed("see Sections 6.2")
    assert typed("ourλ = 0.02")


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("![](a.png) and ![words](b.png)", ["![](a.png)"]),
        ("```{figure} a.png\n:name: fig-a\n\nA caption.\n```", ["{figure} a.png"]),
        (":::{image} a.png\n:alt: words\n:::\n", []),
        ("```md\n![](a.png)\n```", []),
    ],
)
def test_a_wordless_picture_is_found(markdown: str, found: list[str]) -> None:
    assert wordless(markdown) == found


def test_every_definition_has_its_reason() -> None:
    entries = yaml.safe_load((ROOT / lint.ALLOWED).read_text(encoding="utf-8"))
    assert len({one["phrase"] for one in entries}) == len(entries)
    for one in entries:
        assert one.keys() == {"phrase", "reason"} and len(one["reason"].split()) >= 3, one
        assert re.search(r"[^\W\d]", one["phrase"].replace("#", "")), f"{one}: a bare number would pass everywhere"
        assert MEASURED.search(one["phrase"].replace("#", "1")), f"{one}: would pass as it is"
