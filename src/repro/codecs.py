"""Other encoders of standard JPEG files, behind one interface: the peers that learned tables are compared with.

``get("mozjpeg-420").encode(rgb, quality)`` returns the bytes of a file. Each encoder has its own quality scale: compare
codecs at equal rate, never at equal quality. ``encode`` takes pictures of any size from 1×1.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from repro import libjpeg_api
from repro.errors import ReproError, UsageError
from repro.jpeg.coefficients import MAX_SIDE

Encode = Callable[..., bytes]


@dataclass(frozen=True)
class Codec:
    """A peer encoder.

    name, label
        the key in :data:`CODECS`, and the text for a legend.
    package
        the package that it needs, by its import name. That is also the name to install, except for Pillow, which is
        always there.
    lowest
        the lowest quality that it takes; the highest is 100.
    """

    name: str
    label: str
    package: str
    _encode: Encode
    lowest: int = 1

    def encode(self, rgb: np.ndarray, quality: int) -> bytes:
        """``rgb`` (H, W, 3) uint8 → the bytes of a JPEG file at ``quality``.

        Raises :class:`UsageError` for a quality or a picture that the codec does not take, and :class:`ReproError` if
        it is not installed or fails.
        """
        _check_picture(rgb)
        if not self.lowest <= quality <= 100:
            raise UsageError(f"{self.name}: quality {quality} is out of range; choose from {self.lowest} to 100")
        if self.missing:
            raise ReproError(f"{self.name}: not installed; run: pip install {self.missing}")
        return self._encode(rgb, quality=int(quality))

    @property
    def missing(self) -> str:
        """The package that has to be installed before this codec works; empty if none."""
        return self.package if find_spec(self.package) is None else ""


def save_with_tables(rgb: np.ndarray, tables: Sequence[Any] | np.ndarray, **options: Any) -> bytes:
    """A JPEG file by Pillow with the quantisation ``tables`` (1 to 4, 8, 8), row-major, integers in 1–65535.

    One table serves all components; of two, the second serves Cb and Cr; with three, each component has its own. A
    fourth, which the tables of a CMYK file may include, is not used. ``rgb`` is uint8 (H, W, 3), or (H, W) for a grey
    file, which takes the first table. As in the original code, the file is 4:4:4 with Annex K's Huffman tables, unless
    ``options``, which are Pillow's, say otherwise. Raises :class:`UsageError` for a wrong picture or wrong tables, and
    :class:`ReproError` if Pillow fails.
    """
    _check_picture(rgb, grey=True)
    rows = np.asarray(tables)
    if rows.ndim != 3 or rows.shape[1:] != (8, 8) or not 1 <= len(rows) <= 4:
        raise UsageError(f"tables: expected shape (1 to 4, 8, 8), got {rows.shape}")
    if not (rows == np.round(rows)).all() or rows.min() < 1 or rows.max() > 65535:
        raise UsageError("tables: entries must be whole numbers in 1–65535; round and clip them first")
    qtables = [[int(v) for v in table.ravel()] for table in rows]
    return _save(rgb, **{"subsampling": 0, "qtables": qtables} | options)


def get(name: str) -> Codec:
    """The codec called ``name``. Raises :class:`UsageError`, which lists the names, if there is none."""
    if name not in CODECS:
        raise UsageError(f"unknown codec {name!r}; choose from {', '.join(CODECS)}")
    return CODECS[name]


def _save(rgb: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    try:
        Image.fromarray(rgb).save(stream, "JPEG", **options)
    except (OSError, ValueError, TypeError) as error:
        raise ReproError(f"Pillow could not write the JPEG file ({error})") from error
    return stream.getvalue()


def _guetzli(rgb: np.ndarray, quality: int) -> bytes:
    import pyguetzli

    height, width = rgb.shape[:2]
    try:
        return pyguetzli.process_rgb_bytes(rgb.tobytes(), width, height, quality)
    except ValueError as error:
        raise ReproError(f"Guetzli could not encode the picture ({error})") from error


def _check_picture(rgb: np.ndarray, *, grey: bool = False) -> None:
    if not (rgb.shape[2:] == (3,) or (grey and rgb.ndim == 2)) or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise UsageError(f"picture: expected (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    if max(rgb.shape) > MAX_SIDE:
        raise UsageError(f"picture: {rgb.shape[1]}×{rgb.shape[0]} px; a JPEG side is at most {MAX_SIDE}")


def _pillow(name: str, label: str, **options: Any) -> Codec:
    return Codec(name, label, "PIL", partial(_save, **options))


def _mozjpeg(name: str, label: str, **options: Any) -> Codec:
    return Codec(name, label, "jpeglib", partial(libjpeg_api.mozjpeg, **options))


def _jpegli(name: str, label: str, **options: Any) -> Codec:
    return Codec(name, label, "pyjpegli", partial(libjpeg_api.jpegli, **options))


#: name → codec, in the order of a legend
CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        _pillow("pillow-444", "libjpeg-turbo 4:4:4, optimised Huffman tables", subsampling=0, optimize=True),
        _pillow("pillow-444-default", "libjpeg-turbo 4:4:4, Annex K Huffman tables", subsampling=0),
        _pillow("pillow-420-progressive", "libjpeg-turbo 4:2:0, optimised, progressive", subsampling=2, optimize=True,
                progressive=True),
        _mozjpeg("mozjpeg", "mozjpeg 4.0.3, its own choice of chroma", sampling=None),
        _mozjpeg("mozjpeg-420", "mozjpeg 4.0.3 4:2:0"),
        _mozjpeg("mozjpeg-444", "mozjpeg 4.0.3 4:4:4", sampling=(1, 1)),
        _mozjpeg("mozjpeg-psnr-420", "mozjpeg 4.0.3 4:2:0, tuned for PSNR", tuning="psnr"),
        _mozjpeg("mozjpeg-msssim-420", "mozjpeg 4.0.3 4:2:0, tuned for MS-SSIM", tuning="ms-ssim"),
        _mozjpeg("mozjpeg-msssim6-420", "mozjpeg 4.0.3 4:2:0, tuned for MS-SSIM, table 6", tuning="ms-ssim, table 6"),
        _mozjpeg("mozjpeg-hvs-420", "mozjpeg 4.0.3 4:2:0, tuned for PSNR-HVS, table 5", tuning="hvs-psnr"),
        _jpegli("jpegli-444", "jpegli 4:4:4"),
        _jpegli("jpegli-420", "jpegli 4:2:0", sampling=(2, 2)),
        _jpegli("jpegli-420-noaq", "jpegli 4:2:0, no adaptive quantisation", sampling=(2, 2), adaptive=False),
        # Guetzli refuses qualities below 84 by design (its Python package silently encodes at 84 instead).
        Codec("guetzli", "Guetzli 4:4:4", "pyguetzli", _guetzli, lowest=84),
    )
}  # fmt: skip
