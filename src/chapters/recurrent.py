"""Pictures of chapter 7: blocks as a sequence, an LSTM unrolled, its memory, its maps, its rates of learning."""

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
from chapters.rate_distortion import look_of, plot_line
from chapters.style import INK, LOOKS, OKABE_ITO, PAPER
from chapters.tables import Rows
from repro.evaluation import Curve
from repro.experiments.claims import recurrent
from repro.model import S

#: What the paper compares, as the page calls it → its series.
NAMED = {
    "CNN (VGG-16)": recurrent.CNN,
    "LSTM": recurrent.LSTM,
    "BiLSTM": recurrent.BILSTM,
    "LSTM, min–max": recurrent.STRETCHED,
}
#: Learning rates' colours and lines, the smallest first.
_RATES = (("blue", "-"), ("orange", "--"), ("vermillion", ":"))


def step_of(row: int, col: int, cols: int) -> int:
    """At which step, counted from 1, the block in that row and column is read, of rows ``cols`` blocks long."""
    return row * cols + col + 1


def reading_order(rgb: np.ndarray, row: int, col: int) -> Figure:
    """Left: the photo, and every eighth row of blocks as it is read. Right: blocks around one, with their steps."""
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
    """3 × 5 blocks, each with how many steps before (−) or after (+) the middle one it is read."""
    cols = rgb.shape[1] // 8
    top, left = 8 * (row - 1), 8 * (col - 2)
    part = rgb[top : top + 24, left : left + 40]
    style.show_image(ax, (0.35 * part + 160).astype(np.uint8), f"around step {step_of(row, col, cols):,}")
    for down in range(-1, 2):
        for right in range(-2, 3):
            away = down * cols + right
            x, y = 8 * (right + 2) + 3.5, 8 * (down + 1) + 3.5
            color = OKABE_ITO["yellow"] + "cc" if away == 0 else OKABE_ITO["sky"] + "66" if away < 0 else "#00000011"
            ax.add_patch(Rectangle((x - 4, y - 4), 8, 8, fc=color, ec=PAPER))
            text = "now" if away == 0 else f"{away:+d}".replace("-", "−")
            ax.text(x, y, text, ha="center", va="center", fontsize=10, color=INK)


def unrolled() -> Figure:
    """Fig. 4 of the paper, unrolled: three blocks in a row, the state that is handed on, the map, the product."""
    fig, axes = style.figure(4.3)
    ax, gap = axes[0, 0], 1.75
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


