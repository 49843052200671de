"""Numbers for the book's prose: stored by a notebook, pasted by a page, so that no number is ever typed."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

#: myst-nb looks for glued values under this prefix; browsers and Jupyter show nothing for it.
_PREFIX = "application/papermill.record/"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
#: Sign and number, wherever a number may stand: not in names, dates and options of commands.
_SIGNED = re.compile(r"(?<![\w.,)–-])([+-])(\d+(?:\.\d+)?)(?![\w-])")
_SPAN = re.compile(r"\(([+−]?[\d.]+) to ([+−]?[\d.]+)")


def glue(name: str, value: Any) -> None:
    """Store ``value`` (a number, also a NumPy or torch scalar, or a text) for the pages of the book.

    A page pastes it with the role ``glue:text``, from another page as ``../notebooks/01_jpeg.ipynb::name:.2f``. What
    no Python format says, store as a text. Raises ``ValueError`` for a name that cannot be pasted and for NaN or
    infinity, so that a number gone wrong stops the build.
    """
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"glue {name!r}: expected a number or a text, got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"glue {name!r}: {value} is not a number that a reader can use")
    store(name, "text/plain", _kept(typeset(value)) if isinstance(value, str) else str(value))


def store(name: str, kind: str, content: str) -> None:
    """Put ``content``, of the media type ``kind``, into the cell's output for pages to paste under ``name``.

    Raises ``ValueError`` for a name that a page could not paste.
    """
    from IPython.display import display

    if not _NAME.fullmatch(name):
        raise ValueError(f"glue name {name!r}: use small letters, digits, - and _, and begin with a letter")
    metadata = {"scrapbook": {"name": name, "mime_prefix": _PREFIX}}
    display({f"{_PREFIX}{kind}": content}, raw=True, metadata=metadata)


def typeset(text: str) -> str:
    """``text`` as a page prints it: true minus signs, none before a zero, and no line's end before "%" or in a span."""
    text = _SIGNED.sub(lambda m: ("" if float(m[2]) == 0 else m[1].replace("-", "−")) + m[2], text)
    text = re.sub(r"(?<=\d) %", "\u00a0%", text)
    return _SPAN.sub("(\\1\u00a0to\u00a0\\2", text)


def _kept(text: str) -> str:
    """``text`` such that myst-nb, which reads it as a Python literal if it can, pastes it as it is."""
    try:
        read = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return text if str(read) == text else repr(text)  # "1,234" would be a pair, "1.50" a shorter number
