"""What a gradient says of a picture's blocks: what errors cost there, and where the decoder should land instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from repro.trellis.planes import Plane, Weights

if TYPE_CHECKING:
    from repro.encoder.refine import Descent

#: (64,) zigzag, how freely coefficients move. Neighbours' means add up at MS-SSIM's coarse scales, where steps that
#: each block takes by itself are together too long: DC hardly moves.
LOOSE = np.where(np.arange(64) > 0, 1.0, 0.1).astype(np.float32)
#: How many times more or less a block's errors may cost than the like of them, and how much of the median block's is
#: added to either side of that ratio: little error says little about a block.
_RATIO, _PRIOR = 3.0, 0.35
#: Where in zigzag order the slower and the faster AC begin, each with a ratio of its own, and (64,) which one each
#: frequency has: DC that of the slower.
_BEGIN = (1, 10)
_BAND = (np.arange(64) >= _BEGIN[1]).astype(np.int64)
#: Blocks that are looked at together: what is computed on the way to an answer does not grow with the picture.
_AT_ONCE = 1 << 14


class Guided:
    """A plane on its way: what errors are worth in this picture's blocks, and how far its targets have moved.

    ``weights``: what errors are worth to the trellis; ``model``: in the distortion whose gradient is looked at.
    """

    def __init__(self, plane: Plane, weights: Weights, model: Weights) -> None:
        self._F, self._weights, self._model = plane.F, weights, model
        self._moved = np.zeros_like(plane.F)
        self._ratio = np.ones((len(plane.F), len(_BEGIN)), np.float32)

    @property
    def target(self) -> np.ndarray:
        """(n, 64): what the decoder should get back."""
        return self._F + self._moved

    def look(self, z: np.ndarray, Q: np.ndarray, gradient: np.ndarray, how: Descent, step: int) -> Weights:
        """Move the targets by the ``gradient`` at numbers ``z`` of steps ``Q``; weights by block, for the trellis."""
        parts = [slice(i, i + _AT_ONCE) for i in range(0, len(z), _AT_ONCE)]
        memory = how.remembered(step)
        self._compare(parts, z, Q, gradient, memory)
        own = np.empty_like(self._F)
        for part in parts:
            ratio = self._ratio[part][:, _BAND]
            own[part] = _each(self._weights, part) * ratio
            expected = 2 * ratio * _each(self._model, part) * self._error(part, z, Q)
            wanted = (expected - gradient[part]) / (2 * how.damping * own[part]) * LOOSE
            wanted = np.clip(wanted, -how.trust * Q, how.trust * Q)
            self._moved[part] = memory * self._moved[part] + (1 - memory) * wanted
        return Weights(own, np.arange(len(own)))

    def _compare(self, parts: list[slice], z: np.ndarray, Q: np.ndarray, gradient: np.ndarray, memory: float) -> None:
        """How many times what the model expects a block's errors cost: by the derivative along them, AC alone."""
        costs, expected = np.empty_like(self._ratio), np.empty_like(self._ratio)
        for part in parts:
            error = self._error(part, z, Q)
            costs[part] = np.add.reduceat(gradient[part] * error, _BEGIN, axis=1)
            expected[part] = 2 * np.add.reduceat(_each(self._model, part) * np.square(error), _BEGIN, axis=1)
        prior = _PRIOR * np.median(expected.sum(1)) + 1e-6
        seen = np.clip((costs + prior) / (expected + prior), 1 / _RATIO, _RATIO)
        self._ratio = (memory * self._ratio + (1 - memory) * seen).astype(np.float32)

    def _error(self, part: slice, z: np.ndarray, Q: np.ndarray) -> np.ndarray:
        return z[part].astype(np.float32) * Q - self._F[part]


def _each(weights: Weights, part: slice) -> np.ndarray:
    """(n, 64) of a part of the blocks."""
    return weights.by_frequency[weights.row[part]]
