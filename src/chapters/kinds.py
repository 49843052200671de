"""Chapter 10, where it loses: bits by kind of picture, and every kind by mozjpeg and by ours at one size."""

from __future__ import annotations

from matplotlib.figure import Figure

from chapters.beyond import RUNG_LOOKS
from chapters.comparison import Frames, closeup, versions
from chapters.failures import OURS, where_worse
from chapters.style import INK, LOOKS, figure
from chapters.tables import Rows
from repro.data.kinds import KINDS, draw
from repro.experiments.beyond import BETTER, EFFORTS, METRICS, SHORT
from repro.experiments.kinds import RIVAL, Kinds

#: Pixels a side of the part that is shown: small, so that each is seen, and so that all kinds fit into a page.
_CLOSE = 128
#: Per cent up to which the axis is linear, and where it has marks.
_LINEAR, _MARKS = 20, (-80, -40, -20, 0, 20, 80, 160)


def kinds_plot(found: Kinds) -> Figure:
    """Bits of each effort against mozjpeg (per cent), a row a kind, a panel a metric; beyond 20 % on a logarithmic
    scale."""
    rows = {kind: -i for i, kind in enumerate(found.names)}
    fig, axes = figure(8.4, 2, 2, sharex=True, sharey=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axvline(0, color=INK, linewidth=1)
        for effort, shift in zip(EFFORTS, (0.22, 0.0, -0.22), strict=True):
            known = {kind: p for kind in rows if not isinstance(p := found.percent(kind, effort, metric), str)}
            look = RUNG_LOOKS[effort].kwargs | {"linestyle": "none"}
            ax.plot(list(known.values()), [rows[kind] + shift for kind in known], **look, markersize=7)
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1)
        ax.set_xticks(_MARKS, [_cell(mark) if mark else "0" for mark in _MARKS])
        ax.minorticks_off()
        ax.set(title=f"at equal {SHORT[metric]}", yticks=list(rows.values()))
        ax.set_yticklabels([KINDS[kind].label for kind in rows])
        ax.margins(x=0.06)
    for ax in axes[1]:
        ax.set_xlabel("bits against mozjpeg, %\n(right of 0 mozjpeg is better)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(EFFORTS))
    return fig


def kind_rows(found: Kinds, effort: str = "default") -> Rows:
    """One row a kind: the picture, the rates of mozjpeg's files, and per cent of bits, "against mozjpeg / against the
    better peer", metric by metric."""
    rows: list[list[object]] = []
    for kind in found.names:
        low, high = found.rates(kind)
        each = [
            " / ".join(_cell(found.percent(kind, effort, metric, against)) for against in (RIVAL, BETTER))
            for metric in METRICS
        ]
        rows.append([f"{KINDS[kind].label}: {KINDS[kind].words}", f"{low:.2g} to {high:.2g}", *each])
    return ["picture", "bits per pixel", *(f"at equal {SHORT[metric]}, %" for metric in METRICS)], rows


def gallery(found: Kinds, quality: float, count: int | None = None) -> Frames:
    """A kind a frame: original, mozjpeg and ours where ours is worse by most, at the size of our file at ``quality``;
    for a slider. ``count``: at most so many kinds."""
    frames, labels, alts = [], [], []
    for kind in found.names[:count]:
        shown = versions(draw(kind), None, peers=(RIVAL,), ours=(OURS,), quality=quality)
        frames.append(closeup(shown, where_worse(shown, _CLOSE), interpolation="nearest"))
        labels.append(KINDS[kind].label)
        sizes = "; ".join(f"{v.label}: {v.words}".replace("\n", ", ") for v in shown[1:])
        alts.append(f"{KINDS[kind].label}. Bits of ours against {LOOKS[RIVAL].label}: {_needs(found, kind)}. {sizes}.")
    return Frames(frames, labels, alts)


def _needs(found: Kinds, kind: str) -> str:
    numbers = {metric: found.percent(kind, "default", metric) for metric in METRICS}
    known = [f"{_cell(p)} % at equal {SHORT[metric]}" for metric, p in numbers.items() if not isinstance(p, str)]
    return ", ".join(known) or "cannot be told"


def _cell(percent: float | str) -> str:
    return "–" if isinstance(percent, str) else f"{percent:+.0f}".replace("-", "−")
