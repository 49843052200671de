"""Which page of a TIFF file is the picture, and whether the file is a camera's raw file.

The directories are read here: if Pillow cannot read a page while it counts them, it takes that page's size for the
first one's. Source: TIFF 6.0; TIFF Technical Note 1 and DNG 1.6 (sub-IFDs).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import islice
from typing import Any

from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from repro.encoder import formats
from repro.errors import ReproError

#: Values of PhotometricInterpretation in raw files: a sensor's mosaic, and linear light.
_CFA, _LINEAR_RAW = 32803, 34892
_REDUCED_OR_MASK = 1 | 4
#: The most pages that are examined, and the most sub-IFDs.
_MOST = 1000


def choose(name: str, image: TiffImageFile) -> str | None:
    """Go to the first page that is neither a reduced copy nor a mask, unless the caller chose one; return a notice, or
    None.

    Raises :class:`ReproError` for a camera's raw file, and if Pillow cannot read that page.
    """
    if image.fp is None:  # decoded already
        return None
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(place)
    big = _is_big(data)
    first = int.from_bytes(data[8:16] if big else data[4:8], "little" if data[:1] == b"I" else "big")
    pages = _chain(data, first, _MOST)
    below = dict.fromkeys(offset for page in pages for offset in _offsets(page))
    subs = [sub for offset in islice(below, _MOST) for sub in _chain(data, offset, 1)]
    largest = max(map(_area, pages), default=0)
    canon = data[8:10] == b"CR" and not big
    if canon or any(map(_is_raw, pages + subs)) or any(_area(sub) > largest for sub in subs):
        raise formats.raw(name)
    if image.tell() or not pages:
        return None
    chosen = next((i for i, page in enumerate(pages) if not _is_secondary(page)), 0)
    if not chosen:
        return _notice(pages)
    try:
        image.seek(chosen)
    except SyntaxError as error:  # Pillow's for unknown kinds of samples
        raise ReproError(
            f"{name}: has a full-size page of a kind that is not read ({error}), and a reduced one; convert it to PNG"
        ) from error
    return "several pages; the full-size one is taken"


def _notice(pages: list[Any]) -> str | None:
    """Return the notice, or None, if the first page is taken."""
    if _is_secondary(pages[0]):
        return "is marked as a reduced copy of a picture, and holds no larger one"
    if len(pages) == 1:
        return None
    larger = any(_area(page) > _area(pages[0]) for page in pages)
    return f"several pages; the first is taken{', though another is larger' if larger else ''}"


def _is_big(data: bytes) -> bool:
    return 43 in data[2:4]


def _chain(data: bytes, offset: int, most: int) -> list[Any]:
    """Return the directory at ``offset`` in the file ``data`` and those after it, at most ``most``, as far as they can
    be read."""
    stream = io.BytesIO(data)
    found: list[Any] = []
    seen: set[int] = set()
    try:
        while offset and offset not in seen and len(found) < most:
            seen.add(offset)
            directory = ImageFileDirectory_v2(data[:16] if _is_big(data) else data[:8])
            stream.seek(offset)
            directory.load(stream)
            found.append(directory)
            offset = directory.next
    except Exception:  # damaged directories raise nearly anything; of the first one, Pillow has complained before
        pass
    return found


def _offsets(page: Any) -> Iterable[int]:
    offsets = page.get(Base.SubIFDs, ())
    return [offset for offset in (offsets if isinstance(offsets, tuple) else (offsets,)) if isinstance(offset, int)]


def _number(page: Any, tag: int) -> int:
    """Return the value of ``tag``; 0 if it is missing or damaged."""
    value = page.get(tag, 0)
    return value if isinstance(value, int) else 0


def _area(page: Any) -> int:
    return _number(page, Base.ImageWidth) * _number(page, Base.ImageLength)


def _is_raw(page: Any) -> bool:
    return Base.DNGVersion in page or page.get(Base.PhotometricInterpretation) in (_CFA, _LINEAR_RAW)


def _is_secondary(page: Any) -> bool:
    return bool(_number(page, Base.NewSubfileType) & _REDUCED_OR_MASK) or page.get(Base.SubfileType) == 2
