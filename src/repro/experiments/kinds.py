"""Chapter 10, where it loses: each effort against the peers on a picture of each kind (:mod:`repro.data.kinds`).

Kinds need very different bits, so no range of rates suits them all. A saving is a BD-rate over all qualities that both
encoders reach on the picture, and there is none where these are less than :data:`SHARED` of what either reaches. One
picture stands for a kind: what is found is an example, and has no interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from repro.data.kinds import KINDS, SEED, draw
from repro.errors import ReproError
from repro.evaluation import Curve, bd_rate
from repro.experiments import beyond
from repro.experiments.beyond import BETTER, EFFORTS, METRICS, RIVALS, SHORT, Ladder, listed
from repro.experiments.registry import KIND_QUALITIES
from repro.experiments.store import Store

#: The peer that an effort loses to, or does not, where no other is named.
RIVAL = RIVALS[0]
#: The least share of the decibels that the narrower of two curves covers which the other must cover, too.
SHARED = 0.5
#: Per cent of bits below which two encoders are even: other qualities would have given another sign.
EVEN = 1.0
TOO_SMALL, APART = "too small a picture", "no overlap"
#: Kinds, and pixels a side, of what stands in for stored results at profile smoke.
_FEW, _SIDE = ("portrait", "page", "tiny"), 176


@dataclass(frozen=True)
class Kinds:
    """Curves of our efforts and of the peers; a curve's photos are kinds."""

    rungs: Ladder

    @property
    def names(self) -> list[str]:
        """The kinds that were measured, in the order of :data:`repro.data.kinds.KINDS`."""
        measured = next(iter(self.rungs.curves.values())).images
        return [name for name in KINDS if name in measured]

    @property
    def measured(self) -> str:
        """How many pictures, and that they only stand in for some where it is so."""
        if self.rungs.made:
            return f"{len(self.names)} pictures"
        return f"parts of {len(self.names)} pictures, which stand in for results that are not stored"

    def percent(self, kind: str, effort: str, metric: str, against: str = RIVAL) -> float | str:
        """Bits that ``effort`` needs against another at equal ``metric``, in per cent; or why there is no number.

        Against :data:`repro.experiments.beyond.BETTER`: whichever of mozjpeg and jpegli is the harder to beat on this
        picture.
        """
        if against == BETTER:
            each = [self._savings[kind, effort, metric, rival] for rival in RIVALS]
            return max((p for p in each if not isinstance(p, str)), default=each[0])
        return self._savings[kind, effort, metric, against]

    def rates(self, kind: str, rung: str = RIVAL) -> tuple[float, float]:
        """The least and the most bits per pixel of the files of ``rung``."""
        bpp = [float(point["bpp"] or 0) for point in self.rungs.curves[rung].images[kind]]
        return min(bpp), max(bpp)

    def lost(self, effort: str, metric: str, against: str = RIVAL) -> dict[str, float]:
        """Kind → per cent of bits, the worst first, where ``effort`` needs more by over :data:`EVEN`."""
        found = {kind: self.percent(kind, effort, metric, against) for kind in self.names}
        numbers = {kind: p for kind, p in found.items() if not isinstance(p, str) and p > EVEN}
        return dict(sorted(numbers.items(), key=lambda item: -item[1]))

    def everywhere(self, effort: str, against: str = RIVAL) -> list[str]:
        """Kinds on which ``effort`` loses in every metric that has a number."""
        chosen = []
        for kind in self.names:
            numbers = [self.percent(kind, effort, metric, against) for metric in METRICS]
            known = [p for p in numbers if not isinstance(p, str)]
            chosen += [kind] if known and min(known) > EVEN else []
        return chosen

    def tally(self, effort: str, against: str = RIVAL) -> tuple[int, int, int]:
        """(lost, even, all) of the pictures and metrics that have a number."""
        found = [self.percent(kind, effort, metric, against) for kind in self.names for metric in METRICS]
        known = [p for p in found if not isinstance(p, str)]
        return sum(p > EVEN for p in known), sum(abs(p) <= EVEN for p in known), len(known)

    @cached_property
    def _savings(self) -> dict[tuple[str, str, str, str], float | str]:
        return dict(self._compared())

    def _compared(self) -> Iterator[tuple[tuple[str, str, str, str], float | str]]:
        for effort in EFFORTS:
            for rival in RIVALS:
                for metric in METRICS:
                    for kind in self.names:
                        pair = self.rungs.curves[rival], self.rungs.curves[effort]
                        yield (kind, effort, metric, rival), saving(*pair, kind, metric)


