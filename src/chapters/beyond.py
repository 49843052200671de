"""Pictures and tables of chapter 10: a block by the trellis, ablations against time, and where ours loses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from chapters.comparison import Version, closeup, in_a_line
from chapters.style import INK, LOOKS, OKABE_ITO, Box, Look, cells, figure, legend_below, plot, shade, show_image
from chapters.tables import Rows
from repro.data import PhotoSet
from repro.data.content_types import CONTENT_TYPES
from repro.evaluation import BDRate
from repro.experiments.beyond import BETTER_PEER, EFFORTS, METRICS, MODERN_PEERS, PLAIN, WINDOW, EncoderCurves, Target
from repro.experiments.claims import SHORT
from repro.experiments.content_types import MOZJPEG, ContentTypeSavings
from repro.jpeg.dct import idct
from repro.jpeg.tables import NATURAL
from repro.metrics import METRICS as ALL_METRICS
from repro.trellis import sensitivity

#: Ablation → its look: peers as everywhere in the book, ours by how much is done well.
ABLATION_LOOKS: dict[str, Look] = {
    **{name: LOOKS[name] for name in ("pillow-420-progressive", "mozjpeg-420", "jpegli-420")},
    "tables-444": Look("the paper's way, 4:4:4", OKABE_ITO["black"], "o", ":"),
    "annexk-420": Look("Annex K, 4:2:0, rounding", OKABE_ITO["sky"], "v", ":"),
    "annexk-scans": Look("Annex K, luma's DC apart", OKABE_ITO["sky"], "<", ":"),
    "annexk-trellis": Look("Annex K, trellis for MSE", OKABE_ITO["sky"], "^", "-."),
    "fast": Look("fast", OKABE_ITO["blue"], "s", "-"),
    "default": Look("default", OKABE_ITO["vermillion"], "D", "-"),
    "best": Look("best", OKABE_ITO["black"], "*", "-"),
}
#: Ablations each of which adds something to the one before, and what it adds.
ADDED = {
    "annexk-420": "Annex K, 4:2:0, rounding",
    "annexk-scans": "DC of luma in a scan of its own",
    "annexk-trellis": "the trellis, for MSE",
    "fast": "tables learned through it, and weights of errors",
    "default": "one step of descent",
    "best": "descent until it ends",
}
#: Of content types: per cent up to which the axis is linear, and where it has marks.
_LINEAR, _MARKS = 20, (-80, -40, -20, 0, 20, 80, 160)


def block_plot(F: np.ndarray, numbers: np.ndarray, bits: np.ndarray) -> Figure:
    """A block's pixels, from its coefficients (64,), its numbers as rounding and as the trellis leave them (2, 64), and
    the bits of both; all in zigzag order. What became zero is framed, what became smaller dotted."""
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
    """What a squared error of a luma coefficient is worth to each metric, (activities, 64), over its own mean.

    White is the mean, and the scale is logarithmic.
    """
    fig, axes = figure(3.1, 1, len(worth), sharey=True)
    for ax, (metric, found) in zip(axes[0], worth.items(), strict=True):
        relative = np.clip(found / found.mean(), 0.02, 50)
        shown = ax.imshow(relative, norm=LogNorm(0.02, 50), cmap="RdBu_r", aspect="auto", interpolation="nearest")
        ax.set(title=SHORT[metric], xlabel="frequency, in zigzag order")
        ax.grid(False)
    edges = [f"{edge:g}" for edge in sensitivity.EDGES]
    rows = len(sensitivity.RATIOS) + 1  # of each activity: calmer than what is around it, alike, busier
    axes[0, 0].set_yticks(rows * (np.arange(len(edges)) + 1) - 0.5, edges)
    axes[0, 0].set_ylabel("activity around the block")
    fig.colorbar(shown, ax=list(axes[0]), label="worth, against the mean", shrink=0.8)
    return fig


def descent_plot(objective: np.ndarray) -> Figure:
    """The least objective after each step, over that of the trellis alone."""
    fig, ax = plot(2.8)
    ax.plot(100 * objective, "o-", color=OKABE_ITO["blue"])
    ax.axhline(100, color=INK, linewidth=1)
    ax.set(xlabel="step", ylabel="distortion + λ · bits,\n% of the trellis's alone")
    return fig


def savings_against_time(encoders: EncoderCurves, seconds: Mapping[str, tuple[float, float]]) -> Figure:
    """Bits against plain JPEG (per cent, 95 % interval) over seconds a photo, a panel a metric, a marker an ablation.

    ``seconds``: ablation → (mean, standard error).
    """
    fig, axes = figure(6.6, 2, 2, sharex=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        saved = {name: encoders.saving(name, PLAIN, metric) for name in ABLATION_LOOKS}
        steps = [(seconds[name][0], saved[name].mean) for name in ADDED]
        ax.plot(*zip(*steps, strict=True), color="#999999", linewidth=1, zorder=1)
        for name, look in ABLATION_LOOKS.items():
            (x, error), y = seconds[name], saved[name]
            reach = np.abs([[y.mean - y.low], [y.high - y.mean]])
            drawn = {"fmt": look.marker, "color": look.color, "label": look.label, "markersize": 8}
            ax.errorbar(x, y.mean, yerr=reach, xerr=error, capsize=2, linewidth=1, **drawn)
        ax.set(title=f"at equal {SHORT[metric]}", xscale="log")
    for left, below in zip(axes[:, 0], axes[1], strict=True):
        left.set_ylabel("bits against plain JPEG, %")
        below.set_xlabel("seconds a photo")
    legend_below(fig)
    return fig


def curves_plot(encoders: EncoderCurves) -> Figure:
    """Each metric against bits per pixel of the file, means over photos, a line an encoder; the window is shaded."""
    fig, axes = figure(7.2, 2, 2)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        shade(ax, WINDOW)
        for name, look in ABLATION_LOOKS.items():
            points = encoders.curves[name].mean().images["mean"]
            ax.plot(*([p[key] for p in points] for key in ("bpp", metric)), **look._asdict())
        ax.set(title=f"{SHORT[metric]} {'↓' if ALL_METRICS[metric][1] == 'lower' else '↑'}", xlabel="bits per pixel")
    legend_below(fig)
    return fig


def target_rows(found: Sequence[Target]) -> Rows:
    """One row a target: effort, against what, metric, asked, found with interval, verdict."""
    rows: list[list[object]] = [
        [
            one.effort,
            LOOKS[one.anchor].label + (" (the better)" if one.against == BETTER_PEER else ""),
            SHORT[one.metric],
            f"≤ {one.at_most:.0f}",
            cell(one.found),
            one.verdict,
        ]
        for one in found
    ]
    return ["effort", "against", "at equal", "asked, %", "bits, % (95 % interval)", "verdict"], rows


def saving_rows(encoders: EncoderCurves, labels: Mapping[str, str] | None = None) -> Rows:
    """One row an encoder (name → label; all if None): per cent of bits against plain JPEG, metric by metric."""
    labels = labels or {name: look.label for name, look in ABLATION_LOOKS.items() if name != PLAIN}
    return _saving_table([(label, name, PLAIN) for name, label in labels.items()], encoders)


def step_rows(encoders: EncoderCurves) -> Rows:
    """One row a step of :data:`ADDED`: per cent of bits against the ablation before, metric by metric."""
    return _saving_table([(ADDED[name], name, before) for before, name in pairwise(ADDED)], encoders)


def _saving_table(rows: Sequence[tuple[str, str, str]], encoders: EncoderCurves) -> Rows:
    """``rows``: label, encoder, and what it is compared with."""
    cells: list[list[object]] = [
        [label, *(cell(encoders.saving(name, against, metric)) for metric in METRICS)] for label, name, against in rows
    ]
    return ["bits, %", *(f"at equal {SHORT[metric]}" for metric in METRICS)], cells


def time_rows(seconds: Mapping[str, tuple[float, float]]) -> Rows:
    """One row an ablation: milliseconds a photo and their standard error."""
    rows: list[list[object]] = [
        [look.label, *(f"{1000 * s:,.0f}" if s >= 0.1 else f"{1000 * s:.2g}" for s in seconds[name])]
        for name, look in ABLATION_LOOKS.items()
    ]
    return ["", "milliseconds a photo", "standard error"], rows


def measured(encoders: EncoderCurves, what: str = "photos") -> str:
    """How many photos, and whether they only replace stored results."""
    photos = {photo for curve in encoders.curves.values() for photo in curve.images}
    if not encoders.results:
        return f"parts of {len(photos)} shipped {what}, which replace results that are not stored"
    return f"{len(photos)} {what}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c", or "none of them"."""
    if not names:
        return "none of them"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def cell(found: BDRate) -> str:
    """ "−12.3 (−14.0 to −10.1)", or a dash where no photo can be compared; and how many cannot."""
    if np.isnan(found.mean):
        return "–"
    without = f", {len(found.missing)} photos without" if found.missing else ""
    return f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f}{without})"


