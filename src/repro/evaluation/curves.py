"""Rate–distortion curves: points of every photo from real files, and what lies between the points."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

from repro import codecs
from repro.errors import ReproError, UsageError
from repro.evaluation.measure import measure, measure_many, rgb_to_tensor
from repro.files import atomic_write
from repro.jpeg.codestream import write
from repro.model import LearnedJPEG
from repro.progress import track

Point = dict[str, float | None]
Encode = Callable[[np.ndarray, float], bytes]

#: metric → (to decibels, back): there, more is better and curves over log-rate are nearly straight. Blocking can be
#: below 0, and is only turned.
DECIBELS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    **dict.fromkeys(("mse", "mse_chroma"), (lambda v: 10 * math.log10(255**2 / v), lambda d: 255**2 / 10 ** (d / 10))),
    "psnr": (lambda v: v, lambda d: d),
    "psnr_y": (lambda v: v, lambda d: d),
    "lpips": (lambda v: -10 * math.log10(v), lambda d: 10 ** (-d / 10)),
    "ms_ssim": (lambda v: -10 * math.log10(1 - v), lambda d: 1 - 10 ** (-d / 10)),
    "blocking": (lambda v: -v, lambda d: -d),
}


class PhotoLike(Protocol):
    """What this module asks of a photo; :class:`repro.data.Photo` has it."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    def rgb(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Curve:
    """An encoder's points, photo by photo.

    ``images`` maps a photo's name to its points, sorted by file size. A point is what
    :func:`~repro.evaluation.measure.measure` gives, and ``setting``: the quality or λ that made it.
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

        A metric that some photo lacks (too small a picture) is ``None``; settings that some photo lacks are left out.
        """
        by_setting = [{p["setting"]: p for p in points} for points in self.images.values()]
        shared = [s for s in by_setting[0] if all(s in points for points in by_setting)]
        if not shared:
            raise ReproError(f"{self.name}: no setting was measured on every photo, so there is no mean curve")
        means = [_mean_point([points[s] for points in by_setting]) for s in shared]
        return Curve(self.name, {"mean": tuple(means)})

    def counted(self, counting: str) -> Curve:
        """The same points with another counting of bits (``"bpp_paper"``, ``"bpp_sequential"``) as their ``bpp``."""
        if not all(point.get(counting) for points in self.images.values() for point in points):
            raise UsageError(f"{self.name}: not all of its points have {counting}")
        recounted = {p: tuple({**q, "bpp": q[counting]} for q in points) for p, points in self.images.items()}
        return Curve(self.name, recounted)

    def line(self, photo: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """One photo's curve as (log10 of bpp, quality in decibels), rates strictly increasing.

        Points without the metric, and perfect ones, whose decibels are infinite, are left out. Of points of equal
        rate the best stays.
        """
        if metric not in DECIBELS:
            raise UsageError(f"unknown metric {metric!r}; choose from {', '.join(DECIBELS)}")
        to_decibels, _ = DECIBELS[metric]
        best: dict[float, float] = {}
        for point in self.images[photo]:
            value, bits = point[metric], point["bpp"]
            if value is None or bits is None or value in _PERFECT[metric]:
                continue
            x, y = math.log10(bits), to_decibels(value)
            best[x] = max(best.get(x, -math.inf), y)
        return np.array(sorted(best)), np.array([best[x] for x in sorted(best)])

    @classmethod
    def from_runs(cls, name: str, runs: Mapping[float, Mapping[str, Point]]) -> Curve:
        """The curve of several models: setting (λ) → photo → point, as :func:`evaluate_model` gives for each.

        Raises :class:`UsageError` where the runs are not of the same photos.
        """
        photos = {tuple(sorted(images)) for images in runs.values()}
        if len(photos) != 1:
            raise UsageError(f"{name}: its runs are not of the same photos")
        return cls(name, {p: tuple({**runs[s][p], "setting": s} for s in runs) for p in photos.pop()})

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON's own types; :meth:`from_json` reads it back."""
        return {"name": self.name, "images": {photo: list(points) for photo, points in self.images.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Curve:
        """The curve that :meth:`to_json` gave."""
        return cls(stored["name"], {photo: tuple(points) for photo, points in stored["images"].items()})


@dataclass(frozen=True)
class AtRate:
    """A metric at one rate: ``values`` of the photos whose curve reaches it, ``missing`` says why others have none."""

    bpp: float
    metric: str
    values: dict[str, float]
    missing: dict[str, str]

    @property
    def mean(self) -> float:
        """Mean over all photos. Raises :class:`ReproError` where some photo's curve does not reach the rate.

        A mean over whichever photos happen to reach it is not comparable between encoders: see
        :func:`~repro.evaluation.bdrate.compare_at_rate`.
        """
        if self.missing:
            photo, why = next(iter(self.missing.items()))
            more = f", and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
            raise ReproError(f"no mean {self.metric} at {self.bpp:g} bpp: {photo} {why}{more}")
        return float(np.mean(list(self.values.values())))


def value_at_rate(curve: Curve, bpp: float, metric: str) -> AtRate:
    """``metric`` of every photo at ``bpp``: monotone cubic interpolation of decibels over log-rate.

    Never extrapolates: photos whose points do not enclose the rate are told in ``missing``, with their range.
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
    return AtRate(bpp, metric, values, missing)


def interpolate(x: np.ndarray, y: np.ndarray, at: float | np.ndarray) -> np.ndarray:
    """Monotone cubic (PCHIP) interpolation through one or more points; the caller keeps ``at`` within them."""
    return np.full(np.shape(at), y[0]) if len(x) == 1 else PchipInterpolator(x, y)(at)


def rate_distortion(
    name: str,
    photos: Iterable[PhotoLike],
    encode: Encode,
    settings: Sequence[float],
    *,
    store: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> Curve:
    """Encode every photo at every setting, decode the files, measure them.

    With ``store`` (a JSON file), points that it holds already are not computed again, and it is rewritten after each
    photo, so that a run which was cut off goes on from there. A stored photo of another hash is measured anew.
    ``provenance`` (of :func:`repro.runtime.provenance`) is stored when points are made. Numbers are kept to six
    significant digits. Raises :class:`ReproError` where ``store`` is broken or holds another encoder's points.
    """
    photos = list(photos)
    memo = _Memo.open(name, store)
    images: dict[str, tuple[Point, ...]] = {}
    for photo in track(photos, desc=name, total=len(photos)):
        points = memo.points(photo)
        due = [s for s in dict.fromkeys(settings) if s not in points]
        if due:
            rgb = photo.rgb()
            measured = measure_many(rgb, [encode(rgb, s) for s in due], device)
            points |= {s: {"setting": s, **_rounded(v)} for s, v in zip(due, measured, strict=True)}
            memo.keep(photo, points, provenance)
        images[photo.name] = tuple(points[s] for s in dict.fromkeys(settings))
    return Curve(name, images)


def peer_curve(
    codec: str,
    photos: Iterable[PhotoLike],
    qualities: Sequence[int],
    *,
    store: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> Curve:
    """:func:`rate_distortion` of a peer of :mod:`repro.codecs`; needs it installed only for points not in ``store``."""
    peer = codecs.get(codec)
    return rate_distortion(
        peer.label,
        photos,
        lambda rgb, quality: peer.encode(rgb, int(quality)),
        qualities,
        store=store,
        provenance=provenance,
        device=device,
    )


@torch.no_grad()
def evaluate_model(model: LearnedJPEG, photos: Iterable[PhotoLike]) -> dict[str, Point]:
    """Encode each photo with ``model`` into a progressive, optimised file, and measure that: photo → point.

    ``bpp_sequential`` is the rate of the same coefficients without the search for progressive scans, which is how the
    plain JPEG line is coded: a comparison by it is one of tables and attention alone.
    """
    photos = list(photos)
    images = {}
    for photo in track(photos, desc="evaluate", total=len(photos)):
        rgb = photo.rgb()
        coefficients = model.coefficients(rgb_to_tensor(rgb, next(model.parameters()).device))
        sequential = 8 * len(write(coefficients, progressive=False)) / (rgb.shape[0] * rgb.shape[1])
        images[photo.name] = _rounded(measure(rgb, write(coefficients)) | {"bpp_sequential": sequential})
    return images


@dataclass
class _Memo:
    """The stored points of one encoder: ``{"name", "photos": {name: {"sha256", "points", "provenance"}}}``."""

    path: Path | None
    content: dict[str, Any]

    @classmethod
    def open(cls, name: str, path: Path | None) -> _Memo:
        if path is None or not path.exists():
            return cls(path, {"name": name, "photos": {}})
        try:
            content = json.loads(path.read_text())
            found = content["name"]
            if not all({"sha256", "points"} <= photo.keys() for photo in content["photos"].values()):
                raise KeyError("points")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReproError(f"{path}: not a stored curve; delete it to measure again") from error
        if found != name:
            raise ReproError(f"{path}: holds the points of {found!r}, not of {name!r}; name another file")
        return cls(path, content)

    def points(self, photo: PhotoLike) -> dict[float, Point]:
        stored = self.content["photos"].get(photo.name, {})
        return {p["setting"]: p for p in stored["points"]} if stored.get("sha256") == photo.sha256 else {}

    def keep(self, photo: PhotoLike, points: dict[float, Point], provenance: Mapping[str, Any] | None) -> None:
        entry: dict[str, Any] = {"sha256": photo.sha256, "points": [points[s] for s in sorted(points)]}
        self.content["photos"][photo.name] = entry
        if provenance is not None:
            self.content["provenance"] = dict(provenance)
        if self.path is not None:
            atomic_write(self.path, json.dumps(self.content, indent=1) + "\n")


#: Values whose decibels are infinite.
_PERFECT: dict[str, set[float]] = {
    **{metric: {0.0} for metric in ("mse", "mse_chroma", "lpips")},
    **{metric: {math.inf} for metric in ("psnr", "psnr_y")},
    "ms_ssim": {1.0},
    "blocking": set(),
}


def _mean_point(points: Sequence[Point]) -> Point:
    columns = {key: [p[key] for p in points] for key in points[0]}
    return {
        key: None if any(v is None for v in column) else float(np.mean([v for v in column if v is not None]))
        for key, column in columns.items()
    }


def _rounded(values: Point) -> Point:
    """Six significant digits are more than any other machine will repeat, and keep stored curves small."""
    return {key: None if value is None else float(f"{value:.6g}") for key, value in values.items()}
