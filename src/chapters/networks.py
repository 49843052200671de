"""Diagrams of chapter 2: the two kinds of attention network (Figs. 3 and 4 of the paper)."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters import style
from chapters.jpeg import draw_arrow, draw_step
from chapters.style import OKABE_ITO


def convolutional() -> Figure:
    """Photo → trunk → 1×1 convolution → sigmoid → A, which meets the DCT coefficients before they are divided."""
    fig, ax = _canvas(2.75, 5.55)
    _row(ax, 1.2, [("photo", "RGB"), ("trunk", "ImageNet"), ("1×1 conv.", "128 channels"), ("sigmoid", "0 to 1")])
    _row(
        ax,
        0.0,
        [("photo", "Y Cb Cr"), ("DCT", "F"), ("", ""), ("F ⊙ A", "the pre-edit"), ("quantise", "round( · / Q)")],
    )
    ax.text(3.1, 0.6, "A, luma and chroma", va="center", ha="left", fontweight="bold", color=OKABE_ITO["blue"])
    ax.text(1, 0.68, "looks at a neighbourhood", va="center", ha="center", fontsize=style.SMALLEST)
    draw_arrow(ax, (3, 0.94), (3, 0.27))
    return fig


def recurrent() -> Figure:
    """The blocks of luma go through one LSTM in raster order, those of chroma through another."""
    fig, ax = _canvas(2.75, 5.55)
    for y, plane, name in ((1.2, "Y", "A, luma"), (0.0, "Cb, Cr", "A, chroma")):
        steps = [
            (plane, "DCT blocks"),
            ("in a row", "64 numbers"),
            ("LSTM", "64 units"),
            ("(1 + h) / 2", "0 to 1"),
            (name, "8×8 a block"),
        ]
        _row(ax, y, steps)
        draw_arrow(ax, (1.75, y + 0.25), (2.25, y + 0.25), bend=-0.7)
        ax.text(2.32, y + 0.4, "state, to the next block", ha="left", va="center", fontsize=style.SMALLEST)
    return fig


def _canvas(height: float, right: float) -> tuple[Figure, Axes]:
    fig, axes = style.figure(height)
    axes[0, 0].set(xlim=(-0.55, right - 1), ylim=(-0.4, 1.8))
    axes[0, 0].axis("off")
    return fig, axes[0, 0]


def _row(ax: Axes, y: float, steps: list[tuple[str, str]]) -> None:
    """Boxes from left to right with arrows between; a nameless one is left out and its arrow passes through."""
    at = 0
    for i, (name, what) in enumerate(steps):
        if not name:
            continue
        draw_step(ax, (i, y), name, what)
        if i:
            draw_arrow(ax, (at + 0.45, y), (i - 0.43, y))
        at = i
