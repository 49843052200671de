"""TIFF: the kinds of samples that Pillow misreads.

Source: TIFF 6.0.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from PIL import ImagePalette
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import tiff_pages
from repro.errors import ReproError

#: Values of PhotometricInterpretation, and of Compression.
_WHITE_IS_ZERO, _YCBCR, _CIELAB = 0, 6, 8
_JPEG, _WEBP = 7, 50001
#: The one kind of YCbCr that Pillow knows, JFIF's.
_COEFFICIENTS, _FULL_RANGE = (0.299, 0.587, 0.114), (0, 255, 128, 255, 128, 255)
_IN_PLANES = ("RGB", "RGBA", "CMYK")


def prepare(name: str, image: TiffImageFile) -> str | None:
    """Before decoding, go to the full-size page and have Pillow read its samples correctly; return a notice, or None.

    Raises :class:`ReproError` for a camera's raw file, and for samples that Pillow misreads.
    """
    notice = tiff_pages.choose(name, image)
    what = _misread(image)
    if what:
        raise ReproError(
            f"{name}: is a TIFF with {what}, which is not read; export it as PNG or plain 8- or 16-bit TIFF"
        )
    with suppress(Exception):  # damaged EXIF says nothing
        exif = image.getexif()
        if Base.Orientation not in image.tag_v2:
            exif.pop(Base.Orientation, None)  # it is XMP's, and Pillow would turn the picture by it
        exif.get_ifd(IFD.Interop)  # decoding closes the file; what was read stays
    colours = image.tag_v2.get(Base.ColorMap, ())
    if image.mode == "P" and colours and max(colours) < 256:  # the colours have 8 bits, not 16, as libtiff assumes
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
    return notice


def deep_samples(image: TiffImageFile, samples: np.ndarray) -> np.ndarray:
    """16-bit grey samples as Pillow decodes them → the same on the scale 0 (black) – 65535 (white)."""
    if image.tag_v2.get(Base.BitsPerSample) == (12,):
        samples = samples << 4 | samples >> 8
    return 65535 - samples if image.tag_v2.get(Base.PhotometricInterpretation) == _WHITE_IS_ZERO else samples


def _misread(image: TiffImageFile) -> str | None:
    """Return what Pillow misreads and cannot be made to read correctly, or None. For 16-bit planes, change ``image`` so
    that it reads them correctly."""
    tags, raw = image.tag_v2, bool(image.tile) and image.tile[0].codec_name == "raw"
    bits = tags.get(Base.BitsPerSample, (1,))
    if 2 in tags.get(Base.SampleFormat, ()):
        return "signed samples"
    if image.mode == "I":
        return "32-bit samples"
    if tags.get(Base.Compression) == _WEBP:
        return "WebP's compression"
    if tags.get(Base.PhotometricInterpretation) == _YCBCR and raw and (what := _unknown_ycbcr(tags)):
        return what
    if tags.get(Base.PhotometricInterpretation) == _CIELAB and tags.get(Base.Compression) == _JPEG:
        return "Lab in JPEG"
    if image.mode == "CMYK" and tags.get(Base.InkSet, 1) != 1:
        return "inks other than CMYK"
    if tags.get(Base.PlanarConfiguration, 1) != 2 or len(bits) == 1:
        return None
    if image.mode not in _IN_PLANES or 1 in tags.get(Base.ExtraSamples, ()):
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
    if tuple(tags.get(Base.YCbCrSubSampling, (2, 2))) != (1, 1):
        return "subsampled chroma"
    for tag, usual in ((Base.YCbCrCoefficients, _COEFFICIENTS), (Base.ReferenceBlackWhite, _FULL_RANGE)):
        if not np.allclose(np.array(tags.get(tag, usual), float), usual, atol=0.01):
            return "luma and chroma other than JFIF's"
    return None
