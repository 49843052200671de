"""The whole book as one page and as one PDF: nothing is lost, links stay inside, and what moves on screen is still."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from bookkit.pdf import make_pdf, outline
from bookkit.single import assemble, titles
from repro.errors import ReproError


@pytest.fixture(scope="module")
def page(smoke: Any) -> BeautifulSoup:
    return BeautifulSoup(assemble(smoke), "html.parser")


@pytest.mark.slow
def test_every_page_is_there_in_order_with_contents_before(page: BeautifulSoup, smoke: Any) -> None:
    slugs = [name.replace("/", "-") for name in smoke.pages()]
    assert [article["id"] for article in page.select("article")] == slugs
    entries = [(link["href"], link.span.get_text()) for link in page.select(".book-contents a")]
    assert entries == list(zip([f"#{slug}" for slug in slugs], titles(smoke), strict=True))
    assert not page.select("body > nav:not(.book-contents), .toctree-wrapper, .headerlink")


@pytest.mark.slow
def test_links_stay_within_and_pictures_are_found(page: BeautifulSoup, smoke: Any) -> None:
    ids = [str(tag["id"]) for tag in page.select("[id]")]
    assert len(set(ids)) == len(ids)
    for link in page.select("article a[href]"):
        place, _, anchor = str(link["href"]).partition("#")
        assert ":" in place or (not place and anchor in ids), link["href"]
    for tag in page.select("img, script[src], link"):
        file = str(tag.get("src") or tag.get("href")).split("?")[0]
        assert file.startswith("data:") or file == "_static/print.css" or (smoke.html / file).is_file(), file


@pytest.mark.slow
def test_what_moves_stands_still_and_what_is_folded_opens(page: BeautifulSoup) -> None:
    assert all(len(still.select("img")) == 1 for still in page.select(".still")) and page.select(".still")
    assert {len(curtain.select("img")) for curtain in page.select(".repro-curtain")} == {2}
    assert not page.select("article script, article style, details.hide")
    assert page.select(".dropdown"), "solutions are there, and open where a script would fold them"
    assert page.select("details") and all(details.has_attr("open") for details in page.select("details"))


def test_a_page_that_was_not_built_is_named(tmp_path: Any) -> None:
    with pytest.raises(ReproError, match=r"01_a.html: is missing; build the book first"):
        assemble(SimpleNamespace(html=tmp_path, pages=lambda: ["notebooks/01_a"]))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_whole_book_is_printed(smoke: Any, browser: Any) -> None:
    data = make_pdf(smoke, browser).read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    found, pages = outline(data), len(PdfReader(io.BytesIO(data)).pages)
    assert [title for level, title, _ in found if level == 1] == titles(smoke)
    begin = [page for level, _, page in found if level == 1]
    assert begin == sorted(set(begin)) and 100 < begin[-1] <= pages
    assert len(re.findall(rb"/Subtype /Link", data)) > 500, "links can be followed"
