"""Chapter 10, where it loses: bits by content type, and an image of each by mozjpeg and by ours at one size."""

from __future__ import annotations

from matplotlib.figure import Figure

from chapters.beyond import ABLATION_LOOKS, listed, measured
from chapters.comparison import Frames, closeup, versions
from chapters.failures import OURS, where_worse
from chapters.style import INK, LOOKS, figure
from chapters.tables import Rows
from repro.data.content_types import CONTENT_TYPES, draw
from repro.experiments.beyond import BETTER_PEER, EFFORTS, METRICS
from repro.experiments.claims import SHORT
from repro.experiments.content_types import EVEN, MOZJPEG, SHARED, ContentTypeSavings

#: Pixels a side of the part that is shown: small, so that each is seen, and so that all fit into a page.
_CLOSE = 128
#: Per cent up to which the axis is linear, and where it has marks.
_LINEAR, _MARKS = 20, (-80, -40, -20, 0, 20, 80, 160)


def savings_plot(found: ContentTypeSavings) -> Figure:
    """Bits of each effort against mozjpeg in per cent: a row a content type, a panel a metric.

    Beyond 20 % the scale is logarithmic.
    """
    rows = {name: -i for i, name in enumerate(found.names)}
    fig, axes = figure(8.4, 2, 2, sharex=True, sharey=True)
    for ax, metric in zip(axes.ravel(), METRICS, strict=True):
        ax.axvline(0, color=INK, linewidth=1)
        for effort, shift in zip(EFFORTS, (0.22, 0.0, -0.22), strict=True):
            known = {name: p for name in rows if not isinstance(p := found.percent(name, effort, metric), str)}
            look = ABLATION_LOOKS[effort].kwargs | {"linestyle": "none"}
            ax.plot(list(known.values()), [rows[name] + shift for name in known], **look, markersize=7)
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1)
        ax.set_xticks(_MARKS, [_cell(mark) if mark else "0" for mark in _MARKS])
        ax.minorticks_off()
        ax.set(title=f"at equal {SHORT[metric]}", yticks=list(rows.values()))
        ax.set_yticklabels([CONTENT_TYPES[name].label for name in rows])
        ax.margins(x=0.06)
    for ax in axes[1]:
        ax.set_xlabel("bits against mozjpeg, %\n(right of 0 mozjpeg is better)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(EFFORTS))
    return fig


def saving_rows(found: ContentTypeSavings, effort: str = "default") -> Rows:
    """One row a content type: the image, the rates of mozjpeg's files, and per cent of bits in each metric.

    They stand as "against mozjpeg / against the better peer".
    """
    rows: list[list[object]] = []
    for name in found.names:
        low, high = found.rates(name)
        each = [
            " / ".join(_cell(found.percent(name, effort, metric, against)) for against in (MOZJPEG, BETTER_PEER))
            for metric in METRICS
        ]
        rows.append(
            [f"{CONTENT_TYPES[name].label}: {CONTENT_TYPES[name].description}", f"{low:.2g} to {high:.2g}", *each]
        )
    return ["picture", "bits per pixel", *(f"at equal {SHORT[metric]}, %" for metric in METRICS)], rows


def gallery(found: ContentTypeSavings, quality: float, count: int | None = None) -> Frames:
    """Frames for a slider, one a content type (``count`` at most): original, mozjpeg and ours.

    Each shows the part where ours is worse by most. Both files have the size of ours at ``quality``.
    """
    frames, labels, alts = [], [], []
    for name in found.names[:count]:
        shown = versions(draw(name), None, peers=(MOZJPEG,), ours=(OURS,), quality=quality)
        frames.append(closeup(shown, where_worse(shown, _CLOSE), interpolation="nearest"))
        labels.append(CONTENT_TYPES[name].label)
        sizes = "; ".join(f"{v.label}: {v.words}".replace("\n", ", ") for v in shown[1:])
        alts.append(
            f"{CONTENT_TYPES[name].label}. Bits of ours against {LOOKS[MOZJPEG].label}: {_needs(found, name)}. {sizes}."
        )
    return Frames(frames, labels, alts)


def words(found: ContentTypeSavings) -> dict[str, str]:
    """For glue: what each effort loses, and on which content types, in words that hold whoever wins."""
    said = {
        "measured": measured(found.encoders, "pictures"),
        "even": f"{EVEN:g} %",
        "shared": "half" if SHARED == 0.5 else f"{100 * SHARED:g} %",
        "without": _not_compared(found),
    }
    for effort in EFFORTS:
        for against, short in ((MOZJPEG, "mozjpeg"), (BETTER_PEER, "better")):
            lost, even, every = found.tally(effort, against)
            more = f" ({even} more {'is' if even == 1 else 'are'} even)" if even else ""
            said[f"{effort}_{short}"] = f"{lost} of {every}{more}"
            everywhere = found.lost_everywhere(effort, against)
            said[f"{effort}_{short}_everywhere"] = listed([CONTENT_TYPES[name].label for name in everywhere])
            for metric in METRICS:
                worse = found.lost(effort, metric, against)
                each = [f"{CONTENT_TYPES[name].label} ({percent:+.0f} %)" for name, percent in worse.items()]
                said[f"{effort}_{short}_{metric}"] = ", ".join(each) or "nothing"
    return said


def _not_compared(found: ContentTypeSavings) -> str:
    """Which comparisons of the default effort have no number, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name in found.names:
        for metric in METRICS:
            percent = found.percent(name, "default", metric)
            if isinstance(percent, str):
                reasons.setdefault((name, percent), []).append(SHORT[metric])
    each = [f"{CONTENT_TYPES[n].label} in {listed(metrics)} ({why})" for (n, why), metrics in reasons.items()]
    return "; ".join(each) or "none of them"


def _needs(found: ContentTypeSavings, name: str) -> str:
    numbers = {metric: found.percent(name, "default", metric) for metric in METRICS}
    known = [f"{_cell(p)} % at equal {SHORT[metric]}" for metric, p in numbers.items() if not isinstance(p, str)]
    return ", ".join(known) or "no number"


def _cell(percent: float | str) -> str:
    return "–" if isinstance(percent, str) else f"{percent:+.0f}".replace("-", "−")
