"""The common style of the book's pictures: dark text on white, with distinct colours and markers.

Colours are Okabe and Ito's, which people with any kind of colour vision can tell apart. Each method also has its own
marker and dash pattern, so that nothing rests on colour alone. Text is at least 9 points at :data:`WIDTH`, the width
of a page's column.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bookkit import markdown
from repro.data import Photo, PhotoSet, photos
from repro.errors import ReproError

#: Okabe and Ito (2008), "Color Universal Design".
OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
INK, PAPER, FAINT = "#1a1a1a", "#ffffff", "#d9d9d9"
#: Inches. The width of the text column, so that font sizes hold on the page.
WIDTH = 7.2
#: The smallest font size, in points.
SMALLEST = 9.0

RC: dict[str, Any] = {
    "figure.facecolor": PAPER,
    "figure.dpi": 130,
    "savefig.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "axes.facecolor": PAPER,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titlecolor": INK,
    "axes.labelsize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(
        color=[OKABE_ITO[n] for n in ("blue", "vermillion", "green", "orange", "purple", "sky", "black")]
    ),
    "grid.color": "#e6e6e6",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
    "legend.fontsize": SMALLEST,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "image.interpolation": "auto",
    "image.cmap": "gray",
}


class Look(NamedTuple):
    """How a method is drawn in every plot of the book; ``_asdict()`` goes into ``Axes.plot``."""

    label: str
    color: str
    marker: str
    linestyle: str


def _look(label: str, color: str, marker: str, linestyle: str = "-") -> Look:
    return Look(label, OKABE_ITO[color], marker, linestyle)


#: What ``bookkit.frames_slider`` takes: frames, labels, alternative texts and captions.
Slider = tuple[list[Any], list[str], list[str], list[str]]
#: Method or codec → its look. Our methods have solid lines, peers broken ones.
LOOKS = {
    "tables": _look("learned tables", "blue", "o"),
    "vgg16": _look("VGG-16 attention", "vermillion", "s"),
    "vgg19": _look("VGG-19 attention", "purple", "D"),
    "resnet152-block1": _look("ResNet-152, conv3 block 1", "green", "^"),
    "resnet152-block7": _look("ResNet-152, conv3 block 7", "orange", "v"),
    "lstm": _look("LSTM attention", "sky", "P"),
    "bilstm": _look("BiLSTM attention", "green", "X"),
    "trellis": _look("ours", "blue", "h"),
    "pillow-444": _look("JPEG 4:4:4, optimised Huffman", "black", "x", "--"),
    "pillow-444-default": _look("JPEG 4:4:4, default Huffman", "black", "+", ":"),
    "pillow-420-progressive": _look("JPEG 4:2:0, progressive", "orange", "1", "--"),
    "mozjpeg": _look("mozjpeg", "green", "2", "--"),
    "mozjpeg-420": _look("mozjpeg 4:2:0", "green", "2", "--"),
    "mozjpeg-444": _look("mozjpeg 4:4:4", "green", "3", ":"),
    "mozjpeg-psnr-420": _look("mozjpeg for PSNR", "green", "1", ":"),
    "mozjpeg-msssim-420": _look("mozjpeg for MS-SSIM", "green", "4", ":"),
    "mozjpeg-msssim6-420": _look("mozjpeg for MS-SSIM, table 6", "sky", "4", ":"),
    "mozjpeg-hvs-420": _look("mozjpeg for PSNR-HVS", "sky", "2", ":"),
    "jpegli-444": _look("jpegli 4:4:4", "purple", "3", ":"),
    "jpegli-420": _look("jpegli 4:2:0", "purple", "4", "--"),
    "jpegli-420-noaq": _look("jpegli 4:2:0, not adaptive", "purple", "2", ":"),
    "guetzli": _look("Guetzli", "sky", "*", "--"),
}


class Box(NamedTuple):
    """A part of a picture, in pixels: its top left corner and its size."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """This part of ``picture``, (H, W, …)."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def frame(self, color: str = OKABE_ITO["vermillion"]) -> Rectangle:
        """A frame around this part, to add to axes that show the picture."""
        return Rectangle((self.left - 0.5, self.top - 0.5), self.width, self.height, fill=False, ec=color, lw=2)


def use() -> None:
    """Draw in the book's style from here on, and have Jupyter show figures that are not registered with pyplot."""
    matplotlib.style.use(RC)
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png")


