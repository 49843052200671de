"""A JPEG file that encoding would only make larger is kept: its picture as it is, without what has to be dropped."""

from __future__ import annotations

from repro.jpeg.segments import SOS, picture_end, segments

_SOF_BASELINE, _SOF_EXTENDED, _SOF_PROGRESSIVE = 0xC0, 0xC1, 0xC2
_APP0, _APP1, _APP2, _APP15, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEF, 0xEE, 0xFE
#: What a JFIF header holds before its thumbnail; the last two say how large that is.
_JFIF_BYTES = 14


def bare(data: bytes, icc: bytes | None, *, baseline: bool) -> bytes | None:
    """The picture of the JPEG file ``data`` as a file without metadata, or None where that would not be one that most
    readers show: its profile is not ``icc``, it lacks its end, it is of a rare kind or, with ``baseline``,
    progressive."""
    if not data.startswith(b"\xff\xd8"):
        return None
    kept, profile = [data[:2]], b""
    for segment in segments(data):
        marker, whole = segment.marker, data[segment.start : segment.end]
        payload = whole[4:]
        if marker == SOS:
            end = picture_end(data, segment.start)
            return b"".join([*kept, data[segment.start : end]]) if end and profile == (icc or b"") else None
        if segment.is_frame and not _is_common(marker, payload, baseline):
            return None
        if marker == _APP2 and payload.startswith(b"ICC_PROFILE\0"):
            profile += payload[14:]
        elif marker == _APP0:
            if not payload.startswith(b"JFIF\0") or len(payload) < _JFIF_BYTES:
                continue
            whole = b"\xff\xe0\0\x10" + payload[: _JFIF_BYTES - 2] + b"\0\0"  # without its thumbnail
        elif (_APP1 <= marker <= _APP15 and marker != _ADOBE) or marker == _COMMENT:
            continue
        kept.append(whole)
    return None


def _is_common(marker: int, frame: bytes, baseline: bool) -> bool:
    """Whether every reader shows the frame: 8 bits, grey or three components, Huffman codes."""
    kinds = {_SOF_BASELINE} if baseline else {_SOF_BASELINE, _SOF_EXTENDED, _SOF_PROGRESSIVE}
    return marker in kinds and len(frame) > 5 and frame[0] == 8 and frame[5] in (1, 3)
