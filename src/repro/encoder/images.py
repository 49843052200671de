"""Whatever Pillow opens → upright 8-bit grey or RGB samples, with notes on what was changed on the way.

EXIF's orientation is applied, transparency is set on white, 16 bits become 8, and of an animation the first frame is
taken. Metadata other than the colour profile (EXIF, XMP, comments) is left behind.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import colour, damage, formats, jpeg2000, png, profiles, tiff
from repro.errors import ReproError, UsageError
from repro.jpeg.coefficients import MAX_SIDE

#: From here on Pillow suspects a decompression bomb: 89 megapixels, a quarter of a gibibyte of samples.
MAX_PIXELS = 1024 * 1024 * 1024 // 4 // 3

#: What a picture is read from: see :func:`open_picture`.
Source = Path | str | bytes | Image.Image | np.ndarray

#: Bytes at the beginning of a file that are searched for what it says of itself.
HEAD = 1 << 21

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DAMAGED = "seems damaged inside; the picture may not be the right one"
_limit_lock = threading.Lock()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # or else Python prints what Pillow logs of damaged files


@dataclass(frozen=True)
class Picture:
    """``samples``: uint8 (H, W) grey or (H, W, 3) RGB; ``icc``: the profile to embed; ``notices``: what was changed."""

    samples: np.ndarray
    icc: bytes | None = None
    notices: tuple[str, ...] = ()

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
        """How many."""
        return self.width * self.height


def open_picture(
    source: Source, *, icc: profiles.Policy = "keep", max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Picture:
    """Read a picture: the file at a path, a file's bytes, a Pillow image, or samples, uint8 (H, W) or (H, W, 3) sRGB.

    See the module for what becomes of it, ``profiles.settle`` for ``icc``. ``name`` is what errors call it, its path
    unless given. Raises :class:`UsageError` for another type or array, and :class:`ReproError`, which names the fix,
    where it is missing, empty, a folder, no picture, damaged, larger than ``max_pixels`` or than a JPEG can be.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "picture")
    if isinstance(source, np.ndarray):
        picture = Picture(source)
        _check_size(name, (picture.width, picture.height), max_pixels)
        return picture
    try:
        return _read(name, source, icc, max_pixels)
    except (ReproError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name, "its pixels", max_pixels) from error
    except UnidentifiedImageError as error:
        raise formats.unknown(name, _head(source)) from error
    except Exception as error:  # decoders of broken files raise nearly anything
        with pixel_limit(max_pixels):
            whole = damage.ended(_bytes(source))
        if whole:
            picture = _read(name, whole, icc, max_pixels)
            others = (notice for notice in picture.notices if notice != _DAMAGED)
            return replace(picture, notices=("lacks the end of a JPEG file, but the picture is there", *others))
        what = " ".join(str(error).split()) or type(error).__name__
        raise ReproError(f"{name}: damaged or cut off ({what}); fetch or export it again") from error


def _read(name: str, source: Source, icc: profiles.Policy, max_pixels: int) -> Picture:
    with pixel_limit(max_pixels), _opened(source) as image:
        _check_size(name, image.size, max_pixels)
        head = _head(source)
        frames = _prepare(name, image, head)
        _check_size(name, image.size, max_pixels)
        hurt = _DAMAGED if damage.libtiff_complains(image) else None
        if image.format == "JPEG" and damage.seems_damaged(_bytes(source), np.asarray(image)):
            hurt = _DAMAGED
        shown, depth_notice = _to_8_bit(name, image, head, source)
        upright, orientation_notice = _upright(shown, image)
        flat, alpha_notice = _flatten(upright)
        settled, kept, colour_notices = _settle(name, image, head, flat, icc)
        notices = [n for n in (hurt, frames, depth_notice, orientation_notice, alpha_notice, *colour_notices) if n]
        return Picture(np.array(settled), kept, tuple(notices))


def _opened(source: object) -> AbstractContextManager[Image.Image]:
    """Pillow's image of a path, of bytes, or the caller's own, which stays open."""
    if isinstance(source, Image.Image):
        return nullcontext(source)
    if isinstance(source, bytes):
        return Image.open(io.BytesIO(source))
    if isinstance(source, str | Path):
        check_file(Path(source))
        return Image.open(source)
    kind = type(source).__name__
    raise UsageError(f"picture: got {kind}; give a path, a file's bytes, a Pillow image or a uint8 array")


