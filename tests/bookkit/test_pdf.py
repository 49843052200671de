"""The whole book as one page and as one PDF: nothing is lost, links stay within, what moves on a screen is still."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter

from bookkit.pdf import make_pdf, outline
from bookkit.single import assemble, titles
from repro.errors import ReproError

SLIDER = {
    "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_slider", "IPY_MODEL_stack"]}},
    "slider": {
        "model_name": "SelectionSliderModel",
        "state": {"_options_labels": ["5", "<50>"], "description": "Quality"},
    },
    "stack": {"model_name": "StackModel", "state": {"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "selected_index": 1}},
    "a": {"model_name": "HTMLModel", "state": {"value": "<figure><img src='data:a' alt='first'></figure>"}},
    "b": {"model_name": "HTMLModel", "state": {"value": "<figure><img src='data:b' alt='second'></figure>"}},
}
HEAD = """<head><link rel="stylesheet" href="../_static/theme.css?v=1">
<script src="../_static/widgets_mathjax3.js"></script><script src="../_static/vendor/mathjax/tex-chtml.js?v=2"></script>
<script src="../_static/search.js"></script></head>"""
CHAPTER = f"""<html>{HEAD}<body><nav>menu</nav><article class="bd-article"><section id="a">
<h1><span>1. </span>A &amp; B<a class="headerlink" href="#a">#</a></h1>
<p id="p"><a href="#p">here</a> <a href="../book/intro.html">start</a> <a href="../book/intro.html#q">there</a>
<a href="../genindex.html#x">index</a> <a href="https://example.org/a.html">away</a>
<img src="../_images/x.png" alt="x"></p>
<script type="application/vnd.jupyter.widget-view+json">{{"model_id": "box"}}</script>
<div class="repro-curtain" data-left="original" data-right="ours"><style>x</style>
<figure data-photo="one" data-name="original"><img alt="1"></figure>
<figure data-photo="one" data-name="theirs"><img alt="2"></figure>
<figure data-photo="one" data-name="ours"><img alt="3"></figure>
<figure data-photo="two" data-name="original" hidden><img alt="4"></figure><script>go()</script></div>
<details class="admonition hide above-input"><summary>Show code</summary><pre>secret</pre></details>
<div class="admonition dropdown"><p>Solution</p><p>forty-two</p></div><details><p>more</p></details></section></article>
<script type="application/vnd.jupyter.widget-state+json">{json.dumps({"state": SLIDER})}</script></body></html>"""


@pytest.fixture
def built(tmp_path: Path) -> Any:
    """A built book of two pages."""
    (tmp_path / "_config.yml").write_text("title: A book\nauthor: Us\nhtml: {baseurl: 'https://example.org/book/'}\n")
    (tmp_path / "_toc.yml").write_text(
        "root: book/intro\nparts:\n- caption: The walk\n  chapters:\n  - file: notebooks/01_a\n"
    )
    start = f'<html>{HEAD}<article><h1>Start</h1><p id="q">.</p><div class="toctree-wrapper">x</div></article></html>'
    for name, text in {"book/intro": start, "notebooks/01_a": CHAPTER}.items():
        path = tmp_path / "html" / f"{name}.html"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return SimpleNamespace(root=tmp_path, html=tmp_path / "html", pages=lambda: ["book/intro", "notebooks/01_a"])


@pytest.fixture
def page(built: Any) -> BeautifulSoup:
    return BeautifulSoup(assemble(built), "html.parser")


def test_every_page_is_there_in_order_with_contents_before(page: BeautifulSoup) -> None:
    assert [article["id"] for article in page.select("article")] == ["book-intro", "notebooks-01_a"]
    entries = [(link["href"], link.span.get_text()) for link in page.select(".book-contents a")]
    assert entries == [("#book-intro", "Start"), ("#notebooks-01_a", "1. A & B")]
    assert page.select_one(".book-contents .part").get_text() == "The walk" and page.title.get_text() == "A book"
    assert not page.select("body > nav:not(.book-contents), .toctree-wrapper, .headerlink")


def test_links_stay_within_and_pictures_are_found(page: BeautifulSoup) -> None:
    ids = {tag["id"] for tag in page.select("[id]")}
    assert len(ids) == len(page.select("[id]"))
    links = [str(link["href"]) for link in page.select("article a")]
    assert links == [
        "#notebooks-01_a--p",
        "#book-intro",
        "#book-intro--q",
        "https://example.org/book/genindex.html#x",
        "https://example.org/a.html",
    ]
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    assert page.select_one("p img")["src"] == "_images/x.png"
    assert [link["href"] for link in page.select("link")] == ["_static/theme.css?v=1", "_static/print.css"]
    assert [script["src"] for script in page.select("script")] == ["_static/vendor/mathjax/tex-chtml.js?v=2"]


def test_what_moves_stands_still_and_what_is_folded_opens(page: BeautifulSoup) -> None:
    (still,) = page.select(".still")
    assert (
        still.img["alt"] == "second"
        and still.select_one(".stop").get_text() == "Quality: <50> (on the page, of 5, <50>)"
    )
    assert [image["alt"] for image in page.select(".repro-curtain img")] == ["1", "3"]
    text = page.get_text()
    assert "forty-two" in text and "secret" not in text and "go()" not in text
    assert all(details.has_attr("open") for details in page.select("details"))


def test_a_page_that_was_not_built_is_named(built: Any) -> None:
    (built.html / "notebooks" / "01_a.html").unlink()
    with pytest.raises(ReproError, match=r"01_a.html: is missing; build the book first"):
        assemble(built)


def test_an_outline_is_read() -> None:
    made, stream = PdfWriter(), io.BytesIO()
    for _ in range(2):
        made.add_blank_page(10, 10)
    parent = made.add_outline_item(title="One (1)", page_number=0)
    made.add_outline_item(title="λ", page_number=1, parent=parent)
    made.add_outline_item(title="Two", page_number=1)
    made.write(stream)
    assert outline(stream.getvalue()) == [(1, "One (1)", 1), (2, "λ", 2), (1, "Two", 2)]


@pytest.mark.parametrize("data", [b"", b"<html>"])
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(ReproError, match="no PDF file"):
        outline(data)


@pytest.mark.slow
def test_the_whole_book_is_printed(smoke: Any, browser: Any) -> None:
    data = make_pdf(smoke, browser).read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    found, pages = outline(data), len(PdfReader(io.BytesIO(data)).pages)
    assert [title for level, title, _ in found if level == 1] == titles(smoke)
    begin = [page for level, _, page in found if level == 1]
    assert begin == sorted(set(begin)) and begin[-1] <= pages
    assert pages > 100
    assert len(re.findall(rb"/Subtype /Link", data)) > 500, "links can be followed"
