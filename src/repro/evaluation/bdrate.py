"""How many per cent of the bits one encoder saves against another, with an interval over photos, and over seeds.

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
#: An encoder's curve, or that of each of several seeds.
Curves = Curve | Sequence[Curve]


@dataclass(frozen=True)
class BDRate:
    """Rate of the test encoder against the anchor at equal quality, in per cent: −10 means a tenth fewer bits.

    mean, low, high
        mean over the photos that have a figure, and its 95 % bootstrap interval (nan where no photo has one).
    per_image, missing
        photo → figure, the mean over seeds; and photo → why it has none.
    per_seed
        the mean of each seed.
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
    per_seed: tuple[float, ...] = ()


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
    per_seed: tuple[float, ...] = ()


def bd_rate(
    anchor: Curves,
    test: Curves,
    metric: str = "mse",
    *,
    window: Window | None = None,
    seed: int = 0,
) -> BDRate:
    """Bjøntegaard delta rate of ``test`` against ``anchor``, photo by photo.

    Averages over the qualities that both curves reach; with ``window`` (lowest, highest bpp), over those that both
    reach *within that range of rates*, the curves being cut there by interpolation. Points that another point of
    the same curve beats in both rate and quality are left out, as rate must be a function of quality.

    Of several seeds each pair has its figures; the interval then is over photos and seeds.

    Raises :class:`UsageError` where the curves are not of the same photos, :class:`ReproError` where a curve has no
    setting in common to all photos.
    """
    if window is not None and not 0 < window[0] < window[1]:
        raise UsageError(f"window: expected 0 < lowest < highest bpp, got {window[0]:g} and {window[1]:g}")
    pairs = _pairs(anchor, test)
    figures: dict[str, list[float]] = {}
    missing: dict[str, str] = {}
    for photo in pairs[0][0].images:
        found = [_bd_rate(*(_front(c, photo, metric, window) for c in pair)) for pair in pairs]
        reasons = [f for f in found if isinstance(f, str)]
        if reasons:
            missing[photo] = reasons[0]
        else:
            figures[photo] = [float(f) for f in found]
    means = [_bd_rate(*(_front(c.mean(), "mean", metric, window) for c in pair)) for pair in pairs]
    of_mean = None if any(isinstance(m, str) for m in means) else float(np.mean([float(m) for m in means]))
    per_seed, mean, low, high = _over(list(figures.values()), seed)
    per_image = {photo: float(np.mean(f)) for photo, f in figures.items()}
    return BDRate(metric, mean, low, high, per_image, missing, of_mean, per_seed)


def compare_at_rate(anchor: Curves, test: Curves, bpp: float, metric: str, *, seed: int = 0) -> Difference:
    """``metric`` of both encoders at ``bpp``, on the photos that both reach it with, and the paired difference.

    The interval is of the mean difference: photos are drawn, not encoders; and seeds, where there are several. Means
    are nan where no photo is shared.
    """
    pairs = _pairs(anchor, test)
    found = [tuple(value_at_rate(curve, bpp, metric) for curve in pair) for pair in pairs]
    shared = tuple(p for p in found[0][0].values if all(p in at.values for pair in found for at in pair))
    missing: dict[str, str] = {}
    for pair, values in zip(pairs, found, strict=True):
        for curve, at in zip(pair, values, strict=True):
            missing |= {photo: f"{curve.name} {why}" for photo, why in at.missing.items() if photo not in missing}
    per_seed, gap, low, high = _over([[b.values[p] - a.values[p] for a, b in found] for p in shared], seed)
    of_anchor, of_test = (
        float(np.mean([pair[i].values[p] for pair in found for p in shared])) if shared else math.nan for i in (0, 1)
    )
    return Difference(bpp, metric, of_anchor, of_test, gap, low, high, shared, missing, per_seed)


def _pairs(anchor: Curves, test: Curves) -> list[tuple[Curve, Curve]]:
    """Anchor and test seed by seed; one curve alone stands against each of several."""
    anchors, tests = ([c] if isinstance(c, Curve) else list(c) for c in (anchor, test))
    count = max(len(anchors), len(tests))
    if {len(anchors), len(tests)} - {1, count}:
        raise UsageError(f"{len(anchors)} and {len(tests)} seeds cannot be paired; give as many of both, or one")
    pairs = list(zip(anchors * (count // len(anchors)), tests * (count // len(tests)), strict=True))
    for pair in pairs:
        _same_photos(*pair)
        _same_photos(pair[0], pairs[0][0])
    return pairs


def _over(figures: Sequence[Sequence[float]], seed: int) -> tuple[tuple[float, ...], float, float, float]:
    """(mean of each seed, mean, low, high) of ``figures``, photo by photo, seed by seed; nan for none."""
    if not figures:
        return (), math.nan, math.nan, math.nan
    by_seed = np.asarray(figures, dtype=np.float64).T
    per_seed = tuple(float(v) for v in by_seed.mean(axis=1))
    return per_seed, float(by_seed.mean()), *bootstrap_interval(by_seed, seed=seed)


def bootstrap_interval(
    values: Sequence[float] | np.ndarray, *, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean: ``values`` (one for each photo) drawn anew with replacement, ``draws`` times.

    (seeds, photos): both are drawn anew, each on its own. Give it paired figures (a difference, a BD-rate) and the
    interval is paired. (nan, nan) for no values.
    """
    sample = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if not sample.size:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    photos = rng.integers(0, sample.shape[1], (draws, sample.shape[1]))
    seeds = rng.integers(0, len(sample), (draws, len(sample)))
    means = sample[seeds[:, :, None], photos[:, None, :]].mean(axis=(1, 2))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
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
