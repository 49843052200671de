"""Learned tables beside Annex K's: the same bits, spent otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from chapters.style import cells, use
from repro.evaluation import Curve
from repro.jpeg.tables import ZIGZAG, quality_tables

#: Inches: as narrow as three digits of 9 points allow, so that a phone shrinks them least.
_SIZE = (5.4, 5.7)


@dataclass(frozen=True)
class Beside:
    """Tables (2, 8, 8) learned at λ, and Annex K's at the quality whose files take as many bits per pixel."""

    lam: float
    bpp: float
    learned: np.ndarray
    quality: int
    annex_k: np.ndarray

    @property
    def first(self) -> tuple[int, int]:
        """The step of luma's means: learned, Annex K's."""
        return int(self.learned[0, 0, 0]), int(self.annex_k[0, 0, 0])

    def coarser(self, start: int, stop: int) -> float:
        """Learned luma steps over Annex K's, the mean of those from place ``start`` to ``stop`` in zigzag order."""
        places = ZIGZAG.numpy()[start:stop]
        return float((self.learned[0].ravel()[places] / self.annex_k[0].ravel()[places]).mean())

    @property
    def words(self) -> str:
        """What both spend, and where they differ."""
        learned, annex_k = self.first
        return (
            f"λ = {self.lam:g} takes {self.bpp:.2f} bits per pixel, as Annex K's tables do at quality {self.quality}. "
            f"The first luma step is {learned} instead of {annex_k}; the nine slowest of detail are "
            f"{self.coarser(1, 10):.2f} times Annex K's, the sixteen fastest {self.coarser(48, 64):.2f} times."
        )


def by_lambda(tables: Mapping[float, Sequence], learned: Curve, plain: Curve) -> list[Beside]:
    """λ → tables, each with Annex K's at the nearest whole quality of equal rate, the smallest λ first.

    ``learned`` and ``plain`` are curves of the same photos and kind of file, by λ and by quality; rates are means over
    photos. Settings of ``plain`` beyond its ends are not guessed: such λ are left out.
    """
    rates = {p["setting"] or 0: p["bpp"] or 0 for p in learned.mean().images["mean"]}
    known = [(p["bpp"] or 0, p["setting"] or 0) for p in plain.mean().images["mean"]]
    logs, qualities = np.log([bpp for bpp, _ in known]), [quality for _, quality in known]
    found = []
    for lam, bpp in sorted(rates.items()):
        if lam in tables and logs[0] <= np.log(bpp) <= logs[-1]:
            quality = round(float(np.interp(np.log(bpp), logs, qualities)))
            whole = np.rint(np.array(tables[lam])).clip(1, 255).astype(int)
            found.append(Beside(lam, bpp, whole, quality, quality_tables(quality).numpy()))
    return found


def lambda_slider(found: Sequence[Beside]) -> tuple[list[Figure], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``."""
    frames = [grids({f"Annex K, quality {b.quality}": b.annex_k, f"learned, λ = {b.lam:g}": b.learned}) for b in found]
    captions = [b.words for b in found]
    alts = [f"Four 8 by 8 tables, luma and chroma, of Annex K and learned. {words}" for words in captions]
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
