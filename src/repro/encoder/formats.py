"""Which files are read, and what a file that is not read is called.

Pillow names more formats than it decodes: of some it reads only the header, a thumbnail or a reduced copy.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from repro.errors import ReproError
from repro.jpeg.segments import segments

#: Pillow's names of formats that are refused, and why.
REFUSED = {
    **dict.fromkeys(("BUFR", "GRIB", "HDF5", "MPEG", "WMF", "IPTC"), "is only recognised, not decoded"),
    "EPS": "is a page that only Ghostscript can draw",
    **dict.fromkeys(("FITS", "MCIDAS", "SPIDER"), "holds measurements without an agreed white"),
    "PCD": "is a Photo CD, of which only a reduced copy can be read",
    "XVTHUMB": "is a thumbnail",
}

#: Endings of cameras' raw files.
RAW_ENDINGS = frozenset(
    {
        ".3fr",
        ".arw",
        ".bay",
        ".cap",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dcs",
        ".dng",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".k25",
        ".kdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".ptx",
        ".pxn",
        ".raf",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    }
)
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
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
    b"FLIF": "FLIF",
    b"BPG\xfb": "BPG",
    b"gimp xcf": "GIMP XCF",
    b"<svg": "SVG",
    b"II*\0": "TIFF of a kind (bits, channels or compression) that Pillow cannot read",
    b"MM\0*": "TIFF of a kind (bits, channels or compression) that Pillow cannot read",
    b"II+\0": "BigTIFF of a kind (bits, channels or compression) that Pillow cannot read",
    b"MM\0+": "BigTIFF of a kind (bits, channels or compression) that Pillow cannot read",
    b"\x89PNG\r\n\x1a\n": "PNG with a damaged header",
}
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF that is damaged or of a kind that Pillow cannot read"),
    b"qt  ": "video",
}


def readable_endings() -> set[str]:
    """The endings, such as ``".png"``, of the formats that are read."""
    Image.init()
    return {
        ending
        for ending, kind in Image.registered_extensions().items()
        if kind in Image.OPEN and kind not in REFUSED and ending not in RAW_ENDINGS
    }


def check(name: str, image: Image.Image) -> None:
    """Raise :class:`ReproError` where Pillow opens ``image`` but does not decode its format's whole picture."""
    if image.format in REFUSED:
        raise ReproError(f"{name}: {image.format} {REFUSED[image.format]}; export it as PNG, TIFF or JPEG")
    if image.format == "TIFF" and Path(name).suffix.lower() in RAW_ENDINGS:
        raise raw(name)


def raw(name: str) -> ReproError:
    """The error for a camera's raw file."""
    return ReproError(f"{name}: is a camera's raw file; develop it and export a TIFF, PNG or JPEG")


def unknown(name: str, head: bytes) -> ReproError:
    """The error for a file that begins with ``head`` and that Pillow cannot open, with what the file is, if known."""
    if head.startswith(_RAW_STARTS) or head[4:12] == b"ftypcrx " or Path(name).suffix.lower() in RAW_ENDINGS:
        return raw(name)
    kind = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12], "video")
    elif head.startswith(b"\xff\xd8\xff"):
        bits = _jpeg_precision(head)
        kind = f"{bits}-bit JPEG" if bits not in (None, 8) else "JPEG with a damaged header or of a kind not read"
    elif head.startswith(b"<?xml") and b"<svg" in head:
        kind = "SVG"
    elif head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"WEBP"):
        kind = "video" if head[8:12] == b"AVI " else "WebP with a damaged header"
    if kind is None:
        return ReproError(f"{name}: not a picture that Pillow can open; name a PNG, JPEG, TIFF, WebP, …")
    return ReproError(f"{name}: is a {kind}, which is not read; convert it to PNG, or to JPEG with 8 bits")


def _jpeg_precision(head: bytes) -> int | None:
    """Bits a sample, from the frame header (ITU-T T.81, B.2.2); None: there is none in ``head``."""
    frame = next((segment for segment in segments(head) if segment.is_frame), None)
    return head[frame.start + 4] if frame and frame.start + 4 < len(head) else None
