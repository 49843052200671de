"""Adapt a set's quantisation tables to one picture, at almost no cost in time.

For given numbers ẑ, the step that brings them closest to F is that of weighted least squares, ΣwFẑ / Σwẑ². A step that
is optimal with the trellis in the loop equals it (:mod:`repro.trellis.tables` says why). Any other step differs from
it, but only a little, since the trellis chose ẑ to suit the step. So a step moves by several times the difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repro.compiled import compiled
from repro.jpeg.tables import NATURAL
from repro.trellis import planes
from repro.trellis.planes import DctPlanes, Weights

#: The factor by which the difference is multiplied, and the largest change of log Q. On tuning photos, 8 to 14 and 0.15
#: to 0.25 do about as well.
_TIMES, _MOST = 12.0, 0.2
#: A frequency with this many non-zero numbers moves half as far: the fewer there are, the less they tell.
_FEW = 30


def own_tables(dct: DctPlanes, weights: Sequence[Weights], tables: np.ndarray, z: Sequence[np.ndarray]) -> np.ndarray:
    """Return ``tables`` (1, 2 or 3, 8, 8), adapted to the picture: whole numbers in 1–255, of the same shape and dtype.

    ``z`` is what :func:`repro.trellis.planes.trellis_quantize` chose with these ``weights`` and ``tables``.
    """
    wanted, got, used = np.zeros((3, len(tables), 64))
    for i, (plane, weight, numbers) in enumerate(zip(dct.planes, weights, z, strict=True)):
        table = min(i, len(tables) - 1)
        _add(plane.F, *weight, numbers, planes.steps(tables, i), wanted[table], got[table], used[table])
    ratio = np.divide(wanted, got, out=np.ones_like(got), where=got > 0).clip(0.5, 2)
    move = (_TIMES * np.log(ratio) * used / (used + _FEW)).clip(-_MOST, _MOST)
    moved = tables * np.exp(move[:, NATURAL].reshape(tables.shape))
    return np.rint(moved).clip(1, 255).astype(tables.dtype)


@compiled()
def _add(
    F: np.ndarray,
    of_band: np.ndarray,
    profile: np.ndarray,
    band: np.ndarray,
    z: np.ndarray,
    Q: np.ndarray,
    wanted: np.ndarray,
    got: np.ndarray,
    used: np.ndarray,
) -> None:
    """Add ΣwF(ẑQ), Σw(ẑQ)² and the count of non-zero ẑ, by frequency, to ``wanted``, ``got`` and ``used``."""
    for block in range(len(F)):
        for k in range(64):
            back = float(z[block, k] * Q[k])
            w = profile[k] * of_band[block, band[k]]
            wanted[k] += w * F[block, k] * back
            got[k] += w * back * back
            used[k] += z[block, k] != 0
