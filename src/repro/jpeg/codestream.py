"""Write coefficients as a standard JPEG file, read them back, and decode files to pixels.

:mod:`repro.jpeg.writer` writes files. ``jpeglib``, a binding of libjpeg, reads coefficients; Pillow decodes to pixels.
Source: ITU-T T.81 (file format), JFIF 1.02 (colour conversion).
"""

from __future__ import annotations

import io
import tempfile
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from repro.errors import ReproError
from repro.jpeg import writer
from repro.jpeg.blocks import from_blocks, upsample
from repro.jpeg.coefficients import Coefficients
from repro.jpeg.color import ycbcr_to_rgb
from repro.jpeg.dct import idct

__all__ = ["Coefficients", "decode", "predict_decode", "read", "write"]
_lock = threading.Lock()
#: What Pillow raises for a broken file, or for one that claims to be very large.
_UNREADABLE = (OSError, SyntaxError, Image.DecompressionBombError)


def write(c: Coefficients, *, progressive: bool = True, icc: bytes | None = None) -> bytes:
    """Return a standard JPEG file that holds exactly ``c``, as the paper's encoders write it: with the cheapest of the
    progressive scan scripts that mozjpeg tries, or sequential if that is smaller or ``progressive`` is False. See
    :func:`repro.jpeg.writer.write`."""
    return writer.write(c, scans="searched" if progressive else "sequential", icc=icc)


def read(data: bytes) -> Coefficients:
    """The coefficients and tables of a grey or YCbCr JPEG file, 4:4:4 or 4:2:0; the inverse of :func:`write`.

    Raises :class:`ReproError` if ``data`` is not such a file.
    """
    import jpeglib

    try:  # libjpeg exits the process on a broken file, so let Pillow decode it first
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            kind = (image.format, image.mode)
    except _UNREADABLE as error:
        raise ReproError(f"not a readable JPEG file ({error})") from error
    if kind not in (("JPEG", "L"), ("JPEG", "RGB")):
        raise ReproError(f"expected a grey or colour JPEG, got {kind[0]} in mode {kind[1]}; convert it first")
    with tempfile.TemporaryDirectory(prefix="repro-") as folder, _lock:
        path = Path(folder, "in.jpg")
        path.write_bytes(data)
        try:
            jpeg = jpeglib.read_dct(str(path))
            luma, (cb, cr), _ = jpeg.load()
        except OSError as error:
            raise ReproError("not a readable JPEG file (libjpeg finds no coefficients)") from error
        planes = (luma,) if cb is None else (luma, cb, cr)
        tables = np.stack([jpeg.get_component_qt(i) for i in range(len(planes))])
        if len(tables) == 3 and np.array_equal(tables[1], tables[2]):
            tables = tables[:2]
        try:
            return Coefficients(planes, tables.astype(np.uint16), int(jpeg.height), int(jpeg.width))
        except ValueError as error:
            raise ReproError(f"not a JPEG file that is read here ({error})") from error


def decode(data: bytes) -> np.ndarray:
    """Decode with Pillow (libjpeg-turbo): (H, W, 3) uint8 RGB. Raises :class:`ReproError` for a broken file."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except _UNREADABLE as error:
        raise ReproError(f"not a readable JPEG file ({error})") from error


def predict_decode(c: Coefficients) -> np.ndarray:
    """Predict a decoder's output with our own inverse pipeline: (H, W, 3) float32 RGB, whole numbers in 0–255.

    As in decoders, samples are rounded and clipped in YCbCr, converted, then rounded and clipped again. Decoders may
    differ by a level or two, because T.81 does not prescribe the inverse DCT's arithmetic.
    """
    planes = []
    for index, z_hat in enumerate(c.planes):
        dequantised = z_hat.astype(np.float32) * c.table(index).astype(np.float32)
        planes.append(_round_half_up(from_blocks(idct(dequantised)) + 128).clip(0, 255))
    if c.subsampling == "4:2:0":
        half = (slice(-(-c.height // 2)), slice(-(-c.width // 2)))
        planes[1:] = [_round_upsampled(upsample(p[half])) for p in planes[1:]]
    shown = np.stack([p[: c.height, : c.width] for p in planes])
    if c.subsampling == "grey":
        return np.repeat(shown[0][..., None], 3, axis=2)
    return _round_half_up(ycbcr_to_rgb(shown)).clip(0, 255)


def _round_half_up(x: np.ndarray) -> np.ndarray:
    """Add a half and truncate, as integer decoders do. Flat blocks make exact halves common, so the tie rule shows."""
    return np.floor(x + np.float32(0.5 + 1e-4))


def _round_upsampled(x: np.ndarray) -> np.ndarray:
    """libjpeg's fancy upsampling adds 8/16 in even columns and 7/16 in odd ones, so that ties go both ways."""
    bias = np.tile(np.array([8 / 16, 7 / 16], np.float32), x.shape[-1] // 2)
    return np.floor(x + bias + np.float32(1e-4))
