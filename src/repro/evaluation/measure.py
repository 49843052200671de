"""One file against its original: its size, by both ways of counting bits, and its distance in each metric."""

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
#: What is measured of every file.
MEASURED = ("mse", "psnr", "psnr_y", "lpips", "ms_ssim", "mse_chroma", "blocking")


def measure(rgb: np.ndarray, data: bytes) -> Measurement:
    """How good and how large the JPEG file ``data`` is, for the original ``rgb`` (H, W, 3) uint8.

    ``bpp``
        bits per pixel of the file itself, headers and all.
    ``bpp_paper``
        the paper's counting with the file's own tables: see :func:`paper_bpp`. ``None`` where these are too coarse
        for a baseline file (entries over 255, as mozjpeg has at its lowest qualities).
    each of :data:`MEASURED`
        as in :mod:`repro.metrics`, on the whole numbers that Pillow decodes. ``None`` where the picture is too small
        for the metric (LPIPS: a side under 31 px, MS-SSIM: under 161 px); PSNR is ``inf`` where nothing differs.

    Raises :class:`ReproError` where ``data`` is not a JPEG file or not of the original's size.
    """
    return measure_many(rgb, [data])[0]


@torch.no_grad()
def measure_many(
    rgb: np.ndarray,
    files: Sequence[bytes],
    more: Sequence[str] = (),
    show: Callable[[bytes], np.ndarray] = decode,
) -> list[Measurement]:
    """:func:`measure` of several files of one original, whose maps and features are computed once.

    ``show`` gives the (H, W, 3) uint8 pixels that are compared: by default those that the file stores, whatever it
    says of orientation and colours. ``more`` names further :data:`~repro.metrics.METRICS`, those held out for instance.
    Without its program Butteraugli is ``None``. Raises :class:`ReproError` where the package of another is not
    installed.
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
            elif name == "ssimulacra2" and original:  # the same as the metric's function, and quicker
                values[name] = original.score(decoded)
            else:
                values[name] = metric.function(x, y).item()
        measured.append(values)
    return measured


def paper_bpp(decoded: np.ndarray, tables: Sequence[np.ndarray] | np.ndarray) -> float:
    """Bits per pixel as the original code counts them.

    The *decoded* picture (H, W, 3) uint8 is saved once more by Pillow with the quantisation ``tables`` ((1 or 2, 8, 8),
    luma first), 4:4:4, Huffman tables not optimised, and that file is weighed. This quantises twice, and Annex K's
    Huffman tables cost far more at low rates: compare only with other figures of the same counting.
    """
    return 8 * len(save_with_tables(decoded, tables)) / (decoded.shape[0] * decoded.shape[1])


def file_tables(data: bytes) -> np.ndarray:
    """The quantisation tables of a JPEG file, (tables, 8, 8), in the order in which its components first use them."""
    with Image.open(io.BytesIO(data)) as image:
        tables, layers = getattr(image, "quantization", None), getattr(image, "layer", None)
    if not tables or not layers:
        raise ReproError("not a JPEG file, so it has no quantisation tables to count the paper's bits with")
    return np.array([tables[index] for index in dict.fromkeys(layer[3] for layer in layers)]).reshape(-1, 8, 8)


def rgb_to_tensor(rgb: np.ndarray, device: str | torch.device) -> torch.Tensor:
    """(H, W, 3) uint8 → (1, 3, H, W) float32 on 0–255, on ``device``."""
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None].to(device).float()
