"""JPEG 2000: the depths that Pillow misreads, and the colour profile that it leaves out.

Source: ITU-T T.800, A.5.1 (SIZ) and I.5.3.3 (colr).
"""

from __future__ import annotations

from repro.errors import ReproError


def check(name: str, head: bytes) -> None:
    """Raise :class:`ReproError` for several channels of more than 8 bits: Pillow turns the brightest of them black."""
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(head) < at + 42:
        return
    channels = int.from_bytes(head[at + 40 : at + 42], "big")
    depths = [(depth & 127) + 1 for depth in head[at + 42 : at + 42 + 3 * channels : 3]]
    if channels > 1 and max(depths) > 8:
        raise ReproError(
            f"{name}: is a JPEG 2000 with {max(depths)} bits in {channels} channels, which is not read; convert it to "
            "TIFF or PNG, for example with opj_decompress"
        )


def profile(head: bytes) -> bytes | None:
    """The ICC profile of the header's colr box."""
    at = head.find(b"colr", head.find(b"jp2h"))
    if at < 4 or head[at + 4 : at + 5] not in (b"\2", b"\3"):
        return None
    return head[at + 7 : at - 4 + int.from_bytes(head[at - 4 : at], "big")]
