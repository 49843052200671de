"""Pictures of the stored benchmarks: how many times as fast, how near to what the machine can do, how cost grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from chapters import style
from chapters.style import LOOKS, OKABE_ITO
from repro.experiments import bench
from repro.experiments.bench import Row

_MARKERS = "osD^vPX*"
#: What the benchmarks of the paper's methods call "fast" is learned tables at that effort.
_TABLES = {"fast": "fast, tables"}


def ratios(rows: Sequence[Row], label: str) -> Figure:
    """One line a row that was timed against something: the ratio, its quartiles, and a tick where it had to be."""
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
    fig.legend(loc="outside upper right")  # not among the rows, where its tick would be taken for one of theirs
    return fig


def roofline(rows: Sequence[Row]) -> Figure:
    """Operations a second against operations a byte: the machine's limits as lines, training steps as points."""
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
    """Seconds and peak memory of one encoding against megapixels, a line an effort, with the fitted exponent."""
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
    """Seconds a megapixel of each encoder, the fastest first, by the names that the book gives them."""
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
    """Encoders in pairs, by the names that the book gives them (``ours``: of our rows), and how much they encoded."""
    names = {**{name: look.label for name, look in LOOKS.items()}, **ours}
    named = [{**row, "name": f"{names.get(row['name'], row['name'])}{_megapixels(row)}"} for row in rows]
    head, told = bench.table(named)
    return head, [[names.get(cell, cell) for cell in cells] for cells in told]


def _megapixels(row: Row) -> str:
    return f", {row['megapixels']:.2g} MP" if "megapixels" in row else ""


def machine(table: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Where a table was measured: what of its provenance tells a reader how to take the seconds."""
    made = table["provenance"]
    return {
        "processor": f"{made['cpu']}, {made['cores']} cores, {made['threads']} threads",
        "GPU": str(made["gpu"] or "none"),
        "command": str(made["command"]),
        "commit": str(made["commit"])[:12] + (" with changes" if made["modified"] else ""),
        "date": str(made["date"]).partition("T")[0],
    }
