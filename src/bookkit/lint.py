"""Find prose that must not be published: measured numbers that were typed, and pictures without alternative text.

The check covers the markdown cells and captions of every notebook, and the pages of ``book/``, except for code,
formulas, roles (glue, citations, references), addresses and quotations. It finds decimal numbers, percentages, shares
("7 of 24"), factors ("3 times as fast") and numbers with a unit of measurement, unless ``book/typed_numbers.yml``
allows their phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bookkit.file_cache import source, yaml_of
from bookkit.project import Project
from repro.errors import ReproError

#: The file of phrases that may be typed, with reasons.
ALLOWED = Path("book") / "typed_numbers.yml"
#: Directives with prose inside. Any other fence has code, a formula, a picture or glue.
PROSE_FENCES = {"admonition", "note", "tip", "hint", "important", "warning", "caution", "seealso", "dropdown", "margin"}
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^[ \t]*(?P=fence)[ \t]*$", re.M | re.S
)
#: Patterns and their replacements, applied in this order.
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
#: Matches what looks like a measured number.
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
    """Raise :class:`ReproError` for the first finding in the book, with its page, cell and words."""
    allowed = definitions(project.root / ALLOWED)
    for page in (*map(project.source, project.notebooks()), *sorted((project.root / "book").glob("**/*.md"))):
        for where, text in texts(page):
            place = f"{page.relative_to(project.root).as_posix()}{where}"
            for words in typed(text, allowed):
                raise ReproError(f"{place}: types a number, …{words}…; glue it, or say in {ALLOWED} why it may stand")
            for picture in wordless(text):
                raise ReproError(f"{place}: shows a picture without an alternative text, {picture}; give it one")


def paragraphs(markdown: str) -> list[str]:
    """The paragraphs of ``markdown`` that are prose, each on one line."""

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
    """A pattern that matches the phrases of the file ``path``, or nothing if there is no such file."""
    entries: Sequence[Mapping[str, str]] = yaml_of(path) if path.is_file() else []
    return re.compile("|".join(_pattern(one["phrase"]) for one in entries) or r"(?!)")


def _pattern(phrase: str) -> str:
    return r"(?<!\w)" + r"\d+".join(re.escape(part) for part in phrase.split("#")) + r"(?!\d|[.,]\d)"


def typed(markdown: str, allowed: re.Pattern[str]) -> list[str]:
    """Every number in the prose of ``markdown`` that looks measured and is not allowed, with its context."""
    found = []
    for text in paragraphs(markdown):
        rest = allowed.sub("…", text)
        found += [rest[max(0, m.start() - 40) : m.end() + 30] for m in MEASURED.finditer(rest)]
    return found


def wordless(markdown: str) -> list[str]:
    """The directive or link of every picture in ``markdown`` that has no alternative text."""
    fences = [fence for fence in _FENCE.finditer(markdown) if _DRAWN.match(fence["info"].strip())]
    found = [fence["info"].strip() for fence in fences if not _WORDS.search(fence["body"])]
    text = _FENCE.sub(lambda fence: fence["body"] if fence["info"].strip().startswith("{") else "", markdown)
    return [*found, *(picture[0] for picture in _PICTURE.finditer(text))]


def texts(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (place on the page, markdown) for a page as a whole, or for a notebook's markdown cells and captions."""
    if page.suffix == ".md":
        yield "", page.read_text(encoding="utf-8")
        return
    for number, cell in enumerate(source(page).cells):
        if cell.cell_type == "markdown":
            yield f", cell {number}", cell.source
        elif caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            yield f", caption of cell {number}", caption
