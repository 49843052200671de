"""The 8×8 orthonormal DCT-II and its inverse.

Source: ITU-T T.81, A.3.3. With an orthonormal matrix D, F = D x Dᵀ and x = Dᵀ F D. Energy is preserved (Parseval), so
the squared error of the coefficients is that of the pixels. For a block flattened to 64 numbers, the transform is one
product with D ⊗ D (64 × 64). All blocks then take one large matrix product, which is faster than many small ones.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from repro.compiled import compiled


def dct_matrix() -> np.ndarray:
    """(8, 8) float64: the orthonormal matrix D, whose row k is the cosine of frequency k."""
    n = np.arange(8)
    d = np.cos((2 * n[None, :] + 1) * n[:, None] * math.pi / 16) / 2
    d[0] /= math.sqrt(2)
    return d


def dct(blocks: np.ndarray) -> np.ndarray:
    """(…, 8, 8) float samples → coefficients F of the same shape: F[v, u], v vertical, u horizontal.

    Centred samples, in −128…127, give F in −1024…1020. F[0, 0] is 8 times the block's mean.
    """
    return _product(blocks, _both_ways(blocks.dtype).T).reshape(blocks.shape)


def idct(coefficients: np.ndarray) -> np.ndarray:
    """(…, 8, 8) float coefficients F → samples of the same shape: the inverse of :func:`dct`."""
    return _product(coefficients, _both_ways(coefficients.dtype)).reshape(coefficients.shape)


@functools.cache
def _both_ways(dtype: np.dtype) -> np.ndarray:
    """(64, 64): D ⊗ D. Row 8v + u is the basis pattern of frequency (v, u)."""
    return np.kron(dct_matrix(), dct_matrix()).astype(dtype)


def _product(blocks: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    if blocks.shape[-2:] != (8, 8):
        raise ValueError(f"blocks: expected shape (…, 8, 8), got {blocks.shape}")
    rows = np.ascontiguousarray(blocks).reshape(-1, 64)
    return _multiply(rows, np.ascontiguousarray(matrix), np.zeros_like(rows))


@compiled(fastmath={"contract"})
def _multiply(rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> np.ndarray:
    """``rows @ matrix``, always summed in the order that BLAS uses: files do not depend on the number of threads."""
    for n in range(rows.shape[0]):
        for k in range(64):
            for j in range(64):
                out[n, j] += rows[n, k] * matrix[k, j]
    return out
