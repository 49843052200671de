"""Compare the few models by the paper's own recipe. Pairs with two λ or more are compared along curves, as ours are.

Two models of one λ spend different numbers of bits. So each is compared with plain JPEG at its own rate, photo by
photo, by the logarithm of the ratio of their errors, and the gain of the pair is the difference of the two. That is not
exact, because what can be gained over plain JPEG depends on the rate. So rates that lie too far apart are not compared,
and intervals are widened by :data:`MARGIN`. If plain JPEG has no file of their rates, two models are still compared,
directly, provided that their rates are :data:`ALIKE`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from repro.errors import ReproError
from repro.evaluation import Curve, Gain, gain_at_rate
from repro.evaluation.curves import DECIBELS, Point, interpolate
from repro.plain import paired_bootstrap

#: The encoder that stands for plain JPEG, and how bits are counted: as in the paper.
PLAIN, COUNTING = "pillow-444", "bpp_paper"
#: Largest ratio between the rates of the two models of a pair, and between a rate and the end of a claim's range.
NEAR = 1.25
#: Largest ratio between the rates of two files that count as equal. Two per cent of bits change plain JPEG's errors by
#: 0.1 to 0.4 decibels at its lowest qualities, and :data:`MARGIN` is added here as well.
ALIKE = 1.02
#: Decibels by which the interval of a pair of one λ is widened at each end: twice the root mean square error of this
#: comparison, found on our own models, which can also be compared at equal rates.
MARGIN = 0.3
#: A comparison at one rate needs this many photos on which both curves reach it.
MIN_PHOTOS = 12
#: Method of the paper → its name for readers.
METHODS = {
    "vgg19": "VGG-19",
    "resnet152-block1": "ResNet-152 block 1",
    "resnet152-block7": "ResNet-152 block 7",
    "lstm": "LSTM",
    "bilstm": "BiLSTM",
}
#: A change of one decibel in an error, as a natural logarithm.
_DECIBEL = math.log(10) / 10


class OutOfReach(ReproError):
    """Nothing in the plan can test the claim: rates are out of range, too far apart, or not reached by plain JPEG."""


def papers(series: str) -> str:
    """The name that one of our series has by the paper's recipe: VGG-19 for VGG-16, and the paper's rounding."""
    return series.replace("vgg16", "vgg19").removesuffix(", straight-through")


def in_words(series: str) -> str:
    """The name that one of our series has by the paper's recipe, for readers: "VGG-19, MSE + LPIPS"."""
    method, comma, loss = papers(series).partition(",")
    return METHODS.get(method, method) + comma + loss


def error(metric: str, value: float) -> float:
    """Distance of a metric's ``value`` from its perfect value."""
    return 1 - value if metric == "ms_ssim" else abs(value)


