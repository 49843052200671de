"""Pictures and tables of chapter 10: the trellis on one block, the comparison and its targets, and where ours loses.

:mod:`chapters.content_types` has those for pictures other than photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter

from bookkit.glue import typeset
from chapters.style import (
    INK,
    LOOKS,
    OKABE_ITO,
    Box,
    Look,
    cells,
    figure,
    legend_below,
    plain_marks,
    plot,
    shade,
    show_image,
)
from chapters.tables import Rows
from repro import errors
from repro.data import PhotoSet
from repro.evaluation import BDRate
from repro.experiments.beyond import (
    BLURRED_AT,
    EFFORTS,
    HIGH,
    LOW,
    METRICS,
    RANGES,
    EncoderCurves,
    Target,
    Window,
)
from repro.experiments.claims import SHORT
from repro.experiments.registry import PLAIN, RIVALS
from repro.jpeg.dct import idct
from repro.jpeg.tables import NATURAL
from repro.metrics import METRICS as ALL_METRICS

#: Encoder → its look: peers as everywhere in the book, ours by effort.
ENCODER_LOOKS: dict[str, Look] = {
    **{name: LOOKS[name] for name in (PLAIN, *RIVALS)},
    "fast": Look("fast", OKABE_ITO["blue"], "s", "-"),
    "default": Look("default", OKABE_ITO["vermillion"], "D", "-"),
    "best": Look("best", OKABE_ITO["black"], "*", "-"),
}
#: Colours of the metrics whose weightings of errors are compared.
_MEASURES = ("black", "orange", "green", "blue")


def block_plot(F: np.ndarray, numbers: np.ndarray, bits: np.ndarray) -> Figure:
    """Plot a block as pixels, and its quantised coefficients as rounded and as chosen by the trellis.

    ``F`` (64,) and ``numbers`` (2, 64), rounded then trellis, are in zigzag order; ``bits`` (2,) are their AC bits.
    Solid frames mark coefficients that the trellis set to zero, dotted frames those that it made smaller.
    """
    square, rounded, chosen = (zigzag[NATURAL].reshape(8, 8) for zigzag in (F, *numbers))
    fig, axes = figure(3.0, 1, 3, width_ratios=(0.8, 1.2, 1.2))
    show_image(axes[0, 0], (idct(square) + 128).clip(0, 255), "the block", vmin=0, vmax=255, interpolation="nearest")
    reach = 2 * max(1, np.abs(numbers[0, 1:]).max())
    for ax, z, title, spent in zip(axes[0, 1:], (rounded, chosen), ("rounded", "by the trellis"), bits, strict=True):
        cells(ax, z, f"{title}: {spent:.0f} bits of AC", cmap="RdBu_r", vmin=-reach, vmax=reach)
    for row, col in np.argwhere(rounded != chosen):
        color, line = (OKABE_ITO["orange"], ":") if chosen[row, col] else (OKABE_ITO["vermillion"], "-")
        frame = Rectangle((col - 0.45, row - 0.45), 0.9, 0.9, fill=False, edgecolor=color, linewidth=2, linestyle=line)
        axes[0, 2].add_patch(frame)
    return fig


def worth_plot(worth: Mapping[str, np.ndarray]) -> Figure:
    """Plot the weight of a squared error in each metric, (3, diagonals) of Y, Cb, Cr: luma left, chroma right."""
    fig, axes = figure(3.4, 1, 2, sharey=True)
    for (metric, found), color, line in zip(worth.items(), _MEASURES, ("-", "--", "-.", "-"), strict=True):
        for ax, values in zip(axes[0], (found[0], found[1:].mean(0)), strict=True):
            ax.plot(values, line, color=OKABE_ITO[color], label=metric)
    for ax, plane in zip(axes[0], ("luma", "chroma, mean of Cb and Cr"), strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        ax.set(title=plane, xlabel="diagonal of the block, from DC")
        ax.set_yscale("symlog", linthresh=1)
        ax.set_yticks((-1, 0, 1, 10), ("−1", "0", "1", "10"))
    axes[0, 0].set_ylabel("worth, over luma's mean")
    legend_below(fig, ncols=4)
    return fig


def blocks_plot(rgb: np.ndarray, worth: Mapping[str, np.ndarray]) -> Figure:
    """Plot a photo beside maps (rows, cols) of the weight of an error in each block, relative to the map's median."""
    fig, axes = figure(2.2, 1, 1 + len(worth))
    show_image(axes[0, 0], rgb, "the photo")
    for ax, (name, found) in zip(axes[0, 1:], worth.items(), strict=True):
        relative = np.clip(found / np.median(found), 0.05, 20)
        shown = show_image(ax, relative, name, norm=LogNorm(0.05, 20), cmap="RdBu_r", interpolation="nearest")
    fig.colorbar(shown, ax=list(axes[0, 1:]), label="worth, over the median", shrink=0.8)
    return fig


