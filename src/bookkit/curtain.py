"""Two pictures of one photo on top of each other, with a curtain between them that the reader drags.

The script (``assets/curtain``) is our own: ready-made ones have the handle, but neither enlarge pixel by pixel nor let
the reader choose the pictures. Everything is inside the cell's output, so that it works in Jupyter and in a static
page alike, without a kernel or a network.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from bookkit.html import Html, image_source, scripted
from bookkit.widgets import lossless

#: Photo → name → (picture, words).
Pictures = Mapping[str, Mapping[str, tuple[Any, str]]]
#: Image formats that every browser shows, by Pillow's names.
_KINDS = ("PNG", "JPEG", "WEBP")


def curtain(
    pictures: Pictures,
    crops: Mapping[str, tuple[int, int, int, int]] | None = None,
    *,
    start: tuple[str, str] | None = None,
) -> Html:
    """A curtain between any two pictures of one photo, dragged by mouse, finger or arrow keys, with zoom up to 8×.

    pictures
        photo → name → (picture, words). Every photo has the same names, such as "original" and "mozjpeg". A picture is
        the bytes of a PNG, JPEG or WebP file, which go into the page as they are, or pixels, uint8 (H, W, 3), which are
        stored without loss. Words are a line such as "0.301 bpp · LPIPS 0.143"
    crops
        photo → the part to show, (top, left, height, width); photos without a crop are shown whole
    start
        the names shown at first, left and right; by default the first and the last

    Image files are kept whole and cropped by the browser. A JPEG file is several times smaller than its pixels stored
    without loss, and the reader sees what a decoder makes of the very file whose bytes were counted. Of pixels only the
    part that is shown is stored.

    Raises ``ValueError`` if names differ between photos or are fewer than two, ``start`` is not two of them, the
    pictures of a photo differ in size, a picture has no words or cannot be read, or a crop exceeds its photo.
    """
    names = [list(of) for of in pictures.values()]
    if not names or len(names[0]) < 2 or any(other != names[0] for other in names):
        raise ValueError(f"curtain: every photo needs the same two or more names, got {names}")
    left, right = start or (names[0][0], names[0][-1])
    if left == right or not {left, right} <= set(names[0]):
        raise ValueError(f"curtain: start must be two of {names[0]}, got {(left, right)}")
    first, figures = next(iter(pictures)), []
    for photo, of in pictures.items():
        sizes = {_size(picture) for picture, _ in of.values()}
        if len(sizes) > 1:
            raise ValueError(f"curtain: the pictures of {photo} differ in size: {sorted(sizes)}")
        ((height, width),) = sizes
        crop = (crops or {}).get(photo) or (0, 0, height, width)
        if min(crop) < 0 or min(crop[2:]) == 0 or crop[0] + crop[2] > height or crop[1] + crop[3] > width:
            raise ValueError(f"curtain: crop {tuple(crop)} is not inside {photo}, {height}×{width}")
        for name, (picture, words) in of.items():
            if not words:
                raise ValueError(f"curtain: {photo}, {name}: a picture needs words")
            figures.append(_figure(photo, name, picture, words, crop, hidden=photo != first))
    chosen = f' data-left="{escape(left)}" data-right="{escape(right)}"'
    return scripted("curtain", "".join(figures), chosen)


def _figure(photo: str, name: str, picture: Any, words: str, crop: tuple[int, int, int, int], *, hidden: bool) -> str:
    """One picture with its words as HTML, for the script, and readable without it. Files are cropped by CSS alone."""
    top, left, height, width = crop
    if not isinstance(picture, bytes):
        part = np.ascontiguousarray(picture[top : top + height, left : left + width])
        picture, top, left = lossless(part), 0, 0
    place = f"object-position: {-left}px {-top}px; width: {width}px; height: {height}px"
    alt = escape(f"Part of {photo}, {name}")
    image = f'src="{image_source(picture)}" alt="{alt}" width="{width}" height="{height}" style="{place}"'
    return element(photo, name, image, words, hidden=hidden)


def element(photo: str, name: str, image: str, words: str = "", *, hidden: bool) -> str:
    """A picture as the curtain's script expects it. ``image`` are the attributes of its ``<img>``."""
    told = escape(f"{name}: {words}") if words else ""
    return (
        f'<figure data-photo="{escape(photo)}" data-name="{escape(name)}"{" hidden" if hidden else ""}>'
        f'<img {image}><figcaption data-words="{escape(words)}">{told}</figcaption></figure>'
    )


def _size(picture: Any) -> tuple[int, int]:
    """(height, width) of a picture. Raises ``ValueError`` if it is neither uint8 (H, W, 3) nor an image file."""
    if not isinstance(picture, bytes):
        pixels = np.asarray(picture)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"curtain: expected uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}")
        return pixels.shape[0], pixels.shape[1]
    try:
        with Image.open(io.BytesIO(picture), formats=_KINDS) as image:
            return image.height, image.width
    except OSError as error:
        raise ValueError("curtain: bytes must be those of a PNG, JPEG or WebP file") from error
