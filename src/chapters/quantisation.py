"""Pictures of chapter 3: stand-ins for rounding, the slopes they report, and tables (learned and Annex K's)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from chapters.style import INK, OKABE_ITO, Box, Slider, cells, figure, legend_below, plot, show_image
from repro.jpeg.codestream import decode
from repro.jpeg.tables import ZIGZAG

#: The photo of the film → a part with a strong edge beside a flat area.
PARTS = {"kodim23.png": Box(208, 136, 96, 96), "coffee.png": Box(264, 280, 96, 96)}
#: Colour, line and marker of the first, second and third curve of each plot.
_LINES = (("vermillion", ":", "s"), ("blue", "-", "o"), ("green", "--", "^"))


def equation_slider(
    z: np.ndarray, values: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray], places: Sequence[float]
) -> Slider:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``: Eq. 3, marked at ``places``.

    ``values`` and ``slopes``: name → a stand-in's values and the derivatives that it reports, at each of ``z``.
    """
    frames, alts, captions = [], [], []
    for place in places:
        at = int(np.abs(z - place).argmin())
        told = [f"{_signed(slope[at])} ({name})" for name, slope in slopes.items()]
        captions.append(f"z = {place:g} rounds to {round(place)}. A gradient is multiplied by {'; '.join(told)}.")
        alts.append(f"A staircase and two curves on the left, three derivatives on the right. {captions[-1]}")
        frames.append(_equation_3(z, values, slopes, at))
    return frames, [f"{place:g}" for place in places], alts, captions


def _equation_3(z: np.ndarray, values: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray], at: int) -> Figure:
    fig, axes = figure(3.5, 1, 2, width=5.6)
    left, right = axes[0]
    left.plot(z, _broken(np.rint(z), z), color=INK, lw=3, alpha=0.35, label="rounding")
    left.plot(z[at], np.rint(z[at]), "D", color=INK, alpha=0.35, markersize=9)
    for ax, curves in ((left, values), (right, slopes)):
        ax.axvline(z[at], color="#999999", linewidth=1)
        for (name, curve), (color, line, _) in zip(curves.items(), _LINES, strict=False):
            ax.plot(z, _broken(curve, z) if ax is left else curve, line, color=OKABE_ITO[color], label=name)
            ax.plot(z[at], curve[at], "o", color=OKABE_ITO[color], zorder=3)
    right.axhline(0, color=INK, linewidth=1)
    left.set(title="value", xlabel="z")
    right.set(title="derivative", xlabel="z")
    handles = [left.get_lines()[0], *(line for line in right.get_lines() if line.get_label() in slopes)]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def path_plot(paths: Mapping[str, Sequence[float]], target: float) -> Figure:
    """Plot the path of a number under gradient descent, a line for each stand-in."""
    fig, ax = plot(2.9)
    ax.axhline(target, color="#666666", ls="--", lw=1, label="where the loss is least")
    for (name, path), (color, line, _) in zip(paths.items(), _LINES, strict=True):
        ax.plot(path, line, color=OKABE_ITO[color], label=name)
    ax.set(xlabel="step of gradient descent", ylabel="z, before rounding")
    fig.legend(loc="outside lower center", ncols=4)
    return fig


def adam_plot(paths: Mapping[str, Sequence[float]]) -> Figure:
    """Plot a table entry after each step of Adam, on a logarithmic scale."""
    fig, ax = plot(2.9)
    for (name, path), (color, line, _) in zip(paths.items(), _LINES[1:], strict=True):
        ax.plot(path, line, color=OKABE_ITO[color], label=name)
    ax.axhline(255, color="#666666", ls=":", lw=1, label="255, the largest a file can hold")
    ticks = [1, 2, 5, 10, 20, 50, 100, 255]
    ax.set(xlabel="step of Adam", ylabel="Q", yscale="log")
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig


