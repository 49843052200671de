"""Pictures of chapter 1, whose cells compute what they show. Arrays may be NumPy's or PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from chapters import style
from chapters.style import FAINT, OKABE_ITO, PAPER, WIDTH, Box, Slider, cells, show_image

#: Photo → row and column of an instructive block: a strong edge beside a flat area.
BLOCKS = {"kodim23.png": (32, 23), "coffee.png": (39, 41)}


def levels(versions: Mapping[str, np.ndarray], box: Box) -> Figure:
    """Plot several versions of one photo, and below each its part ``box``, enlarged (Fig. 1 of the paper)."""
    first = next(iter(versions.values()))
    wide = WIDTH / len(versions)
    tall = wide * first.shape[0] / first.shape[1], wide * box.height / box.width
    fig, axes = style.figure(sum(tall) + 0.5, 2, len(versions), height_ratios=tall)
    for column, (title, picture) in zip(axes.T, versions.items(), strict=True):
        show_image(column[0], picture, title)
        column[0].add_patch(box.frame())
        show_image(column[1], box.of(picture), interpolation="nearest")
    return fig


def colour_planes(rgb: np.ndarray, planes: ArrayLike) -> Figure:
    """Plot the photo and its ``planes`` Y, Cb, Cr (3, H, W), each with the standard deviation of its samples."""
    fig, axes = style.figure(2 * WIDTH / 2 * rgb.shape[0] / rgb.shape[1] + 0.5, 2, 2)
    show_image(axes[0, 0], rgb, "photo")
    for ax, name, plane in zip(axes.flat[1:], ("Y", "Cb", "Cr"), np.asarray(planes), strict=True):
        show_image(ax, plane, f"{name}: spread {plane.std():.0f} levels", vmin=0, vmax=255)
    return fig


def block_in_photo(y: ArrayLike, row: int, col: int) -> Figure:
    """Plot where the block (row, col) lies in the luma plane ``y`` (H, W), its neighbours, and its 64 samples."""
    plane = np.asarray(y)
    fig, axes = style.figure(3.0, 1, 3, width_ratios=(1.45, 1, 1.15))
    around = Box(8 * (row - 1), 8 * (col - 1), 24, 24)
    show_image(axes[0, 0], plane, "luma plane Y", vmin=0, vmax=255)
    axes[0, 0].add_patch(around.frame())
    show_image(axes[0, 1], around.of(plane), "3 × 3 blocks", vmin=0, vmax=255)
    for line in (7.5, 15.5):
        axes[0, 1].axhline(line, color=OKABE_ITO["sky"])
        axes[0, 1].axvline(line, color=OKABE_ITO["sky"])
    axes[0, 1].add_patch(Box(8, 8, 8, 8).frame())
    show_image(axes[0, 2], Box(8 * row, 8 * col, 8, 8).of(plane), "the block: 64 samples", vmin=0, vmax=255)
    return fig


def basis(D: ArrayLike) -> Figure:
    """Plot the 64 outer products of two rows of ``D`` (8, 8): v half-waves down and u half-waves across."""
    rows = np.asarray(D)
    mosaic = np.full((79, 79), np.nan)
    for v, u in np.ndindex(8, 8):
        image = np.outer(rows[v], rows[u])
        mosaic[10 * v : 10 * v + 8, 10 * u : 10 * u + 8] = image / np.abs(image).max() if v + u else 1
    fig, ax = style.plot(5.2)
    show_image(ax, mosaic, interpolation="nearest", vmin=-1, vmax=1)
    ax.set_facecolor("#9fc9e6")  # shows between the images, which use all greys
    middles = 10 * np.arange(8) + 3.5
    ax.set_xticks(middles, list("01234567"))
    ax.set_yticks(middles, list("01234567"))
    ax.set(xlabel="horizontal frequency u (half-waves across the block)", ylabel="vertical frequency v (half-waves)")
    return fig


def rebuild_slider(block: ArrayLike, F: ArrayLike, order: Sequence[int], sums: Sequence[ArrayLike]) -> Slider:
    """Slider that rebuilds a ``block`` (8, 8) from its cosines, one more at each stop.

    ``F`` (8, 8) are its coefficients, ``order`` the indices 8v + u in zigzag order, and ``sums`` the 64 partial sums.
    """
    samples, coefficients = np.asarray(block), np.asarray(F).ravel()
    added = np.diff(np.stack([np.asarray(one) for one in sums]), axis=0, prepend=128)
    errors = [float(np.sqrt(np.square(np.asarray(one) - samples).mean())) for one in sums]
    captions = []
    for place, (index, error) in enumerate(zip(order, errors, strict=True)):
        named = f"row {index // 8}, column {index % 8}" if place else "the mean (row 0, column 0)"
        value = f"{coefficients[index]:.1f}".replace("-", "−")
        captions.append(f"Place {place}, {named}: F = {value}. The sum so far is off by {error:.1f} levels (RMS).")
    alts = [f"The block, the cosine added last, the sum so far, and its error by place. {said}" for said in captions]
    return list(_rebuild_frames(samples, order, sums, added, errors)), [str(n) for n in range(64)], alts, captions


def _rebuild_frames(
    samples: np.ndarray, order: Sequence[int], sums: Sequence[ArrayLike], added: np.ndarray, errors: Sequence[float]
) -> Iterator[np.ndarray]:
    """Yield the pixels (H, W, 3) of each stop. All reuse one figure, because its layout takes the most time."""
    style.use()
    fig = Figure(figsize=(4.8, 4.1), dpi=130, layout="constrained")  # narrow: a phone shrinks its text less
    (above,), (below,) = fig.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.3))
    one, so_far, last = above.subplots(1, 3)
    path, error = below.subplots(1, 2, width_ratios=(1, 1.9))
    show_image(one, samples, "the block", vmin=0, vmax=255)
    reach = float(np.abs(added).max())
    total = show_image(so_far, samples, "the sum so far", vmin=0, vmax=255)
    signed = SymLogNorm(4, vmin=-reach, vmax=reach)
    cosine = show_image(last, np.zeros((8, 8)), "added last", norm=signed, cmap="RdBu_r")
    squares = []
    for index in order:
        corner = (index % 8 - 0.5, index // 8 - 0.5)
        squares.append(path.add_patch(Rectangle(corner, 1, 1, facecolor=PAPER, edgecolor="#bbbbbb", linewidth=0.5)))
    path.plot([i % 8 for i in order], [i // 8 for i in order], color="#777777", linewidth=0.8)
    path.set(xlim=(-0.5, 7.5), ylim=(7.5, -0.5), aspect="equal")
    style.bare(path, "zigzag order")
    error.plot(errors, color=OKABE_ITO["blue"])
    (dot,) = error.plot([0], [0], "o", color=OKABE_ITO["vermillion"], markersize=8)
    error.set(xlabel="place in zigzag order", ylabel="off by, levels (RMS)", xlim=(-2, 65), ylim=(0, None))
    error.set_xticks([0, 9, 20, 35, 48, 63])
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    fig.set_layout_engine("none")
    for place in range(64):
        total.set_data(np.asarray(sums[place]))
        cosine.set_data(added[place])
        for n, square in enumerate(squares):
            square.set_facecolor(OKABE_ITO["sky"] if n == place else FAINT if n < place else PAPER)
        dot.set_data([place], [errors[place]])
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


def tables(Q: ArrayLike) -> Figure:
    """Plot quantisation tables (2, 8, 8) with their numbers; dark squares are coarse steps."""
    both = np.asarray(Q)
    fig, axes = style.figure(3.9, 1, len(both))
    for ax, table, title in zip(axes[0], both, ("luma", "chroma"), strict=True):
        cells(ax, table, title, cmap="cividis_r", vmin=1, vmax=max(120, int(both.max())))
    return fig


def block_slider(block: ArrayLike, F: ArrayLike, stops: Mapping[int, tuple[ArrayLike, ArrayLike, int]]) -> Slider:
    """Slider over the qualities of one block. ``stops``: quality → (Ẑ, decoded samples, bits)."""
    samples, frames, alts, captions = np.asarray(block), [], [], []
    for quality, (z, back, bits) in stops.items():
        z_hat, rebuilt = np.asarray(z), np.asarray(back)
        frames.append(_block_frame(samples, np.asarray(F), z_hat, rebuilt))
        error = np.sqrt(np.square(samples - rebuilt).mean())
        facts = f"{np.count_nonzero(z_hat)} of 64 coefficients left, {bits} bits, off by {error:.1f} levels (RMS)"
        captions.append(f"Quality {quality}: {facts}.")
        alts.append(
            f"Four 8 by 8 tables at quality {quality}: samples, coefficients, quantised coefficients, rebuilt: {facts}."
        )
    return frames, [str(quality) for quality in stops], alts, captions


def _block_frame(samples: np.ndarray, F: np.ndarray, z_hat: np.ndarray, rebuilt: np.ndarray) -> Figure:
    """One stop of the quality slider: samples, F, Ẑ and the rebuilt samples of a block, with their numbers."""
    fig, axes = style.figure(6.5, 2, 2, width=6.2)
    grey: dict[str, Any] = {"vmin": 0, "vmax": 255, "cmap": "gray"}
    cells(axes[0, 0], samples.round(), "samples", **grey)
    cells(axes[0, 1], F.round(), "coefficients F", cmap="RdBu_r", norm=SymLogNorm(8, vmin=-1000, vmax=1000))
    cells(axes[1, 1], z_hat, "whole numbers Ẑ = round(F / Q)", cmap="RdBu_r", norm=SymLogNorm(1, vmin=-60, vmax=60))
    cells(axes[1, 0], rebuilt, "what the decoder shows", **grey)
    return fig


def where_bits_go(spent: Mapping[int, Mapping[str, float]]) -> Figure:
    """Plot stacked bars. ``spent``: quality → part of the file → bits per pixel."""
    fig, ax = style.plot(0.5 * len(spent) + 1.5)
    left = np.zeros(len(spent))
    colors, hatches = ("black", "blue", "sky", "orange", "purple"), ("", "", "///", "...", "")
    for part, color, hatch in zip(next(iter(spent.values())), colors, hatches, strict=True):
        width = np.array([bits[part] for bits in spent.values()])
        ax.barh([f"quality {q}" for q in spent], width, left=left, color=OKABE_ITO[color], hatch=hatch,
                ec="white", lw=0.5, label=part)  # fmt: skip
        left += width
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("bits per pixel")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def compare_sizes(bpp: Mapping[str, np.ndarray], qualities: Sequence[int]) -> Figure:
    """Plot size against quality for each way to write a file, in per cent of the first way's size."""
    fig, ax = style.plot(2.6)
    default = next(iter(bpp.values()))
    for (name, size), color, marker in zip(bpp.items(), ("black", "blue", "green"), "os^", strict=True):
        ax.plot(qualities, 100 * size / default, color=OKABE_ITO[color], marker=marker, label=name)
    ax.set(xlabel="quality", ylabel="size, % of default", ylim=(0, 105))
    ax.legend(loc="lower right")
    return fig


