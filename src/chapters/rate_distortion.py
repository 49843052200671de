"""Rate–distortion plots, gains at equal rate, and BD-rates: the paper's Fig. 5 and the questions it raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from chapters.style import INK, LOOKS, OKABE_ITO, Look, figure, legend_below, plot, shade
from chapters.tables import DECIMALS
from repro.evaluation import BDRate, Curve, Curves
from repro.experiments.claims import METRICS, SHORT, gains
from repro.metrics import METRICS as ALL_METRICS

MEAN = "mean over photos"
#: matplotlib's line style → SVG's ``stroke-dasharray``.
_DASHES = {"-": "none", "--": "7 3", ":": "2 3", "-.": "7 3 2 3"}
#: matplotlib's path code → SVG's path command.
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
#: Metric → colour and marker, for plots whose rows are comparisons, not methods.
METRIC_LOOKS = {"mse": ("blue", "o"), "lpips": ("vermillion", "s"), "ms_ssim": ("green", "D")}


def look_of(series: str) -> Look:
    """The look of a stored curve: its method's, with a line style and label of its own if loss or rounding differ.

    The label names only what differs from our recipe, which has MS-SSIM in the loss and straight-through rounding.
    """
    method, *settings = series.split(", ")
    look = LOOKS[method]
    words = [_WORDS[s] for s in settings if s in _WORDS]
    if any("γ" in s for s in settings):
        words.append("half the weights")
    if words:
        line = next((line for word, line in _LINES.items() if word in words), "-.")
        look = look._replace(label=", ".join([look.label, *words]), linestyle=line)
    if settings and "straight-through" not in settings and settings[-1].startswith("MSE"):
        look = look._replace(label=f"{look.label}, the paper's rounding", linestyle="-.")
    return look


#: Setting in a series' name → words in a legend.
_WORDS = {
    "MSE + LPIPS": "loss without MS-SSIM",
    "MSE + MS-SSIM": "loss without LPIPS",
    "trunk trained": "trunk trained",
    "random trunk": "random trunk",
    "min-max": "min–max",
}
#: Colours and markers of the losses in a plot of a single method.
_OF_LOSSES = (("black", "o"), ("sky", "^"), ("vermillion", "s"), ("green", "D"))
#: Line styles that tell Fig. 7's four curves apart; all other variants share one.
_LINES = {"loss without MS-SSIM": ":", "loss without LPIPS": "--"}


def rd_plot(
    curves: Mapping[str, Curve],
    names: Sequence[str],
    *,
    counting: str = "bpp",
    rates: tuple[float, float] = (0.1, 0.8),
    shaded: tuple[float, float] | None = None,
) -> Figure:
    """Plot MSE, LPIPS and MS-SSIM against bits per pixel, means over photos (Fig. 5 of the paper).

    ``curves`` are by name, as from :func:`repro.experiments.stored_curves`; ``names`` selects and orders them. The
    other arguments are those of :func:`draw_curves`.
    """
    fig, axes = figure(3.3, 1, 3)
    for ax, metric in zip(axes[0], METRICS, strict=True):
        draw_curves(ax, {name: curves[name] for name in names}, metric, counting, rates, shaded)
    legend_below(fig, 2)
    return fig


def two_countings(
    curves: Mapping[str, Curve], names: Sequence[str], *, shaded: tuple[float, float] = (0.25, 0.42)
) -> Figure:
    """Plot the same models by the paper's counting of bits (top) and by the file itself, sequential (bottom)."""
    fig, axes = figure(5.6, 2, 3)
    rows = (("bpp_paper", (0.22, 0.8), shaded), ("bpp_sequential", (0.1, 0.66), None))
    for row, (counting, (least, most), marked) in zip(axes, rows, strict=True):
        reached = max((p[counting] or 0) for n in names if n not in LOOKS for p in curves[n].mean().images["mean"])
        rates = (least, min(most, 1.12 * reached))
        for ax, metric in zip(row, METRICS, strict=True):
            draw_curves(ax, {name: curves[name] for name in names}, metric, counting, rates, marked)
        row[0].set_ylabel("the paper's counting" if counting == "bpp_paper" else "the file itself")
    legend_of_two_countings(fig)
    return fig


