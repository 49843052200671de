"""Tables and pictures as HTML: any text in them stays text, and a screen reader finds its way."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from bookkit.html import Html, glue_html, link, pictures, table

#: Text that would do harm, or break the page, if it were not escaped.
WILD = "<script>alert(1)</script> & \"a\" 'b' λ"


class Parsed(HTMLParser):
    """Elements in order, each as (tag, attributes, text inside); fails if one is not closed."""

    EMPTY = frozenset({"img"})

    def __init__(self, made: Html) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.feed(made.text)
        self.close()
        assert not self.open, "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is given twice"
        self.elements.append((tag, dict(attrs), []))
        if tag not in self.EMPTY:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag, "elements overlap"

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.elements[index][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        """(attributes, text) of every ``tag``."""
        return [(attributes, "".join(text)) for name, attributes, text in self.elements if name == tag]

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _, _ in self.elements]


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 6), shade, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_a_table_names_its_columns_and_rows() -> None:
    parsed = Parsed(table(["photo", "bits"], [["one", 0.5], ["two", 12]], caption="Sizes"))
    assert parsed.tags == [
        *("table", "caption", "thead", "tr", "th", "th"),
        *("tbody", "tr", "th", "td", "tr", "th", "td"),
    ]
    assert parsed.all("caption") == [({}, "Sizes")]
    columns, rows = parsed.all("th")[:2], parsed.all("th")[2:]
    assert columns == [({"scope": "col"}, "photo"), ({"scope": "col"}, "bits")]
    assert rows == [({"scope": "row"}, "one"), ({"scope": "row"}, "two")]
    assert parsed.all("td") == [({}, "0.5"), ({}, "12")]


def test_text_stays_text() -> None:
    parsed = Parsed(table([WILD], [["`code`", WILD], [link(WILD, '../a.html?x=1&y="2"'), ""]], caption=WILD))
    assert "script" not in parsed.tags
    assert [text for tag in ("caption", "td", "a") for _, text in parsed.all(tag)] == [WILD, WILD, "", WILD]
    assert parsed.all("code") == [({}, "code")]
    assert parsed.all("a")[0][0] == {"href": '../a.html?x=1&y="2"'}


def test_pictures_carry_their_files_and_their_words() -> None:
    files = [png(10), png(200)]
    with pytest.raises(ValueError, match="zip"):
        pictures(files, ["first", "second"], ["a picture without words beside it"])
    parsed = Parsed(pictures(files, ["first", WILD], ["a dark picture", WILD]))
    assert parsed.tags == ["div", *["figure", "img", "figcaption"] * 2]
    assert [text for _, text in parsed.all("figcaption")] == ["first", WILD]
    for (attributes, _), file, alt in zip(parsed.all("img"), files, ["a dark picture", WILD], strict=True):
        assert attributes["alt"] == alt
        kind, _, data = (attributes["src"] or "").partition(",")
        assert kind == "data:image/png;base64" and base64.b64decode(data, validate=True) == file


@pytest.mark.parametrize("name", ["", "a b"])
def test_html_needs_a_name_that_a_page_can_paste(name: str) -> None:
    with pytest.raises(ValueError, match="glue name"):
        glue_html(name, Html("<p>a</p>"))