def memory_plot(found: Mapping[str, np.ndarray], row: int, col: int, least: float = 1e-6) -> Figure:
    """How strongly each block moves the map of the block (row, col), network → (rows, cols) in 0–1, in the order of
    reading: three rows of blocks to each side."""
    fig, axes = style.figure(1.0 + 1.25 * len(found), len(found), 1, sharex=True)
    for ax, (name, strength) in zip(axes[:, 0], found.items(), strict=True):
        influence, cols = strength.ravel(), strength.shape[1]
        steps = np.arange(influence.size) - (row * cols + col)
        near = np.abs(steps) <= 3.2 * cols
        ax.fill_between(steps[near], least, influence[near].clip(least), step="mid", color=OKABE_ITO["blue"])
        for above in (-3, -2, -1, 1, 2, 3):
            ax.axvline(above * cols, color=OKABE_ITO["vermillion"], lw=1, ls=":")
        ax.set(yscale="log", ylim=(least, 2), title=name)
        ax.set_yticks([1e-6, 1e-4, 1e-2, 1])
    axes[len(found) // 2, 0].set_ylabel("influence")
    marks = {-2 * cols: "two rows\nabove", -cols: "block\nabove", 0: "the block\nitself", cols: "block\nbelow",
             2 * cols: "two rows\nbelow"}  # fmt: skip
    axes[-1, 0].set_xticks(
        list(marks), [f"{k:+d}\n{words}".replace("-", "−").replace("+0", "0") for k, words in marks.items()]
    )
    axes[-1, 0].set_xlabel("steps after (+) or before (−) the block in question")
    return fig


def memory_words(back: int, cols: int) -> str:
    """How a memory of ``back`` steps compares with the way to the block above, ``cols`` steps."""
    if back < cols:
        return f"does not reach the block above, which is {cols} steps back"
    return f"reaches the block above, which is {cols} steps back"


def figure_15(curves: Mapping[str, Curve], shaded: tuple[float, float] = (0.25, 0.42)) -> Figure:
    """Fig. 15 of the paper: MS-SSIM against bits per pixel, in its counting (left) and of the file itself (right)."""
    fig, axes = style.figure(4.4, 1, 2)
    ways = (("bpp_paper", (0.22, 0.8), "the paper's counting"), ("bpp_sequential", (0.1, 0.66), "the file itself"))
    for ax, (counting, rates, title) in zip(axes[0], ways, strict=True):
        for name in recurrent.FIGURE_15:
            as_it_is = counting == "bpp_sequential" and name in LOOKS
            look = look_of(name)
            curve = curves[name] if as_it_is else curves[name].counted(counting)
            plot_line(ax, curve, "ms_ssim", look, hollow=look.linestyle in (":", "-."))
        seen = np.concatenate([y[(rates[0] <= x) & (x <= rates[1])] for x, y in (_data(ax, i) for i in range(5))])
        ax.set(title=title, xlabel="bits per pixel", xlim=rates)
        if seen.size:
            ax.set_ylim(seen.min() - 0.01, seen.max() + 0.005)
    axes[0, 0].axvspan(*shaded, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)
    axes[0, 0].set_ylabel("MS-SSIM ↑")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    labels = [label.removesuffix(", optimised Huffman") for label in labels]
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig


def _data(ax: Axes, line: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = (np.asarray(values, dtype=float) for values in ax.get_lines()[line].get_data())
    return x, y


def histogram(found: Mapping[str, np.ndarray]) -> Figure:
    """How often each value of A occurs on a photo, (2, rows, cols, 8, 8) each, for luma and chroma."""
    fig, axes = style.figure(3.1, 1, 2, sharey=True)
    looks = (("sky", "-"), ("vermillion", "--"), ("black", ":"))
    for ax, plane, title in zip(axes[0], (0, 1), ("A for luma", "A for chroma"), strict=True):
        for (name, A), (color, line) in zip(found.items(), looks, strict=False):
            share, edges = np.histogram(A[plane], bins=60, range=(0, 1))
            look = {"color": OKABE_ITO[color], "linestyle": line, "linewidth": 2, "label": name}
            ax.stairs(100 * share / A[plane].size, edges, **look)
        ax.set(title=title, xlabel="A", xlim=(0, 1), yscale="log")
    axes[0, 0].set_ylabel("share of the coefficients, %")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def loss_plot(logs: Mapping[float, recurrent.Log], smooth: Mapping[float, np.ndarray]) -> Figure:
    """The loss of the LSTM's training at each learning rate: each logged row faint, ``smooth``, running means of some
    rows, bold."""
    fig, axes = style.figure(3.4)
    ax = axes[0, 0]
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


def rate_rows(logs: Mapping[float, recurrent.Log]) -> Rows:
    """One row a learning rate: how far a table entry moves in a step, where the loss ends, and that over its lowest."""
    rows: list[list[object]] = [
        [
            recurrent.learning_rate(rate),
            f"{rate / S:g}",
            f"{logs[rate][-1]['step']:.0f}",
            *(f"{np.mean([row[key] for row in logs[rate][-10:]]):.2f}" for key in ("loss", "rate")),
            f"{recurrent.overshoot(logs[rate]):.2f}",
        ]
        for rate in sorted(logs)
    ]
    return [
        "learning rate",
        "a table's entry moves, a step",
        "steps",
        "loss at the end",
        "its rate term",
        "end over its lowest",
    ], rows
