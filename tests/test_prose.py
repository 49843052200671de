"""No measured number is typed into prose: a cell stores it and the page pastes it, or it is a definition with a reason.

What is read: the markdown cells and the captions of every notebook, and the pages of ``book/``. Code, formulas, roles
(glue, citations, references), addresses and quotations are left out. In the rest no decimal number, no per cent, no
share ("7 of 24") and no number with a unit of measurement may stand, unless ``typed_numbers.yml`` allows its phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
import yaml

from repro.book.project import Project

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = ROOT / "tests" / "typed_numbers.yml"
PAGES = [*sorted((ROOT / "notebooks").glob("*.py")), *sorted((ROOT / "book").glob("*.md"))]

#: What stands in a fence of one of these is prose; of any other it is code, a formula, a picture or glue.
PROSE_FENCES = {"admonition", "note", "tip", "hint", "important", "warning", "caution", "seealso", "dropdown", "margin"}
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^[ \t]*(?P=fence)[ \t]*$", re.M | re.S
)
#: Pattern → what stays in its place, one after the other.
_NOT_PROSE = [
    (re.compile(r"^%.*$|^\([\w.-]+\)=$|^---$", re.M), ""),
    (re.compile(r"<!--.*?-->|\$\$.*?\$\$(?: *\([\w-]+\))?", re.S), "\n\n"),
    (re.compile(r"\{[\w:.-]+\}`[^`]*`"), "ROLE"),
    (re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.S), "CODE"),
    (re.compile(r"(?<![\\$])\$(?:[^$\n]|\n(?!\s*\n))+\$"), "MATH"),
    (re.compile(r"!?\[((?:[^\[\]])*)\]\([^)\s]*(?: [^)]*)?\)"), r"\1"),
    (re.compile(r"<?https?://[^\s>]+>?|</?\w[^>\n]*>"), "LINK"),
    (re.compile(r"“[^”]*”|\"(?:[^\"\n]|\n(?!\s*\n))*\""), "QUOTE"),
    (re.compile(r"[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}"), ""),
]

_NUMBER = r"(?<![\w.,])\d[\d,  ]*(?:\.\d+)?"
_UNITS = "ms|s|seconds?|min|minutes?|h|hours?|[kKMG]i?B|bytes?|dB|bpp|bits per pixel|[GM]?FLOPs?|GFLOP/s|MP|megapixels?"
#: What a measured number looks like.
MEASURED = re.compile(
    "|".join(
        (
            r"(?<![\d.])\d[\d,]*\.\d+",
            rf"{_NUMBER}\s?(?:%|‰|per ?cent\b)",
            rf"{_NUMBER}[\s -](?:{_UNITS})(?![\w-])",
            rf"{_NUMBER}(?: times (?:as|more|less|fewer|faster|slower|larger|smaller)\b|-fold\b|\s?×(?!\s?\d))",
            rf"{_NUMBER} (?:photos )?(?:out )?of (?:the )?\d",
        )
    )
)


def paragraphs(markdown: str) -> list[str]:
    """What of ``markdown`` a reader reads as prose, paragraph by paragraph, on one line each."""

    def opened(fence: re.Match[str]) -> str:
        directive = re.match(r"\s*\{([\w-]+)\}(.*)", fence["info"])
        if not directive or directive[1] not in PROSE_FENCES:
            return "\n"
        body = re.sub(r"^:[\w-]+:.*$", "", fence["body"], flags=re.M)
        return f"\n{directive[2]}\n\n{_FENCE.sub(opened, body)}\n"

    text = _FENCE.sub(opened, markdown)
    for pattern, instead in _NOT_PROSE:
        text = pattern.sub(instead, text)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def allowed() -> list[dict[str, str]]:
    return yaml.safe_load(ALLOWED.read_text(encoding="utf-8"))


def _pattern(phrase: str) -> str:
    return r"(?<!\w)" + r"\d+".join(re.escape(part) for part in phrase.split("#")) + r"(?!\d|[.,]\d)"


_DEFINITIONS = re.compile("|".join(_pattern(one["phrase"]) for one in allowed()))


def typed(markdown: str) -> list[str]:
    """Every number in the prose of ``markdown`` that looks measured and is not allowed, with the words around it."""
    found = []
    for text in paragraphs(markdown):
        rest = _DEFINITIONS.sub("…", text)
        found += [rest[max(0, m.start() - 40) : m.end() + 30] for m in MEASURED.finditer(rest)]
    return found


def texts(page: Path) -> Iterator[tuple[str, str]]:
    """(where, markdown) of a page: of a notebook each markdown cell and each caption."""
    if page.suffix == ".md":
        yield page.name, page.read_text(encoding="utf-8")
        return
    for number, cell in enumerate(jupytext.read(page).cells):
        if cell.cell_type == "markdown":
            yield f"{page.name}, cell {number}", cell.source
        elif caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            yield f"{page.name}, caption of cell {number}", caption


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_measured_number_is_typed(page: Path) -> None:
    found = [f"{where}: …{words}…" for where, text in texts(page) for words in typed(text)]
    assert not found, "glue what was measured; say why what was not may stand, in tests/typed_numbers.yml"


def test_every_page_of_the_book_is_read() -> None:
    stems = {page.stem for page in PAGES}
    assert {Path(page).stem for page in Project(ROOT).pages()} <= stems


# --- the checker itself


@pytest.mark.parametrize(
    "planted",
    [
        "Learned tables save 12.3 % of the bits.",
        "Learned tables save 12 % of the bits.",
        "Learned tables save 12% of the bits.",
        "That is 57 per cent more.",
        "LPIPS falls to 0.123.",
        "It takes **1,234.5** of them.",
        "A photo takes 126 ms here.",
        "A photo takes 3 seconds,\nas ever.",
        "It is encoded at 1 bpp.",
        "The file has 131,949 bytes.",
        "It is 3 times as fast.",
        "It is 3× faster, a 3-fold gain.",
        "It wins on 17 of 24 photos.",
        "It wins on 17 photos of the 24.",
        "```{admonition} What was found\n:class: tip\nIt saves 12.3 %.\n```",
        "````{note}\n```{glue} a_table\n```\nIt saves 12.3 %.\n````",
        "- one\n- it saves 12.3 %",
        "| we | they |\n|---|---|\n| 12.3 % | 14 % |",
        "# It saves 12.3 %",
        "of {glue:text}`count` photos 12.3 % are better",
        "with $x = 1$ it is 12.3 %, with $x = 2$ less",
        "[the page](https://example.org) saves 12.3 %",
        'it says "so" and saves 12.3 %, not "more"',
        "The 95 % interval is 1.2 wide.",
    ],
)
def test_a_planted_number_is_found(planted: str) -> None:
    assert typed(planted)


@pytest.mark.parametrize(
    "prose",
    [
        "Blocks of 8 × 8 samples, 4:2:0, on 0–255, in 1992, with σ = 1000 and γ = 500.",
        "They need {glue:text}`../notebooks/05.ipynb::saved:.1f` % fewer, at quality 25.",
        'The paper says “about 57% higher” and "a mean of 0.126\nwith 0.010".',
        "`quality=12.5` and ``12 %`` are code; so is\n\n```sh\nsleep 0.5\n```\n\nand",
        "```{glue} plot\n:width: 12.5 %\n```\n\n```{admonition} A hint\n:width: 12.5 %\nNo more.\n```",
        "$$ Y = 0.299 R + 0.587 G + 0.114 B $$ (eq-luma)\n\nand $0.5 \\%$ and $a\n= 0.5$",
        "A decision at [the page](https://example.org/0.5/12) or https://example.org/1.5, see {cite:p}`a2020`.",
        "As section 6.4 says (the 95 % interval), with Fig. 7 and Eqs. 3 to 6.",
        "VGG-16, ResNet-152, CID22, MP3, 20,000 steps on 8 crops of 224 px in 32 bits.",
        "Three of the 64 cosines; the first\n10 of 63 AC coefficients.",
        "(ch-1.5)=\n# A chapter\n\n% a remark: 12.3 %\n\n<!-- 12.3 % -->",
    ],
)
def test_what_is_no_result_passes(prose: str) -> None:
    assert typed(prose) == []


def test_a_phrase_allows_no_other_number() -> None:
    assert typed("at λ = 0.02") == [] and typed("at λ = 0.025") and typed("at λ = 0.03")
    assert typed("see Section 6.2") == [] and typed("see Sections 6.2")
    assert typed("ourλ = 0.02")


def test_every_definition_has_its_reason() -> None:
    entries = allowed()
    assert len({one["phrase"] for one in entries}) == len(entries)
    for one in entries:
        assert one.keys() == {"phrase", "reason"} and len(one["reason"].split()) >= 3, one
        assert re.search(r"[^\W\d]", one["phrase"].replace("#", "")), f"{one}: a bare number would pass everywhere"
        assert MEASURED.search(one["phrase"].replace("#", "1")), f"{one}: would pass as it is"
