"""Headless Chromium, which prints the book and opens its pages in tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from repro.errors import ReproError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Start without a sandbox or a GPU, and contact no server.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "google-chrome", "chromium-browser")


def executable() -> str:
    """Path of this machine's Chromium or Chrome. Raises :class:`ReproError` if there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise ReproError("Chromium is missing: apt-get install chromium, or put one of its names on the PATH")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium for the duration of the block. Raises :class:`ReproError` if it or the package playwright is missing."""
    path = executable()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ReproError("the package playwright is missing; `pip install playwright`") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