def legend_of_two_countings(fig: Figure) -> None:
    """Add a legend below, without "optimised Huffman", which holds for plain JPEG in only one of the countings."""
    handles, labels = fig.axes[0].get_legend_handles_labels()
    labels = [label.removesuffix(", optimised Huffman") for label in labels]
    fig.legend(handles, labels, loc="outside lower center", ncols=3)


def draw_curves(
    ax: Axes,
    curves: Mapping[str, Curve],
    metric: str,
    counting: str,
    rates: tuple[float, float],
    shaded: tuple[float, float] | None = None,
) -> None:
    """Draw curves averaged over photos, as the paper does, with a marker per setting.

    ``counting`` is ``"bpp"`` (the file), ``"bpp_paper"``, or ``"bpp_sequential"`` (peers keep their file's bits).
    ``rates`` limits the axis and ``shaded`` marks a part of it, both in bits per pixel.
    """
    if shaded:
        shade(ax, shaded)
    seen: list[float] = []
    for (name, curve), look in zip(curves.items(), _looks(curves), strict=True):
        as_it_is = counting == "bpp" or (counting == "bpp_sequential" and name in LOOKS)
        points = (curve if as_it_is else curve.counted(counting)).mean().images["mean"]
        x, y = (np.array([p[key] for p in points], float) for key in ("bpp", metric))
        hollow = look.linestyle in (":", "-.")
        ax.plot(x, y, **look._asdict(), markerfacecolor="white" if hollow else look.color)
        seen += [*y[(x >= rates[0]) & (x <= rates[1])]]
    ax.set(title=f"{SHORT[metric]} {'↓' if ALL_METRICS[metric][1] == 'lower' else '↑'}", xlabel="bits per pixel")
    ax.set_xlim(*rates)
    if seen:
        room = 0.05 * (max(seen) - min(seen)) or 1.0
        ax.set_ylim(min(seen) - room, max(seen) + room)


@dataclass(frozen=True)
class Pair:
    """A comparison to draw: ``test`` against ``anchor``, one or more seeds each, with the look ``LOOKS[look]``."""

    label: str
    anchor: Curves
    test: Curves
    look: str


def gain_plot(pairs: Sequence[Pair], rates: Iterable[float], *, shaded: tuple[float, float] | None = None) -> Figure:
    """Plot the gain of each pair's test encoder at equal rate, paired by photo, with 95 % intervals; up is better."""
    rates = list(rates)
    fig, axes = figure(3.1, 1, 3)
    for ax, metric in zip(axes[0], METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        if shaded:
            shade(ax, shaded)
        for pair in pairs:
            look = LOOKS[pair.look]._replace(label=pair.label)
            found = gains(pair.anchor, pair.test, rates, (metric,))
            x, y, low, high = np.array([[g.bpp, g.mean, g.low, g.high] for g in found]).reshape(-1, 4).T
            ax.fill_between(x, low, high, color=look.color, alpha=0.2, linewidth=0)
            ax.plot(x, y, **look._asdict())
        lower = ALL_METRICS[metric][1] == "lower"
        ax.set(title=f"{SHORT[metric]} {'saved' if lower else 'gained'}", xlabel="bits per pixel")
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))  # short numbers, not to touch the next plot's
    legend_below(fig, 3 if len(pairs) == 3 else 2)
    return fig


def savings_plot(rows: Mapping[str, Mapping[str, BDRate]]) -> Figure:
    """Plot BD-rates as a forest plot: a row per comparison, a marker with its 95 % interval per metric."""
    ends = {name: {m: (f.mean, f.low, f.high) for m, f in row.items() if m in METRICS} for name, row in rows.items()}
    return forest(ends, "at equal ", "bits against the other at equal quality, % (left of zero: fewer, better)")


