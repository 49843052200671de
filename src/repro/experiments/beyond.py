"""Chapter 10, judged: what each rung saves against the peers, what was asked of it, and where it loses.

Savings are BD-rates over :data:`WINDOW` by the bits of the file, photo by photo, with a paired bootstrap interval over
photos. Errors are compared in decibels (:mod:`repro.evaluation.bdrate`), SSIMULACRA 2, a scale of its own, as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from repro.data import photos
from repro.encoder.analysis import one_thread
from repro.errors import ReproError
from repro.evaluation import BDRate, Curve, bd_rate
from repro.experiments import ablations as ladder
from repro.experiments import bench
from repro.experiments.claims.verdicts import SHORT as PAPER_SHORT
from repro.experiments.claims.verdicts import in_words
from repro.experiments.grafts import rung_of
from repro.experiments.registry import GRAFT_QUALITIES, RUNG_QUALITIES, TRIED_QUALITIES, experiments_of
from repro.experiments.rungs import measure_encoder
from repro.experiments.settings import EncoderSweep
from repro.experiments.store import Store, require

#: Bits per pixel of the file, from and to, over which encoders are compared.
WINDOW = (0.2, 0.6)
#: Equal in what: the three that ours learned from, and one held out.
METRICS = ("mse", "lpips", "ms_ssim", "ssimulacra2")
SHORT = PAPER_SHORT | {"ssimulacra2": "SSIMULACRA 2"}
#: Plain JPEG, the encoders in use that are to be beaten, and our efforts.
ANCHOR, RIVALS, EFFORTS = "pillow-420-progressive", ("mozjpeg-420", "jpegli-420"), ("fast", "default", "best")
#: What an effort is held against: a rung, or :data:`BETTER`, of mozjpeg and jpegli the harder one in each metric.
BETTER = "better"
AGAINST = (ANCHOR, *RIVALS, BETTER)
#: What was asked for before it was measured: (effort, against, metric → per cent of bits, at most).
TARGETS: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("fast", ANCHOR, {"ms_ssim": -15.0, "lpips": -25.0, "mse": -15.0}),
    ("default", BETTER, {"ms_ssim": -3.0, "lpips": -20.0, "mse": -8.0, "ssimulacra2": 0.0}),
    ("best", BETTER, {"ms_ssim": -12.0, "lpips": -35.0, "mse": -5.0, "ssimulacra2": -5.0}),
)
#: The benchmark of the rungs' times.
TIMES = "ladder"
#: Rungs of which each stands on the one before, and what it adds.
CLIMB = {
    "annexk-420": "Annex K, 4:2:0, rounding",
    "annexk-scans": "DC of luma in a scan of its own",
    "annexk-trellis": "the trellis, for MSE",
    "fast": "tables learned through it, and what errors are worth",
    "default": "a look at the picture",
    "best": "a descent until it ends",
}
#: Pixels a side, and photos, of what stands in for stored results at profile smoke.
_SIDE, _FEW = 176, 2


@dataclass(frozen=True)
class Ladder:
    """Every rung's curve on one set of photos. ``made``: what the stored results say of their making; empty where the
    curves only stand in for them."""

    curves: Mapping[str, Curve]
    made: tuple[Mapping[str, Any], ...] = ()

    @property
    def measured(self) -> str:
        """How many photos, and that they only stand in for some where it is so."""
        photos = {photo for curve in self.curves.values() for photo in curve.images}
        if not self.made:
            return f"parts of {len(photos)} shipped photos, which stand in for results that are not stored"
        return f"{len(photos)} photos"

    def saving(self, rung: str, against: str, metric: str) -> BDRate:
        """What ``rung`` needs in bits against another, or against the :data:`BETTER` peer, at equal ``metric``."""
        anchor = self.harder(metric) if against == BETTER else against
        return saving(self.curves[anchor], self.curves[rung], metric)

    def harder(self, metric: str) -> str:
        """Of mozjpeg and jpegli the one that saves more against plain JPEG; the first where neither can be told."""
        saved = {rival: saving(self.curves[ANCHOR], self.curves[rival], metric).mean for rival in RIVALS}
        return min(saved, key=lambda rival: math.inf if math.isnan(saved[rival]) else saved[rival])

    def against_plain(self) -> dict[str, dict[str, BDRate]]:
        """Rung → metric → saving against plain JPEG."""
        return {rung: {m: self.saving(rung, ANCHOR, m) for m in METRICS} for rung in self.curves}

    def seconds(self) -> dict[str, tuple[float, float]]:
        """Rung → mean over photos of what a file took on one thread, and its standard error: beside other work."""
        found = {}
        for rung, curve in self.curves.items():
            by_photo = [np.mean([point["seconds"] or 0.0 for point in points]) for points in curve.images.values()]
            spread = np.std(by_photo, ddof=1) / math.sqrt(len(by_photo)) if len(by_photo) > 1 else 0.0
            found[rung] = float(np.mean(by_photo)), float(spread)
        return found

    def losses(self, rung: str, peer: str, metric: str) -> list[tuple[str, float]]:
        """(photo, per cent of bits) of the photos that have a figure, those first where ``rung`` does worst."""
        per_image = self.saving(rung, peer, metric).per_image
        return sorted(per_image.items(), key=lambda item: -item[1])

    def lost(self, rung: str, peer: str, metric: str) -> str:
        """On how many photos ``rung`` needs more bits than ``peer`` at equal ``metric``, as "3 of the 24"."""
        found = self.losses(rung, peer, metric)
        return f"{sum(percent > 0 for _, percent in found) or 'none'} of the {len(found)}"

    def lost_everywhere(self, rung: str, peer: str) -> str:
        """:meth:`lost` of every metric in words, in their order; said once where it is the same of all."""
        each = [self.lost(rung, peer, metric) for metric in METRICS]
        return f"{each[0]} each time" if len(set(each)) == 1 else listed(each)


@dataclass(frozen=True)
class Judged:
    """A number that was asked for, and what it came to; ``anchor`` is the rung that :data:`BETTER` stands for."""

    effort: str
    against: str
    anchor: str
    metric: str
    at_most: float
    found: BDRate

    @property
    def verdict(self) -> str:
        """ "reached" or "not reached", by the mean; "not measured" where no photo has a figure."""
        if math.isnan(self.found.mean):
            return "not measured"
        return "reached" if self.found.mean <= self.at_most else "not reached"


def saving(anchor: Curve, test: Curve, metric: str) -> BDRate:
    """BD-rate of ``test`` over :data:`WINDOW`."""
    if metric != "ssimulacra2":
        return bd_rate(anchor, test, metric, window=WINDOW)
    return replace(bd_rate(as_it_is(anchor, metric), as_it_is(test, metric), "psnr", window=WINDOW), metric=metric)


def as_it_is(curve: Curve, metric: str) -> Curve:
    """``metric`` in the place of PSNR, the one number that BD-rate takes as it is."""
    images = {photo: tuple({**p, "psnr": p[metric]} for p in points) for photo, points in curve.images.items()}
    return Curve(curve.name, images)


def judged(rungs: Ladder) -> list[Judged]:
    """Everything in :data:`TARGETS`, in its order."""
    return [
        Judged(
            effort,
            against,
            rungs.harder(metric) if against == BETTER else against,
            metric,
            at_most,
            rungs.saving(effort, against, metric),
        )
        for effort, against, limits in TARGETS
        for metric, at_most in limits.items()
    ]


def tally(sets: Sequence[Ladder]) -> tuple[int, int]:
    """(reached, asked for) on all sets of photos together."""
    every = [one for rungs in sets for one in judged(rungs)]
    return sum(one.verdict == "reached" for one in every), len(every)


def listed(names: Sequence[str]) -> str:
    """ "a, b and c", or "none of them"."""
    if not names:
        return "none of them"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def words(rungs: Ladder) -> dict[str, str]:
    """For glue: ``{effort}_{against}_{metric}`` → the saving in words, "pillow" for plain JPEG."""
    short = {ANCHOR: "pillow", "mozjpeg-420": "mozjpeg", "jpegli-420": "jpegli", BETTER: BETTER}
    return {
        f"{effort}_{short[against]}_{metric}": in_words(rungs.saving(effort, against, metric))
        for effort in EFFORTS
        for against in AGAINST
        for metric in METRICS
    }


def stored(evaluation: str, profile: str = "cpu", store: Store | None = None) -> Ladder:
    """Every rung on ``evaluation``, from results stored at profile ``cpu``.

    Raises :class:`ReproError` where one is missing or stale; at profile ``smoke`` small parts of shipped photos,
    measured on the spot, then stand in for them.
    """
    try:
        return of_figure("beyond", evaluation, store or Store.default())
    except ReproError:
        if profile != "smoke":
            raise
        return stand_in()


def of_figure(figure: str, evaluation: str, store: Store) -> Ladder:
    """The rungs of ``figure`` on ``evaluation``. Raises :class:`ReproError` where one is missing or stale."""
    planned = experiments_of(figure, "cpu")
    wanted = [w for w in planned if isinstance(w, EncoderSweep) and w.evaluation == evaluation]
    results = [require(w, store, f"repro reproduce --figure {figure}") for w in wanted]
    curves = {}
    for w, result in zip(wanted, results, strict=True):
        images = {
            photo: tuple(point for point in kept["points"] if point["setting"] in w.qualities)
            for photo, kept in result["photos"].items()
        }
        curves[w.ablation] = Curve(result["name"], images)
    return Ladder(curves, tuple(results))


@cache
def stand_in() -> Ladder:
    """Two qualities of every rung on the middle of a few shipped photos: shows that it runs, and nothing else."""
    pictures = {photo.name: _middle(photo.rgb()) for photo in photos("sample").items[:_FEW]}
    return quickly(pictures, RUNG_QUALITIES | TRIED_QUALITIES | GRAFT_QUALITIES)


def quickly(pictures: Mapping[str, np.ndarray], rungs: Mapping[str, Sequence[int]]) -> Ladder:
    """Two of each rung's qualities on ``pictures``, "best" with a second for each file."""
    curves = {}
    with one_thread():
        for rung, qualities in rungs.items():
            encode = partial(ladder.by_effort, "best", seconds=1.0) if rung == "best" else rung_of(rung).encode
            images = {name: tuple(measure_encoder(encode, rgb, qualities[1::3])) for name, rgb in pictures.items()}
            curves[rung] = Curve(rung, images)
    return Ladder(curves)


