"""Pictures of chapter 7: blocks as a sequence, an unrolled LSTM, its memory, its maps, its learning rates."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, ScalarFormatter

from chapters import style
from chapters.diagrams import draw_arrow, draw_step
from chapters.rate_distortion import draw_curves, legend_of_two_countings
from chapters.style import INK, OKABE_ITO, PAPER, legend_below
from repro.evaluation import Curve
from repro.experiments.claims import recurrent

#: Colour and line of each learning rate, the smallest first.
_RATES = (("blue", "-"), ("orange", "--"), ("vermillion", ":"))


def reading_order(rgb: np.ndarray, row: int, col: int) -> Figure:
    """Plot the photo with every eighth row of blocks as an arrow (left), and the blocks around (row, col) (right)."""
    rows, cols = rgb.shape[0] // 8, rgb.shape[1] // 8
    fig, axes = style.figure(2.75, 1, 2, width_ratios=(1.5, 1.15))
    ax = axes[0, 0]
    style.show_image(ax, rgb, f"{rows} × {cols} blocks, {rows * cols:,} steps")
    colors = matplotlib.colormaps["viridis"](np.linspace(0.25, 1, rows))
    for i in range(2, rows, 8):
        ax.annotate("", (rgb.shape[1] - 6, 8 * i + 4), (6, 8 * i + 4),
                    arrowprops={"arrowstyle": "-|>", "color": colors[i], "lw": 2})  # fmt: skip
    _numbered(axes[0, 1], rgb, row, col)
    return fig


def _numbered(ax: Axes, rgb: np.ndarray, row: int, col: int) -> None:
    """Draw 3 × 5 blocks, each with the number of steps that it is read before (−) or after (+) the middle one."""
    cols = rgb.shape[1] // 8
    top, left = 8 * (row - 1), 8 * (col - 2)
    part = rgb[top : top + 24, left : left + 40]
    style.show_image(ax, (0.35 * part + 160).astype(np.uint8), f"around step {row * cols + col + 1:,}")
    for down in range(-1, 2):
        for right in range(-2, 3):
            away = down * cols + right
            x, y = 8 * (right + 2) + 3.5, 8 * (down + 1) + 3.5
            color = OKABE_ITO["yellow"] + "cc" if away == 0 else OKABE_ITO["sky"] + "66" if away < 0 else "#00000011"
            ax.add_patch(Rectangle((x - 4, y - 4), 8, 8, fc=color, ec=PAPER))
            text = "now" if away == 0 else f"{away:+d}".replace("-", "−")
            ax.text(x, y, text, ha="center", va="center", fontsize=10, color=INK)


def unrolled() -> Figure:
    """Fig. 4 of the paper, unrolled over three blocks: the state that is passed on, the map, and the product."""
    fig, ax = style.plot(4.3)
    gap = 1.75
    ax.set(xlim=(-1.15, 3 * gap + 0.1), ylim=(-0.45, 4.15))
    ax.axis("off")
    for i, when in enumerate(("t − 1", "t", "t + 1")):
        x = gap * i
        draw_step(ax, (x, 0), f"block {when}", "F, 64 numbers", wide=1.15)
        draw_step(ax, (x, 1.2), "LSTM", "64 units", wide=0.95)
        draw_step(ax, (x, 2.4), "A", "(1 + h) / 2", wide=0.95)
        draw_step(ax, (x, 3.6), "F ⊙ A", "then ÷ Q, round", wide=1.15)
        for y in (0, 1.2, 2.4):
            draw_arrow(ax, (x, y + 0.26), (x, y + 0.94))
        ax.plot([x - 0.58, x - 0.72, x - 0.72], [0, 0, 3.6], color="#444444", lw=1)
        draw_arrow(ax, (x - 0.74, 3.6), (x - 0.56, 3.6))
    for i in range(-1, 3):
        draw_arrow(ax, (gap * i + 0.5, 1.3), (gap * (i + 1) - 0.48, 1.3))
        ax.annotate("", (gap * i + 0.5, 1.06), (gap * (i + 1) - 0.48, 1.06),
                    arrowprops={"arrowstyle": "-|>", "color": OKABE_ITO["vermillion"], "ls": "--"})  # fmt: skip
    ax.text(gap * 2.5, 1.55, "state\n(h, c)", ha="center", va="bottom", fontsize=9)
    ax.text(gap * 2.5, 0.86, "BiLSTM: a\nsecond network,\nfrom the end", ha="center", va="top", fontsize=9,
            color=OKABE_ITO["vermillion"])  # fmt: skip
    return fig


def memory_plot(found: Mapping[str, np.ndarray], row: int, col: int) -> Figure:
    """Plot the influence of each block, in reading order, on the map of the block (row, col), three rows to each side.

    ``found``: network → influence (rows, cols) in 0–1.
    """
    fig, axes = style.figure(1.0 + 1.25 * len(found), len(found), 1, sharex=True)
    for ax, (name, strength) in zip(axes[:, 0], found.items(), strict=True):
        influence, cols = strength.ravel(), strength.shape[1]
        steps = np.arange(influence.size) - (row * cols + col)
        near = np.abs(steps) <= 3.2 * cols
        ax.fill_between(steps[near], 1e-6, influence[near].clip(1e-6), step="mid", color=OKABE_ITO["blue"])
        for above in (-3, -2, -1, 1, 2, 3):
            ax.axvline(above * cols, color=OKABE_ITO["vermillion"], lw=1, ls=":")
        ax.set(yscale="log", ylim=(1e-6, 2), title=name)
        ax.set_yticks([1e-6, 1e-4, 1e-2, 1])
    axes[len(found) // 2, 0].set_ylabel("influence")
    marks = {-2 * cols: "two rows\nabove", -cols: "block\nabove", 0: "the block\nitself", cols: "block\nbelow",
             2 * cols: "two rows\nbelow"}  # fmt: skip
    axes[-1, 0].set_xticks(
        list(marks), [f"{k:+d}\n{words}".replace("-", "−").replace("+0", "0") for k, words in marks.items()]
    )
    axes[-1, 0].set_xlabel("steps after (+) or before (−) the block in question")
    return fig


def figure_15(curves: Mapping[str, Curve]) -> Figure:
    """Fig. 15 of the paper: MS-SSIM against bits per pixel, in the paper's counting (left) and of the file (right)."""
    fig, axes = style.figure(4.4, 1, 2)
    chosen = {name: curves[name] for name in recurrent.FIGURE_15}
    draw_curves(axes[0, 0], chosen, "ms_ssim", "bpp_paper", (0.22, 0.8), (0.25, 0.42))
    draw_curves(axes[0, 1], chosen, "ms_ssim", "bpp_sequential", (0.1, 0.66))
    axes[0, 0].set(title="the paper's counting", ylabel="MS-SSIM ↑")
    axes[0, 1].set_title("the file itself")
    legend_of_two_countings(fig)
    return fig