def forest(rows: Mapping[str, Mapping[str, tuple[float, float, float]]], prefix: str, xlabel: str) -> Figure:
    """Draw a forest plot: a row per name, a marker with its interval per metric.

    ``rows``: name → metric → (mean, low, high). ``prefix`` precedes the metric's name in the legend.
    """
    fig, ax = plot(0.9 + 0.62 * len(rows))
    ax.axvline(0, color=INK, linewidth=1)
    for i, metric in enumerate(METRICS):
        color, marker = METRIC_LOOKS[metric]
        at, found = zip(*((j, row[metric]) for j, row in enumerate(rows.values()) if metric in row), strict=True)
        means, lows, highs = np.array(found).T
        y, reach, label = np.add(at, 0.22 * (i - 1)), np.abs([means - lows, highs - means]), f"{prefix}{SHORT[metric]}"
        ax.errorbar(means, y, xerr=reach, fmt=marker, color=OKABE_ITO[color], label=label, capsize=3, markersize=6)
    ax.set_yticks(range(len(rows)), list(rows), fontsize=9)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(xlabel)
    legend_below(fig)
    return fig


def _looks(names: Iterable[str]) -> list[Look]:
    """The look of each curve. If all are of one method, colour and marker tell the losses apart instead."""
    looks = [look_of(name) for name in names]
    if len({look.color for look in looks}) > 1 or not 1 < len(looks) <= len(_OF_LOSSES):
        return looks
    return [
        look._replace(color=OKABE_ITO[color], marker=marker)
        for look, (color, marker) in zip(looks, _OF_LOSSES, strict=False)
    ]


def every_point(
    curves: Mapping[str, Curve],
    metrics: Sequence[str],
    rates: tuple[float, float],
    looks: Mapping[str, Look] | None = None,
) -> dict[str, Any]:
    """The argument of :func:`bookkit.points`: each photo's points on each of ``curves`` that lie within ``rates``.

    ``rates`` are bits per pixel of the file. ``looks``: name of a curve → its look, if not that of the other plots.
    """
    photos = [MEAN, *sorted({photo for curve in curves.values() for photo in curve.images})]
    series, points = [], []
    for of, (name, curve) in enumerate(curves.items()):
        look = looks[name] if looks else look_of(name)
        drawn = {"marker": marker_path(look.marker), "filled": MarkerStyle(look.marker).is_filled()}
        series.append({"label": look.label, "color": look.color, "dash": _DASHES[look.linestyle], **drawn})
        unit = "λ =" if name.partition(",")[0] in LOOKS and name not in LOOKS else "quality"
        everywhere = {MEAN: curve.mean().images["mean"], **curve.images}
        for who, photo in enumerate(photos):
            for p in everywhere.get(photo, ()):
                if p["bpp"] is not None and rates[0] <= p["bpp"] <= rates[1]:
                    values = [None if p[m] is None else float(f"{p[m]:.5g}") for m in metrics]
                    points.append([of, who, f"{unit} {p['setting']:g}", round(p["bpp"], 4), *values])
    return {
        "series": series,
        "photos": [photo.partition(".")[0] for photo in photos],
        "metrics": [{"label": SHORT[m], "better": ALL_METRICS[m][1], "digits": DECIMALS.get(m, 1)} for m in metrics],
        "rates": rates,
        "points": points,
    }


def marker_path(marker: str) -> str:
    """A matplotlib marker as an SVG path, about one unit wide and centred on (0, 0)."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    parts = []
    for vertices, code in path.iter_segments(simplify=False):
        numbers = " ".join(f"{v if i % 2 == 0 else -v:.3g}" for i, v in enumerate(vertices))  # SVG's y axis points down
        parts.append(_LETTERS[code] + ("" if code == Path.CLOSEPOLY else numbers))
    return "".join(parts)
