"""From a picture to the coefficients of a file, by way of planes of DCT coefficients in zigzag order.

:func:`forward_dct` makes the planes, with chroma at full or half resolution, :func:`trellis_quantize` chooses the
numbers, and :func:`assemble` turns them into :class:`repro.jpeg.codestream.Coefficients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from repro.compiled import compiled
from repro.errors import UsageError
from repro.jpeg.coefficients import LARGEST, Coefficients
from repro.jpeg.tables import NATURAL, ZIGZAG
from repro.jpeg.transform import transform
from repro.threads import in_parallel, spans
from repro.trellis import costs
from repro.trellis.costs import Band
from repro.trellis.paths import choose_ac, choose_dc, choose_eob_runs

#: Added to AC magnitudes before they are truncated to whole numbers of steps, so that they round up from 0.65.
AC_ROUNDING_OFFSET = 0.35


class Plane(NamedTuple):
    """``F``: float32 (rows · cols, 64), in zigzag order, blocks in raster order; ``rows`` and ``cols`` count blocks."""

    F: np.ndarray
    rows: int
    cols: int


class Weights(NamedTuple):
    """Weights of squared errors: that of coefficient k in block n is ``profile[k] * of_band[n, band[k]]``.

    ``of_band`` is float32 (n, bands); ``profile`` float32 and ``band`` int64, both (64,) in zigzag order.
    """

    of_band: np.ndarray
    profile: np.ndarray
    band: np.ndarray

    def each(self, part: slice = slice(None)) -> np.ndarray:
        """(n, 64): the weights for a slice of the blocks, by default all of them."""
        return np.asarray(self.profile * self.of_band[part][:, self.band])


@dataclass(frozen=True)
class DctPlanes:
    """A picture of ``height`` × ``width`` pixels as planes: Y alone, or Y, Cb and Cr. ``subsampling`` is ``"grey"``,
    ``"4:4:4"`` or ``"4:2:0"``; ``progressive`` says whether the file will have progressive scans."""

    planes: tuple[Plane, ...]
    height: int
    width: int
    subsampling: str
    progressive: bool = True


def forward_dct(
    samples: np.ndarray,
    subsampling: str = "4:2:0",
    *,
    progressive: bool = True,
    sharp_chroma: bool = True,
    threads: int = 1,
) -> DctPlanes:
    """(H, W) grey or (H, W, 3) RGB on 0–255 → its planes. A grey picture has one, whatever ``subsampling`` is.

    ``sharp_chroma`` is as in :func:`repro.jpeg.transform.transform`. Raises :class:`UsageError` unless ``subsampling``
    is ``"4:2:0"`` or ``"4:4:4"``.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise UsageError(f"unknown subsampling {subsampling!r}; choose '4:2:0' or '4:4:4'")
    F = transform(samples, subsampling, threads, sharp_chroma=sharp_chroma)
    planes = tuple(Plane(plane.reshape(-1, 64), *plane.shape[:2]) for plane in F)
    height, width = samples.shape[:2]
    return DctPlanes(planes, height, width, "grey" if samples.ndim == 2 else subsampling, progressive)


def trellis_quantize(
    dct: DctPlanes,
    weights: Sequence[Weights],
    tables: np.ndarray,
    lam: float,
    *,
    start: Sequence[np.ndarray] | None = None,
    rounds: int = 2,
    threads: int = 1,
) -> list[np.ndarray]:
    """int16 (n, 64) in zigzag order for each plane: the numbers that minimise λ · bits + weighted squared error.

    weights
        one for each plane.
    tables
        whole numbers in 1–255, (1, 2 or 3, 8, 8), as in a file: luma, then one for chroma or one each for Cb and Cr.
    lam
        the squared error that one bit is worth, for a coefficient of weight 1 and samples on 0–255.
    start
        numbers to start from instead of a first guess, int16 (n, 64) for each plane; they are overwritten.
    rounds
        how many times the numbers are chosen, each time at the costs of Huffman codes optimised for the last ones.
    """
    wanted = [plane.F for plane in dct.planes]
    Q = [steps(tables, i).astype(np.float32) for i in range(len(wanted))]
    of_blocks = [_dead_zone(F, q) for F, q in zip(wanted, Q, strict=True)] if start is None else list(start)
    z = [n.reshape(plane.rows, plane.cols, 64) for n, plane in zip(of_blocks, dct.planes, strict=True)]  # views

    def choose_plane_ac(i: int) -> None:
        for band in bands[i]:
            _choose_band(wanted[i], weights[i], Q[i], lam, band, of_blocks[i], threads)

    def choose_plane_dc(i: int) -> None:
        order = _coding_order(dct, i)
        w = weights[i].profile[0] * weights[i].of_band[:, weights[i].band[0]]
        F = np.ascontiguousarray(wanted[i][order, 0])
        of_blocks[i][order, 0] = choose_dc(F, w[order], float(Q[i][0]), dc_costs[i], lam)

    for _ in range(rounds):
        bands = costs.ac_bands(z, dct.progressive, threads)
        in_parallel(choose_plane_ac, range(len(z)), threads)
    for _ in range(rounds):
        dc_costs = costs.dc_costs(z)
        in_parallel(choose_plane_dc, range(len(z)), threads)
    return of_blocks