def areas_plot(original: np.ndarray, shown: Mapping[str, np.ndarray], box: Box) -> Figure:
    """Plot a crop of a photo and of each version of it, and below each version its luma error.

    The error, in levels, is blurred by a Gaussian with σ = 4 pixels.
    """
    fig, axes = figure(4.9, 2, 1 + len(shown))
    show_image(axes[0, 0], box.of(original), "original")
    axes[1, 0].axis("off")
    for (over, below), (name, pixels) in zip(axes[:, 1:].T, shown.items(), strict=True):
        show_image(over, box.of(pixels), name)
        error = gaussian_filter((pixels.astype(float) - original) @ (0.299, 0.587, 0.114), 4)
        blurred = show_image(below, box.of(error), "its blurred error", vmin=-0.6, vmax=0.6, cmap="RdBu_r")
    bar = fig.colorbar(blurred, cax=axes[1, 0].inset_axes((0.85, 0.1, 0.07, 0.8)), label="levels")
    bar.ax.yaxis.set_ticks_position("left")
    bar.ax.yaxis.set_label_position("left")
    return fig


def saved_plot(encoders: EncoderCurves, encoder: str) -> Figure:
    """Plot the bits that one encoder needs against each metric's rival: a row per metric, a mark per range."""
    fig, ax = plot(3.2)
    ax.axvline(0, color=INK, linewidth=1)
    for window, color, marker, shift in zip(RANGES, ("blue", "vermillion"), "oD", (-0.12, 0.12), strict=True):
        saved = [encoders.against_rival(encoder, metric, window) for metric in METRICS]
        _marks(ax, saved, np.arange(len(METRICS)) + shift, OKABE_ITO[color], marker, in_bpp(window))
    ax.set_yticks(range(len(METRICS)), [f"at equal {SHORT[metric]}" for metric in METRICS])
    ax.invert_yaxis()
    ax.set_xlabel("bits against the metric's rival, %")
    legend_below(fig)
    return fig


def _marks(ax: Axes, found: Sequence[BDRate], places: ArrayLike, color: str, marker: str, label: str) -> None:
    """Draw a mark for each mean, with its 95 % interval."""
    reach = np.abs([[one.mean - one.low for one in found], [one.high - one.mean for one in found]])
    means = [one.mean for one in found]
    ax.errorbar(means, places, xerr=reach, fmt=marker, color=color, label=label, capsize=2, linewidth=1)


def descent_plot(objective: np.ndarray) -> Figure:
    """Plot the lowest objective so far after each step, relative to that of the trellis alone."""
    fig, ax = plot(2.8)
    ax.plot(100 * objective, "o-", color=OKABE_ITO["blue"])
    ax.axhline(100, color=INK, linewidth=1)
    ax.set(xlabel="step", ylabel="distortion + λ · bits,\n% of the trellis's alone")
    return fig


def targets_plot(found: Sequence[Target]) -> Figure:
    """Plot the bits that each effort needs against the metric's rival: a panel per range, a row per metric, a mark per
    effort. Lines are 95 % intervals, short bars the targets.
    """
    fig, axes = figure(3.9, 1, len(RANGES), sharey=True, sharex=True)
    for ax, window in zip(axes[0], RANGES, strict=True):
        ax.axvline(0, color=INK, linewidth=1)
        for effort, shift in zip(EFFORTS, (-0.25, 0.0, 0.25), strict=True):
            mine = [one for one in found if (one.effort, one.window) == (effort, window)]
            places, look = [METRICS.index(one.metric) + shift for one in mine], ENCODER_LOOKS[effort]
            _marks(ax, [one.found for one in mine], places, look.color, look.marker, look.label)
            asked = [(one.at_most, y) for one, y in zip(mine, places, strict=True) if one.at_most is not None]
            ax.plot(*zip(*asked, strict=True), "|", color=look.color, markersize=11, markeredgewidth=2)
        ax.set(title=in_bpp(window), xlabel="bits against the metric's rival, %")
        ax.set_yticks(range(len(METRICS)), [SHORT[metric] for metric in METRICS])
    axes[0, 0].invert_yaxis()
    legend_below(fig)
    return fig


def target_rows(found: Sequence[Target]) -> Rows:
    """One row per effort and range; each metric's cell has the result, the target and the verdict."""
    return _target_rows(found, "at equal ", _target_cell)


def rival_rows(found: Sequence[Target]) -> Rows:
    """One row per effort and range: the rival in each metric, and how much of the range both encoders cover."""
    return _target_rows(found, "", lambda one: f"{LOOKS[one.rival].label} ({100 * one.found.covered:.0f} %)")


def _target_rows(found: Sequence[Target], prefix: str, told: Callable[[Target], str]) -> Rows:
    at = {(one.effort, one.window, one.metric): one for one in found}
    rows = [
        [effort, in_bpp(window), *(told(at[effort, window, metric]) for metric in METRICS)]
        for effort in EFFORTS
        for window in RANGES
    ]
    return ["effort", "bits per pixel", *(f"{prefix}{SHORT[metric]}" for metric in METRICS)], rows


def _target_cell(one: Target) -> str:
    asked = "" if one.at_most is None else f"; asked ≤ {one.at_most:.0f}".replace("-", "−")
    return f"{cell(one.found)}{asked}: {one.verdict}"


