"""Tables, verdicts and pictures as HTML, for cells and for other pages to paste (``glue_html``)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources

from bookkit.glue import store, typeset


@dataclass(frozen=True)
class Html:
    """HTML that Jupyter and the book show as it is."""

    text: str = field(repr=False)  # a notebook keeps the repr beside it, and pictures are long

    def _repr_html_(self) -> str:
        return self.text


#: What image files begin with that every browser shows, and their kind.
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
#: Verdict → sphinx-design's colour of its badge.
COLOURS = {
    "reproduced": "success",
    "in part": "warning",
    "not reproduced": "danger",
    "not yet": "info",
    "not testable": "dark",
}


_CODE = re.compile(r"`([^`]+)`")


def badge(verdict: str) -> Html:
    """A verdict as a coloured badge."""
    colour = COLOURS[verdict]
    return Html(f'<span class="sd-badge sd-bg-{colour} sd-bg-text-{colour}">{escape(verdict)}</span>')


def link(text: str, href: str) -> Html:
    """A link; between pages of the book as ``../notebooks/name.html#target``."""
    return Html(f'<a href="{escape(href)}">{escape(text)}</a>')


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", first: str = "th") -> Html:
    """Rows under a head; cells are text, or :class:`Html`, which is left unchanged. First cells name their rows.

    A row of one cell alone runs across the table: words on the row above. Of text, numbers are :func:`typeset
    <bookkit.glue.typeset>`, and what stands in backticks is code.
    """
    titles = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(f"<tr>{_cells(row, first, len(head))}</tr>" for row in rows)
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{titles}</tr></thead>" if head else ""
    return Html(f'<table class="table repro-table">{told}{top}<tbody>{body}</tbody></table>')


def image_source(data: bytes) -> str:
    """The ``src`` of an image that is inside the page: the bytes of a PNG, JPEG or WebP file, or ``ValueError``."""
    kind = next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)
    if kind is None:
        raise ValueError("bytes must be those of a PNG, JPEG or WebP file")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def pictures(files: Sequence[bytes], captions: Sequence[str], alts: Sequence[str]) -> Html:
    """PNG, JPEG or WebP files side by side, under each other on a phone, each with its words."""
    shown = "".join(
        f'<figure><img src="{image_source(data)}" alt="{escape(alt)}"><figcaption>{escape(words)}</figcaption></figure>'
        for data, words, alt in zip(files, captions, alts, strict=True)
    )
    return Html(f'<div class="repro-pictures">{shown}</div>')


def scripted(name: str, inside: str, attributes: str = "") -> Html:
    """``inside`` in an element of the class ``repro-NAME``, with the style and the script of ``assets/NAME``.

    All of it is in the cell's output, so that it works in Jupyter and in a static page, with no kernel or network.
    """
    style, script = assets(name)
    return Html(f'{style}<div class="repro-{name}"{attributes}>{inside}</div>{script}')


def json_script(data: object) -> str:
    """``data`` as an element that scripts read; its text ends no element of the page."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'


def assets(name: str) -> tuple[str, str]:
    """The style of ``assets/NAME``, if it has one, and its script, as elements."""
    css, js = (resources.files("bookkit") / "assets" / name / f"{name}.{kind}" for kind in ("css", "js"))
    style = f"<style>{css.read_text(encoding='utf-8')}</style>" if css.is_file() else ""
    return style, f"<script>{js.read_text(encoding='utf-8')}</script>"


def glue_html(name: str, content: Html) -> None:
    """Store ``content`` for another page, which pastes it with the directive ``{glue} name`` and its option ``doc``."""
    store(name, "text/html", content.text)


def _cells(row: Sequence[object], first: str, columns: int) -> str:
    if len(row) == 1 < columns:
        return f'<td colspan="{columns}">{_inside(row[0])}</td>'
    name, *values = row
    scope = ' scope="row"' if first == "th" else ""
    return f"<{first}{scope}>{_inside(name)}</{first}>" + "".join(f"<td>{_inside(value)}</td>" for value in values)


def _inside(content: object) -> str:
    return content.text if isinstance(content, Html) else _CODE.sub(r"<code>\1</code>", escape(typeset(str(content))))
