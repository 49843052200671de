"""Where chapter 10's encoder loses: each effort against the peers on an image of each content type.

Content types (:mod:`repro.data.content_types`) need very different numbers of bits, so no range of rates suits them
all. A saving is a BD-rate over all qualities that both encoders reach on the image. There is none if these are less
than :data:`SHARED` of the narrower curve's range. Each type has only one image, so a saving is an example and has no
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

#: The peer that an effort is compared with by default.
MOZJPEG = AS_THEY_COME[0]
#: Stands for the stronger of mozjpeg and jpegli on an image.
BETTER_PEER = "better"
#: Smallest share of the narrower curve's range in decibels that the other curve must cover.
SHARED = 0.5
#: Two encoders are even if their bits differ by at most this many per cent: other qualities could change the sign.
EVEN = 1.0
TOO_SMALL, APART = "too small a picture", "no overlap"


@dataclass(frozen=True)
class ContentTypeSavings:
    """Savings of our efforts against the peers, image by image; the curves' photos are content types."""

    encoders: EncoderCurves

    @property
    def names(self) -> list[str]:
        """The content types that were measured, in the order of :data:`repro.data.content_types.CONTENT_TYPES`."""
        measured = next(iter(self.encoders.curves.values())).images
        return [name for name in CONTENT_TYPES if name in measured]

    def percent(self, name: str, effort: str, metric: str, against: str = MOZJPEG) -> float | str:
        """Bits that ``effort`` needs compared with ``against`` at equal ``metric``, in per cent; or why there is none.

        :data:`BETTER_PEER` stands for whichever of mozjpeg and jpegli is stronger on this image.
        """
        if against == BETTER_PEER:
            each = [self._savings[name, effort, metric, peer] for peer in AS_THEY_COME]
            return max((p for p in each if not isinstance(p, str)), default=each[0])
        return self._savings[name, effort, metric, against]

    def rates(self, name: str) -> tuple[float, float]:
        """The lowest and the highest rate of mozjpeg's files, in bits per pixel."""
        bpp = [float(point["bpp"] or 0) for point in self.encoders.curves[MOZJPEG].images[name]]
        return min(bpp), max(bpp)

    def lost(self, effort: str, metric: str, against: str = MOZJPEG) -> dict[str, float]:
        """Content type → per cent of bits, worst first, where ``effort`` needs more than :data:`EVEN` % more bits."""
        found = {name: self.percent(name, effort, metric, against) for name in self.names}
        numbers = {name: p for name, p in found.items() if not isinstance(p, str) and p > EVEN}
        return dict(sorted(numbers.items(), key=lambda item: -item[1]))

    def lost_everywhere(self, effort: str, against: str = MOZJPEG) -> list[str]:
        """Content types on which ``effort`` loses by every metric that has a number."""
        numbers = {name: self._numbers(effort, against, [name]) for name in self.names}
        return [name for name, found in numbers.items() if found and min(found) > EVEN]

    def tally(self, effort: str, against: str = MOZJPEG) -> tuple[int, int, int]:
        """(lost, even, all): counts of the pairs of image and metric that have a number."""
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
    """BD-rate of ``test`` on one image over all qualities that both reach, in per cent; or why there is none."""
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
    """Savings from stored results. Raises :class:`ReproError` if one is missing or stale."""
    return ContentTypeSavings(beyond.stored("content-types", store, figure="content-types"))
