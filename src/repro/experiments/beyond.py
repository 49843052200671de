"""Chapter 10: how many bits each encoder needs compared with others, and whether it meets the targets set beforehand.

Savings are BD-rates over each of :data:`RANGES`, in bits of the file, photo by photo, with a paired bootstrap interval
over photos. If a curve does not span the range, the part of it that both curves cover counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from repro.evaluation import BDRate, Curve, Gain, bd_rate, gain_at_rate
from repro.experiments import bench
from repro.experiments.registry import RIVALS, experiments_of
from repro.experiments.settings import EncoderSweep
from repro.experiments.store import Store, require, sweep_curve

Window = tuple[float, float]
#: (lowest, highest) bits per pixel of the file: rates of pictures on the web, and of cameras and archives.
LOW, HIGH = RANGES = ((0.3, 0.8), (0.8, 2.5))
#: Savings are at equal quality by each of these.
METRICS = ("ssimulacra2", "butteraugli", "ms_ssim", "mse", "lpips")
EFFORTS = ("fast", "default", "best")
#: mozjpeg with its default tuning and own choice of chroma subsampling, and jpegli in 4:2:0: the peers for metrics for
#: which neither was tuned here.
AS_THEY_COME = ("mozjpeg", "jpegli-420")
#: Metric → the peers; the strongest of them counts.
RIVALS_IN = {metric: RIVALS if metric in ("ssimulacra2", "butteraugli") else AS_THEY_COME for metric in METRICS}
#: Targets set before anything was measured: (effort, range) → metric → largest allowed change of bits, in per cent.
TARGETS: dict[tuple[str, Window], dict[str, float]] = {
    **{
        ("fast", window): {"ssimulacra2": -3, "butteraugli": -2, "ms_ssim": 0, "mse": 0, "lpips": 0}
        for window in RANGES
    },
    ("default", LOW): {"ssimulacra2": -8, "butteraugli": -5, "ms_ssim": -3, "mse": -3, "lpips": 0},
    ("default", HIGH): {"ssimulacra2": -6, "butteraugli": -4, "ms_ssim": 0, "mse": -3, "lpips": 0},
    ("best", LOW): {"ssimulacra2": -15, "butteraugli": -6, "ms_ssim": -4, "mse": 0},
    ("best", HIGH): {"ssimulacra2": -11, "butteraugli": -5, "ms_ssim": 0, "mse": 0},
}
#: Rates (bpp) at which the squared error of blurred luma is compared; it should not exceed mozjpeg's.
BLURRED_AT = (0.5, 1.2)
#: An earlier version of "default", whose weights and descent followed LPIPS: results on "check", and files of a shipped
#: photo. ``data/reference/README.md`` says how they were made; the code is only in the git history.
EARLIER, _REFERENCE = "followed LPIPS", "reference/following_lpips"


@dataclass(frozen=True)
class EncoderCurves:
    """Every encoder's curve on one set of photos, and the stored ``results`` behind them."""

    curves: Mapping[str, Curve]
    results: tuple[Mapping[str, Any], ...] = ()
    _found: dict[tuple[str, str, str, Window], BDRate] = field(default_factory=dict, compare=False, repr=False)

    def saving(self, encoder: str, against: str, metric: str, window: Window) -> BDRate:
        """Bits that ``encoder`` needs compared with ``against``, at equal ``metric`` within ``window``."""
        key = encoder, against, metric, window
        if key not in self._found:
            self._found[key] = bd_rate(self.curves[against], self.curves[encoder], metric, window=window)
        return self._found[key]

    def rival(self, encoder: str, metric: str, window: Window) -> str:
        """The :meth:`strongest` of the metric's :data:`RIVALS_IN`."""
        return self.strongest(encoder, RIVALS_IN[metric], metric, window)

    def strongest(self, encoder: str, peers: Iterable[str], metric: str, window: Window) -> str:
        """The one of ``peers`` against which ``encoder`` saves least on average.

        Peers that can be compared on fewer than half of the photos do not count, unless that is true of all.
        """
        found = {peer: self.saving(encoder, peer, metric, window) for peer in peers if peer in self.curves}
        many = {p: f for p, f in found.items() if len(f.per_image) >= len(f.missing)} or found
        return max(many, key=lambda peer: -math.inf if math.isnan(many[peer].mean) else many[peer].mean)

    def against_rival(self, encoder: str, metric: str, window: Window) -> BDRate:
        """Bits that ``encoder`` needs compared with its :meth:`rival`."""
        return self.saving(encoder, self.rival(encoder, metric, window), metric, window)

    def default_for(self, encoder: str) -> str:
        """Name of the curve of our default effort: the one measured at ``encoder``'s own qualities, if there is one.

        Two such curves are interpolated between the same qualities, so that interpolation errors cancel.
        """
        at = {name: _settings(curve) for name, curve in self.curves.items() if name in ("default", "default-sparse")}
        return next((name for name, settings in at.items() if settings == _settings(self.curves[encoder])), "default")

    def blurred(self, encoder: str, bpp: float) -> Gain:
        """Squared error of blurred luma at equal rate: ``anchor`` is mozjpeg's, ``test`` is ``encoder``'s."""
        return gain_at_rate(self.curves["mozjpeg"], self.curves[encoder], bpp, "mse_y_blurred")

    def losses(self, encoder: str, peer: str, metric: str, window: Window) -> list[tuple[str, float]]:
        """(photo, per cent of bits) for the photos that can be compared, worst for ``encoder`` first."""
        per_image = self.saving(encoder, peer, metric, window).per_image
        return sorted(per_image.items(), key=lambda item: -item[1])