def times(rungs: Ladder, store: Store | None = None) -> tuple[dict[str, tuple[float, float]], str]:
    """(Rung → mean seconds a photo and their standard error, how they were taken): by ``make bench`` if stored."""
    try:
        table = bench.load(store).get(TIMES, {"rows": []})
    except ReproError:
        table = {"rows": []}
    rows = {row["name"]: (row["mean"], row["standard_error"]) for row in table["rows"] if "mean" in row}
    if rows.keys() >= rungs.curves.keys():
        return {rung: rows[rung] for rung in rungs.curves}, "alone on the machine, two threads (make bench)"
    return rungs.seconds(), "while the files of this page were made, one thread"


def origin(sets: Sequence[Ladder], figure: str = "beyond") -> dict[str, str]:
    """Where the results of a page came from: label → words, each variant told."""
    made = [result for rungs in sets for result in rungs.made]
    if not made:
        return {"results": "none are stored; parts of shipped photos stand in for them, and nothing here is a finding"}
    told = [result["provenance"] for result in made]
    assets = {f"{name} {digest[:12]}" for result in made for name, digest in result["assets"].items()}
    return {
        "command": f"repro reproduce --figure {figure}",
        "files": f"{sum(len(p['points']) for r in made for p in r['photos'].values()):,}, each decoded and measured",
        "measured on": _each(p["data"]["evaluation"]["source"] for p in told),
        "shipped files": _each(sorted(assets)),
        "commit": _each(str(p["commit"])[:10] + (" and changes" if p["modified"] else "") for p in told),
        "versions": _each(
            ", ".join(f"{n} {p['versions'].get(n)}" for n in ("jpeglib", "pillow", "pyjpegli", "torch")) for p in told
        ),
        "machine": _each(f"{p['gpu'] or p['cpu']}, {p['cores']} cores, {p['threads']} thread a run" for p in told),
        "time": f"{sum(r['seconds'] for r in made) / 60:.0f} min",
        "date": _each(p["date"][:10] for p in told),
    }


def _middle(rgb: np.ndarray) -> np.ndarray:
    top, left = ((side - _SIDE) // 2 for side in rgb.shape[:2])
    return np.ascontiguousarray(rgb[top : top + _SIDE, left : left + _SIDE])


def _each(told: Any) -> str:
    """The different ones, in order."""
    return "; ".join(dict.fromkeys(told))