def edge(step: ArrayLike, rebuilt: ArrayLike, F: ArrayLike, F_hat: ArrayLike) -> Figure:
    """Plot three blocks (8, 24) with an edge, before and after rounding, and one row of their pixels.

    ``F`` and ``F_hat`` (Ẑ·Q) are the first row (8,) of the middle block's coefficients.
    """
    before, after, u = np.asarray(step), np.asarray(rebuilt), np.arange(8)
    fig, axes = style.figure(4.6, 2, 2, width_ratios=(1, 1), height_ratios=(1, 2.1))
    titles = ("three blocks with an edge", "after rounding")
    for ax, picture, title in zip(axes[0], (before, after), titles, strict=True):
        show_image(ax, picture, title, vmin=0, vmax=255)
        ax.vlines([7.5, 15.5], -0.5, 7.5, color=OKABE_ITO["sky"], lw=1.2)
    ax = axes[1, 0]
    ax.bar(u - 0.2, np.asarray(F), 0.4, color=OKABE_ITO["blue"], label="F, as it should be")
    ax.bar(u + 0.2, np.asarray(F_hat), 0.4, color=OKABE_ITO["orange"], hatch="///", ec="white", lw=0,
           label="Ẑ·Q, as it is stored")  # fmt: skip
    ax.axhline(0, color="#666666", lw=0.8)
    ax.set(xlabel="horizontal frequency u", ylabel="coefficient (levels)", title="the middle block's cosines", xticks=u)
    ax.legend(loc="lower right")
    ax = axes[1, 1]
    x = np.arange(24)
    ax.plot(x, before[0], color=OKABE_ITO["blue"], drawstyle="steps-mid", label="original")
    ax.plot(x, after[0], color=OKABE_ITO["vermillion"], marker="o", ms=4, ls="--", label="decoded")
    for border in (7.5, 15.5):
        ax.axvline(border, color=OKABE_ITO["sky"], lw=1.2)
    ax.set(xlabel="column (pixels)", ylabel="brightness (levels)", title="one row of pixels", xticks=range(0, 24, 4))
    ax.legend(loc="lower right")
    return fig


