"""Chapter 10, first half: what the trellis keeps of a block, what an error is worth, and the descent step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from chapters.learned import grids
from chapters.style import INK, OKABE_ITO, PAPER, cells, figure, show_image
from repro.encoder import models
from repro.encoder.images import Picture
from repro.experiments import ablations
from repro.jpeg.dct import idct
from repro.jpeg.tables import quality_tables
from repro.torch_encoder.descent import PLANS, DescentEncoder
from repro.trellis import planes, sensitivity, symbols

#: Each term of the distortion as a title says it.
TERMS = {"mse": "MSE", "lpips": "LPIPS", "ms_ssim": "MS-SSIM"}


@dataclass(frozen=True)
class Block:
    """One luma block, rounded and by the trellis.

    pixels (8, 8) levels; rounded, chosen (8, 8) whole numbers, natural order; bits and squared errors (levels²) of the
    AC of both, in codes made for the photo.
    """

    pixels: np.ndarray
    rounded: np.ndarray
    chosen: np.ndarray
    bits: tuple[float, float]
    errors: tuple[float, float]

    @property
    def dropped(self) -> int:
        """How many numbers the trellis makes zero."""
        return int(((self.rounded != 0) & (self.chosen == 0)).sum())

    @property
    def shrunk(self) -> int:
        """How many it makes smaller, but keeps."""
        return int(((np.abs(self.chosen) < np.abs(self.rounded)) & (self.chosen != 0)).sum())

    @property
    def saved(self) -> float:
        """Share of the block's bits, in per cent."""
        return 100 * (1 - self.bits[1] / self.bits[0])


@dataclass(frozen=True)
class Choice:
    """A photo's luma, rounded and by the trellis: the block that shows most, and the same shares of all blocks."""

    block: Block
    bits_saved: float
    error_added: float
    zeroed: float


def choice(rgb: np.ndarray, quality: int) -> Choice:
    """The trellis for MSE alone on ``rgb``, (H, W, 3) uint8, with Annex K's tables at ``quality``.

    The block is the one of 8 to 20 numbers, at least 4 of which it keeps, that saves most bits.
    Shares are in per cent of luma's AC: of its bits,
    of its squared error, and of the numbers that are not zero after rounding.
    """
    dct = planes.forward_dct(rgb, "4:2:0")
    tables = quality_tables(quality)
    weights = ablations.mse_weights(dct)
    plain = ablations.rounded(dct, tables)[0]
    best = planes.trellis_quantize(dct, weights, tables, ablations.lam_of(tables))[0]
    F, Q = dct.planes[0].F, planes.steps(tables, 0)
    costs = symbols.ac_costs(symbols.ac_symbols(best))
    bits = np.array([[symbols.ac_symbols(z[i : i + 1]) @ costs for i in range(len(z))] for z in (plain, best)])
    errors = np.array([np.square(F - z * Q)[:, 1:].sum(1) for z in (plain, best)])
    kept = (plain[:, 1:] != 0).sum(1)
    enough = (kept >= 8) & (kept <= 20) & ((best[:, 1:] != 0).sum(1) >= 4)
    saved = np.where(enough, bits[0] - bits[1], -np.inf)
    i = int(saved.argmax())
    pixels = _pixels(F[i])
    of_block = Block(pixels, _square(plain[i]), _square(best[i]), _two(bits[:, i]), _two(errors[:, i]))
    zeroed = ((plain[:, 1:] != 0) & (best[:, 1:] == 0)).sum() / max(1, kept.sum())
    total_bits, total_errors = bits.sum(1), errors.sum(1)
    return Choice(
        of_block,
        float(100 * (1 - total_bits[1] / total_bits[0])),
        float(100 * (total_errors[1] / total_errors[0] - 1)),
        float(100 * zeroed),
    )


def block_plot(block: Block) -> Figure:
    """The block's pixels, its numbers as rounding and as the trellis leaves them; what became zero is framed."""
    fig, axes = figure(3.0, 1, 3, width_ratios=(0.8, 1.2, 1.2))
    show_image(axes[0, 0], block.pixels, "the block", vmin=0, vmax=255, interpolation="nearest")
    for ax, numbers, title, bits in (
        (axes[0, 1], block.rounded, "rounded", block.bits[0]),
        (axes[0, 2], block.chosen, "by the trellis", block.bits[1]),
    ):
        reach = max(1, int(np.abs(block.rounded.ravel()[1:]).max()))
        cells(ax, numbers, f"{title}: {bits:.0f} bits of AC", cmap="RdBu_r", vmin=-2 * reach, vmax=2 * reach)
    for row, col in np.argwhere(block.rounded != block.chosen):
        zero = block.chosen[row, col] == 0
        color = OKABE_ITO["vermillion" if zero else "orange"]
        place = Rectangle((col - 0.45, row - 0.45), 0.9, 0.9, fill=False, edgecolor=color, linewidth=2)
        place.set_linestyle("-" if zero else ":")
        axes[0, 2].add_patch(place)
    return fig


