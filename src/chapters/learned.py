"""Quantisation tables with their numbers: learned ones beside Annex K's that take as many bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from chapters.style import cells, use
from repro.jpeg.tables import ZIGZAG

#: Inches: as narrow as three digits of 9 points allow, so that a phone shrinks them least.
_SIZE = (5.4, 5.7)


class Beside(NamedTuple):
    """Whole-number tables (2, 8, 8) learned at λ, and Annex K's at the quality that takes as many bits per pixel."""

    lam: float
    bpp: float
    learned: np.ndarray
    quality: int
    annex_k: np.ndarray

    def coarser(self, start: int, stop: int) -> float:
        """Learned luma steps over Annex K's, the mean of those from place ``start`` to ``stop`` in zigzag order."""
        places = np.asarray(ZIGZAG)[start:stop]
        return float((self.learned[0].ravel()[places] / self.annex_k[0].ravel()[places]).mean())


def lambda_slider(found: Sequence[Beside]) -> tuple[list[Figure], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``."""
    frames = [grids({f"Annex K, quality {b.quality}": b.annex_k, f"learned, λ = {b.lam:g}": b.learned}) for b in found]
    captions = [
        f"λ = {b.lam:g} takes {b.bpp:.2f} bits per pixel, as Annex K's tables do at quality {b.quality}. "
        f"The first luma step is {b.learned[0, 0, 0]} instead of {b.annex_k[0, 0, 0]}; the nine slowest of detail are "
        f"{b.coarser(1, 10):.2f} times Annex K's, the sixteen fastest {b.coarser(48, 64):.2f} times."
        for b in found
    ]
    alts = [f"Four 8 by 8 tables, luma and chroma, of Annex K and learned. {caption}" for caption in captions]
    return frames, [f"{b.lam:g}" for b in found], alts, captions


def grids(rows: Mapping[str, np.ndarray]) -> Figure:
    """Luma and chroma tables, (2, 8, 8) a row, with their numbers: light is fine, dark is coarse."""
    fig, axes = square_pairs(len(rows))
    for line, (name, tables) in zip(axes, rows.items(), strict=True):
        draw_tables(line, tables, name)
    return fig


def square_pairs(rows: int) -> tuple[Figure, np.ndarray]:
    """A figure for pairs of squares, and its axes (rows, 2)."""
    use()
    fig = Figure(figsize=(_SIZE[0], _SIZE[1] * rows / 2), layout="constrained")
    return fig, fig.subplots(rows, 2, squeeze=False)


def draw_tables(line: Sequence[Axes], tables: np.ndarray, name: str) -> None:
    """Luma and chroma table, (2, 8, 8), rounded, side by side."""
    for ax, table, channel in zip(line, np.rint(tables).astype(int), ("luma", "chroma"), strict=True):
        cells(ax, table, f"{name}: {channel}", cmap="cividis_r", norm=LogNorm(5, 255))
