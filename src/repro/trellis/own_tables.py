"""Tables that fit one picture better than those of a set, for next to no time.

For given numbers ẑ the step that brings them closest to F is the one of weighted least squares, ΣwFẑ / Σwẑ². A step
that is best in the trellis, too, is equal to it (:mod:`repro.trellis.tables` says why). Any other step differs from it,
but by little, since the trellis has made the best of it. So a step moves by several times the difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repro.compiled import compiled
from repro.jpeg.tables import NATURAL
from repro.trellis import planes
from repro.trellis.planes import DctPlanes, Weights

#: How many times the difference a step moves, and the most that log Q changes. On tuning photos 8 to 14 and 0.15 to
#: 0.25 do about as well.
_TIMES, _MOST = 12.0, 0.2
#: A frequency that is used so often moves half as far: the fewer numbers, the less can be told from them.
_FEW = 30


def own_tables(dct: DctPlanes, weights: Sequence[Weights], tables: np.ndarray, z: Sequence[np.ndarray]) -> np.ndarray:
    """Whole numbers in 1–255 like ``tables`` (1, 2 or 3, 8, 8), moved so that they fit the picture.

    ``z``: what :func:`repro.trellis.planes.trellis_quantize` chose with these ``weights`` and ``tables``.
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
    """Add ΣwF(ẑQ), Σw(ẑQ)² and the count of ẑ that are not 0, each by frequency."""
    for block in range(len(F)):
        for k in range(64):
            back = float(z[block, k] * Q[k])
            w = profile[k] * of_band[block, band[k]]
            wanted[k] += w * F[block, k] * back
            got[k] += w * back * back
            used[k] += z[block, k] != 0