@dataclass(frozen=True)
class Target:
    """A saving that was asked for, in per cent of bits, and what was ``found`` against the ``rival``.

    ``at_most`` is None if the number is only reported.
    """

    effort: str
    window: Window
    metric: str
    at_most: float | None
    rival: str
    found: BDRate

    @property
    def verdict(self) -> str:
        """ "reached" or "not reached", by the mean; "reported" without a target; "not measured" without a mean."""
        if math.isnan(self.found.mean):
            return "not measured"
        if self.at_most is None:
            return "reported"
        return "reached" if self.found.mean <= self.at_most else "not reached"


def targets(encoders: EncoderCurves) -> list[Target]:
    """The target for every effort, range and metric, in the order of :data:`TARGETS` and :data:`METRICS`."""
    found = []
    for (effort, window), limits in TARGETS.items():
        for metric in METRICS:
            rival = encoders.rival(effort, metric, window)
            saved = encoders.saving(effort, rival, metric, window)
            found.append(Target(effort, window, metric, limits.get(metric), rival, saved))
    return found


def stored(evaluation: str, store: Store | None = None, figure: str = "beyond") -> EncoderCurves:
    """The encoders of ``figure`` on ``evaluation``, from results stored at profile ``cpu``.

    Raises :class:`ReproError` if one is missing or stale.
    """
    place, command = store or Store.default(), f"repro reproduce --figure {figure}"
    sweeps = [s for s in experiments_of(figure, "cpu") if isinstance(s, EncoderSweep) and s.evaluation == evaluation]
    results = [require(s, place, command) for s in sweeps]
    curves = {s.encoder: sweep_curve(s, result) for s, result in zip(sweeps, results, strict=True)}
    return EncoderCurves(curves, tuple(results))


def with_earlier(encoders: EncoderCurves) -> EncoderCurves:
    """The ``encoders`` on "check", with :data:`EARLIER` added."""
    photos_there = json.loads((_reference() / "check.json").read_text())["photos"]
    images = {photo: tuple(kept["points"]) for photo, kept in photos_there.items()}
    return EncoderCurves({**encoders.curves, EARLIER: Curve(EARLIER, images)})


def earlier_file(photo: str, bpp: float) -> bytes:
    """The JPEG file that :data:`EARLIER` made of a shipped photo ("chelsea") within ``bpp`` bits per pixel."""
    return (_reference() / f"{photo}_{bpp:g}.jpg").read_bytes()


def _settings(curve: Curve) -> set[float | None]:
    return {point["setting"] for points in curve.images.values() for point in points}


def _reference() -> Path:
    return Store.default().data / _REFERENCE


def benched(names: Iterable[str], store: Store | None = None) -> dict[str, tuple[float, float, float]]:
    """Encoder → median and quartiles of seconds per megapixel on two threads, for those that ``make bench`` timed."""
    rows = bench.load(store).get("efforts", {"rows": []})["rows"]
    timed = {row["name"]: row["seconds_a_megapixel"] for row in rows}
    return {name: (np.median(timed[name]), *np.quantile(timed[name], [0.25, 0.75])) for name in names if name in timed}
