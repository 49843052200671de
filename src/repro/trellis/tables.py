"""Learn quantisation tables with the trellis in the loop.

For given tables Q, the trellis finds the numbers ẑ that minimise J = weighted squared error + λ · bits. The derivative
of this minimum needs no derivative of the choice: ẑ is optimal, so small changes of it have no effect, and dJ/dQ is the
derivative of the error alone with ẑ held fixed (the envelope theorem; the Huffman codes are optimal too, and drop out
in the same way). Neither rounding nor the rate needs an approximate derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from repro.jpeg.tables import NATURAL
from repro.progress import bar
from repro.trellis import planes
from repro.trellis.planes import DctPlanes, Weights

WeightsOf = Callable[[DctPlanes], Sequence[Weights]]
#: The best step is about this many times √(λ / weight); the search starts there.
_TYPICAL = 3.8
#: Adam's decay rates for the running means of gradients and of their squares.
_MOMENTUM, _SQUARES = 0.8, 0.9


@dataclass(frozen=True)
class Example:
    """A training picture and the weights of its errors."""

    dct: DctPlanes
    weights: Sequence[Weights]


def first_guess(examples: Sequence[Example], lam: float) -> np.ndarray:
    """(3, 8, 8) in 1–255, for Y, Cb and Cr: steps proportional to √(λ / mean weight)."""
    sums, counts = np.zeros((3, 64)), np.zeros((3, 1))
    for example in examples:
        for i, weight in enumerate(example.weights):
            each = weight.each()
            sums[i] += each.sum(0)
            counts[i] += len(each)
    steps = _TYPICAL * np.sqrt(lam / (sums / np.maximum(counts, 1)))
    return _square(np.clip(steps, 1, 255))


def learn(
    examples: Sequence[Example],
    lam: float,
    *,
    start: np.ndarray | None = None,
    steps: int = 40,
    batch: int = 24,
    rate: float = 0.04,
    seed: int = 0,
    rounds: int = 2,
    threads: int = 1,
) -> np.ndarray:
    """Minimise the mean J of ``examples`` over tables, float (3, 8, 8) in 1–255: Adam on log Q, ``rate`` decaying to 0.

    ``start`` defaults to :func:`first_guess`. Start from small steps: once a step is so large that all its coefficients
    are zero, its gradient is zero too, and it cannot shrink again. The first guess is low enough. ``rounds`` is as in
    :func:`repro.trellis.planes.trellis_quantize`.
    """
    rng = np.random.default_rng(seed)
    log_q = np.log(first_guess(examples, lam) if start is None else start)
    mean, square = np.zeros_like(log_q), np.zeros_like(log_q)
    with bar(steps, f"tables λ={lam:g}") as progress:
        for step in range(steps):
            chosen = rng.permutation(len(examples))[:batch]
            gradient = sum(_gradient(examples[i], np.exp(log_q), lam, rounds, threads) for i in chosen)
            mean = _MOMENTUM * mean + (1 - _MOMENTUM) * gradient
            square = _SQUARES * square + (1 - _SQUARES) * np.square(gradient)
            unbiased = mean / (1 - _MOMENTUM ** (step + 1))
            spread = np.sqrt(square / (1 - _SQUARES ** (step + 1))) + 1e-9
            falling = 0.5 * (1 + np.cos(np.pi * step / steps))
            log_q = np.clip(log_q - rate * falling * unbiased / spread, 0, np.log(255))
            progress.update()
    return np.exp(log_q)


def objective(examples: Sequence[Example], tables: np.ndarray, lam: float, threads: int = 1) -> float:
    """Mean J per pixel of ``examples``, with the trellis's choice for ``tables`` rounded to whole numbers."""
    total, pixels = 0.0, 0
    whole = np.rint(tables)
    for example in examples:
        z = planes.trellis_quantize(example.dct, example.weights, whole, lam, threads=threads)
        total += lam * planes.bits(example.dct, z)
        for i, (plane, weight, numbers) in enumerate(zip(example.dct.planes, example.weights, z, strict=True)):
            error = plane.F - numbers * planes.steps(whole, i)
            total += float((weight.each() * np.square(error)).sum())
        pixels += example.dct.height * example.dct.width
    return total / pixels


def _gradient(example: Example, tables: np.ndarray, lam: float, rounds: int, threads: int) -> np.ndarray:
    """dJ/d log Q, (3, 8, 8)."""
    z = planes.trellis_quantize(example.dct, example.weights, tables, lam, rounds=rounds, threads=threads)
    found = np.zeros((3, 64))
    for i, (plane, weight, numbers) in enumerate(zip(example.dct.planes, example.weights, z, strict=True)):
        Q = planes.steps(tables, i)
        back = numbers * Q
        found[i] = (2 * weight.each() * (back - plane.F) * back).sum(0)
    return _square(found)


def _square(zigzag: np.ndarray) -> np.ndarray:
    """(3, 64) in zigzag order → (3, 8, 8)."""
    return zigzag[:, NATURAL].reshape(3, 8, 8)


def examples_of(crops: np.ndarray, weigh: WeightsOf, subsampling: str = "4:2:0") -> list[Example]:
    """Make examples of ``crops``, uint8 (n, S, S, 3); ``weigh`` gives the weights of a picture's errors."""
    every = (planes.forward_dct(crop, subsampling) for crop in crops)
    return [Example(dct, weigh(dct)) for dct in every]
