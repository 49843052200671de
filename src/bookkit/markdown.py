"""Markdown tables for pages that are made when the book is built. As Markdown, their links are checked."""

from __future__ import annotations

import re
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of MyST Markdown. Cells are Markdown; each is put on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def code(text: str) -> str:
    """``text`` as code, for names and hashes."""
    return f"`{text}`"


def plain(text: str) -> str:
    """``text`` escaped, so that text from outside, such as a folder's name, is not read as Markdown or HTML."""
    return re.sub(r"[\\`*_{}\[\]<>&$~]", r"\\\g<0>", text)


def unbroken(text: str) -> str:
    """``text`` kept on one line even in a narrow column, for dates and numbers with units."""
    return f"[{text}]{{.unbroken}}"


def hash_code(text: str) -> str:
    """A long hash as code that, unlike other code in a table, may break anywhere."""
    return f"{code(text)}{{.digest}}"


def megabytes(count: float) -> str:
    """A number of bytes with a unit and one decimal: "58.9 MB", "6.0 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _cell(cell: object) -> str:
    return " ".join(str(cell).replace("|", r"\|").split())
