"""Write quantised coefficients as a standard JPEG file, losslessly and in memory.

Source: ITU-T T.81, Annex B (markers), JFIF 1.02 (header, component ids), ICC.1 Annex B.4 (colour profiles in APP2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from repro.jpeg.codes import in_order, pack
from repro.jpeg.coefficients import LARGEST, Coefficients
from repro.jpeg.scans import Scan, best_ac_scans, dc_scan, sequential_scan
from repro.jpeg.segments import APP0, APP2, DHT, DQT, EOI, SOF0, SOF2, SOI, SOS, segment
from repro.jpeg.tables import ZIGZAG
from repro.threads import in_parallel

#: The layout of a file's data; see :func:`write`.
Scans = Literal["interleaved", "sequential", "searched", "smallest"]
_JFIF = b"JFIF\0" + bytes((1, 1, 0, 0, 1, 0, 1, 0, 0))  # version 1.1, square pixels, no thumbnail
_MAX_ICC_CHUNK = 65_519  # a segment holds 65 533 bytes, of which 14 identify the profile and the chunk
#: The most bytes of a colour profile, since one byte counts the chunks.
MAX_ICC = 255 * _MAX_ICC_CHUNK
#: Progressive files smaller than this, in bytes, may be larger than sequential ones.
_SMALL = 8192


def write(c: Coefficients, *, scans: Scans = "interleaved", icc: bytes | None = None, threads: int = 1) -> bytes:
    """Return a standard JPEG file that holds exactly ``c``, with Huffman codes optimised for each scan.

    scans
        ``"interleaved"``: progressive, with the DC of all components in the first scan, then the AC of each and, at
        high qualities, the last bits of all coefficients at the end; a small file is sequential if that is smaller.
        ``"sequential"``: baseline, one scan. ``"searched"``: progressive with the cheapest of the scan scripts that
        mozjpeg tries, or sequential if that is smaller. ``"smallest"``: the smallest of all of these and of a file
        with the DC of each component in a scan of its own, which shows colour only late.
    icc
        a colour profile to embed.

    Raises ``ValueError`` for coefficients that JPEG cannot hold and for unknown ``scans``.
    """
    if scans not in get_args(Scans):
        raise ValueError(f"unknown scans {scans!r}; choose from {', '.join(get_args(Scans))}")
    planes = [np.ascontiguousarray(plane, np.int16).reshape(*plane.shape[:2], 64) for plane in c.planes]
    for name, values, least in [("DC", slice(0, 1), -LARGEST - 1), ("AC", slice(1, 64), -LARGEST)]:
        found = min(int(z[..., values].min()) for z in planes), max(int(z[..., values].max()) for z in planes)
        if found[0] < least or found[1] > LARGEST:
            raise ValueError(f"planes: JPEG holds {name} from {least} to {LARGEST}, got {found[0]} to {found[1]}")
    data = _written(c, planes, scans, threads)
    return embed_icc(data, icc) if icc else data


def _written(c: Coefficients, planes: list[np.ndarray], scans: Scans, threads: int = 1) -> bytes:
    if scans == "sequential":
        return file(c, progressive=False, scans=[sequential_scan(planes)])
    if scans == "searched":
        sequential = _written(c, planes, "sequential")
        return min(sequential, _searched(sequential), key=len)
    each = in_parallel(lambda i: best_ac_scans(planes[i].reshape(-1, 64), i), range(len(planes)), threads)
    ac = sorted((scan for scans_of_plane in each for scan in scans_of_plane), key=lambda scan: scan.high > 0)
    data = file(c, progressive=True, scans=[dc_scan(planes), *ac])
    if scans == "smallest":
        apart = [dc_scan([plane])._replace(components=(i,)) for i, plane in enumerate(planes)]
        return min(_written(c, planes, "searched"), file(c, progressive=True, scans=[*apart, *ac]), data, key=len)
    return min(data, _written(c, planes, "sequential"), key=len) if len(data) < _SMALL else data


def _searched(data: bytes) -> bytes:
    import mozjpeg_lossless_optimization

    return mozjpeg_lossless_optimization.optimize(data)


def embed_icc(data: bytes, profile: bytes) -> bytes:
    """Return the JPEG file ``data`` with the colour profile in APP2 segments after its JFIF header."""
    after_header = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == bytes((0xFF, APP0)) else 2
    chunks = [profile[i : i + _MAX_ICC_CHUNK] for i in range(0, len(profile), _MAX_ICC_CHUNK)]
    markers = b"".join(
        segment(APP2, b"ICC_PROFILE\0" + bytes((n, len(chunks))) + chunk) for n, chunk in enumerate(chunks, start=1)
    )
    return data[:after_header] + markers + data[after_header:]


def file(c: Coefficients, *, progressive: bool, scans: Sequence[Scan]) -> bytes:
    """Return a JPEG file: ``scans`` of the planes of ``c``, preceded by headers with its size and tables."""
    shared = len(c.tables) == 3 and np.array_equal(c.tables[1], c.tables[2])
    tables = c.tables[:2] if shared else c.tables
    factor = 0x22 if c.subsampling == "4:2:0" else 0x11
    components = b"".join(bytes((i + 1, 0x11 if i else factor, min(i, len(tables) - 1))) for i in range(len(c.planes)))
    size = c.height.to_bytes(2, "big") + c.width.to_bytes(2, "big")
    parts = [bytes((0xFF, SOI)), segment(APP0, _JFIF)]
    parts += [segment(DQT, bytes((n, *table.reshape(64)[ZIGZAG].tolist()))) for n, table in enumerate(tables)]
    parts.append(segment(SOF2 if progressive else SOF0, b"\x08" + size + bytes((len(c.planes),)) + components))
    for scan in scans:
        parts += _scan(scan)
    return b"".join([*parts, bytes((0xFF, EOI))])


def _scan(scan: Scan) -> list[bytes]:
    """The Huffman tables, the header and the data of a scan."""
    parts = []
    for table, lengths in enumerate(scan.lengths):
        if lengths.any():
            how_many = np.bincount(lengths, minlength=17)[1:]
            payload = bytes((table >> 1 << 4 | table & 1, *how_many.tolist(), *in_order(lengths).tolist()))
            parts.append(segment(DHT, payload))
    chroma = 0x11 if scan.lengths[[1, 3]].any() else 0x00
    components = b"".join(bytes((i + 1, chroma if i else 0x00)) for i in scan.components)
    header = bytes((len(scan.components),)) + components + bytes((scan.first, scan.last, scan.high << 4 | scan.low))
    return [*parts, segment(SOS, header), pack(scan.coded, scan.lengths, scan.data_bits)]
