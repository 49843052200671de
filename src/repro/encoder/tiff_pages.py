"""Which page of a TIFF file is the picture, and whether the file is a camera's raw file.

The directories are read here: when Pillow counts pages and cannot read one of them, it takes that one's size for the
first one's. Source: TIFF 6.0; TIFF Technical Note 1 and DNG 1.6 (sub-IFDs).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from repro.encoder import formats
from repro.errors import ReproError

WIDTH, HEIGHT, PHOTOMETRIC, SUBFILE, OLD_SUBFILE, SUB_IFDS, DNG_VERSION = 256, 257, 262, 254, 255, 330, 50706
CFA, LINEAR_RAW = 32803, 34892
_REDUCED_OR_MASK = 1 | 4
#: Pages that are looked at, and sub-IFDs.
_MOST = 1000


def choose(name: str, image: TiffImageFile) -> str | None:
    """Go to the first page that is neither a reduced copy nor a mask, unless the caller went to one; a notice, or None.

    Raises :class:`ReproError` for a camera's raw file, and where Pillow cannot read that page.
    """
    if image.fp is None:  # decoded already
        return None
    pages = _chain(image, _first(image))
    below = dict.fromkeys(offset for page in pages for offset in _offsets(page))
    subs = [sub for offset in islice(below, _MOST) for sub in _chain(image, offset, most=1)]
    largest = max(map(_area, pages), default=0)
    header = _header(image)
    canon = header[8:10] == b"CR" and not _is_big(header)
    if canon or any(map(_is_raw, pages + subs)) or any(_area(sub) > largest for sub in subs):
        raise formats.raw(name)
    if image.tell() or not pages:
        return None
    chosen = next((i for i, page in enumerate(pages) if not _is_secondary(page)), 0)
    if not chosen:
        return _notice(pages)
    try:
        image.seek(chosen)
    except SyntaxError as error:  # which Pillow raises for kinds of samples
        raise ReproError(
            f"{name}: has a full-size page of a kind that is not read ({error}), and a reduced one; convert it to PNG"
        ) from error
    return "several pages; the full-size one is taken"


def _notice(pages: list[Any]) -> str | None:
    """Where the first page is taken."""
    if _is_secondary(pages[0]):
        return "is marked as a reduced copy of a picture, and holds no larger one"
    if len(pages) == 1:
        return None
    larger = any(_area(page) > _area(pages[0]) for page in pages)
    return f"several pages; the first is taken{', though another is larger' if larger else ''}"


def _header(image: TiffImageFile) -> bytes:
    assert image.fp is not None
    place = image.fp.tell()
    image.fp.seek(0)
    header = image.fp.read(16)
    image.fp.seek(place)
    return header


def _is_big(header: bytes) -> bool:
    return 43 in header[2:4]


def _first(image: TiffImageFile) -> int:
    header = _header(image)
    return int.from_bytes(header[8:16] if _is_big(header) else header[4:8], "little" if header[:1] == b"I" else "big")


def _chain(image: TiffImageFile, offset: int, most: int = _MOST) -> list[Any]:
    """The directory at ``offset`` and those that it leads to, as far as they can be read."""
    assert image.fp is not None
    header, place = _header(image), image.fp.tell()
    found: list[Any] = []
    seen: set[int] = set()
    try:
        while offset and offset not in seen and len(found) < most:
            seen.add(offset)
            directory = ImageFileDirectory_v2(header if _is_big(header) else header[:8])
            image.fp.seek(offset)
            directory.load(image.fp)
            found.append(directory)
            offset = directory.next
    except Exception:  # damaged directories raise nearly anything; of the first one, Pillow complained before
        pass
    finally:
        image.fp.seek(place)
    return found


def _offsets(page: Any) -> Iterable[int]:
    offsets = page.get(SUB_IFDS, ())
    return [offset for offset in (offsets if isinstance(offsets, tuple) else (offsets,)) if isinstance(offset, int)]


def _number(page: Any, tag: int) -> int:
    """0 where there is none, or a damaged one."""
    value = page.get(tag, 0)
    return value if isinstance(value, int) else 0


def _area(page: Any) -> int:
    return _number(page, WIDTH) * _number(page, HEIGHT)


def _is_raw(page: Any) -> bool:
    return DNG_VERSION in page or page.get(PHOTOMETRIC) in (CFA, LINEAR_RAW)


def _is_secondary(page: Any) -> bool:
    return bool(_number(page, SUBFILE) & _REDUCED_OR_MASK) or page.get(OLD_SUBFILE) == 2
