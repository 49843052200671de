"""Colour profiles: kept if a JPEG reader can use them, otherwise converted to sRGB.

Source: ICC.1:2010 (profiles); the conversion is LittleCMS's, relative colorimetric with black point compensation.
"""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from repro.jpeg.writer import MAX_ICC

Policy = Literal["keep", "srgb"]

#: The colour space, as an ICC header spells it, that a profile must describe to fit a picture of a Pillow mode.
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def settle(image: Image.Image, profile: bytes | None, policy: Policy) -> tuple[Image.Image, bytes | None, list[str]]:
    """``image`` (mode RGB, L, CMYK or LAB) → an RGB or L picture, the profile to embed or None, and notices.

    ``"keep"`` keeps an RGB profile as it is; ``"srgb"`` converts the pixels and embeds nothing, which readers take for
    sRGB. CMYK, Lab and grey pictures are always converted, since few readers honour such profiles, and so are those
    with a profile too long for a JPEG file. A profile that is damaged or describes another kind of picture is left out,
    with a notice.
    """
    if image.mode == "LAB":
        return _to_srgb(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), None, []
    notices = []
    parsed = _parse(profile, image.mode) if profile else None
    if profile and parsed is None:
        notices.append("its colour profile is damaged or does not fit the picture; left out")
    if parsed is None:
        if image.mode != "CMYK":
            return image, None, notices
        return image.convert("RGB"), None, [*notices, "CMYK without a usable profile; colours are approximate"]
    if image.mode == "RGB" and policy == "keep" and profile and len(profile) <= MAX_ICC:
        return image, profile, notices
    converted = _to_srgb(image, parsed)
    return (converted.convert("L") if image.mode == "L" else converted), None, notices


def in_srgb(samples: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Convert ``samples`` with a kept ``profile``, uint8 (H, W, 3), to sRGB, clipped to its gamut; without a profile,
    return them unchanged."""
    if profile is None:
        return samples
    return np.asarray(_to_srgb(Image.fromarray(samples), ImageCms.ImageCmsProfile(io.BytesIO(profile))))


def _parse(profile: bytes, mode: str) -> ImageCms.ImageCmsProfile | None:
    """Return ``profile``, parsed, if it describes pictures of ``mode`` and has what a conversion needs; else None."""
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if parsed.profile.xcolor_space != _SPACES[mode]:
            return None
        _to_srgb(Image.new(mode, (1, 1)), parsed)
    except (OSError, ImageCms.PyCMSError, UnicodeDecodeError):  # the last if its space is not text
        return None
    return parsed


def _to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # None only if converted in place
    return converted
