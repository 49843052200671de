"""Numbers for the book's prose, stored by notebooks and pasted by pages, so that no number is ever typed."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

#: myst-nb looks for glued values under this prefix; browsers and Jupyter do not display it.
_PREFIX = "application/papermill.record/"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
#: Sign and number, except in names, dates and command-line options.
_SIGNED = re.compile(r"(?<![\w.,)–-])([+-])(\d+(?:\.\d+)?)(?![\w-])")
_SPAN = re.compile(r"\(([+−]?[\d.]+) to ([+−]?[\d.]+)")


def glue(name: str, value: Any) -> None:
    """Store ``value``, a number (NumPy and torch scalars included) or a text, for the pages of the book.

    A page pastes it with the role ``glue:text``, from another page as ``../notebooks/01_jpeg.ipynb::name:.2f``. Store
    as a text what no Python format can express. Raises ``ValueError`` for a name that cannot be pasted, for other types
    and for NaN or infinity, so that a number gone wrong stops the build.
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
    """``text`` as a page prints it: true minus signs, no sign before zero, no line break before "%" or in a range."""
    text = _SIGNED.sub(lambda m: ("" if float(m[2]) == 0 else m[1].replace("-", "−")) + m[2], text)
    text = re.sub(r"(?<=\d) %", "\u00a0%", text)
    return _SPAN.sub("(\\1\u00a0to\u00a0\\2", text)


def _kept(text: str) -> str:
    """``text`` quoted if necessary, so that myst-nb, which parses Python literals, pastes it unchanged."""
    try:
        read = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return text if str(read) == text else repr(text)  # "1,234" would become a tuple, "1.50" the number 1.5
