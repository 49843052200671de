"""Pictures and tables of chapter 10 for pictures other than photos: bits against mozjpeg, type by type."""

from __future__ import annotations

from matplotlib.figure import Figure

from chapters.beyond import ENCODER_LOOKS, listed, signed
from chapters.style import INK, figure, legend_below
from chapters.tables import Rows
from repro.data.content_types import CONTENT_TYPES
from repro.experiments.beyond import EFFORTS, METRICS
from repro.experiments.claims import SHORT
from repro.experiments.content_types import BETTER_PEER, MOZJPEG, ContentTypeSavings

#: The axis is linear up to this many per cent; where it has ticks.
_LINEAR, _MARKS = 20, (-80, -40, -20, 0, 20, 80, 160)


def content_type_plot(found: ContentTypeSavings) -> Figure:
    """Plot each effort's bits against mozjpeg in per cent: a row per content type, a panel per metric.

    Beyond ±20 % the scale is logarithmic.
    """
    rows = {name: -i for i, name in enumerate(found.names)}
    fig, axes = figure(11.0, 3, 2, sharex=True, sharey=True)
    axes[-1, -1].axis("off")
    for ax, metric in zip(axes.ravel(), METRICS, strict=False):
        ax.axvline(0, color=INK, linewidth=1)
        for effort, shift in zip(EFFORTS, (0.22, 0.0, -0.22), strict=True):
            known = {name: p for name in rows if not isinstance(p := found.percent(name, effort, metric), str)}
            look = ENCODER_LOOKS[effort]._asdict() | {"linestyle": "none"}
            ax.plot(list(known.values()), [rows[name] + shift for name in known], **look, markersize=7)
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1)
        ax.set_xticks(_MARKS, [signed(mark) if mark else "0" for mark in _MARKS])
        ax.minorticks_off()
        ax.set(title=f"at equal {SHORT[metric]}", yticks=list(rows.values()))
        ax.set_yticklabels([CONTENT_TYPES[name].label for name in rows])
        ax.margins(x=0.06)
    for ax in (axes[1, 1], axes[2, 0]):
        ax.set_xlabel("bits against mozjpeg, %\n(right of 0 mozjpeg is better)")
        ax.tick_params(labelbottom=True)  # the panel below axes[1, 1] is empty
    legend_below(fig)
    return fig


def content_type_rows(found: ContentTypeSavings) -> Rows:
    """One row per content type: the image, the rates of mozjpeg's files, and our default's bits in each metric.

    Bits are in per cent, as "against mozjpeg / against the better peer".
    """
    rows = []
    for name in found.names:
        low, high = found.rates(name)
        each = [
            " / ".join(signed(found.percent(name, "default", metric, against)) for against in (MOZJPEG, BETTER_PEER))
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
    known = [f"{signed(p)} % at equal {SHORT[metric]}" for metric, p in numbers.items() if not isinstance(p, str)]
    return ", ".join(known) or "no number"
