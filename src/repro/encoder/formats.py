"""Which formats are read, and what to call a file that is not.

Pillow names more formats than it decodes: of some it reads only the header, a thumbnail or a reduced copy.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image, ImageOps
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import jpeg2000
from repro.errors import ReproError
from repro.jpeg.segments import scan_count, segments

#: Formats that are refused, by Pillow's name, and why.
REFUSED = {
    **dict.fromkeys(("BUFR", "GRIB", "HDF5", "MPEG", "WMF", "IPTC"), "is only recognised, not decoded"),
    "EPS": "is a page that only Ghostscript can draw",
    **dict.fromkeys(("FITS", "MCIDAS", "SPIDER"), "holds measurements without an agreed white"),
    "PCD": "is a Photo CD, of which only a reduced copy can be read",
    "XVTHUMB": "is a thumbnail",
}

#: The most scans allowed in a JPEG file, as with libjpeg-turbo's ``TJFLAG_LIMITSCANS``.
MOST_SCANS = 500

#: Extensions of cameras' raw files.
RAW_ENDINGS = {
    ".3fr", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".erf", ".fff", ".gpr", ".iiq",
    ".k25", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".pxn", ".raf", ".rw2", ".rwl",
    ".sr2", ".srf", ".srw", ".x3f",
}  # fmt: skip
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_WEB_PAGE, _ZIP, _POINTER = "web page", "ZIP archive, or a document in one", "pointer to a file in Git LFS"
_STARTS = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"II\xbc": "JPEG XR",
    b"%PDF": "PDF",
    b"#?R": "Radiance HDR",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"SDPX": "DPX",
    b"XPDS": "DPX",
    b"8BPS": "PSD of a kind other than 8-bit grey, RGB or CMYK",
    b"SIMPLE  =": "FITS file",
    b"PF\n": "PFM",
    b"Pf\n": "PFM",
    b"P7\n": "PAM",
    **dict.fromkeys((b"<!DOCTYPE html", b"<!doctype html", b"<html"), _WEB_PAGE),
    b"PK\3\4": _ZIP,
    b"\x1a\x45\xdf\xa3": "video",
    b"AT&TFORM": "DjVu",
    b"version https://git-lfs": _POINTER,
    b"FLIF": "FLIF",
    b"BPG\xfb": "BPG",
    b"gimp xcf": "GIMP XCF",
    b"<svg": "SVG",
    **dict.fromkeys((b"II*\0", b"MM\0*"), "kind of TIFF (bits, channels or compression)"),
    **dict.fromkeys((b"II+\0", b"MM\0+"), "kind of BigTIFF (byte order, bits, channels or compression)"),
    b"\x89PNG\r\n\x1a\n": "PNG with a damaged header",
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "damaged AVIF, or a kind of it"),
    b"qt  ": "video",
}

#: Number of channels by colour mode, as in a PSD file's header.
_PSD_COLOURS = {b"\3": b"\3", b"\4": b"\4", b"\x09": b"\3"}
#: Pillow's messages about kinds of files that it cannot decode. About damage it says other things.
_KIND = re.compile("unsupported|unimplemented|unknown (raw |PCX |pixel )?mode|not available|cannot read this", re.I)


def readable_endings() -> set[str]:
    """Return the extensions, such as ``".png"``, of the formats that are read. (Pillow opens MPO as JPEG.)"""
    Image.init()
    return {
        ending
        for ending, kind in Image.registered_extensions().items()
        if (kind in Image.OPEN or kind == "MPO") and kind not in REFUSED and ending not in RAW_ENDINGS
    }


def check(name: str, image: Image.Image, head: bytes) -> None:
    """Raise :class:`ReproError` if Pillow opens ``image``, whose file begins with ``head``, but would decode only a
    part of it, or wrongly."""
    if image.format in REFUSED:
        raise ReproError(f"{name}: {image.format} {REFUSED[image.format]}; export it as PNG, TIFF or JPEG")
    if image.format == "TIFF" and Path(name).suffix.lower() in RAW_ENDINGS:
        raise raw(name)
    what = _misread(image, head)
    if what:
        raise ReproError(f"{name}: is {image.format} of a kind that is not read ({what}); convert it to PNG")


def check_scans(name: str, data: bytes) -> None:
    """Raise :class:`ReproError` if the JPEG file ``data`` has more than ``MOST_SCANS`` scans. Each goes over the whole
    picture, however few its bytes, so a small file could keep a decoder busy for hours. Encoders write about ten."""
    if data.count(b"\xff\xda") > MOST_SCANS and scan_count(data) > MOST_SCANS:
        raise ReproError(
            f"{name}: has more than {MOST_SCANS} scans; if you trust it, save it anew with another program"
        )


def _misread(image: Image.Image, head: bytes) -> str | None:
    """Return what Pillow would misread, or None."""
    kind = image.format
    if kind == "DCX":
        head = head[int.from_bytes(head[4:8], "little") :]
    if kind in ("PCX", "DCX") and head[2:3] == b"\0":
        return "samples that are not compressed"
    if kind == "SUN" and head[12:16] == b"\0\0\0\x20":
        return "32 bits a pixel"
    if kind == "PSD" and head[25:26] == b"\7":
        return "several channels that are no colours"
    if kind == "PSD" and head[13:14] > _PSD_COLOURS.get(head[25:26], b"\1"):  # transparency, or a selection
        return "an alpha channel"
    if kind == "BMP" and head[28:30] == b"\x10\0" and head[14] >= 56 and any(head[66:70]):
        return "16 bits a pixel and transparency"
    tiles = getattr(image, "tile", None)
    if kind == "DDS" and tiles and tiles[0].codec_name == "bcn" and tiles[0].args[0] in (5, 6):
        return "vectors or HDR samples"
    if kind == "GIF" and tiles and tiles[0].extents != (0, 0, *image.size) and "transparency" not in image.info:
        return "a first frame that covers a part only"
    if kind == "XPM" and re.search(rb'c\s+#(?![0-9A-Fa-f]{6}")[0-9A-Fa-f]*"', head):
        return "colours of more or fewer than 24 bits"
    return None


def bits(image: Image.Image, data: bytes) -> int:
    """Return the bits per sample of ``image``, whose file is ``data``; 8 unless TIFF's tags, PNG's header or the mode
    say otherwise."""
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(Base.BitsPerSample, (8,))))
    if image.mode.startswith("I") or (image.format == "PNG" and data[24:25] == b"\x10"):
        return 16
    return 8


def repaired(image: Image.Image, head: bytes) -> Image.Image:
    """Return what Pillow decoded with its errors corrected: inverted bitmaps, TGA's alpha of 0 bits, and JPEG 2000
    samples below full scale."""
    if image.mode == "1" and image.format in ("XBM", "PSD"):  # in these, ones are black
        return ImageOps.invert(image.convert("L"))
    if image.mode == "RGBA" and image.format == "TGA" and len(head) > 17 and head[17] & 15 == 0:  # no bits of alpha
        return image.convert("RGB")
    return jpeg2000.to_full_scale(image, head) if image.format == "JPEG2000" else image


def undecoded(name: str, what: str) -> ReproError:
    """Return the error for a file of a known format that Pillow cannot decode; ``what`` is Pillow's message."""
    if _KIND.search(what):
        return ReproError(f"{name}: is of a kind that is not read ({what}); convert it to PNG")
    return ReproError(f"{name}: damaged or cut off ({what}); fetch or export it again")


