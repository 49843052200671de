"""A JPEG file that encoding would only make larger is kept: its picture as it is, without what has to be dropped."""

from __future__ import annotations

from PIL import ExifTags, Image

from repro.encoder.images import Picture, pixel_limit
from repro.jpeg.segments import SOS, segments

_SOF_BASELINE, _SOF_EXTENDED, _SOF_PROGRESSIVE = 0xC0, 0xC1, 0xC2
_ADOBE, _COMMENT = 0xEE, 0xFE


def as_it_is(data: bytes, picture: Picture, *, baseline: bool) -> bytes | None:
    """The JPEG file ``data`` without its metadata, or None where another file is needed to show ``picture``, which was
    read from it: because pixels were turned or converted, because most readers could not open it, or, with
    ``baseline``, because it is progressive."""
    if picture.notices or not data.startswith(b"\xff\xd8") or not data.endswith(b"\xff\xd9"):
        return None
    kept, profile = [data[:2]], b""
    for segment in segments(data):
        marker, payload = segment.marker, data[segment.start + 4 : segment.end]
        if marker == SOS:
            return b"".join([*kept, data[segment.start :]]) if profile == (picture.icc or b"") else None
        if segment.is_frame and not _is_common(marker, payload, baseline):
            return None
        if payload.startswith(b"ICC_PROFILE\0") and marker == 0xE2:
            profile += payload[14:]
        elif marker == 0xE1 and payload.startswith(b"Exif\0") and not _shows_as_is(payload):
            return None
        elif marker == 0xE2 or (0xE3 <= marker <= 0xEF and marker != _ADOBE) or marker in (0xE1, _COMMENT):
            continue
        kept.append(data[segment.start : segment.end])
    return None


def _is_common(marker: int, frame: bytes, baseline: bool) -> bool:
    """Whether every reader shows the frame: 8 bits, grey or three components, Huffman codes."""
    kinds = {_SOF_BASELINE} if baseline else {_SOF_BASELINE, _SOF_EXTENDED, _SOF_PROGRESSIVE}
    return marker in kinds and len(frame) > 5 and frame[0] == 8 and frame[5] in (1, 3)


def _shows_as_is(exif: bytes) -> bool:
    """Whether the picture is upright and, as far as EXIF says, sRGB."""
    found = Image.Exif()
    try:
        with pixel_limit(None):
            found.load(exif)
            space = found.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, 1)
            return found.get(ExifTags.Base.Orientation, 1) == 1 and space == 1
    except Exception:  # what a damaged block says, nobody knows
        return False
