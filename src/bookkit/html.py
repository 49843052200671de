"""Tables, verdicts and pictures as HTML, for cells and, with ``glue_html``, for other pages to paste."""

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
    """HTML that Jupyter and the book show unchanged."""

    text: str = field(repr=False)  # notebooks also store the repr, and pictures are long

    def _repr_html_(self) -> str:
        return self.text


#: First bytes → media type of the image files that every browser shows.
_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
#: Verdict → colour of its badge, by sphinx-design's name.
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
    """A link. Between pages of the book, ``href`` is ``../notebooks/name.html#target``."""
    return Html(f'<a href="{escape(href)}">{escape(text)}</a>')


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", first: str = "th") -> Html:
    """A table of ``rows`` under ``head``. Each row's first cell is its heading, unless ``first`` is "td".

    Cells are text or :class:`Html`, which is left unchanged. In text, numbers are :func:`typeset
    <bookkit.glue.typeset>` and words in backticks become code. A single cell spans its row, to remark on the row above.
    """
    titles = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(f"<tr>{_cells(row, first, len(head))}</tr>" for row in rows)
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{titles}</tr></thead>" if head else ""
    return Html(f'<table class="table repro-table">{told}{top}<tbody>{body}</tbody></table>')


def image_source(data: bytes) -> str:
    """The ``src`` (a data URL) of a PNG, JPEG or WebP file inside the page. Raises ``ValueError`` for other bytes."""
    kind = next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)
    if kind is None:
        raise ValueError("bytes must be those of a PNG, JPEG or WebP file")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def pictures(files: Sequence[bytes], captions: Sequence[str], alts: Sequence[str]) -> Html:
    """PNG, JPEG or WebP files, each with its caption: side by side, or one below the other on a phone."""
    shown = "".join(
        f'<figure><img src="{image_source(data)}" alt="{escape(alt)}"><figcaption>{escape(words)}</figcaption></figure>'
        for data, words, alt in zip(files, captions, alts, strict=True)
    )
    return Html(f'<div class="repro-pictures">{shown}</div>')


def scripted(name: str, inside: str, attributes: str = "") -> Html:
    """``inside`` in an element of the class ``repro-NAME``, with the style and the script of ``assets/NAME``.

    Everything is in the cell's output, so that it works in Jupyter and in a static page, without a kernel or network.
    """
    style, script = assets(name)
    return Html(f'{style}<div class="repro-{name}"{attributes}>{inside}</div>{script}')


def json_script(data: object) -> str:
    """``data`` as a JSON element for scripts, escaped so that its text cannot close an element of the page."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'


def assets(name: str) -> tuple[str, str]:
    """The style of ``assets/NAME`` ("" if it has none) and its script, as HTML elements."""
    css, js = (resources.files("bookkit") / "assets" / name / f"{name}.{kind}" for kind in ("css", "js"))
    style = f"<style>{css.read_text(encoding='utf-8')}</style>" if css.is_file() else ""
    return style, f"<script>{js.read_text(encoding='utf-8')}</script>"


def glue_html(name: str, content: Html) -> None:
    """Store ``content`` for other pages, which paste it with the directive ``{glue} name`` and its option ``doc``."""
    store(name, "text/html", content.text)


def _cells(row: Sequence[object], first: str, columns: int) -> str:
    if len(row) == 1 < columns:
        return f'<td colspan="{columns}">{_inside(row[0])}</td>'
    name, *values = row
    scope = ' scope="row"' if first == "th" else ""
    return f"<{first}{scope}>{_inside(name)}</{first}>" + "".join(f"<td>{_inside(value)}</td>" for value in values)


def _inside(content: object) -> str:
    return content.text if isinstance(content, Html) else _CODE.sub(r"<code>\1</code>", escape(typeset(str(content))))
