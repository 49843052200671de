"""Progress bars for long work, shown only in a terminal; and notes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from repro.errors import one_line

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

#: Whether to suppress notes.
quiet = False


def bar(total: int | None, desc: str) -> tqdm:
    """A progress bar on standard error, silent unless that is a terminal."""
    from tqdm import tqdm

    return tqdm(total=total, desc=desc, disable=not sys.stderr.isatty(), leave=False)


def track(items: Iterable[T], desc: str, total: int | None = None) -> Iterable[T]:
    """Iterate over ``items`` with a progress bar named ``desc``, silent unless standard error is a terminal."""
    from tqdm import tqdm

    return tqdm(items, desc=desc, total=total, disable=not sys.stderr.isatty(), leave=False)


def note(text: str) -> None:
    """Print a line on standard error: what the user should know before long work begins."""
    from tqdm import tqdm

    if not quiet:
        tqdm.write(f"repro: note: {one_line(text)}", file=sys.stderr)
