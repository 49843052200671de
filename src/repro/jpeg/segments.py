"""The marker segments of a JPEG file, and where its picture ends.

Source: ITU-T T.81, B.1.1 (markers, fill bytes, segments).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: Markers (table B.1), without their first byte of 255.
SOF0, SOF1, SOF2, SOF15, DHT, SOI, EOI, SOS, DQT = 0xC0, 0xC1, 0xC2, 0xCF, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB
APP0, APP1, APP2, APP13, APP14, APP15, COM = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE
#: Markers in the range of frame headers that mean something else: DHT, JPG (reserved) and DAC (arithmetic coding).
_NO_FRAMES = (DHT, 0xC8, 0xCC)


class Segment(NamedTuple):
    """``data[start:end]`` is the segment, from its ``marker`` on; its payload begins at ``start + 4``."""

    marker: int
    start: int
    end: int

    @property
    def is_frame(self) -> bool:
        """Whether this is a frame header, which gives size, precision and components."""
        return SOF0 <= self.marker <= SOF15 and self.marker not in _NO_FRAMES


def segment(marker: int, payload: bytes) -> bytes:
    """The bytes of a marker segment. ``payload`` may have at most 65 533 bytes."""
    return bytes((0xFF, marker)) + (2 + len(payload)).to_bytes(2, "big") + payload


def segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments of a JPEG file, or of its first bytes; the last is the first scan's header, if it is there."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # fill
            at += 1
            continue
        found = Segment(data[at + 1], at, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
        yield found
        if found.marker == SOS:
            return
        at = found.end


def picture_end(data: bytes, scan: int) -> int | None:
    """The offset just after the end marker (EOI) of the JPEG file ``data``, whose first scan begins at ``scan``; other
    pictures may follow there. None if there is no such marker."""
    return next((at + 2 for marker, at in _markers(data, scan) if marker == EOI), None)


def scan_count(data: bytes) -> int:
    """The number of scans of the (first) picture in the JPEG file ``data``."""
    first = next((found.start for found in segments(data) if found.marker == SOS), len(data))
    return sum(marker == SOS for marker, _ in _markers(data, first))


def _markers(data: bytes, scan: int) -> Iterator[tuple[int, int]]:
    """Yield (marker, offset) for each marker of the JPEG file ``data`` from offset ``scan``, its first scan, to EOI."""
    at = scan
    while 0 <= at < len(data) - 1:
        code = data[at + 1]
        if code == 0xFF:  # fill
            at += 1
        elif code == 0 or 0xD0 <= code <= 0xD7:  # within a scan's data: a stuffed byte of 255, or a restart marker
            at = data.find(b"\xff", at + 2)
        else:
            yield code, at
            if code == EOI:
                return
            at = data.find(b"\xff", at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
