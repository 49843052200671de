"""Prose that must not be published: a measured number that was typed, a picture without an alternative text.

What is read: the markdown cells and the captions of every notebook, and the pages of ``book/``. Code, formulas, roles
(glue, citations, references), addresses and quotations are left out. In the rest no decimal number, no per cent, no
share ("7 of 24") and no number with a unit of measurement may stand, unless ``book/typed_numbers.yml`` allows its
phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bookkit.file_cache import source, yaml_of
from bookkit.project import Project
from repro.errors import ReproError

#: The phrases that may be typed and why, beside the pages.
ALLOWED = Path("book") / "typed_numbers.yml"
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

_PICTURE = re.compile(r"!\[\s*\]\([^)]*\)")
_DRAWN = re.compile(r"\{(?:figure|image)\}")
_WORDS = re.compile(r"^[ \t]*:alt:[ \t]*\S", re.M)


def check(project: Project) -> None:
    """Raise :class:`ReproError` with the page, the cell and the words of the first thing that must not be there."""
    allowed = definitions(project.root / ALLOWED)
    for page in (*map(project.source, project.notebooks()), *sorted((project.root / "book").glob("**/*.md"))):
        for where, text in texts(page):
            place = f"{page.relative_to(project.root).as_posix()}{where}"
            for words in typed(text, allowed):
                raise ReproError(f"{place}: types a number, …{words}…; glue it, or say in {ALLOWED} why it may stand")
            for picture in wordless(text):
                raise ReproError(f"{place}: shows a picture without an alternative text, {picture}; give it one")


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


def definitions(path: Path) -> re.Pattern[str]:
    """What the phrases of the file ``path`` match; of a file that is not there, nothing."""
    entries: Sequence[Mapping[str, str]] = yaml_of(path) if path.is_file() else []
    return re.compile("|".join(_pattern(one["phrase"]) for one in entries) or r"(?!)")


def _pattern(phrase: str) -> str:
    return r"(?<!\w)" + r"\d+".join(re.escape(part) for part in phrase.split("#")) + r"(?!\d|[.,]\d)"


def typed(markdown: str, allowed: re.Pattern[str]) -> list[str]:
    """Every number in the prose of ``markdown`` that looks measured and is not allowed, with the words around it."""
    found = []
    for text in paragraphs(markdown):
        rest = allowed.sub("…", text)
        found += [rest[max(0, m.start() - 40) : m.end() + 30] for m in MEASURED.finditer(rest)]
    return found


def wordless(markdown: str) -> list[str]:
    """Every picture in ``markdown`` that has no alternative text."""
    fences = [fence for fence in _FENCE.finditer(markdown) if _DRAWN.match(fence["info"].strip())]
    found = [fence["info"].strip() for fence in fences if not _WORDS.search(fence["body"])]
    text = _FENCE.sub(lambda fence: fence["body"] if fence["info"].strip().startswith("{") else "", markdown)
    return [*found, *(picture[0] for picture in _PICTURE.finditer(text))]


def texts(page: Path) -> Iterator[tuple[str, str]]:
    """(where on the page, markdown) of a page: of a notebook each markdown cell and each caption."""
    if page.suffix == ".md":
        yield "", page.read_text(encoding="utf-8")
        return
    for number, cell in enumerate(source(page).cells):
        if cell.cell_type == "markdown":
            yield f", cell {number}", cell.source
        elif caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            yield f", caption of cell {number}", caption
