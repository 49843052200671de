"""Pictures and rows of the stored benchmarks: speed-ups, distance from the machine's limits, growth of cost with size,
and what encoders save for their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters import style
from chapters.beyond import ENCODER_LOOKS, in_bpp
from chapters.style import LOOKS, OKABE_ITO
from chapters.tables import Rows
from repro.experiments import bench
from repro.experiments.bench import Row
from repro.experiments.beyond import EFFORTS, RANGES, EncoderCurves
from repro.experiments.claims import SHORT
from repro.experiments.registry import PLAIN

#: A mark: x, y, the words beside it, and its colour.
_Mark = tuple[float, float, str, str]
_MARKERS = "osD^vPX*"
#: In the benchmarks of the paper's methods, "fast" stands for learned tables at that effort.
_TABLES = {"fast": "fast, tables"}


def ratios(rows: Sequence[Row], label: str) -> Figure:
    """Plot the ratio of each row that was timed against another, with quartiles and a tick at the required ratio."""
    shown = [row for row in rows if "ratio" in row]
    fig, ax = style.plot(0.9 + 0.4 * len(shown))
    for y, row in enumerate(shown):
        ratio = row["ratio"]
        ax.plot([ratio["low"], ratio["high"]], [y, y], color=OKABE_ITO["blue"], lw=4, alpha=0.4)
        ax.plot(ratio["median"], y, "o", color=OKABE_ITO["blue"])
        ax.annotate(f"{ratio['median']:.3g}", (ratio["median"], y), (0, 8), textcoords="offset points", ha="center")
        if row["at_least"] is not None:
            ax.plot(row["at_least"], y, "|", color=OKABE_ITO["vermillion"], ms=14, mew=2.5)
    ax.plot([], [], "|", color=OKABE_ITO["vermillion"], ms=12, mew=2.5, label="asked for")
    ax.axvline(1, color=style.INK, lw=1, ls=":", label="equally fast")
    ax.set_yticks(range(len(shown)), [row["name"] for row in shown])
    ax.set_ylim(len(shown) - 0.4, -0.8)
    ax.set_xlim(left=0)
    ax.set_xlabel(label)
    fig.legend(loc="outside upper right")  # above the axes, so that its tick is not mistaken for a row's
    return fig


def roofline(rows: Sequence[Row]) -> Figure:
    """Plot operations per second against operations per byte: the machine's limits (lines), training steps (points)."""
    fig, ax = style.plot(3.6)
    bandwidth = next(row["bytes_per_second"] for row in rows if "bytes_per_second" in row)
    intensity = np.geomspace(0.1, 1000, 200)
    peaks = [row for row in rows if "flops_per_second" in row]
    for row, color, dashes in zip(peaks, ("black", "blue"), ("-", "--"), strict=True):
        roof = np.minimum(row["flops_per_second"], bandwidth * intensity) / 1e9
        ax.plot(intensity, roof, dashes, color=OKABE_ITO[color], label=f"{row['name']}, {roof[-1]:.0f} GFLOP/s")
    steps = [row for row in rows if "flops" in row]
    for row, marker in zip(steps, _MARKERS, strict=False):
        reached = row["flops"] / row["seconds"]["median"] / 1e9
        place = row["flops"] / row["bytes"]
        ax.plot(place, reached, marker, color=OKABE_ITO["vermillion"], ms=8, label=f"step, {row['name']}")
    ax.set(xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        style.plain_marks(axis)
    ax.set_xlabel("operations a byte that operators read or write (FLOP/byte)")
    ax.set_ylabel("GFLOP/s")
    ax.legend(loc="lower right")
    return fig


def cost(rows: Sequence[Row]) -> Figure:
    """Plot seconds and peak memory of one encoding against megapixels, a line per effort, with the fitted exponent."""
    fig, axes = style.figure(3.2, 1, 2)
    efforts: dict[str, list[Row]] = {}
    for row in rows:
        efforts.setdefault(row["name"], []).append(row)
    colors = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "orange")]
    for (name, mine), color, marker in zip(efforts.items(), colors, _MARKERS, strict=False):
        points = [row for row in mine if row.get("megapixels") is not None]
        (exponent,) = (row["exponent"] for row in mine if "exponent" in row)
        pixels = [row["megapixels"] for row in points]
        name = _TABLES.get(name, name)
        label = f"{name}: ∝ pixels$^{{{exponent:.2f}}}$"
        seconds = [row["seconds"]["median"] for row in points]
        axes[0, 0].plot(pixels, seconds, marker=marker, color=color, label=label)
        axes[0, 1].plot(pixels, [row["peak_mib"] / 1024 for row in points], marker=marker, color=color, label=name)
    axes[0, 0].set(xscale="log", yscale="log", xlabel="megapixels", ylabel="seconds")
    axes[0, 0].set_ylim(top=3e3)  # room for the legend above the lines
    axes[0, 0].legend(loc="upper left")
    style.plain_marks(axes[0, 0].yaxis)
    axes[0, 1].set(xscale="log", xlabel="megapixels", ylabel="peak memory (GiB)")
    axes[0, 1].set_ylim(bottom=0)
    for ax in axes[0]:
        style.plain_marks(ax.xaxis)
    return fig


