"""Pictures of chapter 4: what each distortion sees, what the terms of the loss weigh, and what the rate term counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from chapters.style import INK, OKABE_ITO, SMALLEST, WIDTH, Box, figure, legend_below, plot, show_image

_TERM_LOOKS = (("blue", "//"), ("vermillion", "\\\\"), ("green", ".."))


def damage_row(pictures: Mapping[str, np.ndarray], said: Mapping[str, tuple[float, float, float]], box: Box) -> Figure:
    """Plot a part of each picture above the MSE, LPIPS and MS-SSIM (``said``) of the whole picture."""
    fig, axes = figure(WIDTH / len(pictures) * box.height / box.width + 0.85, 1, len(pictures))
    for ax, (name, pixels) in zip(axes[0], pictures.items(), strict=True):
        show_image(ax, box.of(pixels), name)
        mse, lpips, ms_ssim = said[name]
        ax.set_xlabel(f"MSE {mse:.0f}\nLPIPS {lpips:.3f}\nMS-SSIM {ms_ssim:.3f}", fontsize=SMALLEST)
    return fig


def gradient_maps(decoded: np.ndarray, strength: Mapping[str, np.ndarray]) -> Figure:
    """Plot the decoded photo, and for each metric the size (H, W) of its gradient at each pixel, slightly blurred."""
    tall = WIDTH / 2 * decoded.shape[0] / decoded.shape[1]
    fig, axes = figure(2 * tall + 0.6, 2, 2)
    show_image(axes[0, 0], decoded, "what the decoder shows")
    for ax, (name, one) in zip(axes.flat[1:], strength.items(), strict=True):
        soft = gaussian_filter(one, 3)
        show_image(ax, soft, f"{name} would change", cmap="magma", vmin=0, vmax=np.percentile(soft, 99.5))
    return fig


def term_bars(terms: Mapping[str, np.ndarray], qualities: Sequence[int]) -> Figure:
    """Plot the terms of d (name → value at each quality) as stacked bars: in levels² and as shares of d."""
    fig, axes = figure(3.2, 1, 2)
    total = sum(terms.values())
    places = np.arange(len(qualities))
    for ax, scale, title in zip(axes[0], (1.0, 100 / total), ("d, in levels²", "share of d, %"), strict=True):
        bottom = np.zeros(len(qualities))
        for (name, values), (color, hatch) in zip(terms.items(), _TERM_LOOKS, strict=True):
            height, look = values * scale, {"color": OKABE_ITO[color], "hatch": hatch, "edgecolor": "white"}
            ax.bar(places, height, bottom=bottom, label=name, **look)
            bottom = bottom + height
        ax.set(title=title, xlabel="quality")
        ax.set_xticks(places, [str(q) for q in qualities])
        ax.grid(axis="x", visible=False)
    legend_below(fig)
    return fig


def rate_plot(qualities: Sequence[int], r: np.ndarray, file: np.ndarray, paper: np.ndarray) -> Figure:
    """Plot the files' bits per pixel, counted in two ways, against the rate term ``r``, with a proportional line."""
    fig, ax = plot(3.4)
    ax.plot(r, file, "o-", color=OKABE_ITO["blue"], label="the file")
    ax.plot(r, paper, "s-", color=OKABE_ITO["orange"], label="the paper's counting")
    middle = len(r) // 2
    line = file[middle] * r / r[middle]
    ax.plot(r, line, ":", color=INK, label="proportional")
    for i, quality in enumerate(qualities):
        below = line[i] >= file[i]  # away from the dotted line
        place, y = ((5, -12), file[i]) if below else ((0, 7), max(file[i], paper[i]))
        ax.annotate(str(quality), (r[i], y), xytext=place, textcoords="offset points", fontsize=SMALLEST, ha="center")
    ax.set(xscale="log", yscale="log", xlabel="rate term of the tables, α Σ 1/Q", ylabel="bits per pixel")
    ax.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    ax.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    ax.minorticks_off()
    ax.set_ylim(bottom=0.75 * ax.get_ylim()[0])  # room below the lowest number
    ax.legend(loc="upper left")
    return fig
