"""How many per cent of the bits one encoder saves against another, with an interval over photos.

Source: Bjøntegaard, VCEG-M33 (2001); monotone cubic interpolation and integral by the package ``bjontegaard``
(Herglotz et al. 2022). Quality is in decibels: PSNR for MSE, −10 log10(1 − MS-SSIM), −10 log10(LPIPS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repro.errors import ReproError, UsageError
from repro.evaluation.curves import Curve, interpolate, value_at_rate

Window = tuple[float, float]


@dataclass(frozen=True)
class BDRate:
    """Rate of the test encoder against the anchor at equal quality, in per cent: −10 means a tenth fewer bits.

    mean, low, high
        mean over the photos that have a figure, and its 95 % bootstrap interval (nan where no photo has one).
    per_image, missing
        photo → figure, and photo → why it has none.
    of_mean
        the figure of the two mean curves, as the paper draws them (``None`` where these do not overlap). It weighs
        photos that need many bits more than ``mean`` does.
    """

    metric: str
    mean: float
    low: float
    high: float
    per_image: dict[str, float]
    missing: dict[str, str]
    of_mean: float | None


@dataclass(frozen=True)
class Difference:
    """A metric of two encoders at equal rate, on the ``photos`` that both reach it with; test less anchor."""

    bpp: float
    metric: str
    anchor: float
    test: float
    difference: float
    low: float
    high: float
    photos: tuple[str, ...]
    missing: dict[str, str]


def bd_rate(
    anchor: Curve,
    test: Curve,
    metric: str = "mse",
    *,
    window: Window | None = None,
    seed: int = 0,
) -> BDRate:
    """Bjøntegaard delta rate of ``test`` against ``anchor``, photo by photo.

    Averages over the qualities that both curves reach; with ``window`` (lowest, highest bpp), over those that both
    reach *within that range of rates*, the curves being cut there by interpolation. Points that another point of
    the same curve beats in both rate and quality are left out, as rate must be a function of quality.

    Raises :class:`UsageError` where the two curves are not of the same photos, :class:`ReproError` where a curve has
    no setting in common to all photos.
    """
    _same_photos(anchor, test)
    if window is not None and not 0 < window[0] < window[1]:
        raise UsageError(f"window: expected 0 < lowest < highest bpp, got {window[0]:g} and {window[1]:g}")
    per_image: dict[str, float] = {}
    missing: dict[str, str] = {}
    for photo in anchor.images:
        figure = _bd_rate(_front(anchor, photo, metric, window), _front(test, photo, metric, window))
        if isinstance(figure, str):
            missing[photo] = figure
        else:
            per_image[photo] = figure
    means = (curve.mean() for curve in (anchor, test))
    of_mean = _bd_rate(*(_front(curve, "mean", metric, window) for curve in means))
    values = list(per_image.values())
    low, high = bootstrap_interval(values, seed=seed)
    mean = float(np.mean(values)) if values else math.nan
    return BDRate(metric, mean, low, high, per_image, missing, None if isinstance(of_mean, str) else of_mean)


def compare_at_rate(anchor: Curve, test: Curve, bpp: float, metric: str, *, seed: int = 0) -> Difference:
    """``metric`` of both encoders at ``bpp``, on the photos that both reach it with, and the paired difference.

    The interval is of the mean difference: photos are drawn, not encoders. Means are nan where no photo is shared.
    """
    _same_photos(anchor, test)
    a, b = (value_at_rate(curve, bpp, metric) for curve in (anchor, test))
    shared = tuple(photo for photo in a.values if photo in b.values)
    missing = {photo: f"{anchor.name} {why}" for photo, why in a.missing.items()}
    missing |= {photo: f"{test.name} {why}" for photo, why in b.missing.items() if photo not in missing}
    gaps = [b.values[photo] - a.values[photo] for photo in shared]
    low, high = bootstrap_interval(gaps, seed=seed)
    of_anchor, of_test, gap = (
        float(np.mean(v)) if shared else math.nan
        for v in ([a.values[p] for p in shared], [b.values[p] for p in shared], gaps)
    )
    return Difference(bpp, metric, of_anchor, of_test, gap, low, high, shared, missing)


def bootstrap_interval(
    values: Sequence[float], *, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean: ``values`` (one for each photo) drawn anew with replacement, ``draws`` times.

    Give it paired figures (a difference, a BD-rate) and the interval is paired. (nan, nan) for no values.
    """
    if not len(values):
        return math.nan, math.nan
    sample = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(sample), (draws, len(sample)))
    low, high = np.quantile(sample[picks].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


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


def _bd_rate(anchor: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float | str:
    """Per cent, or why there is none."""
    try:
        from bjontegaard import bd_rate as bjontegaard_rate
    except ImportError as error:
        raise ReproError("BD-rate: not installed; run: pip install bjontegaard matplotlib") from error

    (x, y), (u, v) = anchor, test
    if min(len(x), len(u)) < 2:
        return "has fewer than two points to draw a curve through"
    if min(y[-1], v[-1]) <= max(y[0], v[0]):
        return "has no quality that both curves reach"
    figure = bjontegaard_rate(10**x, y, 10**u, v, method="pchip", require_matching_points=False, min_overlap=0)
    return float(figure)


def _same_photos(anchor: Curve, test: Curve) -> None:
    if set(anchor.images) != set(test.images):
        odd = sorted(set(anchor.images) ^ set(test.images))
        raise UsageError(f"{anchor.name} and {test.name}: not of the same photos ({odd[0]} is in one only)")