def curves_plot(encoders: EncoderCurves, names: Sequence[str]) -> Figure:
    """Plot each metric against the file's bits per pixel, mean over photos, a line per encoder, with ranges shaded."""
    fig, axes = figure(8.6, 3, 2)
    for ax, metric in zip(axes.ravel(), (*METRICS, "mse_y_blurred"), strict=True):
        shade(ax, (LOW[0], HIGH[1]))
        for name in names:
            points = [p for p in encoders.curves[name].mean().images["mean"] if (p["bpp"] or 0) < 1.2 * HIGH[1]]
            drawn = [(p["bpp"], p[metric]) for p in points if p[metric] is not None]
            if drawn:
                ax.plot(*zip(*drawn, strict=True), **ENCODER_LOOKS[name]._asdict())
        better = ALL_METRICS[metric].better
        ax.set(title=f"{SHORT.get(metric, 'blurred luma, MSE')} {'↓' if better == 'lower' else '↑'}", xscale="log")
        ax.set_xlabel("bits per pixel")
        plain_marks(ax.xaxis, (1, 2, 5))
        if better == "lower":
            ax.set_yscale("log")
            plain_marks(ax.yaxis, (1, 2, 5))
    legend_below(fig)
    return fig


def saving_rows(encoders: EncoderCurves, labels: Mapping[str, str], window: Window) -> Rows:
    """One row per encoder (name → label): bits against our default in per cent, a column per metric."""
    rows = [
        [label, *(cell(encoders.saving(name, encoders.default_for(name), metric, window)) for metric in METRICS)]
        for name, label in labels.items()
    ]
    return [f"bits, %, {in_bpp(window)}", *(f"at equal {SHORT[metric]}" for metric in METRICS)], rows


def ablation_plot(encoders: EncoderCurves, labels: Mapping[str, str]) -> Figure:
    """Plot bits against our default (%): a row per ablation (name → label), a panel per range, a mark per metric."""
    shown = ("ssimulacra2", "butteraugli", "mse")
    fig, axes = figure(1.5 + 0.42 * len(labels), 1, len(RANGES), sharey=True)
    for ax, window in zip(axes[0], RANGES, strict=True):
        ax.axvline(0, color=INK, linewidth=1)
        for metric, color, marker in zip(shown, ("blue", "vermillion", "green"), "oD^", strict=True):
            found = [encoders.saving(name, encoders.default_for(name), metric, window).mean for name in labels]
            ax.plot(found, range(len(labels)), marker, color=OKABE_ITO[color], label=f"at equal {SHORT[metric]}")
        ax.set_yticks(range(len(labels)), list(labels.values()))
        ax.set(title=in_bpp(window), xlabel="bits against default, %")
    axes[0, 0].invert_yaxis()
    legend_below(fig)
    return fig


def blurred_rows(encoders: EncoderCurves, names: Sequence[str]) -> Rows:
    """One row per encoder: squared error of blurred luma at each rate, and its ratio to mozjpeg's on these photos."""
    rows = []
    for name in names:
        found = [encoders.blurred(name, bpp) for bpp in BLURRED_AT]
        each = [f"{one.test:.3f} ({one.test / one.anchor:.2f} times mozjpeg's)" for one in found]
        rows.append([ENCODER_LOOKS[name].label, *each])
    return ["", *(f"at {bpp:g} bits per pixel" for bpp in BLURRED_AT)], rows


def in_bpp(window: Window) -> str:
    """ "0.3–0.8 bpp"."""
    return f"{window[0]:g}–{window[1]:g} bpp"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c", or "none of them"."""
    return errors.listed(names) or "none of them"


def cell(found: BDRate) -> str:
    """ "−12.3 (−14.0 to −10.1, 2 photos left out)", or a dash if no photo can be compared."""
    if np.isnan(found.mean):
        return "–"
    missing = len(found.missing)
    without = f", {missing} photo{'s' if missing > 1 else ''} left out" if missing else ""
    return typeset(f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f}{without})")


def worst(encoders: EncoderCurves, photos: PhotoSet, metrics: Iterable[str], window: Window) -> dict[str, str]:
    """The photo on which our default does worst against the rival, for each of ``metrics``: name → words for a caption.

    Photos without a number and photos that are not available are left out. If none remains, the first available photo
    is named instead.
    """
    known = {photo.name for photo in photos}
    found: dict[str, str] = {}
    for metric in metrics:
        rival = encoders.rival("default", metric, window)
        ranked = [item for item in encoders.losses("default", rival, metric, window) if item[0] in known]
        for name, percent in ranked[:1]:
            found.setdefault(name, f"{signed(percent)} % bits at equal {SHORT[metric]} against {LOOKS[rival].label}")
    return {name: f"{name.partition('.')[0]}: {said}" for name, said in found.items()} or {
        photo.name: f"{photo.name.partition('.')[0]}: in the place of photos that are not at hand, no loser"
        for photo in photos.items[:1]
    }


def signed(percent: float | str) -> str:
    """Per cent with its sign, or a dash if there is no number."""
    return "–" if isinstance(percent, str) else typeset(f"{percent:+.0f}")
