"""The picture of chapter 11: a photo beside what an encoder knew of it."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from chapters.style import WIDTH, figure, show_image

#: No picture in a page needs more pixels across than this.
_ACROSS = 900


def known_plot(rgb: np.ndarray, values: np.ndarray, label: str, *, ratio: bool) -> Figure:
    """The photo (H, W, 3), and a number for each of its blocks (rows, cols): 0 to 1, or multiples of their mean."""
    step = -(-rgb.shape[1] // _ACROSS)
    fig, axes = figure(min(9.0, WIDTH / 2 * rgb.shape[0] / rgb.shape[1]) + 0.9, 1, 2)
    show_image(axes[0, 0], rgb[::step, ::step], "photo")
    low, high = float(values.min()), float(values.max())
    low = min(low, high / 1.01)  # one colour, too, has a scale
    norm = {"norm": LogNorm(low, high)} if ratio else {"vmin": low, "vmax": high}
    shown = show_image(axes[0, 1], values, "block by block", cmap="viridis", interpolation="nearest", **norm)
    fig.colorbar(shown, ax=axes[0, :], orientation="horizontal", label=label, fraction=0.07, aspect=50)
    return fig
