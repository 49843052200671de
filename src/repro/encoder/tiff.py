"""TIFF: the kinds of samples that Pillow misreads.

Source: TIFF 6.0.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from PIL import ExifTags, ImagePalette
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import tiff_pages
from repro.errors import ReproError

BITS, COMPRESSION, PHOTOMETRIC, PLANAR, COLOR_MAP = 258, 259, 262, 284, 320
INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 332, 338, 339
YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, REFERENCE_BLACK_WHITE = 529, 530, 532
WHITE_IS_ZERO, YCBCR, CIELAB = 0, 6, 8
JPEG, WEBP = 7, 50001
#: The one kind of YCbCr that Pillow knows, JFIF's.
_COEFFICIENTS, _FULL_RANGE = (0.299, 0.587, 0.114), (0, 255, 128, 255, 128, 255)
_IN_PLANES = ("RGB", "RGBA", "CMYK")


def prepare(name: str, image: TiffImageFile) -> str | None:
    """Before decoding: go to the full-size page, and have Pillow read its samples rightly; a notice, or None.

    Raises :class:`ReproError` for a camera's raw file, and for samples that Pillow misreads.
    """
    notice = tiff_pages.choose(name, image)
    what = _misread(image)
    if what:
        raise ReproError(
            f"{name}: is a TIFF with {what}, which is not read; export it as PNG or plain 8- or 16-bit TIFF"
        )
    with suppress(Exception):  # damaged EXIF says nothing
        image.getexif().get_ifd(ExifTags.IFD.Interop)  # decoding closes the file; what was read stays
    colours = image.tag_v2.get(COLOR_MAP, ())
    if image.mode == "P" and colours and max(colours) < 256:  # the colours have 8 bits, not 16, as libtiff has it
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
    return notice


def deep_samples(image: TiffImageFile, samples: np.ndarray) -> np.ndarray:
    """16-bit grey samples as Pillow decodes them → the same on the scale 0 (black) – 65535 (white)."""
    if image.tag_v2.get(BITS) == (12,):
        samples = samples << 4 | samples >> 8
    return 65535 - samples if image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO else samples


def _misread(image: TiffImageFile) -> str | None:
    """What Pillow misreads and cannot be told to read rightly; of 16-bit planes, it can."""
    tags, raw = image.tag_v2, bool(image.tile) and image.tile[0].codec_name == "raw"
    bits = tags.get(BITS, (1,))
    if 2 in tags.get(SAMPLE_FORMAT, ()):
        return "signed samples"
    if image.mode == "I":
        return "32-bit samples"
    if tags.get(COMPRESSION) == WEBP:
        return "WebP's compression"
    if tags.get(PHOTOMETRIC) == YCBCR and raw and (what := _unknown_ycbcr(tags)):
        return what
    if tags.get(PHOTOMETRIC) == CIELAB and tags.get(COMPRESSION) == JPEG:
        return "Lab in JPEG"
    if image.mode == "CMYK" and tags.get(INK_SET, 1) != 1:
        return "inks other than CMYK"
    if tags.get(PLANAR, 1) != 2 or len(bits) == 1:
        return None
    if image.mode not in _IN_PLANES or 1 in tags.get(EXTRA_SAMPLES, ()):
        return "channels of this kind in separate planes"
    if raw and bits[0] == 16 and image.mode == "CMYK":
        return "separate 16-bit planes of CMYK"
    if raw and bits[0] == 16:
        end = "L" if tags.prefix == b"II" else "B"
        image.tile = [
            tile._replace(args=(f"{tile.args[0]};16{end}", *tile.args[1:]))
            for tile in image.tile
            if isinstance(tile.args, tuple)
        ]
    return None


def _unknown_ycbcr(tags: Any) -> str | None:
    if tuple(tags.get(YCBCR_SUBSAMPLING, (2, 2))) != (1, 1):
        return "subsampled chroma"
    for tag, usual in ((YCBCR_COEFFICIENTS, _COEFFICIENTS), (REFERENCE_BLACK_WHITE, _FULL_RANGE)):
        if not np.allclose(np.array(tags.get(tag, usual), float), usual, atol=0.01):
            return "luma and chroma other than JFIF's"
    return None
