"""EXIF data changed where they stand, so that a camera's makernotes, which hold offsets into them, stay right.

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
#: Bytes of a directory's entry, and of its type's values.
_ENTRY, _SIZES = 12, {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 129: 1}
_RIGHTS = (Base.Artist, Base.Copyright)
#: Of a TIFF file's first directory, what is about the photo and not about the file.
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
        """Where each tag's entry stands, and where the offset of the next directory does."""
        count = self.get("H", at)
        places = {self.get("H", place): place for place in range(at + 2, at + 2 + _ENTRY * count, _ENTRY)}
        return places, at + 2 + _ENTRY * count

    def pointed(self, places: dict[int, int], tag: int) -> dict[int, int]:
        """The directory that the entry ``tag`` leads to; empty: there is none."""
        return self.directory(self.get("I", places[tag] + 8))[0] if tag in places else {}

    def number(self, places: dict[int, int], tag: int) -> int | None:
        """Of an entry with one whole number."""
        if tag not in places:
            return None
        return self.get("H" if self.get("H", places[tag] + 2) == _SHORT else "I", places[tag] + 8)

    def numbers(self, places: dict[int, int], tag: int) -> tuple[int, ...]:
        """Of an entry with whole numbers, however many; none where there is no such entry."""
        if tag not in places:
            return ()
        form = "H" if self.get("H", places[tag] + 2) == _SHORT else "I"
        return struct.unpack(f"{self.order}{self.get('I', places[tag] + 4)}{form}", self.value(places[tag]))

    def set_number(self, places: dict[int, int], tag: int, value: int) -> None:
        """Of an entry that is there; of at most 16 bits, as a JPEG's sides are."""
        if tag in places:
            self.data[places[tag] + 2 : places[tag] + 12] = struct.pack(self.order + "HIHH", _SHORT, 1, value, 0)

    def value(self, place: int) -> bytes:
        """What an entry holds, wherever it stands."""
        size = _SIZES[self.get("H", place + 2)] * self.get("I", place + 4)
        at = place + 8 if size <= 4 else self.get("I", place + 8)
        return bytes(self.data[at : at + size])


def revised(block: bytes, size: tuple[int, int], *, srgb: bool) -> bytes:
    """``block`` (without its ``HEADER``) for the upright picture of ``size``, (width, height), that was made of its
    photo: its orientation is 1, its size is ``size``, and its thumbnail, which would lie on its side, is gone.

    ``srgb``: the colours are sRGB now, whatever they were. Raises ``ValueError``, ``KeyError`` or ``struct.error``
    where the block is damaged.
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
        if len(pieces) > 1 and sum(count for _, count in pieces) > len(exif.data):  # or it might take hours
            raise ValueError("the thumbnail's strips overlap")
        for at, count in reversed(pieces):  # from the end, so that all that is there can be cut off
            if at and count:
                exif.data[at : at + count] = bytes(len(exif.data[at : at + count]))
                if at + count >= len(exif.data) - 1:
                    del exif.data[at:]


def rights(block: bytes, more: dict[int, Any]) -> bytes:
    """A block with no more than who made the photo, the copyright, and the tags ``more``; empty without any."""
    exif = _Block(block)
    places, _ = exif.directory(exif.get("I", 4))
    return written({tag: exif.value(places[tag]).rstrip(b"\0") for tag in _RIGHTS if tag in places} | more)


def of_tiff(exif: Image.Exif) -> bytes:
    """What a TIFF file says of its photo, as a block. Makernotes, which hold offsets into the file, stay behind."""
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
    """A block with ``tags``, texts as bytes; empty where there are none."""
    exif = Image.Exif()
    for tag, value in tags.items():
        if value:
            exif[tag] = value
    return exif.tobytes().removeprefix(HEADER) if len(exif) else b""