def saving(anchor: Curve, test: Curve, kind: str, metric: str) -> float | str:
    """BD-rate of ``test`` on one picture over all qualities that both reach, in per cent, or why there is none."""
    one, other = (Curve(curve.name, {kind: curve.images[kind]}) for curve in (anchor, test))
    if any(point[metric] is None for curve in (one, other) for point in curve.images[kind]):
        return TOO_SMALL
    if metric == "ssimulacra2":
        metric, one, other = "psnr", *(beyond.as_it_is(curve, metric) for curve in (one, other))
    spans = [curve.line(kind, metric)[1] for curve in (one, other)]
    if any(len(span) < 2 for span in spans):
        return APART
    both = min(span.max() for span in spans) - max(span.min() for span in spans)
    if both < SHARED * min(np.ptp(span) for span in spans):
        return APART
    return bd_rate(one, other, metric).per_image.get(kind, APART)


def words(found: Kinds) -> dict[str, str]:
    """For glue: what each effort loses, and on which kinds, in words that hold whoever wins."""
    said = {
        "measured": found.measured,
        "even": f"{EVEN:g} %",
        "shared": "half" if SHARED == 0.5 else f"{100 * SHARED:g} %",
        "without": _without(found),
    }
    for effort in EFFORTS:
        for against, short in ((RIVAL, "mozjpeg"), (BETTER, "better")):
            lost, even, every = found.tally(effort, against)
            more = f" ({even} more {'is' if even == 1 else 'are'} even)" if even else ""
            said[f"{effort}_{short}"] = f"{lost} of {every}{more}"
            said[f"{effort}_{short}_everywhere"] = listed([KINDS[k].label for k in found.everywhere(effort, against)])
            for metric in METRICS:
                said[f"{effort}_{short}_{metric}"] = _told(found.lost(effort, metric, against))
    return said


def _told(lost: Mapping[str, float]) -> str:
    """ "line drawing (+12 %), page of text (+3 %)", or "nothing"."""
    return ", ".join(f"{KINDS[kind].label} ({percent:+.0f} %)" for kind, percent in lost.items()) or "nothing"


def _without(found: Kinds) -> str:
    """Which comparisons of the default effort have no number, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for kind in found.names:
        for metric in METRICS:
            percent = found.percent(kind, "default", metric)
            if isinstance(percent, str):
                reasons.setdefault((kind, percent), []).append(SHORT[metric])
    each = [f"{KINDS[kind].label} in {listed(names)} ({why})" for (kind, why), names in reasons.items()]
    return "; ".join(each) or "none of them"


def stored(profile: str = "cpu", store: Store | None = None) -> Kinds:
    """From results stored at profile ``cpu``.

    Raises :class:`ReproError` where one is missing or stale; at profile ``smoke`` a few parts of pictures, measured on
    the spot, then stand in for them.
    """
    try:
        return Kinds(beyond.of_figure("kinds", "kinds", store or Store.default()))
    except ReproError:
        if profile != "smoke":
            raise
        return stand_in()


@cache
def stand_in() -> Kinds:
    """Two qualities on the corners of a few pictures: shows that it runs, and nothing else."""
    return Kinds(beyond.quickly({name: draw(name)[:_SIDE, :_SIDE] for name in _FEW}, KIND_QUALITIES))


def origin(found: Kinds) -> dict[str, str]:
    """Where the results came from, and how the pictures are made again: label → words."""
    drawn = {"pictures": f"repro.data.kinds, seed {SEED}; a SHA-256 of the pixels of each lies in the results"}
    return beyond.origin([found.rungs], "kinds") | drawn
