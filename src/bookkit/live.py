"""Windows that encode in the reader's browser, in the built book and in Jupyter alike, without a kernel or a server.

Everything is in the cell's output: the encoder (``assets/encoder``) as the text of a Web Worker, and the window's own
script. A page with such a window forbids itself all connections (:data:`POLICY`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from bookkit.browser_encoder import script
from bookkit.curtain import element
from bookkit.html import Html, assets, image_source, scripted
from bookkit.widgets import lossless

#: The Content-Security-Policy of pages with a window: they load only what comes with the book, and open no connection.
#: 'unsafe-eval' is for the book's widgets, which compile functions from text; "file:" for pages read from disk.
POLICY = (
    "default-src 'self' file: data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'none'; form-action 'self'; "
    "worker-src blob:; object-src 'none'"
)
#: The pictures that a window makes: our encoder's, and the browser's JPEG of the same size.
_CODED = ("this encoder", "browser's JPEG")
#: Greatest visible height of a photo, in pixels.
_TALLEST = 420


def own_photo(name: str, pixels: np.ndarray, alt: str) -> Html:
    """A window that encodes the reader's own photo as a slider moves, with a comparison, maps and a download.

    It starts with the photo ``pixels``, uint8 (H, W, 3), which is called ``name`` and described by ``alt``.
    """
    figures = _figure(name, "original", alt, pixels) + "".join(_figure(name, of, alt) for of in _CODED)
    attributes = f' data-left="original" data-right="{_CODED[0]}" data-tallest="{_TALLEST}"'
    return _window("own", name, scripted("curtain", figures, attributes))


def one_block(name: str, pixels: np.ndarray, alt: str, block: tuple[int, int]) -> Html:
    """A window onto one block of a photo: its samples, coefficients, quantised values and symbols as a slider moves.

    It starts with the photo ``pixels``, uint8 (H, W, 3), which is called ``name`` and described by ``alt``, and with
    its ``block`` (row, column), counted from 0. Chroma is not subsampled (4:4:4), and coefficients are rounded to the
    nearest integer. The reader can choose another photo, the block, the plane, the quality and the tables.
    """
    height, width = pixels.shape[:2]
    source = image_source(lossless(pixels))
    picture = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alt)}">'
    return _window("block", name, Html(picture), f' data-block="{block[0]} {block[1]}"')


def coded_curtain(name: str, pixels: np.ndarray, alt: str, peers: Mapping[str, Sequence[bytes]]) -> Html:
    """A curtain over a photo whose right side, "ours", is encoded in the page at a rate that the reader sets.

    The photo ``pixels``, uint8 (H, W, 3), is called ``name`` and described by ``alt``. ``peers``: other encoder → its
    files of the photo, of which the page shows the one nearest in size.
    """
    figures = _figure(name, "original", alt, pixels) + "".join(_figure(name, of, alt) for of in (*peers, "ours"))
    stored = "".join(
        f'<img hidden alt="{escape(f"{alt} ({of})")}" data-of="{escape(of)}" data-bytes="{len(data)}" '
        f'src="{image_source(data)}">'
        for of, files in peers.items()
        for data in files
    )
    start = f' data-left="{escape(next(iter(peers)))}" data-right="ours" data-tallest="{_TALLEST}"'
    return _window("coded", name, Html(scripted("curtain", figures, start).text + stored), ' data-value="30"')


def _figure(photo: str, name: str, alt: str, pixels: np.ndarray | None = None) -> str:
    """A picture for the curtain. Without ``pixels``, the page makes it later."""
    image = f'alt="{escape(f"{alt} ({name})")}"'
    if pixels is not None:
        source = image_source(lossless(pixels))
        image += f' src="{source}" width="{pixels.shape[1]}" height="{pixels.shape[0]}"'
    return element(photo, name, image, hidden=pixels is None)


def _window(kind: str, name: str, inside: Html, attributes: str = "") -> Html:
    """The window of ``assets/KIND`` around ``inside``, preceded by the encoder."""
    worker = script("worker").replace("</script", "<\\/script")
    style, shared = assets("live")
    return Html(
        f'<script type="text/plain" id="book-encoder">{worker}</script><script>{script("client")}</script>'
        + shared
        + style
        + scripted(kind, inside.text, f' data-live data-name="{escape(name)}"{attributes}').text
    )
