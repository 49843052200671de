"""The contents of a JPEG file before entropy coding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_SIDE = 65_500
#: The largest coefficient in baseline JPEG. Categories go up to 10 for AC and up to 11 for DC differences.
LARGEST = 1023


@dataclass(frozen=True)
class Coefficients:
    """A picture as a JPEG file stores it.

    planes
        one (grey) or three (Y, Cb, Cr) int16 arrays (rows, cols, 8, 8): Ẑ, the quantised DCT coefficients.
    tables
        uint16 array (1, 2 or 3, 8, 8), entries in 1–255: Q for luma and, with three planes, one for chroma or one each
        for Cb and Cr.
    height, width
        the picture's size in pixels, 1–65 500. The planes cover it; edge blocks are padded.

    Raises ``ValueError`` if an argument is out of range, or if planes, tables and size do not match.
    """

    planes: tuple[np.ndarray, ...]
    tables: np.ndarray
    height: int
    width: int

    def __post_init__(self) -> None:
        if len(self.planes) not in (1, 3) or any(p.ndim != 4 or p.shape[2:] != (8, 8) for p in self.planes):
            raise ValueError(f"planes: expected 1 or 3 of (rows, cols, 8, 8), got {[p.shape for p in self.planes]}")
        if self.tables.shape[1:] != (8, 8) or len(self.tables) not in ((1,) if len(self.planes) == 1 else (2, 3)):
            raise ValueError(f"tables: expected one for luma and one or two for chroma, got {self.tables.shape}")
        if self.tables.min() < 1 or self.tables.max() > 255:
            raise ValueError(f"tables: entries must be 1–255, got {self.tables.min()}–{self.tables.max()}")
        if not (0 < self.height <= MAX_SIDE and 0 < self.width <= MAX_SIDE):
            raise ValueError(f"size: JPEG sides are 1–{MAX_SIDE}, got {self.width}×{self.height}")
        if self.planes[0].shape[:2] != (_blocks(self.height), _blocks(self.width)):
            raise ValueError(
                f"planes: {self.planes[0].shape[:2]} blocks do not cover {self.width}×{self.height} pixels"
            )
        _ = self.subsampling

    @property
    def subsampling(self) -> str:
        """``"grey"``, ``"4:4:4"`` or ``"4:2:0"``."""
        if len(self.planes) == 1:
            return "grey"
        full = (_blocks(self.height), _blocks(self.width))
        half = (_blocks(-(-self.height // 2)), _blocks(-(-self.width // 2)))
        chroma = {p.shape[:2] for p in self.planes[1:]}
        if chroma == {full}:  # a picture of one block is the same either way: call it 4:4:4
            return "4:4:4"
        if chroma == {half}:
            return "4:2:0"
        raise ValueError(f"planes: chroma of {chroma} blocks is neither 4:4:4 {full} nor 4:2:0 {half}")

    def table(self, plane: int) -> np.ndarray:
        """(8, 8): the quantisation steps of a plane. If there are two tables, Cb and Cr share the second."""
        return self.tables[min(plane, len(self.tables) - 1)]


def _blocks(pixels: int) -> int:
    return -(-pixels // 8)
