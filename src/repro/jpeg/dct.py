"""The 8×8 orthonormal DCT-II and its inverse.

Source: ITU-T T.81, A.3.3. With an orthonormal matrix D, F = D x Dᵀ and x = Dᵀ F D; energy is kept
(Parseval), so an error in a coefficient is the same error in the pixels. With a block's 64 numbers in a row that is one
product with D ⊗ D (64 × 64): a large matrix product where there were many small ones, and faster for it.
"""

from __future__ import annotations

import functools
import math

import torch

from repro.jpeg.checks import check_blocks


@functools.cache
@torch.inference_mode(False)  # whoever asks first, the cached matrix must serve training too
def _matrix(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    n = torch.arange(8, dtype=torch.float64)
    d = torch.cos((2 * n[None, :] + 1) * n[:, None] * math.pi / 16) / 2
    d[0] /= math.sqrt(2)
    return d.to(dtype=dtype, device=device)


def dct_matrix(like: torch.Tensor | None = None) -> torch.Tensor:
    """(8, 8) orthonormal matrix D; row k is the cosine of frequency k. Float64, or the type and device of ``like``."""
    if like is None:
        return _matrix(torch.float64, torch.device("cpu"))
    return _matrix(like.dtype, like.device)


@functools.cache
@torch.inference_mode(False)
def _both_ways(dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """(64, 64) D ⊗ D: row 8v + u is the pattern of frequency (v, u)."""
    d = _matrix(torch.float64, torch.device("cpu"))
    return torch.kron(d, d).to(dtype=dtype, device=device)


def dct(blocks: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) samples → coefficients F of the same shape: F[v, u], v vertical, u horizontal.

    Samples are centred on 0 (−128…127), so F lies in −1024…1016; F[0, 0] is 8 times the block's mean.
    """
    return _product(blocks, _both_ways(blocks.dtype, blocks.device).T)


def idct(coefficients: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) coefficients F → samples of the same shape, the inverse of :func:`dct`."""
    return _product(coefficients, _both_ways(coefficients.dtype, coefficients.device))


def _product(blocks: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return (check_blocks(blocks).flatten(-2) @ matrix).unflatten(-1, (8, 8))