def seconds(rows: Sequence[Row], ours: Mapping[str, str] = _TABLES) -> Figure:
    """Plot seconds per megapixel of each encoder, the fastest first.

    Names are those of the book. ``ours``: name of one of our rows → its label.
    """
    names = {**{name: look.label for name, look in LOOKS.items()}, **ours}
    taken = {row["name"]: row["seconds"]["median"] / row["megapixels"] for row in rows}
    shown = sorted(taken, key=taken.__getitem__)
    fig, ax = style.plot(0.7 + 0.32 * len(shown))
    for y, name in enumerate(shown):
        mine = name.startswith(("fast", "default"))
        ax.plot(taken[name], y, "D" if mine else "o", color=OKABE_ITO["vermillion" if mine else "blue"])
        words = bench.seconds_in_words(taken[name])
        ax.annotate(words, (taken[name], y), (8, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(shown)), [names.get(name, name) for name in shown])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set(xscale="log", xlabel="seconds a megapixel")
    ax.margins(x=0.15)
    style.plain_marks(ax.xaxis)
    return fig


def encoders(rows: Sequence[Row], ours: Mapping[str, str] = _TABLES) -> tuple[list[str], list[list[str]]]:
    """Head and cells of the encoder benchmarks, with the book's names and megapixels; ``ours``: see :func:`seconds`."""
    names = {**{name: look.label for name, look in LOOKS.items()}, **ours}
    named = [{**row, "name": f"{names.get(row['name'], row['name'])}{_megapixels(row)}"} for row in rows]
    head, told = bench.table(named)
    return head, [[names.get(cell, cell) for cell in cells] for cells in told]


def _megapixels(row: Row) -> str:
    return f", {row['megapixels']:.2g} MP" if "megapixels" in row else ""


