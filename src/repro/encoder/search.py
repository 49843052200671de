"""Targets, met by encoding: the largest file within a number of bits, or the smallest that looks good enough."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from repro.encoder import profiles
from repro.encoder.images import Picture
from repro.encoder.models import HIGHEST, LOWEST, percent
from repro.errors import ReproError
from repro.jpeg.codestream import decode
from repro.ssimulacra2 import Reference

#: Qualities are tried in these steps; between neighbours a photograph's size changes by a per cent or so.
STEP = 0.1
#: How far a file may stay below its target, as a share of it, before the user is told.
TOLERANCE = 0.05

_LAST = round((HIGHEST - LOWEST) / STEP)
#: Used for quality 100, whose percent of 0 has no logarithm (quality 99.9 has 0.2).
_LEAST_PERCENT = 0.1
#: Likewise for a score of 100.
_LEAST_LOSS = 1e-6
#: Slopes of log(file size) and of log(100 − SSIMULACRA 2) against log percent (IJG's quality scale). For photographs
#: both are nearly straight lines. The first is set slightly low, so that the first step overshoots the target.
_SLOPE_OF_SIZE, _SLOPE_OF_LOSS = -0.65 / 1.2, 0.5
#: Where a search for a size starts, and a point on the line from which one for a score starts: libjpeg's at quality 35.
_FIRST_QUALITY, _KNOWN_LOSS = 40.0, (math.log(percent(35)), math.log(50))


class Encoder(ABC):
    """Encodes one picture, at any quality and for any target.

    notices
        messages for the user.
    beside
        bytes of metadata that will be added to the file. Targets do not include them, but error messages do.
    """

    picture: Picture
    notices: tuple[str, ...] = ()
    beside: int = 0

    @abstractmethod
    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""

    def within(self, bits: float, name: str) -> tuple[float, bytes]:
        """Return (quality, file) of the largest file within ``bits``; see :func:`largest_within`."""
        return largest_within(self.encode, bits, self.picture.pixels, name, self.beside)

    def within_bytes(self, size: int, name: str) -> tuple[float, bytes]:
        """Return (quality, file) of the largest file of at most ``size`` bytes; quality 100 if its file fits.

        Raises :class:`ReproError` if even the lowest quality gives a larger file.
        """
        best = self.encode(HIGHEST)
        if len(best) <= size:
            return HIGHEST, best
        smallest = self.encode(LOWEST)
        if len(smallest) > size:
            raise ReproError(
                f"{name}: {size + self.beside} bytes cannot be met; "
                f"choose at least {len(smallest) + self.beside}, or shrink it"
            )
        return self.within(8 * size, name)

    def reaching(self, score: float, name: str) -> tuple[float, bytes, float]:
        """Return (quality, file, its score) of the smallest file that reaches ``score``; see
        :func:`smallest_reaching`."""
        return smallest_reaching(self.encode, score, scorer(self.picture, name), name)


def largest_within(
    encode: Callable[[float], bytes], bits: float, pixels: int, name: str, beside: int = 0
) -> tuple[float, bytes]:
    """Return (quality, file) for the highest quality, in steps of 0.1, at which the file ``encode(quality)`` takes at
    most ``bits``.

    File size grows with quality except for a few bytes here and there; the returned file is within ``bits`` in any
    case. Raises :class:`ReproError` if ``bits`` is below the smallest file, or more than 5 % above the largest. The
    message says what range ``name`` can be given, in bits per pixel, with ``beside`` more bytes counted in each file.
    """
    files: dict[int, bytes] = {}

    def log_size(step: int) -> float:
        files[step] = encode(_quality(step))
        return math.log(8 * len(files[step]))

    best = _last(log_size, math.log(bits), _SLOPE_OF_SIZE, _scale(_FIRST_QUALITY)) if bits > 0 else -1
    if best < 0 or (best == _LAST and 8 * len(files[best]) < (1 - TOLERANCE) * bits):
        least, most = (8 * (len(files.get(step) or encode(_quality(step))) + beside) for step in (0, _LAST))
        raise ReproError(
            f"{name}: {(bits + 8 * beside) / pixels:.6g} bits per pixel cannot be met; "
            f"choose from {_rounded_up(least / pixels)} to {_rounded_up(most / pixels)}"
        )
    return _quality(best), files[best]


def _rounded_up(value: float) -> str:
    """Format ``value``, above 0, with six digits, rounded up and slightly more, since products with it are rounded as
    well."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 5)
    return f"{math.ceil(value * (1 + 1e-9) / unit) * unit:.12g}"


