"""JPEG's stages in differentiable PyTorch: colour, blocks, DCT. Training and networks use these.

The encoder has the same stages in NumPy (:mod:`repro.jpeg`), and both share their constants. Functions check shapes:
a picture on another scale or in another layout would make metrics silently wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as nnf

from repro.jpeg.blocks import SIDE
from repro.jpeg.color import CENTRE, RGB_TO_YCBCR, YCBCR_TO_RGB
from repro.jpeg.dct import dct_matrix
from repro.jpeg.tables import NATURAL
from repro.trellis.planes import DctPlanes

#: How far values may lie outside 0–255, to allow for rounding errors of colour conversion.
SLACK = 0.5


def to_tensor(samples: np.ndarray) -> torch.Tensor:
    """(H, W) or (H, W, 3) → (1, 1 or 3, H, W), of the same type; a view of writable samples, a copy of others."""
    writable = samples if samples.flags.writeable else samples.copy()  # torch warns of read-only arrays
    return torch.from_numpy(writable.reshape(*samples.shape[:2], -1)).permute(2, 0, 1)[None]


def check_image(x: torch.Tensor, name: str = "x") -> torch.Tensor:
    """Return ``x`` if it is a float tensor (B, 3, H, W), else raise ``ValueError`` naming what it got."""
    if x.ndim != 4 or x.shape[1] != 3 or 0 in x.shape:
        raise ValueError(f"{name}: expected shape (B, 3, H, W), got {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"{name}: expected a float tensor on the 0–255 scale, got {x.dtype}")
    return x


def check_range(x: torch.Tensor, name: str = "x") -> torch.Tensor:
    """Return ``x`` if its values lie in 0–255 (within half a level), else raise ``ValueError``."""
    least, most = (float(v) for v in torch.aminmax(x.detach()))
    if not (least >= -SLACK and most <= 255 + SLACK):
        raise ValueError(f"{name}: expected values in 0–255, got {least:.4g}–{most:.4g}")
    return x


def check_blocks(b: torch.Tensor) -> torch.Tensor:
    """Return ``b`` if its shape is (B, C, rows, cols, 8, 8), else raise ``ValueError`` naming what it got."""
    if b.ndim != 6 or b.shape[-2:] != (8, 8):
        raise ValueError(f"blocks: expected shape (B, C, rows, cols, 8, 8), got {tuple(b.shape)}")
    return b


def rgb_to_ycbcr(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) RGB on 0–255 → (B, 3, H, W) Y, Cb, Cr on 0–255 (chroma centred on 128). Not rounded."""
    return _convert(check_image(x, "RGB image"), RGB_TO_YCBCR) + _centre(x)


def ycbcr_to_rgb(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) Y, Cb, Cr on 0–255 → (B, 3, H, W) RGB; neither rounded nor clipped: not all colours lie in 0–255."""
    return _convert(check_image(x, "YCbCr image") - _centre(x), YCBCR_TO_RGB)


def _convert(x: torch.Tensor, matrix: np.ndarray) -> torch.Tensor:
    return (x.new_tensor(matrix) @ x.flatten(2)).view_as(x)


def _centre(x: torch.Tensor) -> torch.Tensor:
    return x.new_tensor(CENTRE).view(1, 3, 1, 1)


def pad(x: torch.Tensor, multiple: int = SIDE) -> torch.Tensor:
    """(B, C, H, W) → the same, with the last column and row repeated until both sides are multiples of ``multiple``."""
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not bottom and not right:
        return x
    return nnf.pad(x, (0, right, 0, bottom), mode="replicate")


def to_blocks(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) → (B, C, H/8, W/8, 8, 8). Raises ``ValueError`` if a side is no multiple of 8: :func:`pad` first."""
    batch, channels, height, width = x.shape
    if height % SIDE or width % SIDE:
        raise ValueError(f"to_blocks: sides must be multiples of 8, got {height}×{width}; pad the image first")
    return x.reshape(batch, channels, height // SIDE, SIDE, width // SIDE, SIDE).transpose(3, 4)


def from_blocks(blocks: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) → (B, C, 8·rows, 8·cols), the inverse of :func:`to_blocks`."""
    batch, channels, rows, cols = check_blocks(blocks).shape[:4]
    return blocks.transpose(3, 4).reshape(batch, channels, rows * SIDE, cols * SIDE)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) → (B, C, 2H, 2W) with libjpeg's “fancy” triangle filter, weights 3/4 and 1/4 on each axis.

    Bilinear interpolation between pixel centres has exactly these weights, and repeats edges as libjpeg does.
    """
    return nnf.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def dct(blocks: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) samples → coefficients F of the same shape: F[v, u], v vertical, u horizontal.

    Samples are centred on 0 (−128…127), so F lies in −1024…1020; F[0, 0] is 8 times the block's mean.
    """
    return _product(blocks, _both_ways(blocks.dtype, blocks.device).T)


def idct(coefficients: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) coefficients F → samples of the same shape, the inverse of :func:`dct`."""
    return _product(coefficients, _both_ways(coefficients.dtype, coefficients.device))


def forward_dct(x: torch.Tensor) -> torch.Tensor:
    """(B, 3 or 1, H, W) RGB or grey on 0–255, sides multiples of 8 → F (B, C, H/8, W/8, 8, 8) of Y, Cb, Cr or of Y."""
    return dct(to_blocks((rgb_to_ycbcr(x) if x.shape[1] == 3 else x) - 128))


def decode(dct: DctPlanes, coefficients: Sequence[torch.Tensor]) -> torch.Tensor:
    """The decoded picture, (1, 3, H, W) float RGB on 0–255, from dequantised ``coefficients``: float (n, 64) in zigzag
    order for each plane of ``dct``. The three channels of a grey picture are equal.

    As in libjpeg, samples are clipped in YCbCr, chroma at half resolution goes through the triangle filter, and colours
    are converted and clipped again. Nothing is rounded, since that would lose the gradients.
    """
    samples = []
    for plane, values in zip(dct.planes, coefficients, strict=True):
        blocks = values[:, torch.from_numpy(NATURAL)].reshape(1, 1, plane.rows, plane.cols, SIDE, SIDE)
        samples.append((from_blocks(idct(blocks)) + 128).clamp(0, 255))
    height, width = dct.height, dct.width
    if dct.subsampling == "4:2:0":
        half = (..., slice(-(-height // 2)), slice(-(-width // 2)))
        samples[1:] = [upsample(c[half]) for c in samples[1:]]
    shown = [s[..., :height, :width] for s in samples]
    if len(shown) == 1:
        return shown[0].expand(-1, 3, -1, -1)
    return nnf.hardtanh(ycbcr_to_rgb(torch.cat(shown, dim=1)), 0.0, 255.0)


@functools.cache
@torch.inference_mode(False)  # whoever calls first, the cached matrix must serve training too
def _both_ways(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """(64, 64) D ⊗ D: row 8v + u is the basis image of frequency (v, u)."""
    d = torch.from_numpy(dct_matrix())
    return torch.kron(d, d).to(dtype=dtype, device=device)


def _product(blocks: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return (check_blocks(blocks).flatten(-2) @ matrix).unflatten(-1, (8, 8))
