"""Windows that encode in the reader's browser, in the built book and in Jupyter alike: no kernel, no server.

All of it is in the cell's output: the encoder (``assets/encoder``) as the text of a Web Worker, and the window's own
script. A page with such a window forbids itself every connection (:data:`POLICY`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from bookkit.browser_encoder import script
from bookkit.curtain import element
from bookkit.html import Html, assets, image_source, scripted
from bookkit.widgets import lossless

#: What pages with a window allow (a Content-Security-Policy): what comes with the book, and no connection at all.
#: The widgets of the book make functions of text. A page from disk is "file:", not "self".
POLICY = (
    "default-src 'self' file: data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'none'; form-action 'self'; "
    "worker-src blob:; object-src 'none'"
)
#: The pictures that a window makes: ours, and the browser's of the same size.
_CODED = ("this encoder", "browser's JPEG")
#: What is seen of a photo at a time, in pixels.
_TALLEST = 420


def own_photo(name: str, pixels: np.ndarray, alt: str) -> Html:
    """A window for a photo of the reader's own: coded while a slider moves, compared, mapped, and downloaded.

    It begins with the photo ``pixels``, uint8 (H, W, 3), which is called ``name`` and described by ``alt``.
    """
    figures = _figure(name, "original", alt, pixels) + "".join(_figure(name, of, alt) for of in _CODED)
    attributes = f' data-left="original" data-right="{_CODED[0]}" data-tallest="{_TALLEST}"'
    return _window("own", name, scripted("curtain", figures, attributes))


def one_block(name: str, pixels: np.ndarray, alt: str, block: tuple[int, int]) -> Html:
    """A window onto one block of a photo: samples, coefficients, whole numbers and symbols, while a slider moves.

    It begins with the photo ``pixels``, uint8 (H, W, 3), which is called ``name`` and described by ``alt``, and with
    its ``block`` (row, column), counted from 0. Chroma is kept whole (4:4:4), and coefficients are rounded to the
    nearest number. The reader chooses another photo, the block, the plane, the quality, and the tables.
    """
    height, width = pixels.shape[:2]
    source = image_source(lossless(pixels))
    picture = f'<img src="{source}" width="{width}" height="{height}" alt="{escape(alt)}">'
    return _window("block", name, Html(picture), f' data-block="{block[0]} {block[1]}"')


def coded_curtain(name: str, pixels: np.ndarray, alt: str, peers: Mapping[str, Sequence[bytes]]) -> Html:
    """A curtain over a photo whose right side, "ours", is coded in the page at the rate that the reader drags.

    The photo ``pixels``, uint8 (H, W, 3), is called ``name`` and described by ``alt``. ``peers`` has files of it for
    each other encoder, of which the nearest in size is there to compare with.
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
    """A picture for the curtain; one that is made in the page has no pixels yet."""
    image = f'alt="{escape(f"{alt} ({name})")}"'
    if pixels is not None:
        source = image_source(lossless(pixels))
        image += f' src="{source}" width="{pixels.shape[1]}" height="{pixels.shape[0]}"'
    return element(photo, name, image, hidden=pixels is None)


def _window(kind: str, name: str, inside: Html, attributes: str = "") -> Html:
    """The window ``assets/KIND`` around ``inside``, with the encoder before it."""
    worker = script("worker").replace("</script", "<\\/script")
    style, shared = assets("live")
    return Html(
        f'<script type="text/plain" id="book-encoder">{worker}</script><script>{script("client")}</script>'
        + shared
        + style
        + scripted(kind, inside.text, f' data-live data-name="{escape(name)}"{attributes}').text
    )
