"""Tables of the pages that are made when the book is built, as Markdown, so that the links in them are checked."""

from __future__ import annotations

import re
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of MyST Markdown; cells are Markdown, on one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def code(text: str) -> str:
    """``text`` in the letters of code: names and hashes."""
    return f"`{text}`"


def plain(text: str) -> str:
    """``text`` as it is: what came from outside, such as the name of a folder, is no Markdown or HTML."""
    return re.sub(r"[\\`*_{}\[\]<>&$~]", r"\\\g<0>", text)


def unbroken(text: str) -> str:
    """``text`` on one line, also in a narrow column: dates, and numbers with their units."""
    return f"[{text}]{{.unbroken}}"


def hash_code(text: str) -> str:
    """A long hash as code that may break anywhere, as other code in a table may not."""
    return f"{code(text)}{{.digest}}"


def megabytes(count: float) -> str:
    """A number of bytes as a reader compares it: "58.9 MB", "6.0 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _cell(cell: object) -> str:
    return " ".join(str(cell).replace("|", r"\|").split())
