"""One image for each of several content types, to find out where an encoder does badly.

The images come from files that scikit-image installs or were drawn by ``tools/draw_content_types.py``, so everybody has
them. They were chosen for what they show, before any was encoded, and no choice about the encoder was made on them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repro.data.images import read_rgb
from repro.errors import ReproError, UsageError

#: Seed of the noise.
SEED = 0
#: Electrons in a white pixel of the noisy photo, and the standard deviation of the read noise, as in a small sensor in
#: poor light. In middle grey the noise is a tenth of the signal.
FULL_WELL, READ_NOISE = 500.0, 4.0
_ASSETS = Path(__file__).parents[1] / "assets" / "content_types"


@dataclass(frozen=True)
class ContentType:
    """A ``label`` for an axis, a ``description`` of the image that represents the type, and a function to make it."""

    label: str
    description: str
    make: Callable[[], np.ndarray]


def draw(name: str) -> np.ndarray:
    """The image of the content type ``name``, uint8 (H, W, 3).

    Raises :class:`UsageError` for an unknown name and :class:`ReproError` if scikit-image's files are missing.
    """
    if name not in CONTENT_TYPES:
        raise UsageError(f"unknown content type {name!r}; choose from {', '.join(CONTENT_TYPES)}")
    return np.ascontiguousarray(CONTENT_TYPES[name].make())


def _photo(name: str) -> np.ndarray:
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ReproError(f"{name}: the package scikit-image is not installed; `pip install scikit-image`")
    return read_rgb(Path(spec.origin).parent / "data" / name)


def _drawn(name: str) -> np.ndarray:
    return read_rgb(_ASSETS / f"{name}.png")


def _shrink(rgb: np.ndarray, factor: int) -> np.ndarray:
    """Rounded means of ``factor`` × ``factor`` pixels; sides are cropped to a multiple of ``factor``."""
    height, width = (side // factor for side in rgb.shape[:2])
    parts = rgb[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    total = parts.sum((1, 3), dtype=np.int64)
    return ((2 * total + factor**2) // (2 * factor**2)).astype(np.uint8)


def _noisy() -> np.ndarray:
    """A photo as a sensor would record it in poor light, with shot noise and read noise.

    The noise of every channel of every pixel is independent: there is no colour filter array.
    """
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    rng = np.random.default_rng(SEED)
    expected = FULL_WELL * linear[_photo("coffee.png")]
    seen = (rng.poisson(expected) + rng.normal(0, READ_NOISE, expected.shape)) / FULL_WELL
    return np.searchsorted((linear[1:] + linear[:-1]) / 2, seen).astype(np.uint8)


#: Name → content type, in the order of tables and plots.
CONTENT_TYPES = {
    "portrait": ContentType("portrait", "a face and smooth cloth (astronaut)", lambda: _photo("astronaut.png")),
    "grey": ContentType("grey photo", "a man with a camera, three equal channels", lambda: _photo("camera.png")),
    "large": ContentType("large photo", "the back of an eye, two megapixels", lambda: _photo("retina.jpg")),
    "tiny": ContentType("tiny photo", "a cat, as a thumbnail", lambda: _shrink(_photo("chelsea.png")[:288, 90:378], 6)),
    "noisy": ContentType("noisy photo", "a cup in poor light, noise of a sensor added", _noisy),
    "night": ContentType("night sky", "galaxies, at half size", lambda: _shrink(_photo("hubble_deep_field.jpg"), 2)),
    "sky": ContentType("clear sky", "drawn: a smooth gradient with little noise", lambda: _drawn("sky")),
    "texture": ContentType("fine texture", "grass, three equal channels", lambda: _photo("grass.png")),
    "page": ContentType("page of text", "drawn: small black letters on white", lambda: _drawn("page")),
    "screenshot": ContentType("screenshot", "drawn: a window, small coloured letters", lambda: _drawn("screenshot")),
    "plot": ContentType("line drawing", "drawn: thin lines and curves on white", lambda: _drawn("plot")),
}  # fmt: skip
