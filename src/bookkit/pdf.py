"""The whole book as one PDF file: :mod:`bookkit.single` printed by Chromium, with contents and an outline.

It is printed twice: the first time tells on which page each chapter begins, the second has that in its contents.
"""

from __future__ import annotations

import mimetypes
import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bookkit.chromium import chromium
from bookkit.project import Project
from bookkit.single import assemble
from repro.errors import ReproError
from repro.files import atomic_write
from repro.progress import bar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

#: Where the page is while it is printed; every request is answered from the built book, or not at all.
_PLACE = "http://book.invalid/"
#: Milliseconds that printing may take; the whole book takes half a minute.
_PATIENCE = 600_000
_TYPESET = "() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)"
_NUMBER = "numbers => document.querySelectorAll('.page-number').forEach((n, i) => { n.textContent = numbers[i]; })"
_OBJECT = re.compile(rb"^(\d+) 0 obj\n(.*?)(?:\nstream\r?\n|\nendobj)", re.S | re.M)
_TITLE = re.compile(rb"/Title (<[0-9A-Fa-f]*>|\((?:\\.|[^\\)])*\))", re.S)


def make_pdf(project: Project, browser: Browser | None = None) -> Path:
    """Print the built book of ``project`` into ``_build/book.pdf``, or that of its profile; returns the file.

    By ``browser``, where one runs already.

    Raises :class:`ReproError` where the book is not built or Chromium is missing.
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
            raise ReproError("the book: a page without a title, or with two, cannot be printed; mend its headings")
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
    """(level, title, page) of each bookmark of a PDF file as Chromium writes them, levels and pages from 1, in order.

    Raises :class:`ReproError` for bytes that are no such file.
    """
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    catalog = next((body for body in objects.values() if b"/Type /Catalog" in body), b"")
    root, tree = _refer(catalog, "Outlines"), _refer(catalog, "Pages")
    if not pdf.startswith(b"%PDF-") or root not in objects or tree not in objects:
        raise ReproError("this is no PDF file with an outline")
    place = {page: number for number, page in enumerate(_pages(objects, tree), 1)}
    found: list[tuple[int, str, int]] = []

    def follow(item: int | None, level: int) -> None:
        while item is not None:
            body = objects[item]
            title, page = _TITLE.search(body), re.search(rb"/Dest \[(\d+) 0 R", body)
            if title and page:
                found.append((level, _text(title[1]), place[int(page[1])]))
            follow(_refer(body, "First"), level + 1)
            item = _refer(body, "Next")

    follow(_refer(objects[root], "First"), 1)
    return found


def page_count(pdf: bytes) -> int:
    """How many pages a PDF file of Chromium's has."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    return sum(b"/Type /Page\n" in body for body in objects.values())


def _refer(body: bytes, key: str) -> int | None:
    """The number of the object that a dictionary has under ``key``."""
    found = re.search(rf"/{key} (\d+) 0 R".encode(), body)
    return int(found[1]) if found else None


def _pages(objects: dict[int, bytes], node: int) -> list[int]:
    """The pages below a node of the tree of pages, in order."""
    kids = re.search(rb"/Kids \[([^\]]*)\]", objects[node])
    if kids is None:
        return [node]
    return [page for kid in re.findall(rb"(\d+) 0 R", kids[1]) for page in _pages(objects, int(kid))]


def _text(literal: bytes) -> str:
    """A text of a PDF file: hexadecimal in UTF-16, or letters in brackets."""
    if literal.startswith(b"<"):
        return bytes.fromhex(literal[1:-1].decode()).decode("utf-16")
    return re.sub(rb"\\(.)", rb"\1", literal[1:-1], flags=re.S).decode("latin-1")
