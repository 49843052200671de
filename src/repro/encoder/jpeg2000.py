"""JPEG 2000: kinds of channels that Pillow misreads, and the colour profile and XMP that it leaves out.

Source: ITU-T T.800, A.5.1 (SIZ) and I.5.3 (colr, pclr, cdef); XMP part 3 (uuid).
"""

from __future__ import annotations

import struct

from PIL import Image

from repro.errors import ReproError

_COLOUR, _OPACITY = 0, 1
#: CMYK, sRGB, grey, sYCC; None if the file has a profile, or says nothing.
_SPACES = (12, 16, 17, 18, None)
#: How XMP's box begins, after its length.
_XMP = b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def check(name: str, head: bytes) -> None:
    """Raise :class:`ReproError` for kinds of channels that Pillow misreads. If several have more than 8 bits, it turns
    the brightest samples black. It also assumes the first channel's depth for all, and the usual order."""
    channels = _channels(head)
    depths = [depth for depth, _, _ in channels]
    if not depths:
        return
    if len(channels) > 1 and max(depths) > 8:
        what = f"{max(depths)} bits in {len(channels)} channels"
    elif len(set(depths)) > 1:
        what = "channels of different depths"
    elif any((across, down) != (1, 1) for _, across, down in channels):
        what = "subsampled channels"
    elif _box(head, b"pclr") and depths != [8]:
        what = f"a palette with indices of {depths[0]} bits"
    elif _space(head) not in _SPACES:
        what = f"colours of a rare space ({_space(head)} in ISO's list)"
    elif not _in_usual_order(_box(head, b"cdef")):
        what = "channels in an unusual order"
    else:
        return
    raise ReproError(
        f"{name}: is a JPEG 2000 with {what}, which is not read; convert it to TIFF or PNG, for example with "
        "opj_decompress"
    )


def to_full_scale(image: Image.Image, head: bytes) -> Image.Image:
    """Scale samples of fewer than 8 bits, which Pillow only shifts up, so that their white is 255."""
    channels = _channels(head)
    if not channels or channels[0][0] >= 8 or len(channels) != len(image.getbands()) or image.mode == "P":
        return image
    white = 256 - (256 >> channels[0][0])
    return image.point(lambda v: min(255, round(v * 255 / white)))


def profile(head: bytes) -> bytes | None:
    """Return the ICC profile of the header's colr box; None if there is none."""
    content = _box(head, b"colr")
    return content[3:] if content[:1] in (b"\2", b"\3") else None


def xmp(data: bytes) -> bytes:
    """Return the XMP packet; empty if there is none."""
    return _box(data, _XMP)[16:]


def _channels(head: bytes) -> list[tuple[int, int, int]]:
    """Return each channel's bits, and its sampling steps across and down; empty if there is no SIZ."""
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(head) < at + 42:
        return []
    count = int.from_bytes(head[at + 40 : at + 42], "big")
    triples = struct.iter_unpack("3B", head[at + 42 : at + 42 + 3 * count])
    return [((depth & 127) + 1, across, down) for depth, across, down in triples]


def _space(head: bytes) -> int | None:
    colr = _box(head, b"colr")
    return int.from_bytes(colr[3:7], "big") if colr[:1] == b"\1" else None


def _in_usual_order(cdef: bytes) -> bool:
    """Whether the channels are colours 1, 2, …, perhaps followed by one opacity channel for all. ``cdef``: the content
    of its box."""
    entries = sorted(struct.iter_unpack(">HHH", cdef[2:]))
    if entries and entries[-1][1:] == (_OPACITY, 0):
        entries.pop()
    return entries == [(i, _COLOUR, i + 1) for i in range(len(entries))]


def _box(head: bytes, kind: bytes) -> bytes:
    """Return the content of the first box of ``kind`` in or after the header; empty if there is none."""
    start = head.find(b"jp2h")
    at = head.find(kind, start) if start >= 0 else -1
    return head[at + 4 : at - 4 + int.from_bytes(head[at - 4 : at], "big")] if at >= 4 else b""