def errors(rgb: np.ndarray, decoded: np.ndarray, difference: ArrayLike, box: Box) -> Figure:
    """Plot a part of the photo, the same part decoded, and the ``difference`` in luma (H, W) with the block grid."""
    fig, axes = style.figure(2.75, 1, 3)
    show_image(axes[0, 0], box.of(rgb), "original", interpolation="nearest")
    show_image(axes[0, 1], box.of(decoded), "decoded", interpolation="nearest")
    ax, part = axes[0, 2], box.of(np.asarray(difference))
    shown = show_image(ax, part, "difference in luma", cmap="RdBu_r", vmin=-60, vmax=60, interpolation="nearest")
    ax.set_xticks(np.arange(-box.left % 8, box.width, 8) - 0.5, [])
    ax.set_yticks(np.arange(-box.top % 8, box.height, 8) - 0.5, [])
    ax.tick_params(length=0)
    ax.grid(True, color="#bbbbbb", lw=0.6)
    ax.set_axisbelow(False)
    fig.colorbar(shown, ax=ax, label="levels", shrink=0.55)
    return fig


def blocking(steps: Mapping[str, ArrayLike]) -> Figure:
    """Plot the mean step (8,) from each column of a block to the next, by version. Blocking is a peak at the border."""
    fig, ax = style.plot(3.1)
    for (name, each), color, marker in zip(
        steps.items(), ("black", "blue", "orange", "vermillion"), "osD^", strict=False
    ):
        ax.plot(np.asarray(each), color=OKABE_ITO[color], marker=marker, label=name)
    ax.set(xlabel="from column k of a block to the next", ylabel="mean step (levels)", xticks=range(8), ylim=(0, None))
    ax.set_xticklabels(["0→1", "1→2", "2→3", "3→4", "4→5", "5→6", "6→7", "over the\nborder"])
    ax.legend(ncols=2, loc="upper left")
    ax.margins(y=0.25)
    return fig
