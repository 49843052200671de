"""Chapter 1's block put together again, one cosine after the other, in the order in which a file holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from chapters import style
from chapters.jpeg import code_block
from chapters.style import FAINT, OKABE_ITO, PAPER, show_image
from repro.jpeg.dct import idct
from repro.jpeg.tables import ZIGZAG

#: Inches: narrow, so that its text can still be read where a phone shrinks it to its own width.
_SIZE, _DPI = (4.8, 4.1), 130


@dataclass(frozen=True)
class Part:
    """A block's sum of cosines so far: the last one's place in zigzag order, its row v and column u, its coefficient F.

    ``added`` (8, 8) is what that cosine brings, ``so_far`` (8, 8) the sum in levels of 0–255, not rounded, and
    ``error`` the root mean square by which the sum is off, in levels.
    """

    place: int
    at: tuple[int, int]
    F: float
    added: np.ndarray
    so_far: np.ndarray
    error: float

    @property
    def words(self) -> str:
        """Which cosine was added last, how much of it, and what the sum still lacks."""
        (v, u), F = self.at, f"{self.F:.1f}".replace("-", "−")
        named = "the mean (row 0, column 0)" if self.place == 0 else f"row {v}, column {u}"
        return f"Place {self.place}, {named}: F = {F}. The sum so far is off by {self.error:.1f} levels (RMS)."


def parts(samples: np.ndarray) -> list[Part]:
    """The 64 sums of a block (8, 8) of samples 0–255, from the mean alone to all of it. Nothing is rounded."""
    F = code_block(samples, np.ones((8, 8))).F
    so_far, found = np.full((8, 8), 128.0), []
    for place, index in enumerate(ZIGZAG.tolist()):
        one = np.zeros(64)
        one[index] = F.ravel()[index]
        added = idct(torch.from_numpy(one).view(1, 1, 1, 1, 8, 8)).numpy()[0, 0, 0, 0]
        so_far = so_far + added
        error = float(np.sqrt(((so_far - samples) ** 2).mean()))
        found.append(Part(place, divmod(index, 8), float(F.ravel()[index]), added, so_far, error))
    return found


def rebuild_slider(samples: np.ndarray) -> tuple[list[np.ndarray], list[str], list[str], list[str]]:
    """Frames, labels, alternative texts and captions for ``bookkit.frames_slider``: :func:`parts`, one a stop."""
    made = parts(samples)
    captions = [part.words for part in made]
    alts = [f"The block, the cosine added last, the sum so far, and its error by place. {told}" for told in captions]
    return list(_frames(samples, made)), [str(part.place) for part in made], alts, captions


@dataclass(frozen=True)
class _Canvas:
    """The figure that all frames are drawn on, and what changes in it: sum and cosine, the 64 places, the dot."""

    fig: Figure
    pictures: tuple[AxesImage, AxesImage]
    places: list[Rectangle]
    dot: Line2D


def _frames(samples: np.ndarray, made: Sequence[Part]) -> Iterator[np.ndarray]:
    """Pixels (H, W, 3) of one frame a part. One figure is laid out once and filled anew: laying out takes longest."""
    drawn = _canvas(samples, made)
    canvas = FigureCanvasAgg(drawn.fig)
    canvas.draw()
    drawn.fig.set_layout_engine("none")
    for part in made:
        for picture, pixels in zip(drawn.pictures, (part.so_far, part.added), strict=True):
            picture.set_data(pixels)
        for place, square in enumerate(drawn.places):
            square.set_facecolor(OKABE_ITO["sky"] if place == part.place else FAINT if place < part.place else PAPER)
        drawn.dot.set_data([part.place], [part.error])
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _canvas(samples: np.ndarray, made: Sequence[Part]) -> _Canvas:
    """The figure as it is before its first frame."""
    style.use()
    fig = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    (above,), (below,) = fig.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.3))
    block, so_far, added = above.subplots(1, 3)
    order, error = below.subplots(1, 2, width_ratios=(1, 1.9))
    show_image(block, samples, "the block", vmin=0, vmax=255)
    reach = max(float(np.abs(part.added).max()) for part in made)
    signed = SymLogNorm(4, vmin=-reach, vmax=reach)
    pictures = (
        show_image(so_far, samples, "the sum so far", vmin=0, vmax=255),
        show_image(added, np.zeros((8, 8)), "added last", norm=signed, cmap="RdBu_r"),
    )
    places = [order.add_patch(_square(part.at)) for part in made]
    down, across = zip(*(part.at for part in made), strict=True)
    order.plot(across, down, color="#777777", linewidth=0.8)
    order.set(xlim=(-0.5, 7.5), ylim=(7.5, -0.5), aspect="equal")
    style.bare(order, "zigzag order")
    error.plot([part.error for part in made], color=OKABE_ITO["blue"])
    (dot,) = error.plot([0], [0], "o", color=OKABE_ITO["vermillion"], markersize=8)
    error.set(xlabel="place in zigzag order", ylabel="off by, levels (RMS)", xlim=(-2, 65), ylim=(0, None))
    error.set_xticks([0, 9, 20, 35, 48, 63])
    return _Canvas(fig, pictures, places, dot)


def _square(at: tuple[int, int]) -> Rectangle:
    return Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, facecolor=PAPER, edgecolor="#bbbbbb", linewidth=0.5)
