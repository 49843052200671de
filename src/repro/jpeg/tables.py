"""The standard's quantisation tables, IJG's quality scale, and the zigzag order.

Source: ITU-T T.81, Annex K.1 (tables) and Figure A.6 (zigzag); libjpeg's ``jcparam.c`` for the quality scale.
"""

from __future__ import annotations

import numpy as np

from repro.errors import UsageError

_LUMA = """
16 11 10 16  24  40  51  61
12 12 14 19  26  58  60  55
14 13 16 24  40  57  69  56
14 17 22 29  51  87  80  62
18 22 37 56  68 109 103  77
24 35 55 64  81 104 113  92
49 64 78 87 103 121 120 101
72 92 95 98 112 100 103  99
"""
_CHROMA = """
17 18 24 47 99 99 99 99
18 21 26 66 99 99 99 99
24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99
99 99 99 99 99 99 99 99
99 99 99 99 99 99 99 99
99 99 99 99 99 99 99 99
"""

#: (2, 8, 8) int64: the luma and chroma tables of Annex K, used at quality 50.
ANNEX_K = np.array([text.split() for text in (_LUMA, _CHROMA)], np.int64).reshape(2, 8, 8)

#: (64,) int64: the natural (row-major) index of each zigzag position: along anti-diagonals, turning at the edges.
ZIGZAG = np.array(sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
#: (64,) int64: the zigzag position of each natural index, the inverse of :data:`ZIGZAG`.
NATURAL = np.argsort(ZIGZAG)


def quality_tables(quality: int) -> np.ndarray:
    """(2, 8, 8) int64 tables in 1–255 that libjpeg uses at ``quality`` 1–100 (baseline: entries fit a byte).

    Annex K times 1 at quality 50, times 50/quality below, times 2 − quality/50 above, in whole per cent.
    Raises :class:`UsageError` for a quality out of range.
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality:g} is out of range; choose from 1 to 100")
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((ANNEX_K * percent + 50) // 100).clip(1, 255)