def _choose_band(
    F: np.ndarray, weight: Weights, Q: np.ndarray, lam: float, band: Band, z: np.ndarray, threads: int
) -> None:
    """Choose the AC of one band. Blocks are independent, and so threaded, until the EOB runs are chosen."""
    first, last = band.first, band.last
    cost = np.zeros((len(F), 2))

    def work(span: tuple[int, int]) -> None:
        part = slice(*span)
        w = weight.of_band[part]
        choose_ac(F[part], w, weight.profile, weight.band, Q, band.ac, lam, z[part], first, last, band.eob, cost[part])

    in_parallel(work, spans(len(F), threads), threads)
    eob = lam * band.eob
    if band.eob_runs:
        early = z[:, last] == 0
        cost[early, 1] -= eob
        keep = choose_eob_runs(cost, early, band.eob_run_bits, lam)
    else:
        keep = cost[:, 1] < cost[:, 0] + eob
    z[~keep, first : last + 1] = 0


def bits(dct: DctPlanes, z: Sequence[np.ndarray]) -> float:
    """About how many bits the scans of a file with the numbers ``z`` take, with codes optimised for them."""
    whole = [numbers.reshape(plane.rows, plane.cols, 64) for numbers, plane in zip(z, dct.planes, strict=True)]
    return costs.bits(whole, dct.progressive)


def steps(tables: np.ndarray, plane: int) -> np.ndarray:
    """(64,) in zigzag order: the quantisation steps of a plane, from ``tables`` (1, 2 or 3, 8, 8). If there are two, Cb
    and Cr share the second."""
    return tables[min(plane, len(tables) - 1)].reshape(64)[ZIGZAG]


def assemble(dct: DctPlanes, z: Sequence[np.ndarray], tables: np.ndarray) -> Coefficients:
    """Return the numbers ``z`` as a file holds them. ``z`` and ``tables`` are those of :func:`trellis_quantize`."""
    planes = tuple(
        np.ascontiguousarray(numbers[:, NATURAL].reshape(plane.rows, plane.cols, 8, 8).astype(np.int16))
        for plane, numbers in zip(dct.planes, z, strict=True)
    )
    kept = np.ascontiguousarray(tables[: len(planes)], np.uint16)
    return Coefficients(planes, kept, dct.height, dct.width)


@compiled()
def _dead_zone(F: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """int16: a first guess by rounding with a dead zone, for which the first Huffman codes are optimised."""
    z = np.empty(F.shape, np.int16)
    per_step = np.empty(64, np.float32)
    for k in range(64):
        per_step[k] = 1 / Q[k]
    for block in range(len(F)):
        for k in range(64):
            size = min(int(abs(F[block, k]) * per_step[k] + np.float32(AC_ROUNDING_OFFSET if k else 0.5)), LARGEST)
            z[block, k] = size if F[block, k] > 0 else -size
    return z


def _coding_order(dct: DctPlanes, plane: int) -> np.ndarray | slice:
    """Indices of a plane's blocks in the order in which DC is coded: in 4:2:0, luma comes in units of 2×2 blocks."""
    if dct.subsampling != "4:2:0" or plane > 0:
        return slice(None)
    luma = dct.planes[0]
    row, col = np.divmod(np.arange(luma.rows * luma.cols), luma.cols)
    unit = (row // 2) * (-(-luma.cols // 2)) + col // 2
    return np.argsort(4 * unit + 2 * (row % 2) + col % 2, kind="stable")
