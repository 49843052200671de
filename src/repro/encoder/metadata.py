"""A picture's metadata: density, which is always kept; EXIF, XMP, IPTC and comments, which are kept on request.

Source: JFIF 1.02 (density), EXIF 2.32, XMP part 3 (APP1), IPTC IIM 4 (datasets), Photoshop's resource 0x0404 (APP13).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import Base
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import exif, jpeg2000, xmp
from repro.jpeg.segments import APP0, APP1, APP13, COM, segment

Kept = Literal["none", "copyright", "all"]
Density = tuple[int, int, int]
#: The most bytes that a marker segment holds.
_MOST = 65_533
_PHOTOSHOP, _RESOURCE, _IPTC_RESOURCE = b"Photoshop 3.0\0", b"8BIM", 0x0404
#: IPTC's datasets on who made the photo, by record and number: charset, by-line, credit, copyright.
_IPTC_RIGHTS = {(1, 90), (2, 80), (2, 110), (2, 116)}
#: Signs of a gain map for bright screens (Ultra HDR, ISO 21496-1, Apple's), and of a film behind the photo.
_GAIN_MAP = (b"hdrgm:Version", b'"GainMap"', b"urn:iso:std:iso:ts:21496", b"HDRGainMap", b"hdrgainmap")
_FILM = (b"MotionPhoto", b"MicroVideo")


@dataclass(frozen=True)
class About:
    """``density``: (unit, x, y) as in JFIF, of the upright picture. The rest is as in the file: EXIF and IPTC without
    headers, the XMP packet, and comments, one per line. ``extended``: whether XMP continues in further markers, which
    are not read; ``damaged``: whether some of it could not be read."""

    density: Density = (0, 1, 1)
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    extended: bool = False
    damaged: bool = False


def read(image: Image.Image, data: bytes) -> About:
    """Read the metadata of ``image``, which is open on the file ``data``."""
    found: dict[str, Any] = {}
    damaged = False
    readers: dict[str, Callable[[Image.Image], Any]] = {
        "density": _density, "exif": _exif, "xmp": lambda image: _xmp(image, data), "iptc": _iptc, "comment": _comment,
        "extended": _extended,
    }  # fmt: skip
    for name, reader in readers.items():
        try:
            found[name] = reader(image)
        except Exception:  # readers of damaged blocks raise nearly anything; the picture is what counts
            damaged = True
    return About(**found, damaged=damaged)


def dropped(image: Image.Image, data: bytes) -> list[str]:
    """Return notices about what else the file ``data`` of ``image`` holds and a JPEG of one picture does not: gain
    maps, other pictures, films."""
    signs = data if image.format in ("JPEG", "MPO") else b""
    head = data[: 1 << 16]
    notices = []
    if (
        any(sign in signs for sign in _GAIN_MAP)
        or (image.format == "AVIF" and b"tmap" in head)
        or (image.format == "PNG" and b"gdAT" in data)
    ):
        notices.append("its gain map for bright screens (HDR) is dropped")
    elif image.format == "MPO" and getattr(image, "n_frames", 1) > 1:
        notices.append("holds several pictures (a preview, another view or a gain map for HDR); the first is taken")
    if any(sign in signs for sign in _FILM):
        notices.append("its short film (motion photo) is dropped")
    return notices


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1–8, and ignore XMP's, as browsers do; Pillow's ``getexif`` falls back on XMP's."""
    if isinstance(image, TiffImageFile):  # 1 once decoded, since Pillow has turned it by then
        found: Any = image.tag_v2
    else:
        found = Image.Exif()
        found.load(_exif(image))
    value: int = found.get(Base.Orientation, 1)
    return value