def raw(name: str) -> ReproError:
    """Return the error for a camera's raw file."""
    return ReproError(f"{name}: is a camera's raw file; develop it and export a TIFF, PNG or JPEG")


def unknown(name: str, head: bytes) -> ReproError:
    """Return the error for a file that begins with ``head`` and that Pillow cannot open. It says what the file is, if
    that is known."""
    if head.startswith(_RAW_STARTS) or head[4:12] == b"ftypcrx " or Path(name).suffix.lower() in RAW_ENDINGS:
        return raw(name)
    kind = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12], "video")
    elif head.startswith(b"\xff\xd8\xff"):
        kind = _jpeg_kind(head)
    elif head[128:132] == b"DICM":
        kind = "DICOM"
    elif head.startswith(b"<?xml") and b"<svg" in head:
        kind = "SVG"
    elif head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"WEBP"):
        kind = "video" if head[8:12] == b"AVI " else "WebP with a damaged header"
    if kind is None:
        return ReproError(f"{name}: not a picture that Pillow can open; name a PNG, JPEG, TIFF, WebP, …")
    if kind in (_WEB_PAGE, _ZIP, _POINTER):
        return ReproError(f"{name}: is a {kind}; name the picture itself")
    article = "an" if kind in ("SVG", "OpenEXR") else "a"
    return ReproError(f"{name}: is {article} {kind}, which is not read; convert it to PNG, or to JPEG with 8 bits")


def _jpeg_kind(head: bytes) -> str:
    """Return the kind of JPEG by its frame header (ITU-T T.81, B.2.2; T.87 for JPEG-LS)."""
    if any(segment.marker == 0xF7 for segment in segments(head)):
        return "JPEG-LS"
    frame = next((segment for segment in segments(head) if segment.is_frame), None)
    precision = head[frame.start + 4] if frame and frame.start + 4 < len(head) else 8
    return f"{precision}-bit JPEG" if precision != 8 else "JPEG with a damaged header, or a rare kind of it"
