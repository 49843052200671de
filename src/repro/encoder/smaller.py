"""Keep a JPEG file that encoding would only make larger: its picture as it is, without what has to be dropped."""

from __future__ import annotations

from repro.jpeg.segments import (
    APP0,
    APP1,
    APP2,
    APP14,
    APP15,
    COM,
    SOF0,
    SOF1,
    SOF2,
    SOS,
    picture_end,
    segment,
    segments,
)

#: Bytes of a JFIF header before its thumbnail; the last two say how large that is.
_JFIF_BYTES = 14


def bare(data: bytes, icc: bytes | None, *, baseline: bool) -> bytes | None:
    """Return the picture of the JPEG file ``data`` as a file without metadata. None if most readers would not show that
    as meant: its profile is not ``icc``, it lacks its end, it is of a rare kind or, with ``baseline``, progressive."""
    if not data.startswith(b"\xff\xd8"):
        return None
    kept, profile = [data[:2]], b""
    for found in segments(data):
        marker, whole = found.marker, data[found.start : found.end]
        payload = whole[4:]
        if marker == SOS:
            end = picture_end(data, found.start)
            return b"".join([*kept, data[found.start : end]]) if end and profile == (icc or b"") else None
        if found.is_frame and not _is_common(marker, payload, baseline):
            return None
        if marker == APP2 and payload.startswith(b"ICC_PROFILE\0"):
            profile += payload[14:]
        elif marker == APP0:
            if not payload.startswith(b"JFIF\0") or len(payload) < _JFIF_BYTES:
                continue
            whole = segment(APP0, payload[: _JFIF_BYTES - 2] + b"\0\0")  # without its thumbnail
        elif (APP1 <= marker <= APP15 and marker != APP14) or marker == COM:
            continue
        kept.append(whole)
    return None


def _is_common(marker: int, frame: bytes, baseline: bool) -> bool:
    """Whether every reader shows the frame: 8 bits, grey or three components, Huffman codes."""
    kinds = {SOF0} if baseline else {SOF0, SOF1, SOF2}
    return marker in kinds and len(frame) > 5 and frame[0] == 8 and frame[5] in (1, 3)