def segments(
    about: About, kept: Kept, size: tuple[int, int], *, srgb: bool, jfif: bool = True
) -> tuple[bytes, list[str]]:
    """Return JPEG marker segments with the ``kept`` part of ``about``, for the picture of ``size``, (width, height),
    and notices about what had to be left out. ``srgb``: its colours are sRGB now; ``jfif``: the file has a JFIF header,
    which holds the density."""
    if kept == "none":
        return b"", []
    everything = kept == "all"

    def changed(block: bytes, revised: Callable[..., bytes], rights: Callable[[bytes], bytes]) -> bytes:
        if not block:
            return b""
        return revised(block, size, srgb=srgb) if everything else rights(block)

    def exif_rights(block: bytes) -> bytes:
        return exif.rights(block, {} if jfif else _density_tags(about.density))

    parts: list[tuple[str, int, bytes, Callable[[], bytes]]] = [
        ("EXIF", APP1, exif.HEADER, lambda: changed(about.exif, exif.revised, exif_rights)),
        ("XMP", APP1, xmp.HEADER, lambda: changed(about.xmp, xmp.revised, xmp.rights)),
        ("IPTC", APP13, _PHOTOSHOP, lambda: _resource(about.iptc if everything else _iptc_rights(about.iptc))),
        ("comment", COM, b"", lambda: about.comment if everything else b""),
    ]
    found, notices = b"", ["part of its metadata is damaged; left out"] if about.damaged else []
    if about.extended:
        notices.append("its extended XMP is not read; left out")
    for name, marker, header, make in parts:
        try:
            content = make()
        except Exception:  # as in read
            notices.append(f"its {name} is damaged; left out")
            continue
        if len(header + content) > _MOST:
            notices.append(f"its {name} is too long for a JPEG file; left out")
        elif content:
            found += segment(marker, header + content)
    return found, notices


def embed(data: bytes, about: About, kept: Kept, size: tuple[int, int], *, srgb: bool) -> bytes:
    """Return the JPEG file ``data``, which has no metadata, with the density in its JFIF header, followed by
    :func:`segments`.

    If the file has no such header, like a camera's, the density is put into EXIF, unless EXIF is kept anyway.
    """
    jfif = data[2:4] == bytes((0xFF, APP0))
    markers, _ = segments(about, kept, size, srgb=srgb, jfif=jfif)
    if jfif:
        after = 4 + int.from_bytes(data[4:6], "big")
        return data[:13] + struct.pack(">BHH", *about.density) + data[18:after] + markers + data[after:]
    tags = _density_tags(about.density)
    if tags and exif.HEADER not in markers:
        markers = segment(APP1, exif.HEADER + exif.written(tags)) + markers
    return data[:2] + markers + data[2:]


# ---- density ----------------------------------------------------------------------------------------------------


def _density(image: Image.Image) -> Density:
    info = image.info
    unit, found = 0, info.get("aspect") or info.get("resolution") or (1, 1)
    if image.format in ("JPEG", "MPO"):  # if these have none, Pillow says 72 dpi
        unit, found = info.get("jfif_unit", 0), info.get("jfif_density", (1, 1))
    elif "dpi" in info:
        unit, found = 1, info["dpi"]
    tags = image.getexif() if (unit, found) == (0, (1, 1)) else {}
    if {Base.XResolution, Base.YResolution} <= tags.keys():
        unit, found = tags.get(Base.ResolutionUnit, 2) - 1, (tags[Base.XResolution], tags[Base.YResolution])
    unit = unit if unit in (1, 2) else 0
    x, y = (float(value) for value in found)
    if not (0.5 <= x < 65535.5 and 0.5 <= y < 65535.5):  # only the pixels' aspect ratio can be kept
        unit, ratio = 0, Fraction(x / y if x > 0 and y > 0 else 1).limit_denominator(255)
        x, y = (ratio.numerator, ratio.denominator) if 0 < ratio < 256 else (1, 1)
    try:
        turned = orientation(image) in (5, 6, 7, 8)
    except Exception:  # damaged EXIF turns nothing
        turned = False
    return (unit, round(y), round(x)) if turned else (unit, round(x), round(y))


def _density_tags(density: Density) -> dict[int, Any]:
    """Return EXIF's tags for ``density``; empty if it says nothing."""
    unit, x, y = density
    if density == (0, 1, 1):
        return {}
    return {Base.XResolution: float(x), Base.YResolution: float(y), Base.ResolutionUnit: unit + 1}


# ---- EXIF, XMP and comments -------------------------------------------------------------------------------------


