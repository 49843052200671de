"""Whatever Pillow opens → upright 8-bit grey or RGB samples, with notices of what was changed on the way.

EXIF's orientation is applied, transparency becomes white, 16 bits become 8, and an animation gives its first frame. The
file's metadata come along, for :mod:`repro.encoder.metadata` to keep or drop.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import colour, damage, formats, jpeg2000, metadata, pixels, profiles, tiff
from repro.errors import ReproError, UsageError
from repro.files import is_stream
from repro.jpeg.coefficients import MAX_SIDE

#: Above this Pillow suspects a decompression bomb: 89 megapixels, a quarter of a gibibyte of samples.
MAX_PIXELS = 1024 * 1024 * 1024 // 4 // 3

#: What a picture is read from: see :func:`open_picture`.
Source = Path | str | bytes | Image.Image | np.ndarray

#: How a doubt begins that comes from a decoder's warnings.
_HURT = "seems damaged inside"
#: How many bytes at the beginning of a file are searched for its properties.
HEAD = 1 << 21
#: The most bytes that are read, since a device or a pipe may have no end; and how many at a time.
MOST_BYTES, _PIECE = 1 << 31, 1 << 24

_limit_lock = threading.Lock()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # otherwise Python prints what Pillow logs about damage


@dataclass(frozen=True)
class Picture:
    """``samples``: uint8 (H, W) grey or (H, W, 3) RGB; ``icc``: the profile to embed; ``notices``: what was changed;
    ``doubts``: those notices after which the picture may not be the right one; ``about``: the file's metadata.

    Raises :class:`UsageError` for samples of another type or shape.
    """

    samples: np.ndarray
    icc: bytes | None = None
    notices: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    about: metadata.About = field(default_factory=metadata.About)

    def __post_init__(self) -> None:
        shape = self.samples.shape
        if self.samples.dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or 0 in shape:
            raise UsageError(f"picture: expected uint8 (H, W) or (H, W, 3), got {self.samples.dtype} {shape}")

    @property
    def height(self) -> int:
        """In pixels."""
        return self.samples.shape[0]

    @property
    def width(self) -> int:
        """In pixels."""
        return self.samples.shape[1]

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height


def open_picture(
    source: Source,
    *,
    icc: profiles.Policy = "keep",
    max_pixels: int | None = None,
    strict: bool = False,
    name: str | None = None,
) -> Picture:
    """Read a picture: the file at a path, a file's bytes, a Pillow image, or samples, uint8 (H, W) or (H, W, 3) sRGB.

    The module's docstring says how it is converted, ``profiles.settle`` what ``icc`` does. Errors call it ``name``, by
    default its path. A Pillow image that is not loaded yet is read again from its file, so that a second call gives the
    same result. Of a loaded image, what only the file says is not known (see :func:`repro.encode`).

    Raises :class:`UsageError` for another type or array, and :class:`ReproError`, which names the fix, if the picture
    is missing, empty, a folder, not a picture, damaged, or larger than ``max_pixels`` (by default Pillow's limit) or
    than a JPEG can be, and, with ``strict``, if there are doubts.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "picture")
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if isinstance(source, np.ndarray):
        picture = Picture(source)
        _check_size(name, (picture.width, picture.height), limit)
        return picture
    if isinstance(source, str | Path):
        source = read_bytes(Path(source))
    if not isinstance(source, bytes | Image.Image):
        kind = type(source).__name__
        raise UsageError(f"picture: got {kind}; give a path, a file's bytes, a Pillow image or a uint8 array")
    picture = _decoded(name, source, icc, limit)
    if strict:
        check_doubts(name, picture.doubts)
    return picture


def check_doubts(name: str, doubts: Iterable[str]) -> None:
    """Raise :class:`ReproError` if there are any ``doubts``, for callers that want no picture that may be wrong."""
    for doubt in doubts:
        raise ReproError(f"{name}: {doubt}; mend it, or encode it without --strict")


def read_bytes(path: Path) -> bytes:
    """Return all of the file at ``path``, or what comes through the pipe there.

    Raises :class:`ReproError` if it is missing, empty, a folder, larger than ``MOST_BYTES``, or cannot be read.
    """
    if os.path.isdir(path):  # unlike Path.is_dir, False for a name that is too long
        raise ReproError(f"{path}: is a folder; name a picture in it")
    try:
        with path.open("rb") as stream:
            return read_all(stream, str(path), "check what writes into it" if is_stream(path) else None)
    except FileNotFoundError as error:
        raise ReproError(f"{path}: no such file; check the name") from error
    except OSError as error:
        raise ReproError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def read_all(stream: BinaryIO, name: str, if_empty: str | None = None) -> bytes:
    """Return what ``stream`` holds. Raises :class:`ReproError` if that is nothing (``if_empty`` says what to do then)
    or more than ``MOST_BYTES``."""
    pieces = io.BytesIO()  # a single read would allocate memory for all it may return
    while pieces.tell() <= MOST_BYTES and (piece := stream.read(_PIECE)):
        pieces.write(piece)
    data = pieces.getvalue()
    if not data:
        raise ReproError(f"{name}: is empty; {if_empty or 'fetch or export it again'}")
    if len(data) > MOST_BYTES:
        raise ReproError(f"{name}: has more than {MOST_BYTES} bytes; shrink the picture")
    return data


def _file_of(image: Image.Image) -> bytes:
    """Return the bytes of the file behind a Pillow image that is not decoded yet; empty otherwise."""
    stream = getattr(image, "fp", None) if getattr(image, "tile", None) else None
    if stream is None or getattr(stream, "closed", False):
        return b""
    place = stream.tell()
    stream.seek(0)
    data: bytes = stream.read()
    stream.seek(place)
    return data