def worst(encoders: EncoderCurves, photos: PhotoSet, metrics: Iterable[str]) -> dict[str, str]:
    """Name of the photo on which our default does worst against mozjpeg in each of ``metrics`` → what it needs there.

    Photos without a figure, and photos that are not at hand, are left out; where that leaves none, the first one is
    named.
    """
    known = {photo.name for photo in photos}
    found: dict[str, str] = {}
    for metric in metrics:
        ranked = [item for item in encoders.losses("default", MODERN_PEERS[0], metric) if item[0] in known]
        for name, percent in ranked[:1]:
            found.setdefault(name, f"{_percent(percent)} % bits at equal {SHORT[metric]}")
    return {name: f"{name.partition('.')[0]}: {said}" for name, said in found.items()} or {
        photo.name: f"{photo.name.partition('.')[0]}: in the place of photos that are not at hand, no loser"
        for photo in photos.items[:1]
    }


def gallery(
    shown: Mapping[str, tuple[str, list[Version]]], side: int, **imshow: Any
) -> tuple[list[Figure], list[str], list[str]]:
    """Frames, labels and alternative texts: versions side by side, a square in which the last is worse by most.

    ``shown``: label → words on the picture, and its versions.
    """
    frames = [closeup(versions, where_worse(versions, side), **imshow) for _, versions in shown.values()]
    return frames, list(shown), [f"{said}. {in_a_line(versions[1:])}." for said, versions in shown.values()]