def _exif(image: Image.Image) -> bytes:
    block = exif.of_tiff(image.getexif()) if isinstance(image, TiffImageFile) else image.info.get("exif", b"")
    if not block and image.format == "PNG":
        block = _raw_profile(image, "exif")
    if not block and image.format == "PNG":
        named = {Base.Artist: image.info.get("Author"), Base.Copyright: image.info.get("Copyright")}
        block = exif.written({tag: str(text).encode() for tag, text in named.items() if text})
    return bytes(block).removeprefix(exif.HEADER)


def _xmp(image: Image.Image, data: bytes) -> bytes:
    packet = image.info.get("xmp", b"") or image.info.get("XML:com.adobe.xmp", b"")
    if not packet and image.format == "PNG":
        packet = _raw_profile(image, "xmp")
    if image.format == "JPEG2000":
        packet = jpeg2000.xmp(data)
    return packet.encode() if isinstance(packet, str) else bytes(packet)


def _extended(image: Image.Image) -> bool:
    return any(content.startswith(xmp.EXTENSION) for _, content in getattr(image, "applist", ()))


def _comment(image: Image.Image) -> bytes:
    if isinstance(image, JpegImageFile):
        return b"\n".join(content for name, content in image.applist if name == "COM")
    if image.format not in ("GIF", "PNG"):
        return b""
    comment = image.info.get("comment") or image.info.get("Comment", b"")
    return comment.encode() if isinstance(comment, str) else bytes(comment)


def _raw_profile(image: Image.Image, name: str) -> bytes:
    """Return a profile that ImageMagick or ExifTool put into a PNG's text: a name, a length and hexadecimal digits."""
    text = image.info.get(f"Raw profile type {name}", "")
    return bytes.fromhex("".join(str(text).split()[2:]))


# ---- IPTC -------------------------------------------------------------------------------------------------------


def _iptc(image: Image.Image) -> bytes:
    if isinstance(image, TiffImageFile):
        raw = image.tag_v2._tagdata  # some programs declare these bytes as integers, which Pillow would swap
        if TiffImagePlugin.IPTC_NAA_CHUNK in raw:
            return bytes(raw[TiffImagePlugin.IPTC_NAA_CHUNK])
        return _of_resources(bytes(raw.get(TiffImagePlugin.PHOTOSHOP_CHUNK, b"")))
    if image.format == "PNG":
        return _of_resources(_raw_profile(image, "iptc") or _raw_profile(image, "8bim"))
    found = image.info.get("photoshop")
    return bytes(found.get(_IPTC_RESOURCE, b"")) if isinstance(found, dict) else b""


def _of_resources(data: bytes) -> bytes:
    """Return the IPTC data among Photoshop's resources, or ``data`` itself if it is IPTC; empty if neither."""
    at = len(_PHOTOSHOP) if data.startswith(_PHOTOSHOP) else 0
    while data[at : at + 4] == _RESOURCE:
        code, named = struct.unpack_from(">HB", data, at + 4)
        start = at + 6 + (named + 2) // 2 * 2
        length = struct.unpack_from(">I", data, start)[0]
        if code == _IPTC_RESOURCE:
            return data[start + 4 : start + 4 + length]
        at = start + 4 + (length + 1) // 2 * 2
    return data if data.startswith(b"\x1c") else b""


def _datasets(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield (record, number) and the bytes of each dataset. Only the short form is read, which is all that texts need;
    raises ``ValueError`` for the long one and if ``data`` end early."""
    at = 0
    while data[at : at + 1] == b"\x1c":
        record, number, length = struct.unpack_from(">BBH", data, at + 1)
        if length > 32767 or at + 5 + length > len(data):
            raise ValueError("IPTC ends early")
        yield (record, number), data[at : at + 5 + length]
        at += 5 + length


def _iptc_rights(data: bytes) -> bytes:
    found = [(key, dataset) for key, dataset in _datasets(data) if key in _IPTC_RIGHTS]
    if {key for key, _ in found} <= {(1, 90)}:
        return b""
    return b"".join(dataset for _, dataset in found)


def _resource(iptc: bytes) -> bytes:
    if not iptc:
        return b""
    header = _RESOURCE + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc))
    return header + iptc + b"\0" * (len(iptc) % 2)
