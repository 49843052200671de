"""Pictures and tables of chapter 8: training steps per second, and seconds per photo to encode and decode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chapters import style
from chapters.style import LOOKS, OKABE_ITO
from chapters.tables import Rows
from repro.experiments.bench import Row, seconds_in_words, significant
from repro.experiments.claims.times import Stored, coded, label_of, setting_of

#: Fig. 12's means and standard errors, in seconds.
PAPER_TIMES = {"the paper: its encoder": (0.126, 0.010), "the paper: Ballé et al.": (7.667, 0.079)}
_TASKS = {"encode": ("vermillion", "o"), "decode": ("blue", "s")}


def speeds(rows: Sequence[Row]) -> Figure:
    """Plot steps per second of each method, grouped by setting, with quartiles and, for ResNet, the ratio to VGG-19."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(setting_of(row), []).append(row)
    fig, ax = style.plot(1.2 + 0.95 * len(groups))
    for place, mine in enumerate(groups.values()):
        for i, row in enumerate(mine):
            look, speed, y = LOOKS[row["method"]], row["steps_per_second"], place + 0.25 * (i - 1)
            ax.plot([speed["low"], speed["high"]], [y, y], color=look.color, lw=4, alpha=0.4)
            label = label_of(row) if place == 0 else None
            ax.plot(speed["median"], y, look.marker, color=look.color, label=label)
            label = f"{speed['median']:.3g}" + (f" ({row['ratio']['median']:.2f} ×)" if "ratio" in row else "")
            _annotate(ax, label, speed["high"], y)
    ax.set_yticks(range(len(groups)), [name.replace(", ", ",\n", 1) for name in groups])
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set(xscale="log", xlabel="steps a second (8 crops of 224 px each)")
    style.plain_marks(ax.xaxis, (1, 2, 5))
    ax.margins(x=0.16)
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def times(stored: Stored) -> Figure:
    """Plot seconds per photo: mean with standard error, every photo as a faint dot, and the paper's means."""
    found = {task: coded(stored, task) for task in _TASKS}
    names = [*found["encode"], *PAPER_TIMES]
    fig, ax = style.plot(1.3 + 0.42 * len(names))
    for task, (color, marker) in _TASKS.items():
        for name, row in found[task].items():
            _coder(ax, names.index(name) + 0.16 * (1 if task == "decode" else -1), row, OKABE_ITO[color], marker)
        ax.plot([], [], marker, color=OKABE_ITO[color], label=task)
    for name, (mean, error) in PAPER_TIMES.items():
        ax.errorbar(mean, names.index(name), xerr=error, fmt="D", color=OKABE_ITO["black"], capsize=4)
    _transforms(ax, found["encode"], names)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.6)
    ax.set(xscale="log", xlabel="seconds a photo (mean, standard error)")
    style.plain_marks(ax.xaxis)
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=4)
    return fig


def _coder(ax: Axes, y: float, row: Row, color: str, marker: str) -> None:
    photos = np.asarray(row["seconds_by_photo"])
    ax.plot(photos, np.full(len(photos), y), ".", color=color, alpha=0.25, ms=5, mew=0)
    ax.errorbar(row["mean"], y, xerr=row["standard_error"], fmt=marker, color=color, capsize=4)
    _annotate(ax, seconds_in_words(row["mean"]), photos.max(), y)


def _annotate(ax: Axes, words: str, x: float, y: float) -> None:
    """Write ``words`` to the right of a point."""
    ax.annotate(words, (x, y), (8, 0), textcoords="offset points", va="center", fontsize=style.SMALLEST)


def _transforms(ax: Axes, encode: Mapping[str, Row], names: Sequence[str]) -> None:
    """Draw a tick at the time that a learned codec's transform alone takes."""
    known = {name: row["transform_seconds"] for name, row in encode.items() if row.get("transform_seconds")}
    for name, seconds in known.items():
        ax.plot(seconds, names.index(name) - 0.16, "|", color=style.INK, ms=13, mew=2)
    if known:
        ax.plot([], [], "|", color=style.INK, ms=11, mew=2, label="its transform alone")


def speed_table(rows: Sequence[Row]) -> Rows:
    """Steps per second and ratios to VGG-19, with quartiles, a row per method and setting."""
    head = ["", "steps a second (quartiles)", "against VGG-19"]
    return head, [
        [
            f"{label_of(row)}, {setting_of(row)}",
            "{} ({}–{})".format(*(significant(row["steps_per_second"][key]) for key in ("median", "low", "high"))),
            "{median:.2f} × ({low:.2f}–{high:.2f} ×)".format(**row["ratio"]) if "ratio" in row else "",
        ]
        for row in rows
    ]


def time_table(stored: Stored) -> Rows:
    """One row per coder and task: milliseconds, their spread over photos, operations and bits per pixel."""
    head = ["", "mean ± standard error", "photos deviate by", "operations a pixel", "bits a pixel", "remark"]
    cells = []
    for task in _TASKS:
        for name, row in coded(stored, task).items():
            operations = row.get("operations_per_pixel")
            cells.append(
                [
                    f"{name}, {task}",
                    f"{1e3 * row['mean']:.3g} ± {1e3 * row['standard_error']:.2g} ms",
                    f"{100 * row['relative_deviation']:.1f} %",
                    f"{operations:,.0f}" if operations else "",
                    f"{row['bits_per_pixel']:.2f}",
                    row["remark"],
                ]
            )
    return head, cells