def smallest_reaching(
    encode: Callable[[float], bytes], score: float, score_of: Callable[[bytes], float], name: str
) -> tuple[float, bytes, float]:
    """Return (quality, file, its score) for the lowest quality, in steps of 0.1, at which ``score_of`` the file
    (:func:`scorer`) is at least ``score``.

    The score grows with quality except for some hundredths of a point here and there; the returned file reaches it in
    any case. Raises :class:`ReproError` if no quality does.
    """
    files: dict[int, bytes] = {}
    scores: dict[int, float] = {}

    def likeness(step: int) -> float:
        files[step] = encode(_quality(step))
        scores[step] = score_of(files[step])
        return -_log_loss(scores[step])

    known, log_loss = _KNOWN_LOSS
    start = known + (_log_loss(score) - log_loss) / _SLOPE_OF_LOSS
    best = 1 + _last(likeness, math.nextafter(-_log_loss(score), -math.inf), -_SLOPE_OF_LOSS, start)
    if best > _LAST:
        raise ReproError(
            f"{name}: a SSIMULACRA 2 of {score:g} cannot be reached; choose at most "
            f"{math.floor(100 * scores[_LAST]) / 100:g}"
        )
    return _quality(best), files[best], scores[best]


def scorer(picture: Picture, name: str) -> Callable[[bytes], float]:
    """Return a function that gives the SSIMULACRA 2 of a file, as Pillow decodes it, against ``picture``. If that keeps
    its profile, both are compared in sRGB.

    Raises :class:`ReproError` if the picture is too small for the metric.
    """
    try:
        reference = Reference(profiles.in_srgb(picture.samples, picture.icc))
    except ReproError as error:
        raise ReproError(f"{name}: {error}") from error
    return lambda data: reference.score(profiles.in_srgb(decode(data), picture.icc))


def _last(value: Callable[[int], float], goal: float, slope: float, start: float) -> int:
    """Return the last step whose ``value`` is at most ``goal``, −1 if there is none. ``value`` must grow from step to
    step.

    A bracket shrinks until its ends are neighbours. The next step comes from interpolation over log percent, where
    ``value`` should be nearly a line of ``slope``, or, if only one end keeps moving, from growing strides. ``start``:
    log percent to start from.
    """
    low, high = -1, _LAST + 1  # low is not over the goal, high is; these two are not tried
    seen: dict[int, float] = {}
    same_side = 0  # how often in a row the same end moved: low if positive, high if negative
    step = _step(start)
    while high - low > 1:
        seen[step] = value(step)
        if seen[step] <= goal:
            low, same_side = step, max(same_side, 0) + 1
        else:
            high, same_side = step, min(same_side, 0) - 1
        known, other = (low, high) if low in seen else (high, low)
        at = _scale(_quality(known))
        if other in seen:
            slope = (seen[other] - seen[known] or 1e-9) / (_scale(_quality(other)) - at)
        step = _step(at + (goal - seen[known]) / slope)
        if same_side > 1:  # the other end is stuck: step out to meet it, twice as far each time
            step = max(step, low + 2**same_side)
        elif same_side < -1:
            step = min(step, high - 2**-same_side)
        step = min(max(step, low + 1), high - 1)
    return low


def _log_loss(score: float) -> float:
    return math.log(max(100 - score, _LEAST_LOSS))


def _scale(quality: float) -> float:
    """Log percent of ``quality``."""
    return math.log(max(percent(quality), _LEAST_PERCENT))


def _step(scale: float) -> int:
    """Return the step nearest to a log percent, clipped to the first and the last."""
    share = math.exp(min(max(scale, _scale(HIGHEST)), _scale(LOWEST)))
    return round(((5000 / share if share > 100 else 100 - share / 2) - LOWEST) / STEP)


def _quality(step: int) -> float:
    return round(LOWEST + step * STEP, 1)
