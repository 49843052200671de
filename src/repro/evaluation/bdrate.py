"""BD-rates and gains at equal rate between two encoders, with confidence intervals over photos and seeds.

Source: Bjøntegaard, VCEG-M33 (2001); monotone cubic interpolation and integral by the package ``bjontegaard``
(Herglotz et al. 2022). Quality is in decibels: PSNR for MSE, −10 log10(1 − MS-SSIM), −10 log10 of LPIPS and of
Butteraugli. SSIMULACRA 2 is used as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repro.errors import UsageError, needs_extra
from repro.evaluation.curves import Curve, at_shared_settings, interpolate, value_at_rate
from repro.metrics import METRICS
from repro.plain import paired_bootstrap

Window = tuple[float, float]
#: An encoder's curve, or one for each of several seeds.
Curves = Curve | Sequence[Curve]


@dataclass(frozen=True)
class BDRate:
    """Rate of the test encoder relative to the anchor at equal quality, in per cent: −10 means 10 % fewer bits.

    mean, low, high
        mean over the photos that can be compared, and its 95 % bootstrap interval (nan if there are none).
    per_image, missing
        photo → per cent, averaged over seeds; photo → why it cannot be compared.
    per_seed
        the mean over photos for each seed.
    covered
        share of the window, in log-rate, that both curves cover, averaged over the compared photos; 1 without a window.
    """

    metric: str
    mean: float
    low: float
    high: float
    per_image: dict[str, float]
    missing: dict[str, str]
    per_seed: tuple[float, ...] = ()
    covered: float = 1.0


@dataclass(frozen=True)
class Gain:
    """Gain of the test encoder in a metric at equal rate. For every metric, positive means better.

    mean, low, high
        mean over ``photos`` of the paired differences, and its 95 % bootstrap interval (nan if there are none).
    anchor, test
        means of the metric itself over the same photos, on which both encoders reach the rate.
    missing
        photo → why it cannot be compared.
    per_seed
        the mean over photos for each seed.
    """

    bpp: float
    metric: str
    mean: float
    low: float
    high: float
    anchor: float
    test: float
    photos: tuple[str, ...]
    missing: dict[str, str]
    per_seed: tuple[float, ...] = ()

    @property
    def clear(self) -> int:
        """1 if the interval lies above zero, −1 if below, 0 if it contains zero."""
        return int(self.low > 0) - int(self.high < 0)


def bd_rate(anchor: Curves, test: Curves, metric: str = "mse", *, window: Window | None = None) -> BDRate:
    """Bjøntegaard delta rate of ``test`` against ``anchor``, photo by photo.

    Averages over the qualities that both curves reach. With ``window`` (lowest, highest bpp), both curves are first cut
    to *that range of rates* by interpolation. Points that another point of the same curve beats in both rate and
    quality are dropped, because rate must be a function of quality.

    Several seeds are compared pair by pair, at the settings that all seeds of an encoder share, and the interval is
    over photos and seeds.

    Raises :class:`UsageError` for a bad ``window``, or if the curves are not of the same photos or their seeds cannot
    be paired; :class:`ReproError` if the package ``bjontegaard`` is not installed.
    """
    if window is not None and not 0 < window[0] < window[1]:
        raise UsageError(f"window: expected 0 < lowest < highest bpp, got {window[0]:g} and {window[1]:g}")
    pairs = _pairs(*(at_shared_settings(as_seeds(curves)) for curves in (anchor, test)))
    compared: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    for photo in pairs[0][0].images:
        found = [_bd_rate(*(_front(c, photo, metric, window) for c in pair)) for pair in pairs]
        reasons = [f for f in found if isinstance(f, str)]
        if reasons:
            missing[photo] = reasons[0]
        else:
            compared[photo] = [float(f) for f in found]
    per_seed, mean, low, high = _summary(list(compared.values()))
    per_image = {photo: float(np.mean(f)) for photo, f in compared.items()}
    covered = [_covered(pair, photo, metric, window) for pair in pairs for photo in compared] if window else []
    return BDRate(metric, mean, low, high, per_image, missing, per_seed, float(np.mean(covered)) if covered else 1.0)


def gain_at_rate(anchor: Curves, test: Curves, bpp: float, metric: str) -> Gain:
    """Gain of ``test`` over ``anchor`` at ``bpp``, on the photos on which both reach that rate.

    The interval is that of the mean paired difference: photos are resampled, and seeds if there are several, but not
    encoders. Raises :class:`UsageError` if the curves are not of the same photos or their seeds cannot be paired.
    """
    pairs = _pairs(anchor, test)
    found = [tuple(value_at_rate(curve, bpp, metric) for curve in pair) for pair in pairs]
    shared = tuple(p for p in found[0][0].values if all(p in at.values for pair in found for at in pair))
    missing: dict[str, str] = {}
    for pair, values in zip(pairs, found, strict=True):
        for curve, at in zip(pair, values, strict=True):
            missing |= {photo: f"{curve.name} {why}" for photo, why in at.missing.items() if photo not in missing}
    sign = -1 if METRICS[metric].better == "lower" else 1
    per_seed, mean, low, high = _summary([[sign * (b.values[p] - a.values[p]) for a, b in found] for p in shared])
    of_anchor, of_test = (
        float(np.mean([pair[i].values[p] for pair in found for p in shared])) if shared else math.nan for i in (0, 1)
    )
    return Gain(bpp, metric, mean, low, high, of_anchor, of_test, shared, missing, per_seed)


def as_seeds(curves: Curves) -> list[Curve]:
    """The curve of each seed."""
    return [curves] if isinstance(curves, Curve) else list(curves)


def _pairs(anchor: Curves, test: Curves) -> list[tuple[Curve, Curve]]:
    """Anchor and test, seed by seed; a single curve is paired with each of several."""
    anchors, tests = as_seeds(anchor), as_seeds(test)
    count = max(len(anchors), len(tests))
    if {len(anchors), len(tests)} - {1, count}:
        raise UsageError(f"{len(anchors)} and {len(tests)} seeds cannot be paired; give as many of both, or one")
    pairs = list(zip(anchors * (count // len(anchors)), tests * (count // len(tests)), strict=True))
    for one, other in (*pairs, *((pair[0], pairs[0][0]) for pair in pairs)):
        odd = sorted(set(one.images) ^ set(other.images))
        if odd:
            raise UsageError(f"{one.name} and {other.name}: not of the same photos ({odd[0]} is in one only)")
    return pairs


def _summary(differences: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], float, float, float]:
    """(mean of each seed, mean, low, high) of paired ``differences[photo][seed]``; nan if there are none."""
    if not differences:
        return (), math.nan, math.nan, math.nan
    by_seed = np.asarray(differences, dtype=np.float64).T
    return tuple(by_seed.mean(axis=1).tolist()), float(by_seed.mean()), *paired_bootstrap(by_seed)


def _front(curve: Curve, photo: str, metric: str, window: Window | None) -> tuple[np.ndarray, np.ndarray]:
    """(log10 rate, decibels) of the points that no other beats, both strictly increasing, cut to ``window``."""
    x, y = curve.line(photo, metric)
    rising = np.maximum.accumulate(y)
    keep = np.append(True, rising[1:] > rising[:-1]) if len(y) else np.zeros(0, dtype=bool)
    x, y = x[keep], y[keep]
    if window is None or len(x) == 0:
        return x, y
    edges = np.log10(window)
    inside = (x > edges[0]) & (x < edges[1])
    ends = edges[(edges >= x[0]) & (edges <= x[-1])]
    grid = np.sort(np.concatenate([x[inside], ends]))
    return grid, interpolate(x, y, grid)


def _covered(pair: tuple[Curve, Curve], photo: str, metric: str, window: Window) -> float:
    """Share of ``window``, in log-rate, between the first and the last points of both curves; 0 if they lie apart."""
    low, high = np.log10(window)
    lines = [curve.line(photo, metric)[0] for curve in pair]
    first, last = max(low, *(x[0] for x in lines)), min(high, *(x[-1] for x in lines))
    return max(0.0, float((last - first) / (high - low)))


def _bd_rate(anchor: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float | str:
    """BD-rate in per cent, or the reason why there is none."""
    with needs_extra("peers", "BD-rate"):
        from bjontegaard import bd_rate as bjontegaard_rate

    (x, y), (u, v) = anchor, test
    if min(len(x), len(u)) < 2:
        return "has fewer than two points to draw a curve through"
    if min(y[-1], v[-1]) <= max(y[0], v[0]):
        return "has no quality that both curves reach"
    return float(bjontegaard_rate(10**x, y, 10**u, v, method="pchip", require_matching_points=False, min_overlap=0))
