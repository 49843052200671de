"""Chapter 10, second half: the ladder of savings against time, curves in four metrics, and tables of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters.style import INK, LOOKS, OKABE_ITO, Look, figure
from chapters.tables import Rows
from repro.evaluation import BDRate
from repro.experiments.beyond import ANCHOR, BETTER, CLIMB, METRICS, SHORT, WINDOW, Judged, Ladder

#: Rung → its look: peers as everywhere in the book, ours by how much is done well.
RUNG_LOOKS: dict[str, Look] = {
    **{name: LOOKS[name] for name in ("pillow-420-progressive", "mozjpeg-420", "jpegli-420")},
    "tables-444": Look("the paper's way, 4:4:4", OKABE_ITO["black"], "o", ":"),
    "annexk-420": Look("Annex K, 4:2:0, rounding", OKABE_ITO["sky"], "v", ":"),
    "annexk-scans": Look("Annex K, luma's DC apart", OKABE_ITO["sky"], "<", ":"),
    "annexk-trellis": Look("Annex K, trellis for MSE", OKABE_ITO["sky"], "^", "-."),
    "fast": Look("fast", OKABE_ITO["blue"], "s", "-"),
    "default": Look("default", OKABE_ITO["vermillion"], "D", "-"),
    "best": Look("best", OKABE_ITO["black"], "*", "-"),
}
#: Two efforts, and what each could be otherwise.
TRIED = {
    "fast": "fast",
    "fast-lpips": "fast, LPIPS weighing several times as much",
    "default-still": "default, told by its look what blocks are worth, but no target moves",
    "default": "default",
}
#: The peer that takes tables, as it comes and with ours, and our trellis with the same tables.
GRAFTED = {
    "mozjpeg-420": "mozjpeg, its trellis and its tables",
    "mozjpeg-learned": "mozjpeg, its trellis and our tables",
    "fast": "fast, our trellis and our tables",
}
#: Which way is better.
_BETTER = {"mse": "↓", "lpips": "↓", "ms_ssim": "↑", "ssimulacra2": "↑"}


def ladder_plot(saved: Mapping[str, Mapping[str, BDRate]], seconds: Mapping[str, tuple[float, float]]) -> Figure:
    """Bits against plain JPEG (per cent, 95 % interval) over seconds a photo, a panel a metric, a marker a rung.

    ``seconds``: rung → (mean, standard error).
    """
    fig, axes = figure(6.6, 2, 2, sharex=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        climbed = [(seconds[rung][0], saved[rung][metric].mean) for rung in CLIMB]
        ax.plot(*zip(*climbed, strict=True), color="#999999", linewidth=1, zorder=1)
        for rung, look in RUNG_LOOKS.items():
            _point(ax, seconds[rung], saved[rung][metric], look)
        ax.set(title=f"at equal {SHORT[metric]}", xscale="log")
    for ax in axes[:, 0]:
        ax.set_ylabel("bits against plain JPEG, %")
    for ax in axes[1]:
        ax.set_xlabel("seconds a photo")
    _legend(fig, axes[0, 0])
    return fig


def curves_plot(ladder: Ladder, rungs: Sequence[str] = tuple(RUNG_LOOKS)) -> Figure:
    """Each metric against bits per pixel of the file, means over photos, a line a rung; the window is shaded."""
    fig, axes = figure(7.2, 2, 2)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axvspan(*WINDOW, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)
        for rung in rungs:
            points = ladder.curves[rung].mean().images["mean"]
            x, y = ([p[key] for p in points] for key in ("bpp", metric))
            ax.plot(x, y, **RUNG_LOOKS[rung].kwargs)
        ax.set(title=f"{SHORT[metric]} {_BETTER[metric]}", xlabel="bits per pixel")
    _legend(fig, axes[0, 0])
    return fig


def target_rows(found: Sequence[Judged]) -> Rows:
    """One row a number that was asked for: effort, against what, metric, asked, found with interval, verdict."""
    rows: list[list[object]] = [
        [
            one.effort,
            LOOKS[one.anchor].label + (" (the harder)" if one.against == BETTER else ""),
            SHORT[one.metric],
            f"≤ {one.at_most:.0f}",
            cell(one.found),
            one.verdict,
        ]
        for one in found
    ]
    return ["effort", "against", "at equal", "asked, %", "bits, % (95 % interval)", ""], rows


def saving_rows(ladder: Ladder, against: str = ANCHOR) -> Rows:
    """One row a rung: per cent of bits ``against`` another, metric by metric, with interval."""
    rows: list[list[object]] = [
        [RUNG_LOOKS[rung].label, *(cell(ladder.saving(rung, against, metric)) for metric in METRICS)]
        for rung in RUNG_LOOKS
        if rung != against
    ]
    return ["bits, %", *(f"at equal {SHORT[metric]}" for metric in METRICS)], rows


def tried_rows(ladder: Ladder, tried: Mapping[str, str] = TRIED) -> Rows:
    """One row a trial: per cent of bits against plain JPEG, metric by metric, with interval."""
    rows: list[list[object]] = [
        [label, *(cell(ladder.saving(rung, ANCHOR, metric)) for metric in METRICS)] for rung, label in tried.items()
    ]
    return ["bits, %", *(f"at equal {SHORT[metric]}" for metric in METRICS)], rows


def step_rows(ladder: Ladder) -> Rows:
    """One row a step of the climb: per cent of bits against the rung below, metric by metric, with interval."""
    rows: list[list[object]] = [
        [CLIMB[rung], *(cell(ladder.saving(rung, below, metric)) for metric in METRICS)]
        for below, rung in pairwise(CLIMB)
    ]
    return ["bits, %", *(f"at equal {SHORT[metric]}" for metric in METRICS)], rows


def time_rows(seconds: Mapping[str, tuple[float, float]]) -> Rows:
    """One row a rung: milliseconds a photo and their standard error."""
    rows: list[list[object]] = [
        [look.label, *(f"{1000 * s:,.0f}" if s >= 0.1 else f"{1000 * s:.2g}" for s in seconds[rung])]
        for rung, look in RUNG_LOOKS.items()
    ]
    return ["", "milliseconds a photo", "standard error"], rows


def cell(found: BDRate) -> str:
    """ "−12.3 (−14.0 to −10.1)", or a dash where no photo has a figure; how many have none is told."""
    if np.isnan(found.mean):
        return "–"
    without = f", {len(found.missing)} photos without" if found.missing else ""
    return f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f}{without})"


def _point(ax: Axes, seconds: tuple[float, float], found: BDRate, look: Look) -> None:
    ax.errorbar(
        seconds[0],
        found.mean,
        yerr=np.abs([[found.mean - found.low], [found.high - found.mean]]),
        xerr=seconds[1],
        fmt=look.marker,
        color=look.color,
        label=look.label,
        markersize=8,
        capsize=2,
        linewidth=1,
    )


def _legend(fig: Figure, ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
