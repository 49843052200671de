"""Gains at equal rate, savings in bits, and the words for them: what every verdict of the book is made of.

A comparison is made photo by photo at equal rate (:func:`repro.evaluation.compare_at_rate`), so that its interval is of
the paired difference; a "gain" is a difference turned so that above zero the test encoder is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from repro.evaluation import BDRate, Curve, Difference, bd_rate, compare_at_rate
from repro.evaluation.bdrate import Curves
from repro.metrics import METRICS as ALL_METRICS

#: The three of the paper, in the order of its figures.
METRICS = ("mse", "lpips", "ms_ssim")
#: Each metric as a table calls it.
SHORT = {
    "mse": "MSE",
    "lpips": "LPIPS",
    "ms_ssim": "MS-SSIM",
    "mse_chroma": "colour",
    "blocking": "block edges",
    "ssimulacra2": "SSIMULACRA 2",
}
#: A comparison at one rate needs that many photos whose curves both reach it.
MIN_PHOTOS = 12

#: What a verdict can be, in the words that readers see.
REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE = (
    "reproduced",
    "in part",
    "not reproduced",
    "not yet",
    "not testable",
)


@dataclass(frozen=True)
class Gain:
    """A :class:`Difference` turned so that above zero the test encoder is better; ``low``–``high`` is the interval."""

    bpp: float
    metric: str
    mean: float
    low: float
    high: float
    anchor: float
    test: float
    photos: int

    @property
    def clear(self) -> int:
        """1 where the interval lies above zero, −1 where below, 0 where it holds zero."""
        return int(self.low > 0) - int(self.high < 0)


class Judged(NamedTuple):
    """A verdict and its evidence in one line."""

    verdict: str
    evidence: str


def gain(difference: Difference) -> Gain:
    """``difference`` turned by which way its metric is better."""
    d, sign = difference, -1.0 if ALL_METRICS[difference.metric][1] == "lower" else 1.0
    low, high = sorted((sign * d.low, sign * d.high))
    return Gain(d.bpp, d.metric, sign * d.difference, low, high, d.anchor, d.test, len(d.photos))


def gains(anchor: Curves, test: Curves, rates: Iterable[float], metrics: Sequence[str] = METRICS) -> list[Gain]:
    """``test`` against ``anchor`` at each rate in each metric, where both reach it on :data:`MIN_PHOTOS` or more.

    A set of fewer photos than that, as the samples, must be reached whole.
    """
    first = anchor if isinstance(anchor, Curve) else anchor[0]
    enough = min(MIN_PHOTOS, len(first.images))
    found = (gain(compare_at_rate(anchor, test, rate, metric)) for metric in metrics for rate in rates)
    return [g for g in found if g.photos >= enough]


def savings(anchor: Curves, test: Curves) -> dict[str, BDRate]:
    """Metric → BD-rate of ``test`` against ``anchor``."""
    return {metric: bd_rate(anchor, test, metric) for metric in METRICS}


def counted(curves: Curves, counting: str) -> list[Curve]:
    """Every seed's curve with another counting of bits, see :meth:`Curve.counted`."""
    return [curve.counted(counting) for curve in ([curves] if isinstance(curves, Curve) else curves)]


def in_words(found: BDRate) -> str:
    """ "12.3 % fewer bits (95 % interval 10.1 to 14.2)"; where zero lies inside, "about as many bits" and the same."""
    if math.isnan(found.mean):
        return "no quality in common"
    if found.low <= 0 <= found.high:
        return f"about as many bits ({found.mean:+.1f} %, 95 % interval {found.low:+.1f} to {found.high:+.1f})"
    low, high = sorted((abs(found.low), abs(found.high)))
    word = "fewer" if found.mean < 0 else "more"
    return f"{abs(found.mean):.1f} % {word} bits (95 % interval {low:.1f} to {high:.1f})"


def briefly(found: BDRate) -> str:
    """:func:`in_words` without the interval, for a page that names what another one shows: "12.3 % fewer bits"."""
    return in_words(found).partition(" (")[0]


