"""Diagrams of chapters 1, 2 and 7: boxes and arrows (Figs. 2 to 4 of the paper)."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from chapters import style
from chapters.style import OKABE_ITO

#: The encoder's steps with what each does, and below them the decoder's steps that undo them. Fig. 2 of the paper.
_STEPS = (
    ("colour", "RGB → Y Cb Cr"),
    ("blocks", "8×8, − 128"),
    ("DCT", "64 numbers F"),
    ("quantise", "round(F / Q)"),
    ("entropy code", "Huffman codes"),
)
_BACK = (
    ("colour", "Y Cb Cr → RGB"),
    ("unblock", "+ 128"),
    ("inverse DCT", "add 64 waves"),
    ("scale", "Ẑ · Q"),
    ("decode", "Huffman codes"),
)


def workflow() -> Figure:
    """The encoder from left to right, the decoder from right to left. The one lossy step is marked."""
    fig, ax = style.plot(2.9)
    ax.set(xlim=(-0.55, 5.6), ylim=(-0.55, 1.75))
    ax.axis("off")
    for row, steps in ((1.15, _STEPS), (0.0, _BACK)):
        for i, (name, what) in enumerate(steps):
            draw_step(ax, (i, row), name, what, loses=name == "quantise")
    for i in range(4):
        draw_arrow(ax, (i + 0.44, 1.15), (i + 0.57, 1.15))
        draw_arrow(ax, (i + 0.56, 0), (i + 0.43, 0))
    ax.text(5.1, 0.575, ".jpg\nfile", ha="center", va="center", fontweight="bold")
    draw_arrow(ax, (4.46, 1.15), (5.1, 0.85), bend=-0.3)
    draw_arrow(ax, (5.1, 0.3), (4.46, 0), bend=-0.3)
    ax.text(-0.45, 1.68, "Encoder", fontweight="bold", va="top")
    ax.text(-0.45, 0.53, "Decoder", fontweight="bold", va="top")
    ax.text(3, 0.62, "only here is\nanything thrown away", ha="center", va="center", color=OKABE_ITO["vermillion"])
    return fig


def convolutional() -> Figure:
    """Photo → trunk → 1×1 convolution → sigmoid → A, which multiplies the DCT coefficients before quantisation."""
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
    """Luma blocks go through one LSTM in raster order, chroma blocks through another."""
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


def draw_step(
    ax: Axes, at: tuple[float, float], name: str, what: str, *, loses: bool = False, wide: float = 0.9
) -> None:
    """Draw a box of a diagram with a name and, below it, what the step does."""
    color = OKABE_ITO["vermillion" if loses else "blue"]
    corner, shape = (at[0] - wide / 2, at[1] - 0.24), "round,pad=0,rounding_size=0.06"
    ax.add_patch(FancyBboxPatch(corner, wide, 0.48, boxstyle=shape, fc=color + "1c", ec=color, lw=1.4))
    ax.text(at[0], at[1] + 0.1, name, ha="center", va="center", fontweight="bold", fontsize=style.SMALLEST)
    ax.text(at[0], at[1] - 0.11, what, ha="center", va="center", fontsize=style.SMALLEST)


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    """Draw an arrow of a diagram, straight or bent."""
    how: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 11,
        "color": "#444444",
        "connectionstyle": f"arc3,rad={bend}",
    }
    ax.add_patch(FancyArrowPatch(start, end, **how))


def _canvas(height: float, right: float) -> tuple[Figure, Axes]:
    fig, ax = style.plot(height)
    ax.set(xlim=(-0.55, right - 1), ylim=(-0.4, 1.8))
    ax.axis("off")
    return fig, ax


def _row(ax: Axes, y: float, steps: list[tuple[str, str]]) -> None:
    """Draw boxes from left to right with arrows between them. A step without a name is skipped; its arrow spans it."""
    at = 0
    for i, (name, what) in enumerate(steps):
        if not name:
            continue
        draw_step(ax, (i, y), name, what)
        if i:
            draw_arrow(ax, (at + 0.45, y), (i - 0.43, y))
        at = i