def histogram(found: Mapping[str, np.ndarray]) -> Figure:
    """Plot histograms of A, luma and chroma, for up to three networks (name → (2, rows, cols, 8, 8))."""
    fig, axes = style.figure(3.1, 1, 2, sharey=True)
    looks = (("sky", "-"), ("vermillion", "--"), ("black", ":"))
    for ax, plane, title in zip(axes[0], (0, 1), ("A for luma", "A for chroma"), strict=True):
        for (name, A), (color, line) in zip(found.items(), looks, strict=False):
            share, edges = np.histogram(A[plane], bins=60, range=(0, 1))
            look = {"color": OKABE_ITO[color], "linestyle": line, "linewidth": 2, "label": name}
            ax.stairs(100 * share / A[plane].size, edges, **look)
        ax.set(title=title, xlabel="A", xlim=(0, 1), yscale="log")
    axes[0, 0].set_ylabel("share of the coefficients, %")
    legend_below(fig)
    return fig


def loss_plot(logs: Mapping[float, recurrent.Log], smooth: Mapping[float, np.ndarray]) -> Figure:
    """Plot the LSTM's training loss at each learning rate: logged values faint, their running means ``smooth`` bold."""
    fig, ax = style.plot(3.4)
    for rate, (color, line) in zip(sorted(logs), _RATES, strict=True):
        steps, losses = (np.array([row[key] for row in logs[rate]]) for key in ("step", "loss"))
        means = smooth[rate]
        ends = steps[len(steps) - len(means) :]
        ax.plot(steps, losses, color=OKABE_ITO[color], alpha=0.25, lw=1)
        ax.plot(ends, means, color=OKABE_ITO[color], ls=line, lw=2.2, label=recurrent.learning_rate(rate))
        ax.plot(ends[means.argmin()], means.min(), "o", color=OKABE_ITO[color], ms=8, mfc="white")
    ax.set(xlabel="step", ylabel="loss", yscale="log")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    for axis_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        axis_formatter(ScalarFormatter())
    ax.legend(title="learning rate (○: lowest)", loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
