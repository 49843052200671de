"""Tables of the formats that the encoder reads and refuses, and its messages for sample files, from the code itself."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from bookkit.markdown import code, plain, table
from repro.encoder import formats
from repro.encoder.images import open_picture
from repro.errors import ReproError

#: Common formats, in this order; the others are listed separately.
_COMMON = ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "GIF", "BMP", "PSD")


def read(common: bool) -> str:
    """Table of the formats that are read, with their endings: those of :data:`_COMMON`, or all others."""
    endings: dict[str, list[str]] = {}
    registered = Image.registered_extensions()
    for ending in sorted(formats.readable_endings()):
        endings.setdefault(registered[ending], []).append(ending)
    names = [n for n in _COMMON if n in endings] if common else sorted(endings.keys() - set(_COMMON))
    rows = []
    for name in names:
        opened = Image.OPEN.get(name)  # Pillow opens an MPO, several JPEG pictures in a file, as JPEG
        told = getattr(opened[0], "format_description", "") or name if opened else "JPEG, several pictures in one file"
        rows.append([plain(told), " ".join(code(ending) for ending in endings[name])])
    return table(["format", "endings"], rows)


def refused() -> str:
    """Table of formats that Pillow opens but the encoder refuses, with reasons, and of cameras' raw files."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in formats.REFUSED.items():
        by_reason.setdefault(reason, []).append(name)
    rows = [[", ".join(names), reason] for reason, names in by_reason.items()]
    raws = " ".join(code(ending) for ending in sorted(formats.RAW_ENDINGS))
    return table(["format", "why"], [["cameras' raw files", f"must be developed first: {raws}"], *rows])


def lines() -> str:
    """Table of small sample files and the encoder's exact message for each."""
    return table(["a file", "what is said"], [[told, _said(name, make)] for told, name, make in _EXAMPLES])


def _said(name: str, make: Callable[[], bytes]) -> str:
    try:
        notices = open_picture(make(), name=name).notices
    except ReproError as error:
        return f"refused: {code(str(error))}"
    return "; ".join(code(f"{name}: {notice}") for notice in notices) or "nothing; it is encoded"


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _photo(mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((64, 48)).convert(mode)


def _seen_through() -> bytes:
    image = _photo("RGBA")
    image.putalpha(100)
    return _saved(image, "PNG")


def _hdr() -> bytes:
    data = _saved(_photo(), "PNG")
    chunk = b"cICP" + bytes((9, 16, 0, 1))  # BT.2020, PQ
    return data[:33] + b"\0\0\0\4" + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:]


def _floats() -> bytes:
    return _saved(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF")


_EXAMPLES: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("a sound photo", "photo.png", lambda: _saved(_photo(), "PNG")),
    ("parts that are transparent", "logo.png", _seen_through),
    ("an animation", "film.gif", lambda: _saved(_photo(), "GIF", save_all=True, append_images=[_photo("L").rotate(9)])),
    ("CMYK without a profile", "print.jpg", lambda: _saved(_photo("CMYK"), "JPEG")),
    ("a JPEG file that lacks its last two bytes", "photo.jpg", lambda: _saved(_photo(), "JPEG")[:-2]),
    (
        "the first half of a JPEG file",
        "photo.jpg",
        lambda: _saved(_photo(), "JPEG")[: -len(_saved(_photo(), "JPEG")) // 2],
    ),
    ("an HDR picture", "sunset.png", _hdr),
    ("samples of 32 bits", "heights.tif", _floats),
    ("a phone's HEIC", "photo.heic", lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    ("a camera's raw file", "photo.cr3", lambda: b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"),
    ("a drawing", "logo.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("a text under a wrong name", "photo.jpg", lambda: b"not a picture"),
)