@dataclass(frozen=True)
class OwnRate:
    """Stored models. ``runs``: series → λ → photo → point. ``plain``: plain JPEG's curve, its bits counted as
    ``counting`` says. ``command``: runs what is missing. ``anywhere``: also compare pairs of one λ outside the rates of
    a claim. ``planned``: series → every λ that is to be run. ``least``: how many photos must be comparable."""

    runs: Mapping[str, Mapping[float, Mapping[str, Point]]]
    plain: Curve
    command: str
    counting: str = COUNTING
    anywhere: bool = False
    planned: Mapping[str, Collection[float]] = field(default_factory=dict)
    least: int = MIN_PHOTOS

    def gains(self, anchor: str, test: str, rates: Sequence[float], metrics: Sequence[str]) -> list[Gain]:
        """Gains of ``test`` over ``anchor`` (names of our series): at those of ``rates`` that their curves reach, or if
        there are none, at each λ with which both were trained.

        A gain at one λ is in the metric's own unit: the logarithm of the ratio of errors, times the error of
        ``anchor``; ``bpp`` is the mean rate of ``test``. Raises :class:`ReproError` if no λ has both, or none near
        ``rates``, or none that can be compared on enough photos; :class:`OutOfReach` if no λ is left to run.
        """
        first, second = ({} if name == PLAIN else self.runs.get(papers(name), {}) for name in (anchor, test))
        missing = [in_words(name) for name, of in ((anchor, first), (test, second)) if not of and name != PLAIN]
        if missing:
            raise ReproError(f"results: not stored: {'; '.join(missing)}; run `{self.command}`")
        shared = [lam for lam in second if anchor == PLAIN or lam in first]
        if not shared:
            raise ReproError(f"results: no λ has both {in_words(anchor)} and {in_words(test)}; run `{self.command}`")
        at_rates = self._at_rates(first, second, rates, metrics)
        if at_rates:
            return at_rates
        found = [
            self._gain(None if anchor == PLAIN else first[lam], second[lam], metric)
            for metric in metrics
            for lam in shared
            if self._comparable(None if anchor == PLAIN else first[lam], second[lam], rates)
        ]
        enough = [g for g in found if len(g.photos) >= self.least]
        if not enough:
            raise self._incomparable(anchor, test, shared, bool(found))
        return enough

    def _incomparable(self, anchor: str, test: str, shared: Collection[float], without_plain: bool) -> ReproError:
        """An error that says why no pair at the ``shared`` λ decides, and what to run if the plan has more λ of both.

        ``without_plain``: the rates are in range and near each other, but plain JPEG has no file of them.
        """
        models = [papers(name) for name in (anchor, test) if name != PLAIN]
        why = "the stored pairs lie outside of these rates, or too far apart"
        if without_plain:
            rates = sorted({self.rate(self.runs[model][lam]) for model in models for lam in shared})
            why = f"plain JPEG has no file of their rates, {' and '.join(f'{rate:g}' for rate in rates)} bpp"
            if len(models) == 2:
                why += f", which differ by more than {100 * (ALIKE - 1):.0f} %"
        more = set.intersection(*(set(self.planned.get(model, ())) for model in models))
        if more - set(shared):
            return ReproError(f"results: {why}; for other λ, run `{self.command}`")
        return OutOfReach(f"results: {why}, at any λ of the plan")

    def _at_rates(
        self,
        first: Mapping[float, Mapping[str, Point]],
        second: Mapping[float, Mapping[str, Point]],
        rates: Sequence[float],
        metrics: Sequence[str],
    ) -> list[Gain]:
        if min(len(first), len(second)) < 2:
            return []
        anchor, test = (Curve.from_runs("model", runs).counted(self.counting) for runs in (first, second))
        found = [gain_at_rate(anchor, test, rate, metric) for metric in metrics for rate in rates]
        return [g for g in found if len(g.photos) >= self.least]

    def _comparable(
        self, anchor: Mapping[str, Point] | None, test: Mapping[str, Point], rates: Sequence[float]
    ) -> bool:
        theirs = self.rate(test)
        apart = 1.0 if anchor is None else self.rate(anchor) / theirs
        in_range = self.anywhere or min(rates) / NEAR <= theirs <= max(rates) * NEAR
        return in_range and 1 / NEAR <= apart <= NEAR

    def _gain(self, anchor: Mapping[str, Point] | None, test: Mapping[str, Point], metric: str) -> Gain:
        differences, pairs, missing = [], [], {}
        for photo, point in test.items():
            ahead = self._ahead(photo, None if anchor is None else anchor[photo], point, metric)
            if ahead is None:
                missing[photo] = "has no rate in common with plain JPEG"
                continue
            differences.append(ahead)
            pairs.append((self._value(anchor, photo, point, metric), float(point[metric] or 0)))
        if not pairs:
            return Gain(self.rate(test), metric, math.nan, math.nan, math.nan, math.nan, math.nan, (), missing)
        of_anchor, of_test = (float(v) for v in np.mean(pairs, axis=0))
        scale = 1.0 if metric == "blocking" else error(metric, of_anchor)
        margin = 0.0 if anchor is None else MARGIN * _DECIBEL * error(metric, of_anchor)
        low, high = (scale * v for v in paired_bootstrap(np.array([differences])))
        ends = low - margin, high + margin
        photos = tuple(p for p in test if p not in missing)
        mean = scale * float(np.mean(differences))
        return Gain(self.rate(test), metric, mean, *ends, of_anchor, of_test, photos, missing)

    def _ahead(self, photo: str, anchor: Point | None, point: Point, metric: str) -> float | None:
        """Gain of a point over the anchor's, or over plain JPEG, in nats; None if they cannot be compared."""
        over = self.over_plain(photo, point, metric)
        if anchor is None:
            return over
        under = self.over_plain(photo, anchor, metric)
        if over is not None and under is not None:
            return over - under
        mine, theirs = point[metric], anchor[metric]
        ratio = (anchor[self.counting] or 1) / (point[self.counting] or 1)
        if mine is None or theirs is None or not 1 / ALIKE <= ratio <= ALIKE:
            return None
        return _in_nats(metric, DECIBELS[metric][0](mine) - DECIBELS[metric][0](theirs))

    def over_plain(self, photo: str, point: Point, metric: str) -> float | None:
        """Logarithm of plain JPEG's error over the point's, at the point's rate: positive if the point is better. For
        block edges, which may be 0, the difference. None if plain JPEG's points do not enclose the rate."""
        x, y = self.plain.line(photo, metric)
        at, value = math.log10(point[self.counting] or 1), point[metric]
        if value is None or not len(x) or not x[0] <= at <= x[-1]:
            return None
        return _in_nats(metric, DECIBELS[metric][0](value) - float(interpolate(x, y, at)))

    def _value(self, anchor: Mapping[str, Point] | None, photo: str, point: Point, metric: str) -> float:
        """The anchor's metric; without an anchor, plain JPEG's at the rate of the point."""
        if anchor is not None:
            return float(anchor[photo][metric] or 0)
        x, y = self.plain.line(photo, metric)
        return DECIBELS[metric][1](float(interpolate(x, y, math.log10(point[self.counting] or 1))))

    def rate(self, images: Mapping[str, Point]) -> float:
        """The mean rate over photos in bits per pixel, to three significant digits."""
        return float(f"{np.mean([p[self.counting] or 0 for p in images.values()]):.3g}")


def _in_nats(metric: str, better: float) -> float:
    """A difference in decibels as natural logarithms; block edges have no decibels and stay as they are."""
    return better if metric == "blocking" else _DECIBEL * better


def decibels(g: Gain) -> tuple[float, float, float]:
    """A gain and the ends of its interval, in decibels of the error."""
    scale = error(g.metric, g.anchor) * _DECIBEL
    return g.mean / scale, g.low / scale, g.high / scale
