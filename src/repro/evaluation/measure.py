"""Measure a file against its original: its size, counted in two ways, and its distance by each metric."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image

from repro.codecs import save_with_tables
from repro.errors import ReproError
from repro.jpeg.codestream import decode
from repro.metrics import METRICS, MIN_SIDE_LPIPS, butteraugli_installed, lpips_on
from repro.ssimulacra2 import MIN_SIDE, Reference

Measurement = dict[str, float | None]
#: The metrics measured on every file.
MEASURED = ("mse", "psnr", "psnr_y", "lpips", "ms_ssim", "mse_chroma", "blocking")


def measure(rgb: np.ndarray, data: bytes) -> Measurement:
    """Measure the size and quality of the JPEG file ``data`` against the original ``rgb`` (H, W, 3) uint8.

    ``bpp``
        bits per pixel of the whole file, headers included.
    ``bpp_paper``
        the paper's count, with the file's own tables: see :func:`paper_bpp`. ``None`` if these are too coarse for a
        baseline file (entries over 255, as mozjpeg has at its lowest qualities).
    each of :data:`MEASURED`
        as in :mod:`repro.metrics`, on the integers that Pillow decodes. ``None`` if the picture is too small for the
        metric (LPIPS: a side under 31 px, MS-SSIM: under 161 px); PSNR is ``inf`` if nothing differs.

    Raises :class:`ReproError` if ``data`` is not a JPEG file, or if its size in pixels is not the original's.
    """
    return measure_many(rgb, [data])[0]


@torch.no_grad()
def measure_many(
    rgb: np.ndarray,
    files: Sequence[bytes],
    more: Sequence[str] = (),
    show: Callable[[bytes], np.ndarray] = decode,
) -> list[Measurement]:
    """:func:`measure` several files of one original, whose maps and features are computed only once.

    ``show`` returns the (H, W, 3) uint8 pixels to compare: by default those stored in the file, whatever orientation
    and colour profile it names. ``more`` names further :data:`~repro.metrics.METRICS`, for instance held-out ones.
    Butteraugli is ``None`` if its program is not installed; :class:`ReproError` is raised if another metric's package
    is not.
    """
    x, smallest = rgb_to_tensor(rgb, "cpu"), min(rgb.shape[:2])
    lpips = lpips_on(x.device) if smallest >= MIN_SIDE_LPIPS else None
    reference = lpips.features(x) if lpips else ()
    original = Reference(rgb) if "ssimulacra2" in more and smallest >= MIN_SIDE else None
    measured: list[Measurement] = []
    for data in files:
        decoded = show(data)
        if decoded.shape != rgb.shape:
            (h, w), (height, width) = decoded.shape[:2], rgb.shape[:2]
            raise ReproError(f"the file shows {w}×{h} px, the original has {width}×{height}; compare equal sizes")
        y, tables = rgb_to_tensor(decoded, "cpu"), file_tables(data)
        values: Measurement = {
            "bpp": 8 * len(data) / (rgb.shape[0] * rgb.shape[1]),
            "bpp_paper": paper_bpp(decode(data), tables) if tables.max() <= 255 else None,
        }
        for name in (*MEASURED, *more):
            metric = METRICS[name]
            if smallest < metric.min_side or (name == "butteraugli" and not butteraugli_installed()):
                values[name] = None
            elif name == "lpips" and lpips:
                values[name] = lpips.distance(reference, lpips.features(y)).item()
            elif name == "ssimulacra2" and original:  # the same as the metric's function, but faster
                values[name] = original.score(decoded)
            else:
                values[name] = metric.function(x, y).item()
        measured.append(values)
    return measured


def paper_bpp(decoded: np.ndarray, tables: Sequence[np.ndarray] | np.ndarray) -> float:
    """Bits per pixel as the original code counts them.

    The *decoded* picture (H, W, 3) uint8 is saved again by Pillow with the quantisation ``tables`` ((1 to 4, 8, 8),
    luma first), in 4:4:4 and without optimised Huffman tables, and the bits of that file are counted. This quantises
    twice, and Annex K's Huffman tables cost far more at low rates: compare only with figures counted in the same way.
    """
    return 8 * len(save_with_tables(decoded, tables)) / (decoded.shape[0] * decoded.shape[1])


def file_tables(data: bytes) -> np.ndarray:
    """The quantisation tables of a JPEG file, (tables, 8, 8), in the order in which its components first use them.

    Raises :class:`ReproError` for an image in another format.
    """
    with Image.open(io.BytesIO(data)) as image:
        tables, layers = getattr(image, "quantization", None), getattr(image, "layer", None)
    if not tables or not layers:
        raise ReproError("not a JPEG file, so it has no quantisation tables to count the paper's bits with")
    return np.array([tables[index] for index in dict.fromkeys(layer[3] for layer in layers)]).reshape(-1, 8, 8)


def rgb_to_tensor(rgb: np.ndarray, device: str | torch.device) -> torch.Tensor:
    """(H, W, 3) uint8 → (1, 3, H, W) float32 on 0–255, on ``device``."""
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None].to(device).float()