def machine(table: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Where and how a table was measured, label → words: the part of its provenance that puts its times in context."""
    made = table["provenance"]
    return {
        "processor": f"{made['cpu']}, {made['cores']} cores, {made['threads']} threads",
        "GPU": str(made["gpu"] or "none"),
        "command": str(made["command"]),
        "commit": str(made["commit"])[:12] + (" with changes" if made["modified"] else ""),
        "date": str(made["date"]).partition("T")[0],
    }


def savings_against_time(encoders: EncoderCurves, timed: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Plot bits against plain JPEG (%, 95 % interval) over seconds per megapixel: a row per range, a mark per encoder.

    Rivals have the colour of their family and their options beside the mark. ``timed``: encoder → (median, lower
    quartile, upper quartile) in seconds per megapixel.
    """
    shown = ("ssimulacra2", "butteraugli")
    fig, axes = style.figure(7.6, len(RANGES), len(shown), sharex=True)
    for row, window in zip(axes, RANGES, strict=True):
        for ax, metric in zip(row, shown, strict=True):
            ax.axhline(0, color=style.INK, linewidth=1)
            left: list[_Mark] = []
            right: list[_Mark] = []
            for name, (x, low, high) in timed.items():
                y, (family, option, color, marker) = encoders.saving(name, PLAIN, metric, window), _family(name)
                reach = np.abs([[y.mean - y.low], [y.high - y.mean]])
                drawn: dict[str, Any] = {"fmt": marker, "color": color, "markersize": 9 if marker == "*" else 6}
                drawn |= {"label": family if family not in ax.get_legend_handles_labels()[1] else None}
                ax.errorbar(x, y.mean, yerr=reach, xerr=[[x - low], [high - x]], capsize=2, linewidth=1, **drawn)
                (left if family == "jpegli" else right).append((x, y.mean, option, color))
            ax.set(title=f"{in_bpp(window)}, at equal {SHORT[metric]}", xscale="log", xlim=(2e-4, 12))
            style.plain_marks(ax.xaxis)
            _options(ax, left, -1)
            _options(ax, [one for one in right if one[0] < 1], 1)
            for x, high, words, _ in (one for one in right if one[0] >= 1):  # only "best" is this slow
                ax.annotate(words, (x, high), (0, 12), textcoords="offset points", ha="center", fontsize=style.SMALLEST)
        row[0].set_ylabel("bits against plain JPEG, %")
    for ax in axes[-1]:
        ax.set_xlabel("seconds a megapixel")
    style.legend_below(fig, ncols=4)
    return fig


def _family(name: str) -> tuple[str, str, str, str]:
    """An encoder's family, the options to write beside its mark, and its colour and marker."""
    look = ENCODER_LOOKS[name]
    if name in EFFORTS:
        return "ours", name, OKABE_ITO["vermillion"], "D" if name != "best" else "*"
    if name == PLAIN:
        return look.label, "", style.INK, "x"
    family = look.label.partition(" ")[0]
    option = look.label.removeprefix(family).strip() or "as it comes"
    color, marker = {"mozjpeg": ("green", "o"), "jpegli": ("purple", "^")}[family]
    return family, option.removeprefix("4:2:0, "), OKABE_ITO[color], marker


def _options(ax: Axes, marks: Sequence[_Mark], side: int) -> None:
    """Write words to the left (``side`` −1) or right (1) of ``marks``, moved apart if they would overlap."""
    marks = sorted((mark for mark in marks if mark[2]), key=lambda mark: -mark[1])
    if not marks:
        return
    low, high = ax.get_ylim()
    gap = 0.062 * (high - low)
    places = [y for _, y, _, _ in marks]
    for i in range(1, len(places)):
        places[i] = min(places[i], places[i - 1] - gap)
    rise = float(np.mean([y for _, y, _, _ in marks])) - float(np.mean(places))
    rise = max(rise, low + 0.04 * (high - low) - places[-1])
    edge = max(x for x, *_ in marks) * 1.6 if side > 0 else min(x for x, *_ in marks) / 1.6
    for (x, y, words, color), place in zip(marks, places, strict=True):
        line: dict[str, Any] = {"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
        where: dict[str, Any] = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": style.SMALLEST}
        ax.annotate(words, (x, y), (edge, place + rise), arrowprops=line, **where)


def time_rows(timed: Mapping[str, tuple[float, float, float]]) -> Rows:
    """One row per encoder: megapixels per second, and milliseconds per megapixel with quartiles.

    ``timed`` is as in :func:`savings_against_time`.
    """
    rows = [
        [
            ENCODER_LOOKS[name].label,
            bench.significant(1 / median),
            *(bench.significant(1000 * s) for s in (median, low, high)),
        ]
        for name, (median, low, high) in timed.items()
    ]
    return ["", "megapixels a second", "milliseconds a megapixel", "lower quartile", "upper quartile"], rows