def slope_plot(
    Q: np.ndarray, measured: Mapping[str, np.ndarray], reported: Mapping[str, Mapping[str, np.ndarray]]
) -> Figure:
    """Plot the slope of the squared error against the step, measured and as stand-ins report it, per frequency."""
    fig, axes = figure(3.2, 1, len(measured))
    for ax, (title, truth) in zip(axes[0], measured.items(), strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        ax.plot(Q, truth, color=INK, lw=4, alpha=0.3, label="measured")
        for (name, slope), (color, line, _) in zip(reported[title].items(), _LINES[1:], strict=True):
            ax.plot(Q, slope, line, color=OKABE_ITO[color], label=name)
        ax.set(title=title, xlabel="step Q")
    axes[0, 0].set_ylabel("slope of the squared error")
    legend_below(fig)
    return fig


def crop_plot(measured: Mapping[str, np.ndarray], reported: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Plot reported against measured slope, a panel per frequency, a point per crop."""
    fig, axes = figure(3.1, 1, len(measured))
    for ax, (title, truth) in zip(axes[0], measured.items(), strict=True):
        most = truth.max()
        line = np.linspace(truth.min(), most, 50)
        ax.axhline(0, color=INK, linewidth=1)
        ax.plot(line, line, color=INK, lw=4, alpha=0.3, label="reported = measured")
        for (name, slope), (color, _, marker) in zip(reported[title].items(), _LINES[1:], strict=True):
            ax.plot(truth, slope, marker, ms=4, alpha=0.75, color=OKABE_ITO[color], label=name)
        ax.set(title=title, xlabel="measured slope")
        if max(np.abs(slope).max() for slope in reported[title].values()) > 5 * most:
            ax.set_yscale("symlog", linthresh=most, linscale=2)
            around = [sign * size for sign in (-1, 1) for size in (5, 20, 100)]
            low, high = ax.get_ylim()
            marks = [0, *(mark for mark in around if low <= mark <= high)]
            ax.set_yticks(marks, [f"{mark}".replace("-", "−") for mark in marks])
            ax.yaxis.set_minor_locator(NullLocator())
            ax.set_title(f"{title}, uneven scale")
    axes[0, 0].set_ylabel("reported slope")
    legend_below(fig)
    return fig


def film_slider(film: Sequence[tuple[int, np.ndarray, bytes]], rgb: np.ndarray, box: Box) -> Slider:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``: a film of one training.

    ``film``: (step, tables (2, 8, 8), file of the photo ``rgb``) of each step. Nine of them are shown, closer together
    near the start, where most happens.
    """
    last = len(film) - 1
    chosen = sorted({round(last * (i / 8) ** 1.6) for i in range(9)})
    frames, labels, captions = [], [], []
    for step, tables, data in (film[i] for i in chosen):
        pixels = decode(data)
        bpp, mse = 8 * len(data) / rgb[..., 0].size, float(np.square(pixels.astype(float) - rgb).mean())
        fig, axes = figure(5.7, 2, 2, width=5.4)
        _draw_tables(axes[0], tables, f"step {step}")
        show_image(axes[1, 0], box.of(rgb), "part of the photo", interpolation="nearest")
        show_image(axes[1, 1], box.of(pixels), f"{bpp:.2f} bpp, MSE {mse:.0f}", interpolation="nearest")
        frames.append(fig)
        labels.append(str(step))
        captions.append(
            f"Step {step}: the first luma entry is {tables[0, 0, 0]:.0f}, the last {tables[0, 7, 7]:.0f}, the first "
            f"chroma entry {tables[1, 0, 0]:.0f}. The photo's file takes {bpp:.2f} bits per pixel, with an MSE of "
            f"{mse:.0f}."
        )
    alts = [f"Both tables, a part of the photo, and the same part of the file. {caption}" for caption in captions]
    return frames, labels, alts, captions


def loss_plot(log: Sequence[Mapping[str, float]], lam: float) -> Figure:
    """Plot the loss of Eq. 7 and its two terms, λ·d and r, at each logged step."""
    fig, ax = plot(2.9)
    steps = [row["step"] for row in log]
    lines = {
        "loss": [row["loss"] for row in log],
        "λ · distortion": [lam * row["d"] for row in log],
        "rate term": [row["rate"] for row in log],
    }
    for (label, values), color, marker in zip(
        lines.items(), ("black", "vermillion", "blue"), ("", "s", "o"), strict=True
    ):
        ax.plot(steps, values, label=label, color=OKABE_ITO[color], marker=marker, markersize=4)
    ax.set(xlabel="step", ylabel="terms of Eq. 7", ylim=(0, None))
    ax.legend()
    return fig


class Beside(NamedTuple):
    """Integer tables (2, 8, 8) learned at λ, and Annex K's at the quality that takes as many bits per pixel."""

    lam: float
    bpp: float
    learned: np.ndarray
    quality: int
    annex_k: np.ndarray

    def coarser(self, start: int, stop: int) -> float:
        """Mean ratio of learned luma steps to Annex K's, over the zigzag places ``start`` to ``stop`` − 1."""
        places = np.asarray(ZIGZAG)[start:stop]
        return float((self.learned[0].ravel()[places] / self.annex_k[0].ravel()[places]).mean())


def lambda_slider(found: Sequence[Beside]) -> Slider:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``, one frame per λ."""
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
    """Plot luma and chroma tables with their numbers, name → (2, 8, 8), one pair per row; dark steps are coarse.

    The figure is as narrow as three 9-point digits per cell allow, so that a phone shrinks it least.
    """
    fig, axes = figure(2.85 * len(rows), len(rows), 2, width=5.4)
    for line, (name, tables) in zip(axes, rows.items(), strict=True):
        _draw_tables(line, tables, name)
    return fig


def _draw_tables(line: Sequence[Axes], tables: np.ndarray, name: str) -> None:
    """Draw the luma and the chroma table of ``tables`` (2, 8, 8), rounded, side by side."""
    for ax, table, channel in zip(line, np.rint(tables).astype(int), ("luma", "chroma"), strict=True):
        cells(ax, table, f"{name}: {channel}", cmap="cividis_r", norm=LogNorm(5, 255))


def _signed(number: float) -> str:
    return f"{number + 0.0:+.2f}".replace("-", "−").replace("+0.00", "0")


def _broken(value: np.ndarray, z: np.ndarray) -> np.ndarray:
    """``value`` with a gap (NaN) wherever rounding jumps, so that no line is drawn across a jump."""
    jumps = np.diff(np.rint(z), append=np.rint(z[-1])) != 0
    return np.where(jumps, np.nan, value)
