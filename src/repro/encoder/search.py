"""The largest file that is not over a number of bits, found on real files."""

from __future__ import annotations

import math
from collections.abc import Callable

from repro.encoder.models import HIGHEST, LOWEST, percent
from repro.errors import ReproError

#: Qualities are tried in these steps; between neighbours a photograph's size changes by a per cent or so.
STEP = 0.1
#: How far below its target a file may stay (a share of it) before that has to be said.
TOLERANCE = 0.05

_LAST = round((HIGHEST - LOWEST) / STEP)
_FIRST_GUESS = round((40 - LOWEST) / STEP)
#: Of photographs, size ∝ percent^−0.65, about; times a little more, so that a first step goes over the target.
_TYPICAL_SLOPE = -0.65 / 1.2
#: Stands for quality 100, whose percent is 0, on a logarithmic scale; 99.9 has 0.2.
_LEAST_PERCENT = 0.1


def largest_within(encode: Callable[[float], bytes], bits: float, pixels: int, name: str) -> tuple[float, bytes]:
    """(quality, file): the highest quality in steps of 0.1 whose file ``encode(quality)`` is not over ``bits``.

    A bracket around it shrinks until its ends are neighbours: by interpolating log size over log percent (IJG's scale
    of the quality), which is nearly a line, and by growing steps where that moves one end only. File size grows with
    quality but for a few bytes here and there; the file that is returned is within ``bits`` in any case. Raises
    :class:`ReproError` that says, in bits per pixel, what range ``name`` can be given, where ``bits`` lies outside
    (above: by more than 5 %).
    """
    low, high = -1, _LAST + 1  # the step at low fits, the one at high does not; these two are not encoded
    sizes: dict[int, float] = {}
    best = b""
    same_side = 0  # how often in a row the same end moved, signed
    step = _FIRST_GUESS
    while high - low > 1:
        data = encode(_quality(step))
        sizes[step] = 8 * len(data)
        if sizes[step] <= bits:
            low, best, same_side = step, data, max(same_side, 0) + 1
        else:
            high, same_side = step, min(same_side, 0) - 1
        step = _guess(bits, low, high, sizes)
        if same_side > 1:  # the other end is stuck: step out to meet it, twice as far each time
            step = max(step, low + 2**same_side)
        elif same_side < -1:
            step = min(step, high - 2**-same_side)
        step = min(max(step, low + 1), high - 1)
    if low < 0 or (low == _LAST and sizes[low] < (1 - TOLERANCE) * bits):
        least, most = (sizes[i] if i in sizes else 8 * len(encode(_quality(i))) for i in (0, _LAST))
        raise ReproError(
            f"{name}: {bits / pixels:.4g} bits per pixel cannot be met; "
            f"choose from {math.ceil(1e4 * least / pixels) / 1e4:.6g} to {math.floor(1e4 * most / pixels) / 1e4:.6g}"
        )
    return _quality(low), best


def _guess(bits: float, low: int, high: int, sizes: dict[int, float]) -> int:
    """The step whose file should have ``bits``: on the line through the bracket's ends, or through the known one."""
    known, other = (low, high) if low in sizes else (high, low)
    slope = _TYPICAL_SLOPE
    if other in sizes:
        slope = (math.log(sizes[other] / sizes[known]) or -1e-9) / (_scale(other) - _scale(known))
    share = math.exp(min(max(_scale(known) + math.log(bits / sizes[known]) / slope, _scale(_LAST)), _scale(0)))
    quality = 5000 / share if share > 100 else 100 - share / 2
    return round((quality - LOWEST) / STEP)


def _scale(step: int) -> float:
    return math.log(max(percent(_quality(step)), _LEAST_PERCENT))


def _quality(step: int) -> float:
    return round(LOWEST + step * STEP, 1)