def worth_plot() -> Figure:
    """What a squared error of a luma coefficient is worth to each term: activity down, frequency across.

    Each map is divided by its own mean; white is the mean, and the scale is logarithmic.
    """
    found = sensitivity.shipped().of
    fig, axes = figure(3.1, 1, len(TERMS), sharey=True)
    for ax, (term, label) in zip(axes[0], TERMS.items(), strict=True):
        worth = np.maximum(found[term][0, 0], 0)
        relative = np.clip(worth / worth.mean(), 0.02, 50)
        shown = ax.imshow(relative, norm=LogNorm(0.02, 50), cmap="RdBu_r", aspect="auto", interpolation="nearest")
        ax.set(title=label, xlabel="frequency, in zigzag order")
        ax.grid(False)
    edges = [f"{edge:g}" for edge in sensitivity.EDGES]
    rows = len(sensitivity.RATIOS) + 1  # of each activity: calmer than what is around it, alike, busier
    axes[0, 0].set_yticks(rows * (np.arange(len(edges)) + 1) - 0.5, edges)
    axes[0, 0].set_ylabel("activity around the block")
    fig.colorbar(shown, ax=list(axes[0]), label="worth, against the mean", shrink=0.8)
    return fig


def leaning(term: str) -> float:
    """How many times as much an error in the lower half of luma's AC is worth to ``term`` as one in the upper half."""
    worth = np.maximum(sensitivity.shipped().of[term][0, 0], 0)
    return float(worth[:, 1:32].mean() / worth[:, 32:].mean())


def tables_plot(quality: int) -> Figure:
    """Annex K's luma and chroma tables at ``quality`` above those learned through the trellis."""
    rows = {"Annex K": quality_tables(quality), "learned": models.load(models.TRELLIS).at(quality).tables}
    return grids(rows)


def table_words(quality: int) -> dict[str, float]:
    """For glue: the mean step of the highest frequencies over that of the lowest, of both luma tables."""
    found = {}
    for name, tables in (
        ("annexk", quality_tables(quality)),
        ("learned", models.load(models.TRELLIS).at(quality).tables),
    ):
        steps = planes.steps(tables, 0).astype(float)
        found[f"steepness_{name}"] = float(steps[-16:].mean() / steps[1:10].mean())
    return found


@dataclass(frozen=True)
class Way:
    """The descent on one photo: after each of ``steps``, J over what it was with the trellis alone."""

    steps: tuple[int, ...]
    objective: tuple[float, ...]

    @property
    def gained(self) -> float:
        """Of the objective, in per cent, by the last step."""
        return 100 * (1 - self.objective[-1])

    @property
    def half(self) -> int:
        """The first of the steps after which half of that was gained."""
        return next(s for s, J in zip(self.steps, self.objective, strict=True) if self.gained / 2 <= 100 * (1 - J))


def way(rgb: np.ndarray, quality: int, steps: int) -> Way:
    """The best objective of ``"best"``'s descent on ``rgb``, (H, W, 3) uint8, after 0 to ``steps`` steps."""
    chosen = models.load(models.TRELLIS)
    plan = PLANS["best"]
    encoder = DescentEncoder(Picture(rgb), chosen, plan)
    found = encoder.descend(encoder.prepare(quality), replace(plan.descent, steps=steps))
    best = np.minimum.accumulate(found.objective) / found.before
    return Way(tuple(range(len(best))), tuple(best.tolist()))


def way_plot(descent: Way) -> Figure:
    """Objective against step."""
    fig, axes = figure(2.8)
    ax = axes[0, 0]
    ax.plot(descent.steps, 100 * np.array(descent.objective), "o-", color=OKABE_ITO["blue"])
    ax.axhline(100, color=INK, linewidth=1)
    ax.set(xlabel="step", ylabel="distortion + λ · bits,\n% of the trellis's alone", facecolor=PAPER)
    return fig


def _pixels(F: np.ndarray) -> np.ndarray:
    """(64,) zigzag coefficients → (8, 8) levels on 0–255."""
    return (idct(_square(F)) + 128).clip(0, 255)


def _square(zigzag: np.ndarray) -> np.ndarray:
    return zigzag[planes.NATURAL].reshape(8, 8)


def _two(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
