"""Rate–distortion plots, gains at equal rate, and BD-rates: the paper's Fig. 5 and what an honest reader asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chapters.style import INK, LOOKS, OKABE_ITO, Look, figure
from repro.evaluation import BDRate, Curve, Curves, Gain
from repro.experiments.claims import METRICS, SHORT, gains
from repro.metrics import METRICS as ALL_METRICS

#: Each metric's colour and marker where the rows are comparisons, not methods.
METRIC_LOOKS = {"mse": ("blue", "o"), "lpips": ("vermillion", "s"), "ms_ssim": ("green", "D")}


def look_of(series: str) -> Look:
    """The look of a stored curve: its method's, and a line and words of its own where loss or rounding differ.

    A model is named by what it does otherwise than ours: MS-SSIM in the loss and straight-through go without saying.
    """
    method, *settings = series.split(", ")
    look = LOOKS[method]
    words = [_WORDS[s] for s in settings if s in _WORDS]
    if any("γ" in s for s in settings):
        words.append("half the weights")
    if words:
        line = next((line for word, line in _LINES.items() if word in words), "-.")
        look = replace(look, label=", ".join([look.label, *words]), linestyle=line)
    if settings and "straight-through" not in settings and settings[-1].startswith("MSE"):
        look = replace(look, label=f"{look.label}, the paper's rounding", linestyle="-.")
    return look


#: What a series' name says → what a plot's legend says.
_WORDS = {
    "MSE + LPIPS": "loss without MS-SSIM",
    "MSE + MS-SSIM": "loss without LPIPS",
    "trunk trained": "trunk trained",
    "random trunk": "random trunk",
    "min-max": "map stretched",
}
#: Colours and markers of losses in a plot of one method.
_OF_LOSSES = (("black", "o"), ("sky", "^"), ("vermillion", "s"), ("green", "D"))
#: Lines of their own, so that the four of Fig. 7 tell apart; whatever else is special shares one.
_LINES = {"loss without MS-SSIM": ":", "loss without LPIPS": "--"}


def plot_line(ax: Axes, curve: Curve, metric: str, look: Look, hollow: bool = False) -> None:
    """The mean curve over photos, as the paper draws it: one marker a setting."""
    points = curve.mean().images["mean"]
    x, y = ([p[key] for p in points] for key in ("bpp", metric))
    ax.plot(x, y, **look.kwargs, markerfacecolor="white" if hollow else look.color)  # type: ignore[arg-type]


def rd_plot(
    curves: Mapping[str, Curve],
    names: Sequence[str] | None = None,
    *,
    counting: str = "bpp",
    rates: tuple[float, float] = (0.1, 0.8),
    shaded: tuple[float, float] | None = None,
) -> Figure:
    """MSE, LPIPS and MS-SSIM against bits per pixel, means over photos (Fig. 5 of the paper).

    ``curves`` by name, as :func:`repro.experiments.stored_curves` gives them; ``names`` chooses and orders.
    ``counting`` is ``"bpp"`` (the file), ``"bpp_paper"``, or ``"bpp_sequential"`` (peers stay as they are); the x
    axis shows ``rates``, ``shaded`` marks a part.
    """
    fig, axes = figure(3.3, 1, 3)
    for ax, metric in zip(axes[0], METRICS, strict=True):
        _curves(ax, {name: curves[name] for name in names or curves}, metric, counting, rates, shaded)
    _legend(fig, axes[0, 0])
    return fig


def two_countings(
    curves: Mapping[str, Curve], names: Sequence[str], *, shaded: tuple[float, float] = (0.25, 0.42)
) -> Figure:
    """The same models by the paper's counting of bits (above) and by the file itself (below), all files sequential."""
    fig, axes = figure(5.6, 2, 3)
    rows = (("bpp_paper", (0.22, 0.8), shaded), ("bpp_sequential", (0.1, 0.66), None))
    for row, (counting, (least, most), shade) in zip(axes, rows, strict=True):
        reached = max((p[counting] or 0) for n in names if n not in LOOKS for p in curves[n].mean().images["mean"])
        rates = (least, min(most, 1.12 * reached))
        for ax, metric in zip(row, METRICS, strict=True):
            _curves(ax, {name: curves[name] for name in names}, metric, counting, rates, shade)
        row[0].set_ylabel("the paper's counting" if counting == "bpp_paper" else "the file itself")
    handles, labels = axes[0, 0].get_legend_handles_labels()  # above, plain JPEG has the standard's Huffman codes
    labels = [label.removesuffix(", optimised Huffman") for label in labels]
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig


