"""EXIF data edited in place, so that a camera's makernotes, which hold offsets into them, stay valid.

Source: EXIF 2.32, 4.6 (directories and tags), and 3.0 (UTF-8, type 129); TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

HEADER = b"Exif\0\0"
_ORDERS = {b"II": "<", b"MM": ">"}
_SHORT, _SRGB = 3, 1
#: Bytes of a directory's entry, and of one value by type.
_ENTRY, _SIZES = 12, {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 129: 1}
_RIGHTS = (Base.Artist, Base.Copyright)
#: Tags of a TIFF file's first directory that describe the photo, not the file.
_ABOUT = (Base.ImageDescription, Base.Make, Base.Model, Base.Software, Base.DateTime, *_RIGHTS, IFD.Exif, IFD.GPSInfo)


class _Block:
    """The bytes of a TIFF structure, read and written in its own byte order."""

    def __init__(self, data: bytes) -> None:
        self.data, self.order = bytearray(data), _ORDERS[data[:2]]

    def get(self, form: str, at: int) -> int:
        return int(struct.unpack_from(self.order + form, self.data, at)[0])

    def put(self, form: str, at: int, value: int) -> None:
        struct.pack_into(self.order + form, self.data, at, value)

    def directory(self, at: int) -> tuple[dict[int, int], int]:
        """Return the offset of each tag's entry, and where the offset of the next directory is stored."""
        count = self.get("H", at)
        places = {self.get("H", place): place for place in range(at + 2, at + 2 + _ENTRY * count, _ENTRY)}
        return places, at + 2 + _ENTRY * count

    def pointed(self, places: dict[int, int], tag: int) -> dict[int, int]:
        """Return the directory that the entry ``tag`` points to; empty if there is none."""
        return self.directory(self.get("I", places[tag] + 8))[0] if tag in places else {}

    def number(self, places: dict[int, int], tag: int) -> int | None:
        """Return the value of an entry with one integer; None if there is no such entry."""
        if tag not in places:
            return None
        return self.get("H" if self.get("H", places[tag] + 2) == _SHORT else "I", places[tag] + 8)

    def numbers(self, places: dict[int, int], tag: int) -> tuple[int, ...]:
        """Return the values of an entry with any number of integers; empty if there is no such entry."""
        if tag not in places:
            return ()
        form = "H" if self.get("H", places[tag] + 2) == _SHORT else "I"
        return struct.unpack(f"{self.order}{self.get('I', places[tag] + 4)}{form}", self.value(places[tag]))

    def set_number(self, places: dict[int, int], tag: int, value: int) -> None:
        """Set the value of an entry, if there is one, to at most 16 bits, which a JPEG's sides need."""
        if tag in places:
            self.data[places[tag] + 2 : places[tag] + 12] = struct.pack(self.order + "HIHH", _SHORT, 1, value, 0)

    def value(self, place: int) -> bytes:
        """Return an entry's bytes, wherever they are stored."""
        size = _SIZES[self.get("H", place + 2)] * self.get("I", place + 4)
        at = place + 8 if size <= 4 else self.get("I", place + 8)
        return bytes(self.data[at : at + size])


def revised(block: bytes, size: tuple[int, int], *, srgb: bool) -> bytes:
    """Return ``block`` (without its ``HEADER``) for the upright picture of ``size``, (width, height), made from its
    photo: with orientation 1, that size, and no thumbnail, which would lie on its side.

    ``srgb``: the colours are sRGB now, whatever they were. Raises ``ValueError``, ``KeyError`` or ``struct.error`` if
    the block is damaged.
    """
    exif = _Block(block)
    first, next_at = exif.directory(exif.get("I", 4))
    if exif.number(first, Base.Orientation) in (5, 6, 7, 8) and {Base.XResolution, Base.YResolution} <= first.keys():
        x, y = first[Base.XResolution] + 2, first[Base.YResolution] + 2
        exif.data[x : x + 10], exif.data[y : y + 10] = exif.data[y : y + 10], exif.data[x : x + 10]
    exif.set_number(first, Base.Orientation, 1)
    photo = exif.pointed(first, IFD.Exif)
    exif.set_number(first, Base.ImageWidth, size[0])
    exif.set_number(first, Base.ImageLength, size[1])
    exif.set_number(photo, Base.ExifImageWidth, size[0])
    exif.set_number(photo, Base.ExifImageHeight, size[1])
    if srgb:
        exif.set_number(photo, Base.ColorSpace, _SRGB)
        index = exif.pointed(photo, IFD.Interop).get(Base.InteropIndex)
        if index is not None and exif.value(index)[:3] == b"R03":  # Adobe RGB
            exif.data[index + 8 : index + 12] = b"R98\0"
    _drop_thumbnail(exif, next_at)
    return bytes(exif.data)


def _drop_thumbnail(exif: _Block, next_at: int) -> None:
    second = exif.get("I", next_at)
    exif.put("I", next_at, 0)
    if not second:
        return
    places, _ = exif.directory(second)
    for start, length in ((Base.JpegIFOffset, Base.JpegIFByteCount), (Base.StripOffsets, Base.StripByteCounts)):
        pieces = sorted(zip(exif.numbers(places, start), exif.numbers(places, length), strict=False))
        if len(pieces) > 1 and sum(count for _, count in pieces) > len(exif.data):  # zeroing them might take hours
            raise ValueError("the thumbnail's strips overlap")
        for at, count in reversed(pieces):  # from the end, so that each in turn can be cut off
            if at and count:
                exif.data[at : at + count] = bytes(len(exif.data[at : at + count]))
                if at + count >= len(exif.data) - 1:
                    del exif.data[at:]


def rights(block: bytes, more: dict[int, Any]) -> bytes:
    """Return a block with only who made the photo, the copyright, and the tags ``more``; empty if there are none."""
    exif = _Block(block)
    places, _ = exif.directory(exif.get("I", 4))
    return written({tag: exif.value(places[tag]).rstrip(b"\0") for tag in _RIGHTS if tag in places} | more)


def of_tiff(exif: Image.Exif) -> bytes:
    """Return what a TIFF file says about its photo, as a block. Makernotes, which hold offsets into the file, are left
    out."""
    found: dict[int, Any] = {}
    for tag in _ABOUT:
        if tag in (IFD.Exif, IFD.GPSInfo):
            found[tag] = dict(_plain(exif.get_ifd(tag).items()))
        elif tag in exif:
            found |= dict(_plain([(tag, exif[tag])]))
    return written({tag: value for tag, value in found.items() if value})


def _plain(entries: Any) -> Iterator[tuple[int, Any]]:
    for tag, value in entries:
        if tag not in (Base.MakerNote, IFD.Interop):
            yield tag, value.encode("latin-1", "replace") if isinstance(value, str) else value


def written(tags: dict[int, Any]) -> bytes:
    """Return a block with ``tags``, whose texts are bytes; empty if there are none."""
    exif = Image.Exif()
    for tag, value in tags.items():
        if value:
            exif[tag] = value
    return exif.tobytes().removeprefix(HEADER) if len(exif) else b""
