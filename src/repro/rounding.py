"""Rounding that lets gradients through: exact in the forward pass, with a substitute derivative in the backward pass.

Quantisation rounds, and the derivative of rounding is 0 almost everywhere, so nothing before it would learn.
Both functions here return exactly ``round(z)``; they differ in their derivative.

**Erratum.** Eq. 3 of the paper prints ⌊x⌋ + (⌊x⌋ − x)³, whose derivative is −3 (⌊x⌋ − x)²: a descent step would
climb. With the baseline code's sign, which we use, it is ⌊x⌋ + (x − ⌊x⌋)³, with derivative 3 (x − ⌊x⌋)² ≥ 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class _ThirdOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        rounded = z.round()
        ctx.save_for_backward(z - rounded)
        return rounded

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (residue,) = ctx.saved_tensors
        return gradient * 3 * residue.square()


def round_third_order(z: torch.Tensor) -> torch.Tensor:
    """``round(z)``, any shape; backward multiplies by 3 (z − round(z))², in 0–0.75. The paper's Eq. 3, sign corrected.

    The derivative is 0 at integers, where a small change has no effect, and largest at halves, where the result flips.
    """
    return _ThirdOrder.apply(z)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        return z.round()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def round_straight_through(z: torch.Tensor) -> torch.Tensor:
    """``round(z)``, any shape; backward passes the gradient unchanged (Bengio et al. 2013), for comparison."""
    return _StraightThrough.apply(z)


#: Name in the settings → rounding.
ROUNDINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "third-order": round_third_order,
    "straight-through": round_straight_through,
}
