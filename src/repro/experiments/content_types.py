"""Where chapter 10's encoder loses: each effort against the peers on an image of each content type.

Content types (:mod:`repro.data.content_types`) need very different numbers of bits, so no range of rates suits them
all. A saving is a BD-rate over all qualities that both encoders reach on the image, and there is none where these are
less than :data:`SHARED` of what either reaches. One image stands for a type: what is found is an example, and has no
interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from repro.data.content_types import CONTENT_TYPES
from repro.evaluation import Curve, bd_rate
from repro.experiments import beyond
from repro.experiments.beyond import AS_THEY_COME, EFFORTS, METRICS, EncoderCurves
from repro.experiments.store import Store

#: What an effort is compared with where nothing else is named.
MOZJPEG = AS_THEY_COME[0]
#: Stands for the stronger of mozjpeg and jpegli on an image.
BETTER_PEER = "better"
#: The least share of the decibels of the narrower of two curves that the other must cover, too.
SHARED = 0.5
#: Per cent of bits below which two encoders are even: other qualities would have given another sign.
EVEN = 1.0
TOO_SMALL, APART = "too small a picture", "no overlap"


@dataclass(frozen=True)
class ContentTypeSavings:
    """What our efforts save against the peers, image by image; the curves' photos are content types."""

    encoders: EncoderCurves

    @property
    def names(self) -> list[str]:
        """The content types that were measured, in the order of :data:`repro.data.content_types.CONTENT_TYPES`."""
        measured = next(iter(self.encoders.curves.values())).images
        return [name for name in CONTENT_TYPES if name in measured]

    def percent(self, name: str, effort: str, metric: str, against: str = MOZJPEG) -> float | str:
        """Bits that ``effort`` needs against another at equal ``metric``, in per cent; or why there is no number.

        Against :data:`BETTER_PEER`: whichever of mozjpeg and jpegli is the stronger on this
        image.
        """
        if against == BETTER_PEER:
            each = [self._savings[name, effort, metric, peer] for peer in AS_THEY_COME]
            return max((p for p in each if not isinstance(p, str)), default=each[0])
        return self._savings[name, effort, metric, against]

    def rates(self, name: str) -> tuple[float, float]:
        """The least and the most bits per pixel of mozjpeg's files."""
        bpp = [float(point["bpp"] or 0) for point in self.encoders.curves[MOZJPEG].images[name]]
        return min(bpp), max(bpp)

    def lost(self, effort: str, metric: str, against: str = MOZJPEG) -> dict[str, float]:
        """Content type → per cent of bits, the worst first, where ``effort`` needs more by over :data:`EVEN`."""
        found = {name: self.percent(name, effort, metric, against) for name in self.names}
        numbers = {name: p for name, p in found.items() if not isinstance(p, str) and p > EVEN}
        return dict(sorted(numbers.items(), key=lambda item: -item[1]))

    def lost_everywhere(self, effort: str, against: str = MOZJPEG) -> list[str]:
        """Content types on which ``effort`` loses in every metric that has a number."""
        numbers = {name: self._numbers(effort, against, [name]) for name in self.names}
        return [name for name, found in numbers.items() if found and min(found) > EVEN]

    def tally(self, effort: str, against: str = MOZJPEG) -> tuple[int, int, int]:
        """(lost, even, all) of the pairs of an image and a metric that have a number."""
        found = self._numbers(effort, against, self.names)
        return sum(p > EVEN for p in found), sum(abs(p) <= EVEN for p in found), len(found)

    def _numbers(self, effort: str, against: str, names: list[str]) -> list[float]:
        found = [self.percent(name, effort, metric, against) for name in names for metric in METRICS]
        return [p for p in found if not isinstance(p, str)]

    @cached_property
    def _savings(self) -> dict[tuple[str, str, str, str], float | str]:
        curves = self.encoders.curves
        return {
            (name, effort, metric, peer): saving(curves[peer], curves[effort], name, metric)
            for effort in EFFORTS
            for peer in AS_THEY_COME
            for metric in METRICS
            for name in self.names
        }


def saving(anchor: Curve, test: Curve, name: str, metric: str) -> float | str:
    """BD-rate of ``test`` on one image over all qualities that both reach, in per cent, or why there is none."""
    one, other = (Curve(curve.name, {name: curve.images[name]}) for curve in (anchor, test))
    if any(point[metric] is None for curve in (one, other) for point in curve.images[name]):
        return TOO_SMALL
    spans = [curve.line(name, metric)[1] for curve in (one, other)]
    if any(len(span) < 2 for span in spans):
        return APART
    both = min(span.max() for span in spans) - max(span.min() for span in spans)
    if both < SHARED * min(np.ptp(span) for span in spans):
        return APART
    return bd_rate(one, other, metric).per_image.get(name, APART)


def stored(store: Store | None = None) -> ContentTypeSavings:
    """From stored results. Raises :class:`ReproError` where one is missing or stale."""
    return ContentTypeSavings(beyond.stored("content-types", store, figure="content-types"))