def figure(
    height: float, rows: int = 1, cols: int = 1, *, width: float = WIDTH, **subplots: Any
) -> tuple[Figure, np.ndarray]:
    """A figure in the book's style, ``height`` inches high and by default as wide as the column, and its axes
    (rows, cols).

    Frames of sliders are narrower, so that a phone shrinks their text less. ``subplots`` goes to ``Figure.subplots``
    (``width_ratios``, ``sharex``, …).
    """
    use()
    fig = Figure(figsize=(width, height), layout="constrained")
    return fig, fig.subplots(rows, cols, squeeze=False, **subplots)


def plot(height: float) -> tuple[Figure, Axes]:
    """A :func:`figure` with a single ``Axes``, and that ``Axes``."""
    fig, axes = figure(height)
    return fig, axes[0, 0]


def legend_below(fig: Figure, ncols: int = 3) -> None:
    """Add one legend for all axes, made from the first."""
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=ncols)


def shade(ax: Axes, rates: tuple[float, float]) -> None:
    """Shade a range of rates."""
    ax.axvspan(*rates, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)


def plain_marks(axis: Axis, subs: Sequence[float] = (1,)) -> None:
    """Label a logarithmic axis 0.1, 1, 10 instead of with powers of ten; ``subs`` (1, 2, 5) adds 0.2, 0.5, 2, …"""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def show_image(ax: Axes, pixels: np.ndarray, title: str = "", **imshow: Any) -> Any:
    """Show pixels without ticks, under ``title``. Grey and RGB of uint8 are shown on the full scale, 0–255.

    Return the ``AxesImage``, for a colour bar.
    """
    if pixels.dtype == np.uint8:
        imshow = {"vmin": 0, "vmax": 255} | imshow
    shown = ax.imshow(pixels, **imshow)
    bare(ax, title)
    return shown


def bare(ax: Axes, title: str = "") -> None:
    """Remove ticks and grid, and add a thin frame and a title."""
    ax.set(xticks=[], yticks=[], title=title)
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT)


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Show pictures of equal size side by side, each under a title of two lines."""
    fig, axes = figure(images[0].shape[0] / images[0].shape[1] * WIDTH / len(images) + 0.44, 1, len(images))
    for ax, image, title in zip(axes[0], images, titles, strict=True):
        show_image(ax, image, title)
    return fig


def cells(ax: Axes, values: np.ndarray, title: str = "", fmt: str = "d", **imshow: Any) -> Any:
    """Draw a small matrix as coloured squares with its numbers, in black or white, whichever has more contrast.

    Return the ``AxesImage``.
    """
    shown = show_image(ax, values, title, **imshow)
    rgb = shown.to_rgba(values)[..., :3]
    luminance = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)
    for (row, col), value in np.ndenumerate(values):
        ink = "#000000" if luminance[row, col] + 0.05 > np.sqrt(1.05 * 0.05) else PAPER  # equal contrast with both
        text = format(int(value) if fmt == "d" else float(value), fmt).replace("-", "−")
        ax.text(col, row, text, ha="center", va="center", color=ink, fontsize=SMALLEST)
    return shown


def kodak_or_sample(data_dir: Path | str | None = None) -> PhotoSet:
    """Kodak's photographs if they are available, else the sample photos that dependencies ship.

    A damaged Kodak folder is an error, not a reason to fall back on other pictures.
    """
    try:
        return photos("kodak", data_dir)
    except ReproError as error:
        if "are not in" not in str(error):
            raise
        return photos("sample", data_dir)


def book_photo(name: str, data_dir: Path | str | None = None, instead: str = "coffee.png") -> Photo:
    """The photograph to show: Kodak's ``name`` ("kodim23") if the set is available, else the sample ``instead``.

    Raises :class:`ReproError` if the set has no photo of that name.
    """
    chosen = kodak_or_sample(data_dir)
    wanted = f"{name}.png" if chosen.name == "kodak" else instead
    for photo in chosen:
        if photo.name == wanted:
            return photo
    raise ReproError(f"{wanted}: no photo of that name; choose from {', '.join(p.name for p in chosen)}")


def table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A Markdown table, for a cell to end in, of rows with equal keys, which become its head."""
    from IPython.display import Markdown

    return Markdown(markdown.table(list(rows[0]), [list(row.values()) for row in rows]))
