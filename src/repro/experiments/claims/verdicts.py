"""Turn gains at equal rate into verdicts and their evidence, for the judgements of the book.

A comparison is made photo by photo at equal rate (:func:`repro.evaluation.gain_at_rate`), so that its interval is that
of the paired difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from repro.errors import listed
from repro.evaluation import BDRate, Curve, Curves, Gain, as_seeds, bd_rate, gain_at_rate
from repro.experiments.claims.claim import NOT, NOT_YET, PARTLY, REPRODUCED, Effect, Judgement
from repro.experiments.claims.own_rate import MIN_PHOTOS, OwnRate, error

#: The curves of all seeds, by series.
Seeds = Mapping[str, Curves]
#: The paper's three metrics, in the order of its figures.
METRICS = ("mse", "lpips", "ms_ssim")
#: Metric → its name in tables.
SHORT = {
    "mse": "MSE",
    "lpips": "LPIPS",
    "ms_ssim": "MS-SSIM",
    "mse_chroma": "colour",
    "blocking": "block edges",
    "ssimulacra2": "SSIMULACRA 2",
    "butteraugli": "Butteraugli",
}
#: Rates in section 6.4's range, in the paper's count of bits.
PAPER_RATES = (0.25, 0.28, 0.30, 0.315, 0.33, 0.36, 0.39, 0.42)
#: The evidence if nothing could be compared.
UNREACHED = "the curves do not reach these rates"


def gains(anchor: Curves, test: Curves, rates: Iterable[float], metrics: Sequence[str] = METRICS) -> list[Gain]:
    """Gains of ``test`` over ``anchor`` in each metric, at each rate that both reach on :func:`enough` photos."""
    found = (gain_at_rate(anchor, test, rate, metric) for metric in metrics for rate in rates)
    return [g for g in found if len(g.photos) >= enough(anchor)]


def enough(curves: Curves) -> int:
    """How many photos a comparison needs: :data:`MIN_PHOTOS`, or all of a smaller set such as the samples."""
    return min(MIN_PHOTOS, len(as_seeds(curves)[0].images))


def paper_gains(
    curves: Seeds | OwnRate,
    anchor: str,
    test: str,
    rates: Sequence[float] = PAPER_RATES,
    metrics: Sequence[str] = METRICS,
) -> list[Gain]:
    """Gains of ``test`` over ``anchor`` at equal rate, both in the paper's count of bits; for models by the paper's
    recipe, those of :meth:`OwnRate.gains`."""
    if isinstance(curves, OwnRate):
        return curves.gains(anchor, test, rates, metrics)
    first, second = (counted(curves[name], "bpp_paper") for name in (anchor, test))
    return gains(first, second, rates, metrics)


def counted(curves: Curves, counting: str) -> list[Curve]:
    """Every seed's curve with another count of bits, see :meth:`Curve.counted`."""
    return [curve.counted(counting) for curve in as_seeds(curves)]


def savings(anchor: Curves, test: Curves) -> dict[str, BDRate]:
    """Metric → BD-rate of ``test`` against ``anchor``."""
    return {metric: bd_rate(anchor, test, metric) for metric in METRICS}


def wins(found: Sequence[Gain]) -> str:
    """Reproduced if clearly better at every point; in part if at some, even if clearly worse at others, which the
    evidence says; else not."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) > 0 else PARTLY if max(clear) > 0 else NOT


def no_losses(found: Sequence[Gain]) -> str:
    """Reproduced if clearly worse at no point; not if at every point; else in part."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) >= 0 else NOT if max(clear) < 0 else PARTLY


def alike(found: Sequence[Gain]) -> str:
    """Reproduced if the means differ by at most 2 % of the anchor's at every point; in part if at some; else not."""
    if not found:
        return NOT_YET
    close = [abs(g.mean) <= 0.02 * abs(g.anchor) for g in found]
    return REPRODUCED if all(close) else PARTLY if any(close) else NOT


