"""Chapter 10, second half: savings against time, curves in four metrics, and tables of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters.findings import in_words
from chapters.style import INK, LOOKS, OKABE_ITO, Look, figure
from chapters.tables import Rows
from repro.evaluation import BDRate
from repro.experiments.beyond import (
    BETTER_PEER,
    EFFORTS,
    METRICS,
    MODERN_PEERS,
    PLAIN,
    WINDOW,
    EncoderCurves,
    Target,
    benched_seconds,
)
from repro.experiments.claims import SHORT

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
#: Two efforts, and what each could be otherwise.
ALTERNATIVES = {
    "fast": "fast",
    "fast-lpips": "fast, LPIPS weighing several times as much",
    "default-still": "default, its descent updates the weights of blocks and moves no target",
    "default": "default",
}
#: The peer that takes tables, as it comes and with ours, and our trellis with the same tables.
HYBRIDS = {
    "mozjpeg-420": "mozjpeg, its trellis and its tables",
    "mozjpeg-learned": "mozjpeg, its trellis and our tables",
    "fast": "fast, our trellis and our tables",
}
#: Which way is better.
_BETTER = {"mse": "↓", "lpips": "↓", "ms_ssim": "↑", "ssimulacra2": "↑"}


def savings_against_time(encoders: EncoderCurves, seconds: Mapping[str, tuple[float, float]]) -> Figure:
    """Bits against plain JPEG (per cent, 95 % interval) over seconds a photo, a panel a metric, a marker an ablation.

    ``seconds``: ablation → (mean, standard error).
    """
    saved = {name: {m: encoders.saving(name, PLAIN, m) for m in METRICS} for name in ABLATION_LOOKS}
    fig, axes = figure(6.6, 2, 2, sharex=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axhline(0, color=INK, linewidth=1)
        steps = [(seconds[name][0], saved[name][metric].mean) for name in ADDED]
        ax.plot(*zip(*steps, strict=True), color="#999999", linewidth=1, zorder=1)
        for name, look in ABLATION_LOOKS.items():
            _point(ax, seconds[name], saved[name][metric], look)
        ax.set(title=f"at equal {SHORT[metric]}", xscale="log")
    for ax in axes[:, 0]:
        ax.set_ylabel("bits against plain JPEG, %")
    for ax in axes[1]:
        ax.set_xlabel("seconds a photo")
    _legend(fig, axes[0, 0])
    return fig


def curves_plot(encoders: EncoderCurves, names: Sequence[str] = tuple(ABLATION_LOOKS)) -> Figure:
    """Each metric against bits per pixel of the file, means over photos, a line an encoder; the window is shaded."""
    fig, axes = figure(7.2, 2, 2)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axvspan(*WINDOW, color=OKABE_ITO["yellow"], alpha=0.18, linewidth=0)
        for name in names:
            points = encoders.curves[name].mean().images["mean"]
            x, y = ([p[key] for p in points] for key in ("bpp", metric))
            ax.plot(x, y, **ABLATION_LOOKS[name].kwargs)
        ax.set(title=f"{SHORT[metric]} {_BETTER[metric]}", xlabel="bits per pixel")
    _legend(fig, axes[0, 0])
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
    return ["effort", "against", "at equal", "asked, %", "bits, % (95 % interval)", ""], rows


def saving_rows(encoders: EncoderCurves, labels: Mapping[str, str] | None = None, against: str = PLAIN) -> Rows:
    """One row an encoder (name → label; all if None): per cent of bits against another, metric by metric."""
    labels = labels or {name: look.label for name, look in ABLATION_LOOKS.items() if name != against}
    return _saving_table([(label, name, against) for name, label in labels.items()], encoders)


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


def times(encoders: EncoderCurves) -> tuple[dict[str, tuple[float, float]], str]:
    """(Ablation → mean seconds a photo and their standard error, how they were taken): by ``make bench`` if stored."""
    timed = benched_seconds(ABLATION_LOOKS)
    if timed:
        return timed, "alone on the machine, two threads (make bench)"
    return encoders.seconds(), "while the files of this page were made, one thread"


def measured(encoders: EncoderCurves, what: str = "photos") -> str:
    """How many photos, and whether they only replace stored results."""
    photos = {photo for curve in encoders.curves.values() for photo in curve.images}
    if not encoders.results:
        return f"parts of {len(photos)} shipped {what}, which replace results that are not stored"
    return f"{len(photos)} {what}"


def words(encoders: EncoderCurves) -> dict[str, str]:
    """For glue: ``{effort}_{against}_{metric}`` → the saving in words, "pillow" for plain JPEG."""
    short = {name: name.partition("-")[0] for name in (PLAIN, *MODERN_PEERS, BETTER_PEER)}
    return {
        f"{effort}_{key}_{metric}": in_words(encoders.saving(effort, against, metric))
        for effort in EFFORTS
        for against, key in short.items()
        for metric in METRICS
    }


def lost(encoders: EncoderCurves, name: str, peer: str, metric: str) -> str:
    """On how many photos an encoder needs more bits than ``peer`` at equal ``metric``, as "3 of the 24"."""
    found = encoders.losses(name, peer, metric)
    return f"{sum(percent > 0 for _, percent in found) or 'none'} of the {len(found)}"


def lost_everywhere(encoders: EncoderCurves, name: str, peer: str) -> str:
    """:func:`lost` of every metric in words, in their order; said once where it is the same of all."""
    each = [lost(encoders, name, peer, metric) for metric in METRICS]
    return f"{each[0]} each time" if len(set(each)) == 1 else listed(each)


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
