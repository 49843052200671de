"""What a file says beside its picture: pixel density, always kept; EXIF, XMP and IPTC, as far as is asked for.

Source: JFIF 1.02 (density), EXIF 2.3 (IFD0), XMP part 3 (APP1), IPTC IIM 4 (record 2) in Photoshop's resource 0x0404.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from repro.encoder.images import Source, pixel_limit

Kept = Literal["none", "copyright", "all"]
#: What a marker holds.
_MOST = 65_533
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0"
#: Of a TIFF file's IFD0, what is about the photo and not about the file.
_ABOUT = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825)
#: Signs of a second picture for bright screens, in XMP and in files.
_GAIN_MAP = (b"hdrgm:", b"HDRGainMap", b"urn:iso:std:iso:ts:21496:-1")


class Metadata(NamedTuple):
    """``density``: (unit, x, y) as in JFIF; ``segments``: markers to put behind the header; ``notices``."""

    density: tuple[int, int, int] = (0, 1, 1)
    segments: bytes = b""
    notices: tuple[str, ...] = ()


def read(source: Source, kept: Kept) -> Metadata:
    """Of a picture that can be opened; of samples there are none."""
    if isinstance(source, np.ndarray):
        return Metadata()
    try:
        with pixel_limit(None):  # the picture has been opened before
            if isinstance(source, Image.Image):
                return _of(source, kept)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source)) as image:
                return _of(image, kept)
    except Exception:  # decoders of damaged blocks raise nearly anything; the picture is what counts
        return Metadata(notices=("its metadata are damaged; left out",) if kept != "none" else ())


def _of(image: Image.Image, kept: Kept) -> Metadata:
    exif, xmp, notices = image.getexif(), image.info.get("xmp", b""), []
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    density = _density(image.info, turned=orientation in (5, 6, 7, 8))
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    if any(sign in xmp or sign in _file(image) for sign in _GAIN_MAP):
        notices.append("its gain map for bright screens (HDR) is dropped")
        xmp = b""  # it would promise one
    elif image.format == "MPO" and getattr(image, "n_frames", 1) > 1:
        notices.append("its further pictures, such as a gain map for bright screens (HDR), are dropped")
    iptc = _iptc(image)
    if kept == "none":
        return Metadata(density, b"", tuple(notices))
    if kept == "copyright":
        exif, xmp, iptc = _rights(exif), b"", b""
    else:
        if image.format == "TIFF":
            exif = _only(exif, _ABOUT)
        if orientation != 1:
            exif[ExifTags.Base.Orientation] = 1
        xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", xmp)
    parts = [(0xE1, _EXIF, exif.tobytes().removeprefix(_EXIF) if len(exif) else b""), (0xE1, _XMP, xmp)]
    parts.append((0xED, _IPTC + len(iptc).to_bytes(4, "big"), iptc + b"\0" * (len(iptc) % 2)))
    segments = b""
    for marker, name, content in parts:
        if len(name + content) > _MOST:
            notices.append("its metadata are too long for a JPEG file in part; left out")
        elif content:
            segments += bytes((0xFF, marker)) + (2 + len(name + content)).to_bytes(2, "big") + name + content
    return Metadata(density, segments, tuple(notices))


def embed(data: bytes, metadata: Metadata) -> bytes:
    """``data``, a JPEG file that begins with a JFIF header, with ``metadata``."""
    if data[2:4] != b"\xff\xe0":
        return data
    unit, x, y = metadata.density
    density = bytes((unit,)) + x.to_bytes(2, "big") + y.to_bytes(2, "big")
    after = 4 + int.from_bytes(data[4:6], "big")
    return data[:13] + density + data[18:after] + metadata.segments + data[after:]


def _density(info: dict[Any, Any], *, turned: bool) -> tuple[int, int, int]:
    unit, found = 0, info.get("jfif_density") or info.get("aspect") or (1, 1)
    if info.get("jfif_unit") == 2:
        unit = 2
    elif "dpi" in info:
        unit, found = 1, info["dpi"]
    x, y = (round(float(value)) for value in found)
    if not (0 < x < 65536 and 0 < y < 65536):
        return 0, 1, 1
    return (unit, y, x) if turned else (unit, x, y)


def _rights(exif: Image.Exif) -> Image.Exif:
    return _only(exif, (ExifTags.Base.Artist, ExifTags.Base.Copyright))


def _only(exif: Image.Exif, tags: tuple[int, ...]) -> Image.Exif:
    found = Image.Exif()
    for tag in tags:
        if tag in exif:
            found[tag] = exif.get_ifd(tag) if tag in (0x8769, 0x8825) else exif[tag]
    return found


def _file(image: Image.Image) -> bytes:
    """Of a JPEG file with several pictures: what says what the others are."""
    stream = getattr(image, "fp", None)
    if image.format != "MPO" or stream is None:
        return b""
    stream.seek(0)
    return stream.read()


def _iptc(image: Image.Image) -> bytes:
    found = image.info.get("photoshop")
    iptc = found.get(0x0404, b"") if isinstance(found, dict) else b""
    return iptc if isinstance(iptc, bytes) else b""
