"""Tables of the pages that are made when the book is built, as Markdown, so that the links in them are checked."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of MyST Markdown; cells are Markdown, on one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def code(text: str) -> str:
    """``text`` in the letters of code: names and hashes."""
    return f"`{text}`"


def megabytes(count: float) -> str:
    """A number of bytes as a reader compares it: "58.9 MB", "6.0 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _cell(cell: object) -> str:
    return " ".join(str(cell).replace("|", r"\|").split())
