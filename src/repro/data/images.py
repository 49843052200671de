"""Read a picture file as sRGB pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from repro.errors import ReproError


def read_rgb(path: Path | str) -> np.ndarray:
    """The picture at ``path`` as uint8 (H, W, 3) in sRGB.

    EXIF orientation is applied, an ICC profile other than sRGB is converted, greyscale becomes three equal channels,
    transparency is dropped. Raises :class:`ReproError`, which names the file, if it cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
            picture = _to_srgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, ImageCms.PyCMSError) as error:
        raise _unreadable(path, error) from error
    return np.asarray(picture)


def read_size(path: Path | str) -> tuple[int, int]:
    """(height, width) from the header alone, before EXIF orientation. Raises as :func:`read_rgb`."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path | str, error: Exception) -> ReproError:
    what = "not a picture" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
    return ReproError(f"{path}: cannot be read ({what}); replace or remove it")


def _to_srgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a sample, which Pillow would clip at 255, not scale
        samples = np.asarray(image)
        if samples.min() < 0 or samples.max() > 65535:
            raise ValueError("its samples have more than 16 bits")
        image = Image.fromarray(np.round(samples / 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its samples are floating-point numbers")
    profile = image.info.get("icc_profile")
    if not profile:
        return image.convert("RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    # An sRGB file must come out as it went in; a conversion from sRGB to sRGB moves some pixels by a level.
    if ImageCms.getProfileDescription(source).startswith("sRGB"):
        return image.convert("RGB")
    if image.mode not in {"RGB", "L", "CMYK"}:
        image = image.convert("RGB")
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # None is only for inPlace=True
    return converted