def _decoded(name: str, source: Image.Image | bytes, icc: profiles.Policy, max_pixels: int) -> Picture:
    """Decode a file's bytes or a Pillow image; a JPEG file that lacks only its end is completed."""
    data = source if isinstance(source, bytes) else _file_of(source)
    try:
        return _read(name, source, data, icc, max_pixels)
    except (ReproError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name, "its pixels", max_pixels) from error
    except UnidentifiedImageError as error:
        raise formats.unknown(name, data[:HEAD]) from error
    except Exception as error:  # decoders of broken files raise nearly anything
        with _pixel_limit(max_pixels):
            whole = damage.ended(data)
        if whole:
            picture = _decoded(name, whole, icc, max_pixels)
            first = "lacks the end of a JPEG file, but the picture is there"
            notices, doubts = (
                (first, *(text for text in texts if not text.startswith(_HURT)))
                for texts in (picture.notices, picture.doubts)
            )
            return replace(picture, notices=notices, doubts=doubts)
        what = " ".join(str(error).split()) or type(error).__name__
        raise formats.undecoded(name, what) from error


def _read(name: str, source: Image.Image | bytes, data: bytes, icc: profiles.Policy, max_pixels: int) -> Picture:
    with _pixel_limit(max_pixels), _opened(source, data) as image:
        _check_size(name, image.size, max_pixels)
        frames = _prepare(name, image, data)
        _check_size(name, image.size, max_pixels)
        # TIFF before decoding, which closes the file; other formats after it, when they have been read to the end.
        about = metadata.read(image, data) if image.format == "TIFF" else None
        hurt = _load(image, data)
        profile = colour.profile(image, data)
        space = colour.declared(name, image, data[:HEAD], profile)
        shown, space, depth_notice = pixels.to_8_bit(name, image, data, space)
        upright, orientation_notice = pixels.upright(shown, image)
        flat, alpha_notice = pixels.flatten(upright)
        settled, kept, colour_notices = _settle(flat, profile, space, icc)
        doubts = [doubt for doubt in (hurt, orientation_notice, *colour_notices) if doubt]
        notices = [notice for notice in (frames, depth_notice, alpha_notice) if notice]
        notices += metadata.dropped(image, data)
        return Picture(np.array(settled), kept, (*doubts, *notices), tuple(doubts), about or metadata.read(image, data))


def _opened(source: Image.Image | bytes, data: bytes) -> AbstractContextManager[Image.Image]:
    """Open the file ``data`` with Pillow; or return the caller's own image, which stays open, if it is loaded or was
    changed."""
    if isinstance(source, bytes):
        return Image.open(io.BytesIO(data))
    with suppress(Exception):  # once loaded, some kinds have no file any more
        again = Image.open(io.BytesIO(data))
        again.seek(source.tell())
        if (again.size, again.mode, again.info) == (source.size, source.mode, source.info):
            return again
    return nullcontext(source)


def _load(image: Image.Image, data: bytes) -> str | None:
    """Decode ``image``; return a doubt, or None."""
    with damage.decoder_warnings(image) as warned:
        image.load()
    if image.format in ("JPEG", "MPO") and data:
        warned += [what for what in (damage.of_jpeg(data),) if what]
    if warned:
        return f"{_HURT} ({warned[0].rstrip('.')}); the picture may not be the right one"
    return damage.of_png(data) if image.format == "PNG" and data else None


def _prepare(name: str, image: Image.Image, data: bytes) -> str | None:
    """Before decoding, refuse what Pillow misreads, and find the picture among several; return a notice, or None."""
    head = data[:HEAD]
    formats.check(name, image, head)
    if image.format in ("JPEG", "MPO"):
        formats.check_scans(name, data)
    if image.format == "JPEG2000":
        jpeg2000.check(name, head)
    if isinstance(image, TiffImageFile):
        return tiff.prepare(name, image)
    if image.format == "MPO" or image.tell():  # the caller's frame, or a PSD's flattened picture
        return None
    return "an animation or several pages; the first is taken" if _has_more_frames(image) else None


def _settle(
    flat: Image.Image, profile: bytes | None, space: colour.ColourSpace | None, policy: profiles.Policy
) -> tuple[Image.Image, bytes | None, list[str]]:
    """As :func:`profiles.settle`, with the file's profile, or one made from ``space``, its other colour information."""
    if space is None or flat.mode not in ("L", "RGB"):
        return profiles.settle(flat, profile, policy)
    if space.is_srgb:
        return profiles.settle(flat, None, policy)
    return profiles.settle(flat, space.profile(grey=flat.mode == "L"), "srgb" if space.is_linear else policy)


@contextmanager
def _pixel_limit(limit: int) -> Iterator[None]:
    """Set Pillow's own limit, a global, to ``limit``; it also covers pictures inside pictures (ICO, MPO). Pillow's
    warnings, about damaged EXIF say, are not printed."""
    with _limit_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters becomes an error or a notice of ours
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limit
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check_size(name: str, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if max(size) > MAX_SIDE:
        raise ReproError(
            f"{name}: is {width}×{height} pixels, but a JPEG has at most {MAX_SIDE} a side; crop or shrink it"
        )
    if width * height > max_pixels:
        raise _too_large(name, f"{width}×{height} pixels", max_pixels)


def _too_large(name: str, what: str, limit: int) -> ReproError:
    return ReproError(f"{name}: {what} are more than the limit of {limit}; raise --max-pixels if you trust the file")


def _has_more_frames(image: Image.Image) -> bool:
    place = image.tell()
    try:
        return getattr(image, "n_frames", 1) > 1
    except Exception:  # counting reads to the end; a damaged later frame is no reason to refuse the first
        image.seek(place)
        return True
