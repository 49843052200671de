"""Numbers for the book's prose: stored by a notebook, pasted by a page, so that no number is ever typed."""

from __future__ import annotations

import math
import re
from typing import Any

#: myst-nb looks for glued values under this prefix; browsers and Jupyter show nothing for it.
PREFIX = "application/papermill.record/"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def glue(name: str, value: Any, fmt: str | None = None) -> None:
    """Store ``value`` (a number, also a NumPy or torch scalar, or a text) for the pages of the book.

    A page pastes it with ``{glue:text}`../notebooks/05_first_experiment.ipynb::name:.2f` ``. Where no Python format
    that suits one number says it (thousands separators, units), give ``fmt``: the text ``format(value, fmt)`` is
    stored instead. Raises ``ValueError`` for a name that cannot be pasted and for NaN or infinity, so that a number
    gone wrong stops the build.
    """
    from IPython.display import display

    check_name(name)
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"glue {name!r}: expected a number or a text, got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"glue {name!r}: {value} is not a number that a reader can use")
    text = str(value) if fmt is None else format(value, fmt)
    metadata = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
    display({f"{PREFIX}text/plain": text}, raw=True, metadata=metadata)


def check_name(name: str) -> None:
    """Raise ``ValueError`` for a name that a page could not paste."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"glue name {name!r}: use small letters, digits, - and _, and begin with a letter")