def _head(source: object) -> bytes:
    """The first bytes of a file, enough to hold what it says of itself; none of a Pillow image."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream:
            return stream.read(HEAD)
    return source[:HEAD] if isinstance(source, bytes) else b""


def _bytes(source: object) -> bytes:
    """All of a file; none of a Pillow image."""
    if isinstance(source, str | Path):
        return Path(source).read_bytes()
    return source if isinstance(source, bytes) else b""


def _prepare(name: str, image: Image.Image, head: bytes) -> str | None:
    """Before decoding: refuse what Pillow misreads, find the picture among several; a notice, or None."""
    formats.check(name, image)
    if image.format == "JPEG2000":
        jpeg2000.check(name, head)
    if isinstance(image, TiffImageFile):
        notice = tiff.prepare(name, image)
        if notice:
            return notice
    if image.format in ("JPEG", "MPO") and damage.has_gain_map(head):
        return "its HDR gain map is left out; the picture is the SDR one"
    if image.format == "MPO" and _has_more_frames(image):
        return "holds several pictures (an HDR gain map, a preview or another view); the first is taken"
    return "an animation or several pages; the first is taken" if _has_more_frames(image) else None


def _settle(
    name: str, image: Image.Image, head: bytes, flat: Image.Image, policy: profiles.Policy
) -> tuple[Image.Image, bytes | None, list[str]]:
    """As :func:`profiles.settle`, with the profile of ``image``, or one made of what its file says of its colours."""
    told = colour.told(name, image, head)
    profile = image.info.get("icc_profile")
    if image.format == "JPEG2000" and not profile:
        profile = jpeg2000.profile(head)
    if told is None:
        return profiles.settle(flat, profile, policy)
    if told.is_srgb or flat.mode not in ("L", "RGB"):
        return profiles.settle(flat, profile if flat.mode not in ("L", "RGB") else None, policy)
    return profiles.settle(flat, told.profile(grey=flat.mode == "L"), "srgb" if told.is_linear else policy)


@contextmanager
def pixel_limit(limit: int | None) -> Iterator[None]:
    """Let Pillow's own guard, a global, hold ``limit``; it also sees pictures inside pictures (ICO, MPO). Its warnings,
    of damaged EXIF say, are not printed."""
    with _limit_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters becomes an error or a notice of ours
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limit
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def check_file(path: Path) -> None:
    """Raise :class:`ReproError` where ``path`` is missing, empty, a folder or cannot be read."""
    if os.path.isdir(path):  # unlike Path's, not upset by a name that is too long
        raise ReproError(f"{path}: is a folder; name a picture in it")
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
    except FileNotFoundError as error:
        raise ReproError(f"{path}: no such file; check the name") from error
    except OSError as error:
        raise ReproError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if size == 0:
        raise ReproError(f"{path}: is empty; fetch or export it again")


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
    try:
        return getattr(image, "n_frames", 1) > 1
    except Exception:  # counting reads on to the end: a damaged later frame is no reason to refuse the first
        return True


def _upright(shown: Image.Image, image: Image.Image) -> tuple[Image.Image, str | None]:
    """``shown``, turned as ``image``'s EXIF data say."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        turn = _TURNS.get(orientation)
        return (shown if turn is None else shown.transpose(turn)), None
    except Exception:  # the pixels are fine; a broken EXIF block is no reason to refuse them
        return shown, "its EXIF data are damaged; taken as upright"


def _to_8_bit(name: str, image: Image.Image, head: bytes, source: Source) -> tuple[Image.Image, str | None]:
    """16-bit grey → 8-bit, v/257 rounded, so that 65535 is white. (16-bit RGB, Pillow reduces while decoding.)

    PNG's transparent colour becomes an alpha channel, for it must be compared before.
    """
    opaque = png.key_mask(image, head, source) if image.format == "PNG" else None
    notice = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        samples = np.asarray(image)
        if image.mode == "F" or samples.min() < 0 or samples.max() > 65535:
            raise ReproError(f"{name}: 32-bit samples have no agreed white; export it with 8 or 16 bits")
        if isinstance(image, TiffImageFile):
            samples = tiff.deep_samples(image, samples)
            if 0 < samples.max() < 4096:
                notice = f"the brightest of its 16-bit samples is {samples.max()} of 65535, so it is very dark"
        image = Image.fromarray(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.format == "XBM":  # its ones are black
        image = ImageOps.invert(image.convert("L"))
    if opaque is not None:
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
        image.info.pop("transparency", None)
        image.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
    return image, notice


def _flatten(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Any remaining mode → L, RGB, CMYK or LAB, with what is transparent set on white."""
    if image.mode in ("CMYK", "LAB"):
        return image, None
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        return (image if image.mode == mode else image.convert(mode)), None
    image = image.convert("LA" if mode == "L" else "RGBA")
    alpha = image.getchannel("A")
    opaque = image.convert(mode)
    if alpha.getextrema() == (255, 255):
        return opaque, None
    ground = Image.new(mode, image.size, "white")
    ground.paste(opaque, mask=alpha)
    return ground, "has transparent parts; set on white"
