"""A page with one interactive picture, opened by itself in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def write_page(folder: Path, inside: str, head: str = "") -> str:
    """Write a page with ``inside`` in its body and ``head`` in its head to ``folder``, and return its address."""
    path = folder / "page.html"
    start = '<!doctype html><html lang="en"><title>t</title><meta name="viewport" content="width=device-width">'
    path.write_text(f"{start}{head}<main><h1>t</h1>{inside}</main></html>")
    return path.as_uri()


@contextmanager
def opened(browser: Any, page: str, height: int) -> Iterator[Any]:
    """``page`` in a tab that takes touches, 600 px wide; an error in its script fails the test."""
    context = browser.new_context(has_touch=True, viewport={"width": 600, "height": height})
    tab = context.new_page()
    tab.on("pageerror", lambda error: pytest.fail(str(error)))
    tab.goto(page)
    yield tab
    context.close()