@dataclass(frozen=True)
class Pair:
    """A comparison to draw: ``test`` against ``anchor``, of one seed or of several, with the colour of ``look``."""

    label: str
    anchor: Curves
    test: Curves
    look: str


def gain_plot(pairs: Sequence[Pair], rates: Iterable[float], *, shaded: tuple[float, float] | None = None) -> Figure:
    """What each pair's test encoder gains at equal rate, paired photo by photo, with 95 % intervals; up is better."""
    rates = list(rates)
    fig, axes = figure(3.1, 1, 3)
    for ax, metric in zip(axes[0], METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        if shaded:
            ax.axvspan(*shaded, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)
        for pair in pairs:
            _gain(ax, gains(pair.anchor, pair.test, rates, (metric,)), replace(LOOKS[pair.look], label=pair.label))
        lower = ALL_METRICS[metric][1] == "lower"
        ax.set(title=f"{SHORT[metric]} {'saved' if lower else 'gained'}", xlabel="bits per pixel")
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))  # short numbers: a plot's end meets the next
    _legend(fig, axes[0, 0])
    return fig


def savings_plot(rows: Mapping[str, Mapping[str, BDRate]]) -> Figure:
    """BD-rates as a forest: a row for each comparison, a marker with its 95 % interval for each metric."""
    fig, axes = figure(0.9 + 0.62 * len(rows))
    ax = axes[0, 0]
    ax.axvline(0, color=INK, linewidth=1)
    for i, metric in enumerate(METRICS):
        color, marker = METRIC_LOOKS[metric]
        found = [row[metric] for row in rows.values()]
        means = np.array([f.mean for f in found])
        reach = np.abs([[f.mean - f.low, f.high - f.mean] for f in found]).T
        ax.errorbar(
            means,
            np.arange(len(rows)) + 0.22 * (i - 1),
            xerr=reach,
            fmt=marker,
            color=OKABE_ITO[color],
            label=f"at equal {SHORT[metric]}",
            capsize=3,
            markersize=6,
        )
    ax.set_yticks(range(len(rows)), list(rows), fontsize=9)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("bits against the other at equal quality, % (left of zero: fewer, better)")
    _legend(fig, ax)
    return fig


def _curves(
    ax: Axes,
    curves: Mapping[str, Curve],
    metric: str,
    counting: str,
    rates: tuple[float, float],
    shaded: tuple[float, float] | None,
) -> None:
    if shaded:
        ax.axvspan(*shaded, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)
    for (name, curve), look in zip(curves.items(), _looks(curves), strict=True):
        as_it_is = counting == "bpp" or (counting == "bpp_sequential" and name in LOOKS)
        counted = curve if as_it_is else curve.counted(counting)
        plot_line(ax, counted, metric, look, hollow=look.linestyle in (":", "-."))
    ax.set(title=f"{SHORT[metric]} {'↓' if ALL_METRICS[metric][1] == 'lower' else '↑'}", xlabel="bits per pixel")
    ax.set_xlim(*rates)
    shown = [v for line in ax.get_lines() for v in _within(line, rates)]
    if shown:
        room = 0.05 * (max(shown) - min(shown)) or 1.0
        ax.set_ylim(min(shown) - room, max(shown) + room)


def _looks(names: Iterable[str]) -> list[Look]:
    """The look of each; where all are of one method, the loss decides on colour and marker, to tell them apart."""
    looks = [look_of(name) for name in names]
    if len({look.color for look in looks}) > 1 or not 1 < len(looks) <= len(_OF_LOSSES):
        return looks
    return [
        replace(look, color=OKABE_ITO[color], marker=marker)
        for look, (color, marker) in zip(looks, _OF_LOSSES, strict=False)
    ]


def _within(line: object, rates: tuple[float, float]) -> list[float]:
    x, y = (np.asarray(v, dtype=float) for v in line.get_data())  # type: ignore[attr-defined]
    return [float(v) for v in y[(x >= rates[0]) & (x <= rates[1])]]


def _gain(ax: Axes, found: Sequence[Gain], look: Look) -> None:
    x, y, low, high = np.array([[g.bpp, g.mean, g.low, g.high] for g in found]).reshape(-1, 4).T
    ax.fill_between(x, low, high, color=look.color, alpha=0.2, linewidth=0)
    ax.plot(x, y, **look.kwargs)  # type: ignore[arg-type]


def _legend(fig: Figure, ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2 if len(labels) != 3 else 3)
