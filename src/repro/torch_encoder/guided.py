"""What a gradient says about a picture's blocks: what errors cost there, and where the decoder should land instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from repro.trellis.planes import Plane, Weights

if TYPE_CHECKING:
    from repro.torch_encoder.refine import Descent

#: (64,) zigzag, how freely coefficients move. DC hardly does: at MS-SSIM's coarse scales the means of neighbouring
#: blocks add up, and shifts that suit each block by itself are together too long.
FREEDOM = np.where(np.arange(64) > 0, 1.0, 0.1).astype(np.float32)
#: How many times more or less a block's errors may cost than the model expects, and the share of the median block's
#: cost that is added to both sides of that ratio: little error says little about a block.
_RATIO, _PRIOR = 3.0, 0.35
#: Where in zigzag order the low and the high AC frequencies begin, each with a ratio of its own, and (64,) which of the
#: two each frequency takes; DC takes that of the low ones.
_BEGIN = (1, 10)
_BAND = (np.arange(64) >= _BEGIN[1]).astype(np.int64)
#: Blocks that are updated at a time, so that temporary arrays do not grow with the picture.
_AT_ONCE = 1 << 14


class Guided:
    """A plane during the descent: the weights of its blocks' errors, and how far its targets have moved.

    ``weights`` are those of the trellis, ``model`` those of the distortion whose gradient is taken.
    """

    def __init__(self, plane: Plane, weights: Weights, model: Weights) -> None:
        self._F, self._weights, self._model = plane.F, weights, model
        self._moved = np.zeros_like(plane.F)
        self._ratio = np.ones((len(plane.F), len(_BEGIN)), np.float32)

    @property
    def target(self) -> np.ndarray:
        """(n, 64): what the decoder should get back."""
        return self._F + self._moved

    def update(self, z: np.ndarray, Q: np.ndarray, gradient: np.ndarray, how: Descent, step: int) -> Weights:
        """Move the targets by the ``gradient`` at numbers ``z`` of steps ``Q``; weights by block, for the trellis."""
        parts = [slice(i, i + _AT_ONCE) for i in range(0, len(z), _AT_ONCE)]
        momentum = how.momentum_at(step)
        self._update_ratio(parts, z, Q, gradient, momentum)
        own = np.empty_like(self._F)
        for part in parts:
            ratio = self._ratio[part][:, _BAND]
            own[part] = _each(self._weights, part) * ratio
            expected = 2 * ratio * _each(self._model, part) * self._error(part, z, Q)
            wanted = (expected - gradient[part]) / (2 * how.damping * own[part]) * FREEDOM
            wanted = np.clip(wanted, -how.max_shift * Q, how.max_shift * Q)
            self._moved[part] = momentum * self._moved[part] + (1 - momentum) * wanted
        return Weights(own, np.ones(64, np.float32), np.arange(64))

    def _update_ratio(
        self, parts: list[slice], z: np.ndarray, Q: np.ndarray, gradient: np.ndarray, momentum: float
    ) -> None:
        """Update the ratio of what a block's errors cost, by the derivative along them, to what the model expects."""
        costs, expected = np.empty_like(self._ratio), np.empty_like(self._ratio)
        for part in parts:
            error = self._error(part, z, Q)
            costs[part] = np.add.reduceat(gradient[part] * error, _BEGIN, axis=1)
            expected[part] = 2 * np.add.reduceat(_each(self._model, part) * np.square(error), _BEGIN, axis=1)
        prior = _PRIOR * np.median(expected.sum(1)) + 1e-6
        seen = np.clip((costs + prior) / (expected + prior), 1 / _RATIO, _RATIO)
        self._ratio = (momentum * self._ratio + (1 - momentum) * seen).astype(np.float32)

    def _error(self, part: slice, z: np.ndarray, Q: np.ndarray) -> np.ndarray:
        return z[part].astype(np.float32) * Q - self._F[part]


def _each(weights: Weights, part: slice) -> np.ndarray:
    """(n, 64) of a part of the blocks."""
    return weights.each(part)
