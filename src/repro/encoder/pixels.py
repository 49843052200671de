"""A decoded Pillow image of any mode → 8-bit samples, upright, on white."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from repro.encoder import colour, formats, metadata, png, tiff
from repro.errors import ReproError

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LIGHT = ("L", "LA", "RGB", "RGBA")


def upright(shown: Image.Image, image: Image.Image) -> tuple[Image.Image, str | None]:
    """Return ``shown``, turned as ``image``'s EXIF data say, and a notice or None."""
    try:
        turn = _TURNS.get(metadata.orientation(image))
        return (shown if turn is None else shown.transpose(turn)), None
    except Exception:  # the pixels are fine; a broken EXIF block is no reason to refuse them
        return shown, "its EXIF data are damaged; taken as upright"


def to_8_bit(
    name: str, image: Image.Image, data: bytes, space: colour.ColourSpace | None
) -> tuple[Image.Image, colour.ColourSpace | None, str | None]:
    """Reduce 16-bit grey to 8 bits: v/257, rounded, so that 65535 is white. (Pillow reduces 16-bit RGB while decoding.)
    Return the image, its colour space, and a notice or None.

    Linear 16-bit samples become 8 bits on sRGB's curve, which the returned space then has. PNG's transparent colour
    becomes an alpha channel, since it must be compared at full depth. Raises :class:`ReproError` for 32-bit samples.
    """
    bits = formats.bits(image, data)
    opaque = png.key_mask(image, data) if image.format == "PNG" else None
    deep = png.deep_samples(image, data) if image.format == "PNG" and space and space.is_linear else None
    if space and deep is not None:
        image, space = Image.fromarray(space.on_srgb_curve(deep)), replace(space, gamma=None)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        samples = np.asarray(image)
        if image.mode == "F" or samples.min() < 0 or samples.max() > 65535:
            raise ReproError(f"{name}: 32-bit samples have no agreed white; export it with 8 or 16 bits")
        if isinstance(image, TiffImageFile):
            samples = tiff.deep_samples(image, samples)
        image = Image.fromarray(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if opaque is not None:
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
        image.info.pop("transparency", None)
        image.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
    dark_notice = _dark_notice(image) if bits > 8 else None
    image = formats.repaired(image, data)
    return image, space, dark_notice


def _dark_notice(image: Image.Image) -> str | None:
    """Return a notice if the samples may have 10 to 14 bits, stored as the lower ones of 16; else None."""
    brightest = int(np.asarray(image.convert("RGB")).max()) if image.mode in _LIGHT else 0
    if not 0 < brightest < 64:
        return None
    return f"very dark: its brightest sample is {brightest} of 255; export it with samples up to white"


def flatten(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Return ``image`` in mode L, RGB, CMYK or LAB, with transparent parts set on white, and a notice or None."""
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
