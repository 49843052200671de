"""The marker segments of a JPEG file, one after the other up to the first scan.

Source: ITU-T T.81, B.1.1 (markers, fill bytes, segments).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: Markers: codes of a scan, a frame's kind from and to, a scan.
DHT, SOF_FIRST, SOF_LAST, SOS = 0xC4, 0xC0, 0xCF, 0xDA
#: In the range of frames, but of another meaning: tables of codes, a reserved one, arithmetic coding.
_NO_FRAMES = (DHT, 0xC8, 0xCC)


class Segment(NamedTuple):
    """``data[start:end]`` is the segment with its ``marker``; its payload begins at ``start + 4``."""

    marker: int
    start: int
    end: int

    @property
    def is_frame(self) -> bool:
        """Whether it is a frame header, which gives size, precision and components."""
        return SOF_FIRST <= self.marker <= SOF_LAST and self.marker not in _NO_FRAMES


def segments(data: bytes) -> Iterator[Segment]:
    """Of a JPEG file, or of its first bytes; the last is the header of the first scan, unless the data end before."""
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
