"""Chapter 10: what each encoder needs in bits against others, and whether it meets the targets set beforehand.

Savings are BD-rates over :data:`WINDOW` by the bits of the file, photo by photo, with a paired bootstrap interval over
photos.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from repro.data import photos
from repro.errors import ReproError
from repro.evaluation import BDRate, Curve, bd_rate, measure_settings
from repro.experiments import bench
from repro.experiments.registry import ABLATION_QUALITIES, ALTERNATIVE_QUALITIES, experiments_of
from repro.experiments.settings import EncoderSweep
from repro.experiments.store import Store, require, sweep_curve
from repro.threads import one_thread

#: Bits per pixel of the file, from and to, over which encoders are compared.
WINDOW = (0.2, 0.6)
#: Quality is equal in one of these: the three that our encoder learned from, and one held out.
METRICS = ("mse", "lpips", "ms_ssim", "ssimulacra2")
#: Plain JPEG, the best encoders in use, and our efforts.
PLAIN, MODERN_PEERS, EFFORTS = "pillow-420-progressive", ("mozjpeg-420", "jpegli-420"), ("fast", "default", "best")
#: Stands for the stronger of mozjpeg and jpegli in each metric.
BETTER_PEER = "better"
#: What was asked for before it was measured: (effort, against, metric → per cent of bits, at most).
TARGETS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("fast", PLAIN, {"ms_ssim": -15.0, "lpips": -25.0, "mse": -15.0}),
    ("default", BETTER_PEER, {"ms_ssim": -3.0, "lpips": -20.0, "mse": -8.0, "ssimulacra2": 0.0}),
    ("best", BETTER_PEER, {"ms_ssim": -12.0, "lpips": -35.0, "mse": -5.0, "ssimulacra2": -5.0}),
)
#: Side in pixels, and number, of the parts of photos that replace stored results at profile smoke.
_SIDE, _FEW = 176, 2


@dataclass(frozen=True)
class EncoderCurves:
    """Every encoder's curve on one set of photos. ``results`` are the stored ones behind them; empty where parts of
    photos, measured on the spot, replace them."""

    curves: Mapping[str, Curve]
    results: tuple[Mapping[str, Any], ...] = ()

    def saving(self, encoder: str, against: str, metric: str) -> BDRate:
        """What ``encoder`` needs in bits against another, or against the :data:`BETTER_PEER`, at equal ``metric``."""
        anchor = self.better_peer(metric) if against == BETTER_PEER else against
        return bd_rate(self.curves[anchor], self.curves[encoder], metric, window=WINDOW)

    def better_peer(self, metric: str) -> str:
        """Of mozjpeg and jpegli the one that saves more against plain JPEG; the first where neither can be compared."""
        saved = {peer: self.saving(peer, PLAIN, metric).mean for peer in MODERN_PEERS}
        return min(saved, key=lambda peer: math.inf if math.isnan(saved[peer]) else saved[peer])

    def seconds(self) -> dict[str, tuple[float, float]]:
        """Encoder → mean over photos of the seconds a file took on one thread, beside other work, and its standard
        error."""
        found = {}
        for encoder, curve in self.curves.items():
            by_photo = [np.mean([point["seconds"] or 0.0 for point in points]) for points in curve.images.values()]
            error = np.std(by_photo, ddof=1) / math.sqrt(len(by_photo)) if len(by_photo) > 1 else 0.0
            found[encoder] = float(np.mean(by_photo)), float(error)
        return found

    def losses(self, encoder: str, peer: str, metric: str) -> list[tuple[str, float]]:
        """(photo, per cent of bits) of the photos that can be compared, those first where ``encoder`` does worst."""
        per_image = self.saving(encoder, peer, metric).per_image
        return sorted(per_image.items(), key=lambda item: -item[1])


@dataclass(frozen=True)
class Target:
    """A saving that was asked for, in per cent of bits, and what was ``found``; ``anchor`` is the encoder that
    ``against`` stands for."""

    effort: str
    against: str
    anchor: str
    metric: str
    at_most: float
    found: BDRate

    @property
    def verdict(self) -> str:
        """ "reached" or "not reached", by the mean; "not measured" where no photo can be compared."""
        if math.isnan(self.found.mean):
            return "not measured"
        return "reached" if self.found.mean <= self.at_most else "not reached"


def targets(encoders: EncoderCurves) -> list[Target]:
    """Everything in :data:`TARGETS`, in its order."""
    return [
        Target(
            effort,
            against,
            encoders.better_peer(metric) if against == BETTER_PEER else against,
            metric,
            at_most,
            encoders.saving(effort, against, metric),
        )
        for effort, against, limits in TARGETS
        for metric, at_most in limits.items()
    ]


def stored(evaluation: str, profile: str = "cpu", store: Store | None = None) -> EncoderCurves:
    """Every encoder on ``evaluation``, from results stored at profile ``cpu``.

    Raises :class:`ReproError` where one is missing or stale; at profile ``smoke`` small parts of shipped photos,
    measured on the spot, then replace them.
    """
    try:
        return of_figure("beyond", evaluation, store or Store.default())
    except ReproError:
        if profile != "smoke":
            raise
        return _stand_in()


def of_figure(figure: str, evaluation: str, store: Store) -> EncoderCurves:
    """The encoders of ``figure`` on ``evaluation``. Raises :class:`ReproError` where one is missing or stale."""
    sweeps = [s for s in experiments_of(figure, "cpu") if isinstance(s, EncoderSweep) and s.evaluation == evaluation]
    results = [require(s, store, f"repro reproduce --figure {figure}") for s in sweeps]
    curves = {s.ablation: sweep_curve(s, result) for s, result in zip(sweeps, results, strict=True)}
    return EncoderCurves(curves, tuple(results))


@cache
def _stand_in() -> EncoderCurves:
    pictures = {photo.name: _middle(photo.rgb()) for photo in photos("sample").items[:_FEW]}
    return measure_quickly(pictures, ABLATION_QUALITIES | ALTERNATIVE_QUALITIES)


def measure_quickly(pictures: Mapping[str, np.ndarray], encoders: Mapping[str, Sequence[int]]) -> EncoderCurves:
    """Two of each encoder's qualities on ``pictures``, "best" with a second for each file: shows that it runs."""
    from repro.experiments.ablations import ablation_of, by_effort

    curves = {}
    with one_thread():
        for name, qualities in encoders.items():
            encode = partial(by_effort, "best", seconds=1.0) if name == "best" else ablation_of(name).encode
            images = {p: measure_settings(rgb, encode, qualities[1::3], ["ssimulacra2"]) for p, rgb in pictures.items()}
            curves[name] = Curve(name, {p: tuple(points) for p, points in images.items()})
    return EncoderCurves(curves)


def benched_seconds(names: Iterable[str], store: Store | None = None) -> dict[str, tuple[float, float]] | None:
    """Encoder → mean seconds a photo and their standard error by ``make bench``; None unless it has timed them all."""
    try:
        table = bench.load(store).get("ablations", {"rows": []})
    except ReproError:
        return None
    rows = {row["name"]: (row["mean"], row["standard_error"]) for row in table["rows"] if "mean" in row}
    return {name: rows[name] for name in names} if rows.keys() >= set(names) else None


def _middle(rgb: np.ndarray) -> np.ndarray:
    top, left = ((side - _SIDE) // 2 for side in rgb.shape[:2])
    return np.ascontiguousarray(rgb[top : top + _SIDE, left : left + _SIDE])
