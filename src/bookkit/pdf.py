"""The whole book as one PDF file: :mod:`bookkit.single` printed by Chromium, with a table of contents and an outline.

It is printed twice: first to find out on which page each chapter begins, then with these page numbers in the contents.
"""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from bookkit.chromium import chromium
from bookkit.project import Project
from bookkit.single import assemble
from repro.errors import ReproError
from repro.files import atomic_write
from repro.progress import bar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

#: URL of the page while it is printed. Every request is answered from the built book or aborted.
_PLACE = "http://book.invalid/"
#: Time limit for printing in milliseconds; the whole book takes half a minute.
_PATIENCE = 600_000
_TYPESET = "() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)"
_NUMBER = "numbers => document.querySelectorAll('.page-number').forEach((n, i) => { n.textContent = numbers[i]; })"


def make_pdf(project: Project, browser: Browser | None = None) -> Path:
    """Print the built book of ``project`` into ``_build/book.pdf``, or that of its profile, and return the file.

    ``browser``: a running Chromium to use; by default one is started.

    Raises :class:`ReproError` if the book is not built, a page has no title or several, or Chromium is missing.
    """
    html, output = assemble(project), project.html.parent / "book.pdf"
    with bar(1, "PDF"), nullcontext(browser) if browser else chromium() as printer:
        page = printer.new_page(color_scheme="light")
        page.set_default_timeout(_PATIENCE)
        page.route("**/*", lambda route: _answer(route, html, project.html))
        page.goto(_PLACE, wait_until="load")
        page.wait_for_function(_TYPESET)
        begin = [number for level, _, number in outline(_print(page)) if level == 1]
        if len(begin) != page.locator(".page-number").count():
            raise ReproError("the book: a page without a title, or with two, cannot be printed; fix its headings")
        page.evaluate(_NUMBER, begin)
        atomic_write(output, _print(page))
        page.close()
    return output


def _print(page: Page) -> bytes:
    return page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def _answer(route: Route, html: str, folder: Path) -> None:
    url = route.request.url
    file = folder / unquote(urlsplit(url).path).lstrip("/")
    if url == _PLACE:
        route.fulfill(body=html, content_type="text/html; charset=utf-8")
    elif url.startswith(_PLACE) and file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")
    else:
        route.abort()


def outline(pdf: bytes) -> list[tuple[int, str, int]]:
    """(level, title, page) of each bookmark of a PDF file, in order. Levels and pages are counted from 1.

    Raises :class:`ReproError` if the bytes are not a PDF file.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    def below(items: list[Any], level: int) -> Iterator[tuple[int, str, int]]:
        for item in items:
            if isinstance(item, list):
                yield from below(item, level + 1)
            else:
                yield level, str(item.title), (reader.get_destination_page_number(item) or 0) + 1

    try:
        reader = PdfReader(io.BytesIO(pdf))
        return list(below(reader.outline, 1))
    except PyPdfError as error:
        raise ReproError(f"this is no PDF file: {error}") from error
