"""A progressive file whose scans are each of one component: DC of Y, of Cb, of Cr, and then AC, band by band.

The search of mozjpeg (:func:`repro.jpeg.codestream.write`) keeps DC of all components in one scan. There luma's blocks
come in twos by two with those of chroma, so that every second difference is taken along a diagonal. In a scan of luma's
own all neighbours are side by side, differences are smaller, and chroma has codes of its own. No coefficient changes.

Each component is written as a grey picture by the same libraries, and its scans are put behind one header. Source:
ITU-T T.81, A.2.2 (scans of one component), G.1.1 (progressive scans), B.2.3 (their headers).
"""

from __future__ import annotations

from collections.abc import Iterator

from repro.jpeg.codestream import Coefficients, embed_icc, write

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOF, _DHT, _SOS = (0xC0, 0xC1), 0xC4, 0xDA
_DC_SCANS = 1  # of a grey file of mozjpeg's: its first


def smallest(c: Coefficients, icc: bytes | None = None) -> bytes:
    """The smallest file known that holds exactly ``c``: sequential, by mozjpeg's search for scans, or scans apart."""
    data = sequential(c)
    searched = _progressive(data)
    data = min(data, searched, _apart(c, searched), key=len)
    return embed_icc(data, icc) if icc else data


def sequential(c: Coefficients, icc: bytes | None = None) -> bytes:
    """The sequential file that holds ``c``, with codes of its own, its components called 1, 2, 3 as JFIF has it."""
    named = bytearray(write(c, progressive=False))
    at = 2
    for marker, segment in _segments(bytes(named)):
        if marker in _SOF:  # precision, height, width, count, then three bytes for each
            named[at + 10 : at + 10 + 3 * segment[9] : 3] = range(1, segment[9] + 1)
        elif marker == _SOS:  # count, then two bytes for each
            named[at + 5 : at + 5 + 2 * segment[4] : 2] = range(1, segment[4] + 1)
        at += len(segment)
    return embed_icc(bytes(named), icc) if icc else bytes(named)


def scans_apart(c: Coefficients) -> bytes:
    """The file that holds ``c`` with one component in every scan."""
    return _apart(c, _progressive(sequential(c)))


def _apart(c: Coefficients, searched: bytes) -> bytes:
    """As :func:`scans_apart`, behind the header of the progressive file ``searched``."""
    head, _ = _split(searched)
    each = [_split(_progressive(sequential(_alone(c, i))), i + 1)[1] for i in range(len(c.planes))]
    dc, ac = ([b"".join(scans[part]) for scans in each] for part in (slice(_DC_SCANS), slice(_DC_SCANS, None)))
    return head + b"".join(dc + ac) + _EOI


def _progressive(data: bytes) -> bytes:
    import mozjpeg_lossless_optimization

    return mozjpeg_lossless_optimization.optimize(data)


def _alone(c: Coefficients, index: int) -> Coefficients:
    """One component as a grey picture of as many pixels as it has."""
    half = index > 0 and c.subsampling == "4:2:0"
    height, width = (-(-side // 2) if half else side for side in (c.height, c.width))
    return Coefficients((c.planes[index],), c.tables[min(index, 1)][None], height, width)


def _split(data: bytes, component: int = 1) -> tuple[bytes, list[bytes]]:
    """Everything before the first table of codes, and each scan with the tables before it, as one of ``component``."""
    head, scans, before = b"", [], b""
    for marker, segment in _segments(data):
        if marker == _DHT:
            before += segment
        elif marker == _SOS:
            scans.append(before + segment[:5] + bytes([component]) + segment[6:])
            before = b""
        else:
            head += segment
    return _SOI + head, scans


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, bytes of the segment); that of a scan has its coded data, too. Ends before EOI."""
    at = 2
    while data[at + 1] != _EOI[1]:
        marker = data[at + 1]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOS:
            end = _end_of_scan(data, end)
        yield marker, data[at:end]
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker is: in coded data 0 follows each 255."""
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] != 0:
            return at
        at += 2