def wins(found: Sequence[Gain]) -> str:
    """At every point better, and clearly so: reproduced. At some: in part."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) > 0 else PARTLY if max(clear) > 0 else NOT


def no_losses(found: Sequence[Gain]) -> str:
    """At no point clearly worse: reproduced. At every: not."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) >= 0 else NOT if max(clear) < 0 else PARTLY


def alike(found: Sequence[Gain], within: float = 0.02) -> str:
    """Means that differ by no more than ``within`` of the anchor's at every point: reproduced; at some: in part."""
    if not found:
        return NOT_YET
    close = [abs(g.mean) <= within * abs(g.anchor) for g in found]
    return REPRODUCED if all(close) else PARTLY if any(close) else NOT


def together(verdicts: Iterable[str]) -> str:
    """The verdict of a claim with several parts: reproduced where all are, not where none is, else in part."""
    every = list(verdicts)
    if not every or NOT_YET in every:
        return NOT_YET
    if len(set(every)) == 1:
        return every[0]
    return PARTLY


def improves(found: Sequence[Gain], metric: str = "ms_ssim") -> str:
    """Better in ``metric``, at no cost in the others; where nothing is gained, to cost nothing is no merit."""
    better, others = ([g for g in found if (g.metric == metric) == of] for of in (True, False))
    won = wins(better)
    return won if won == NOT else together([won, no_losses(others)])


def either(verdicts: Iterable[str]) -> str:
    """The best of several verdicts: of a claim on either of two networks."""
    order = (REPRODUCED, PARTLY, NOT, NOT_YET)
    return min(verdicts, key=order.index)


def told(found: Sequence[Gain]) -> str:
    """How many points of each metric are clearly better or worse, and the range of rates that could be compared."""
    if not found:
        return "the curves do not reach these rates"
    parts = [
        f"{SHORT[metric]}: {_counted([g.clear for g in found if g.metric == metric])}"
        for metric in dict.fromkeys(g.metric for g in found)
    ]
    rates = [g.bpp for g in found]
    low, high = (f"{rate:.2f}" if round(rate, 2) == rate else f"{rate:g}" for rate in (min(rates), max(rates)))
    return f"{'; '.join(parts)} ({low if low == high else f'{low}–{high}'} bpp, paper's counting)"


def _counted(clear: Sequence[int]) -> str:
    """ "better at all 7 rates", "worse at 2 of 7 rates": 1, −1 and 0 of each rate as a reader would say them."""
    better, worse, all_of_them = clear.count(1), clear.count(-1), len(clear)
    if all_of_them == 1:
        return {1: "better", -1: "worse", 0: "no clear difference"}[clear[0]]
    if all_of_them in (better, worse):
        return f"{'better' if better else 'worse'} at all {all_of_them} rates"
    if not better and not worse:
        return f"no clear difference at any of {all_of_them} rates"
    said = [f"{word} at {count}" for word, count in (("better", better), ("worse", worse)) if count]
    return f"{', '.join(said)} of {all_of_them} rates"


def largest(found: Sequence[Gain], unit: str = "") -> str:
    """The middle and the extremes of the relative gains, "+1.2 % (−0.3 to +2.0 %)"."""
    if not found:
        return "no rate in common"
    relative = sorted(100 * g.mean / abs(g.anchor) for g in found)
    middle = relative[len(relative) // 2]
    return f"{middle:+.1f} % ({relative[0]:+.1f} to {relative[-1]:+.1f} %){unit}"


def numbers_of(saved: Mapping[str, Mapping[str, BDRate]]) -> dict[str, str]:
    """Name and metric → savings in words, for glue: ``{name}_{metric}``, and ``…_brief`` without intervals."""
    each = {f"{name}_{metric}": found for name, row in saved.items() for metric, found in row.items()}
    words = {name: in_words(found) for name, found in each.items()}
    return words | {f"{name}_brief": briefly(found) for name, found in each.items()}