def where_worse(shown: Sequence[Version], side: int) -> Box:
    """The square of ``side`` pixels in which the last version's error, squared, exceeds that of the one before most.

    The first version is the original.
    """
    theirs, ours = (np.square(v.pixels.astype(float) - shown[0].pixels).sum(2) for v in shown[-2:])
    return _most(ours - theirs, side)


def _most(more: np.ndarray, side: int) -> Box:
    """Where ``more``, (H, W), is largest in sum, on a grid of 16 pixels."""
    height, width = (min(side, whole) for whole in more.shape)
    total = np.pad(more, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    top, left = np.unravel_index(sums[::16, ::16].argmax(), sums[::16, ::16].shape)
    return Box(16 * int(top), 16 * int(left), height, width)


def content_type_plot(found: ContentTypeSavings) -> Figure:
    """Bits of each effort against mozjpeg in per cent: a row a content type, a panel a metric.

    Beyond 20 % the scale is logarithmic.
    """
    rows = {name: -i for i, name in enumerate(found.names)}
    fig, axes = figure(8.4, 2, 2, sharex=True, sharey=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axvline(0, color=INK, linewidth=1)
        for effort, shift in zip(EFFORTS, (0.22, 0.0, -0.22), strict=True):
            known = {name: p for name in rows if not isinstance(p := found.percent(name, effort, metric), str)}
            look = ABLATION_LOOKS[effort]._asdict() | {"linestyle": "none"}
            ax.plot(list(known.values()), [rows[name] + shift for name in known], **look, markersize=7)
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1)
        ax.set_xticks(_MARKS, [_percent(mark) if mark else "0" for mark in _MARKS])
        ax.minorticks_off()
        ax.set(title=f"at equal {SHORT[metric]}", yticks=list(rows.values()))
        ax.set_yticklabels([CONTENT_TYPES[name].label for name in rows])
        ax.margins(x=0.06)
    for ax in axes[1]:
        ax.set_xlabel("bits against mozjpeg, %\n(right of 0 mozjpeg is better)")
    legend_below(fig)
    return fig


def content_type_rows(found: ContentTypeSavings) -> Rows:
    """One row a content type: the image, the rates of mozjpeg's files, and per cent of bits in each metric.

    They stand as "against mozjpeg / against the better peer".
    """
    rows: list[list[object]] = []
    for name in found.names:
        low, high = found.rates(name)
        each = [
            " / ".join(_percent(found.percent(name, "default", metric, against)) for against in (MOZJPEG, BETTER_PEER))
            for metric in METRICS
        ]
        rows.append(
            [f"{CONTENT_TYPES[name].label}: {CONTENT_TYPES[name].description}", f"{low:.2g} to {high:.2g}", *each]
        )
    return ["picture", "bits per pixel", *(f"at equal {SHORT[metric]}, %" for metric in METRICS)], rows


def not_compared(found: ContentTypeSavings) -> str:
    """Which comparisons of the default effort have no number, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name in found.names:
        for metric in METRICS:
            percent = found.percent(name, "default", metric)
            if isinstance(percent, str):
                reasons.setdefault((name, percent), []).append(SHORT[metric])
    each = [f"{CONTENT_TYPES[n].label} in {listed(metrics)} ({why})" for (n, why), metrics in reasons.items()]
    return "; ".join(each) or "none of them"


def needed(found: ContentTypeSavings, name: str) -> str:
    """Bits of our default against mozjpeg on one content type, in every metric that has a number."""
    numbers = {metric: found.percent(name, "default", metric) for metric in METRICS}
    known = [f"{_percent(p)} % at equal {SHORT[metric]}" for metric, p in numbers.items() if not isinstance(p, str)]
    return ", ".join(known) or "no number"


def _percent(percent: float | str) -> str:
    return "–" if isinstance(percent, str) else f"{percent:+.0f}".replace("-", "−")