def together(verdicts: Iterable[str]) -> str:
    """The verdict on several parts of a claim: not yet if any part is, the common one if all agree, else in part."""
    every = set(verdicts)
    if not every or NOT_YET in every:
        return NOT_YET
    return every.pop() if len(every) == 1 else PARTLY


def improves(found: Sequence[Gain]) -> str:
    """Better in MS-SSIM at no cost in the others. If MS-SSIM is not better, the claim fails whatever the others do."""
    better, others = ([g for g in found if (g.metric == "ms_ssim") == of] for of in (True, False))
    won = wins(better)
    return won if won == NOT else together([won, no_losses(others)])


def either(verdicts: Iterable[str]) -> str:
    """The best of several verdicts, for a claim about either of two networks."""
    return min(verdicts, key=(REPRODUCED, PARTLY, NOT, NOT_YET).index)


def judgement(verdict: str, found: Mapping[str, Sequence[Gain]], before: str = "") -> Judgement:
    """A verdict on comparisons by name ("" for a single one), with evidence in words, which begin with ``before``, and
    as a picture."""
    return Judgement(verdict, before + describe(found), effects(found))


def effects(found: Mapping[str, Sequence[Gain]]) -> tuple[Effect, ...]:
    """A panel for each of ``found``, by name, and each metric: gains rate by rate, as shares of the anchor's error."""
    return tuple(
        Effect(name, SHORT[metric], tuple(_share(g) for g in gains if g.metric == metric))
        for name, gains in found.items()
        for metric in dict.fromkeys(g.metric for g in gains)
    )


def _share(g: Gain) -> tuple[float, float, float]:
    scale = error(g.metric, g.anchor) or 1.0
    return g.mean / scale, g.low / scale, g.high / scale


def describe(found: Mapping[str, Sequence[Gain]]) -> str:
    """How many points of each metric are clearly better or worse, and the range of rates that could be compared.

    Comparisons of which the same can be said are listed together.
    """
    if not any(found.values()):
        return UNREACHED
    said: dict[str, list[str]] = {}
    for name, gains in found.items():
        said.setdefault(_in_words(gains) or UNREACHED, []).append(name)
    parts = [f"{listed(names)}: {words}" if names != [""] else words for words, names in said.items()]
    return f"{'; '.join(parts)} ({rates_in_words(found)})"


def rates_in_words(found: Mapping[str, Sequence[Gain]]) -> str:
    """The range of the rates of ``found``, which must not be empty: "0.25–0.42 bpp, paper's counting"."""
    rates = [g.bpp for gains in found.values() for g in gains]
    low, high = (f"{rate:.2f}" if round(rate, 2) == rate else f"{rate:g}" for rate in (min(rates), max(rates)))
    return f"{low if low == high else f'{low}–{high}'} bpp, paper's counting"


def _in_words(found: Sequence[Gain]) -> str:
    """ "better in MSE and LPIPS at all 7 rates, no clear difference in MS-SSIM"."""
    said: dict[tuple[str, str], list[str]] = {}
    for metric in dict.fromkeys(g.metric for g in found):
        said.setdefault(_count([g.clear for g in found if g.metric == metric]), []).append(SHORT[metric])
    return ", ".join(f"{way} in {listed(metrics)}{at}" for (way, at), metrics in said.items())


def _count(clear: Sequence[int]) -> tuple[str, str]:
    """("better", " at all 7 rates"), ("worse", " at 2 of 7 rates"), …, from 1, −1 or 0 for each rate."""
    better, worse, every = clear.count(1), clear.count(-1), len(clear)
    if not better and not worse:
        return "no clear difference", ""
    way, count = ("better", better) if better else ("worse", worse)
    if every == 1:
        return way, ""
    if better and worse:
        return way, f" at {better} and worse at {worse} of {every} rates"
    if count == every:
        return way, " at both rates" if every == 2 else f" at all {every} rates"
    return way, f" at {count} of {every} rates"
