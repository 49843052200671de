"""Rate–distortion curves: points measured on real files, photo by photo, and interpolation between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from repro.errors import ReproError, UsageError
from repro.evaluation.measure import measure, measure_many, rgb_to_tensor
from repro.jpeg.codestream import write
from repro.model import LearnedJPEG
from repro.progress import track

Point = dict[str, float | None]
Encode = Callable[[np.ndarray, int], bytes]
#: Side, in pixels, of the crop that is encoded once before encoding is timed.
_WARM_UP = 64


def _decibels(error: float) -> float:
    return -10 * math.log10(error) if error > 0 else math.inf


#: metric → (to decibels, back). In decibels more is better, curves over log-rate are nearly straight, and a perfect
#: value is infinite. SSIMULACRA 2 has a scale of its own and is kept as it is; blocking only changes its sign.
DECIBELS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    **dict.fromkeys(
        ("mse", "mse_chroma", "mse_y_blurred"), (lambda v: _decibels(v / 255**2), lambda d: 255**2 / 10 ** (d / 10))
    ),
    **dict.fromkeys(("lpips", "butteraugli"), (_decibels, lambda d: 10 ** (-d / 10))),
    "ms_ssim": (lambda v: _decibels(1 - v), lambda d: 1 - 10 ** (-d / 10)),
    **dict.fromkeys(("psnr", "psnr_y", "ssimulacra2"), (lambda v: v, lambda d: d)),
    "blocking": (lambda v: -v, lambda d: -d),
}


class PhotoLike(Protocol):
    """What this module needs of a photo; :class:`repro.data.Photo` provides it."""

    @property
    def name(self) -> str: ...
    def rgb(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Curve:
    """An encoder's points, photo by photo.

    ``images`` maps a photo's name to its points, sorted by file size. A point is what
    :func:`~repro.evaluation.measure.measure` returns, plus ``setting``: the quality or λ that produced it. Raises
    :class:`UsageError` if a photo has no point.
    """

    name: str
    images: Mapping[str, tuple[Point, ...]]

    def __post_init__(self) -> None:
        if not self.images or not all(self.images.values()):
            raise UsageError(f"{self.name}: a curve needs at least one point for each of its photos")
        ordered = {photo: tuple(sorted(points, key=lambda p: p["bpp"] or 0)) for photo, points in self.images.items()}
        object.__setattr__(self, "images", ordered)

    def mean(self) -> Curve:
        """The curve that the paper draws: rate and metrics averaged over photos at each setting, as one photo "mean".

        A metric that a photo lacks (because it is too small) becomes ``None``; settings that a photo lacks are dropped.
        Raises :class:`ReproError` if no setting is left.
        """
        by_setting = [{p["setting"]: p for p in points} for points in self.images.values()]
        shared = [s for s in by_setting[0] if all(s in points for points in by_setting)]
        if not shared:
            raise ReproError(f"{self.name}: no setting was measured on every photo, so there is no mean curve")
        means = [_mean_point([points[s] for points in by_setting]) for s in shared]
        return Curve(self.name, {"mean": tuple(means)})

    def counted(self, counting: str) -> Curve:
        """The same points with another count of bits (``"bpp_paper"``, ``"bpp_sequential"``) as their ``bpp``.

        Raises :class:`UsageError` if a point lacks it.
        """
        if not all(point.get(counting) for points in self.images.values() for point in points):
            raise UsageError(f"{self.name}: not all of its points have {counting}")
        recounted = {p: tuple({**q, "bpp": q[counting]} for q in points) for p, points in self.images.items()}
        return Curve(self.name, recounted)

    def line(self, photo: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """One photo's curve as (log10 of bpp, quality in decibels), rates strictly increasing.

        Points without the metric are dropped, and so are perfect ones, whose decibels are infinite. Of points at equal
        rate the best is kept. Raises :class:`UsageError` for a metric that is not in :data:`DECIBELS`.
        """
        if metric not in DECIBELS:
            raise UsageError(f"unknown metric {metric!r}; choose from {', '.join(DECIBELS)}")
        to_decibels, _ = DECIBELS[metric]
        best: dict[float, float] = {}
        for point in self.images[photo]:
            value, bits = point[metric], point["bpp"]
            if value is None or bits is None or not math.isfinite(y := to_decibels(value)):
                continue
            x = math.log10(bits)
            best[x] = max(best.get(x, -math.inf), y)
        return np.array(sorted(best)), np.array([best[x] for x in sorted(best)])

    @classmethod
    def from_runs(cls, name: str, runs: Mapping[float, Mapping[str, Point]]) -> Curve:
        """The curve of several models, from setting (λ) → what :func:`evaluate_model` returns for the model.

        Raises :class:`UsageError` if the runs are not of the same photos.
        """
        photos = {tuple(sorted(images)) for images in runs.values()}
        if len(photos) != 1:
            raise UsageError(f"{name}: its runs are not of the same photos")
        return cls(name, {p: tuple({**runs[s][p], "setting": s} for s in runs) for p in photos.pop()})


def at_shared_settings(seeds: Sequence[Curve]) -> list[Curve]:
    """The curves of several seeds, each reduced to the points whose ``setting`` all of them have, so that they cover
    the same range. Raises :class:`UsageError` if they share none."""
    shared = set.intersection(*({p["setting"] for points in c.images.values() for p in points} for c in seeds))
    kept = ({photo: tuple(p for p in at if p["setting"] in shared) for photo, at in c.images.items()} for c in seeds)
    return [replace(c, images=images) for c, images in zip(seeds, kept, strict=True)]


class AtRate(NamedTuple):
    """A metric at one rate: ``values`` for the photos whose curve reaches it; ``missing``: why the others have none."""

    values: dict[str, float]
    missing: dict[str, str]


def value_at_rate(curve: Curve, bpp: float, metric: str) -> AtRate:
    """``metric`` of every photo at ``bpp``, by monotone cubic interpolation of decibels over log-rate.

    Never extrapolates: photos whose points do not enclose the rate are in ``missing``, with the range of their rates.
    Raises :class:`UsageError` for a rate that is not positive and finite, or a metric that is not in :data:`DECIBELS`.
    """
    if not (math.isfinite(bpp) and bpp > 0):
        raise UsageError(f"rate: expected bits per pixel above 0, got {bpp:g}")
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for photo in curve.images:
        x, y = curve.line(photo, metric)
        at = math.log10(bpp)
        if len(x) == 0:
            missing[photo] = f"has no {metric}"
        elif not x[0] <= at <= x[-1]:
            missing[photo] = f"was measured from {10 ** x[0]:.3f} to {10 ** x[-1]:.3f} bpp"
        else:
            values[photo] = DECIBELS[metric][1](float(interpolate(x, y, at)))
    return AtRate(values, missing)


def interpolate(x: np.ndarray, y: np.ndarray, at: float | np.ndarray) -> np.ndarray:
    """Monotone cubic (PCHIP) interpolation through one or more points; the caller keeps ``at`` within them."""
    return np.full(np.shape(at), y[0]) if len(x) == 1 else PchipInterpolator(x, y)(at)


def rate_distortion(name: str, photos: Iterable[PhotoLike], encode: Encode, settings: Sequence[int]) -> Curve:
    """The curve of an encoder: every photo at every setting, by :func:`measure_settings`."""
    return Curve(name, {p.name: tuple(measure_settings(p.rgb(), encode, settings)) for p in track(photos, name)})


def measure_settings(rgb: np.ndarray, encode: Encode, settings: Sequence[int], more: Sequence[str] = ()) -> list[Point]:
    """Encode ``rgb``, (H, W, 3) uint8, at each of ``settings``, decode the files and measure them.

    A point is what :func:`~repro.evaluation.measure.measure_many` returns, with ``more`` metrics, plus ``setting`` and
    the ``seconds`` of encoding. Numbers are kept to six significant digits.
    """
    files, seconds = [], []
    encode(rgb[:_WARM_UP, :_WARM_UP], settings[0])  # so that compiling and loading are not timed
    for setting in settings:
        begun = time.perf_counter()
        files.append(encode(rgb, setting))
        seconds.append(time.perf_counter() - begun)
    measured = measure_many(rgb, files, more=more)
    return [
        {"setting": setting, **_rounded(values | {"seconds": took})}
        for setting, values, took in zip(settings, measured, seconds, strict=True)
    ]


@torch.no_grad()
def evaluate_model(model: LearnedJPEG, photos: Iterable[PhotoLike]) -> dict[str, Point]:
    """Encode each photo with ``model`` as a progressive, optimised file, and measure it: photo → point.

    ``bpp_sequential`` is the rate of the same coefficients without the search for progressive scans, as the plain JPEG
    curve is coded. Comparing by it shows the effect of tables and attention alone.
    """
    images = {}
    for photo in track(photos, "evaluate"):
        rgb = photo.rgb()
        coefficients = model.coefficients(rgb_to_tensor(rgb, next(model.parameters()).device))
        sequential = 8 * len(write(coefficients, progressive=False)) / (rgb.shape[0] * rgb.shape[1])
        images[photo.name] = _rounded(measure(rgb, write(coefficients)) | {"bpp_sequential": sequential})
    return images


def _mean_point(points: Sequence[Point]) -> Point:
    columns = {key: [p[key] for p in points] for key in points[0]}
    return {
        key: None if any(v is None for v in column) else float(np.mean([v for v in column if v is not None]))
        for key, column in columns.items()
    }


def _rounded(values: Point) -> Point:
    """Round to six significant digits: more than another machine reproduces, and few enough for small files."""
    return {key: None if value is None else float(f"{value:.6g}") for key, value in values.items()}
