"""The largest file that is not over a number of bits, found on real files."""

from __future__ import annotations

import math
from collections.abc import Callable

from repro.encoder.models import HIGHEST, LOWEST
from repro.errors import ReproError

#: Qualities are tried in these steps; between neighbours a photograph's size changes by a per cent or so.
STEP = 0.1
#: How far below its target a file may stay (a share of it) before that has to be said.
TOLERANCE = 0.05


def largest_within(encode: Callable[[float], bytes], bits: float, pixels: int, name: str) -> tuple[float, bytes]:
    """(quality, file): the highest quality in steps of 0.1 whose file ``encode(quality)`` is not over ``bits``.

    Both ends are encoded first. Then the bracket shrinks by interpolating the logarithm of the size, or by halves
    where that gets stuck on one side. File size grows with quality but for a few bytes here and there; the file that
    is returned is under ``bits`` in any case. Raises :class:`ReproError` that says, in bits per pixel, what range
    ``name`` can be given, where ``bits`` lies outside (above: by more than 5 %).
    """
    steps = round((HIGHEST - LOWEST) / STEP)
    low, high = 0, steps
    files = {i: encode(_quality(i)) for i in (low, high)}
    least, most = (8 * len(files[i]) for i in (low, high))
    if bits < least or bits * (1 - TOLERANCE) > most:
        raise ReproError(
            f"{name}: {bits / pixels:.4g} bits per pixel cannot be met; "
            f"choose from {math.ceil(least / pixels * 1e4) / 1e4:.6g} to {math.floor(most / pixels * 1e4) / 1e4:.6g}"
        )
    if bits >= most:
        return _quality(high), files[high]
    last, repeats = None, 0
    while high - low > 1:
        share = math.log(bits / (8 * len(files[low]))) / max(math.log(len(files[high]) / len(files[low])), 1e-9)
        guess = low + share * (high - low) if repeats < 2 else (low + high) / 2
        middle = min(max(round(guess), low + 1), high - 1)
        files[middle] = encode(_quality(middle))
        side = 8 * len(files[middle]) <= bits
        low, high = (middle, high) if side else (low, middle)
        repeats = repeats + 1 if side is last else 0
        last = side
        files = {i: files[i] for i in (low, high)}
    return _quality(low), files[low]


def _quality(step: int) -> float:
    return round(LOWEST + step * STEP, 1)
