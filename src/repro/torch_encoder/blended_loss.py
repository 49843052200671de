"""The loss of a decoded picture by each metric that weights are learned from, and its gradients.

A large picture is measured in tiles, each with some pixels around it, so that memory does not grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from repro.metrics.ms_ssim import MIN_SIDE_MS_SSIM
from repro.stages import decode
from repro.training.sensitivity import LOSSES, Blend, Loss
from repro.trellis.planes import DctPlanes, Plane

#: Side of a tile, and how far its window reaches beyond it, in pixels: multiples of 16, the unit of 4:2:0.
TILE, AROUND = 1024, 64
#: For pictures of up to this many pixels the original's maps are kept from step to step, 150 bytes per pixel.
_KEPT = 4 << 20


@dataclass(frozen=True)
class Measured:
    """For each metric, summed over pixels: the loss, and its gradient with respect to each plane's coefficients, (n,
    64)."""

    losses: Mapping[str, float]
    gradients: Mapping[str, list[np.ndarray]]


class BlendedLoss:
    """The metrics of ``blend`` and MSE, for the original ``x`` (1, 1 or 3, H, W) on 0–255 with the planes ``dct``.

    Sides must be at least 113 px, the minimum of SSIMULACRA 2. MS-SSIM is left out below its own minimum of 161 px.
    """

    def __init__(self, x: torch.Tensor, dct: DctPlanes, blend: Blend) -> None:
        shares = dict(blend.metrics)
        if min(dct.height, dct.width) < MIN_SIDE_MS_SSIM:
            shares.pop("ms_ssim", None)
        self.shares = {"mse": 1 - sum(blend.metrics.values())} | shares
        self._dct = dct
        rgb = x.float().expand(-1, 3, -1, -1)
        keep = dct.height * dct.width <= _KEPT
        self._tiles = [_Tile(rgb, dct, place, list(self.shares), keep) for place in _places(dct)]

    def measure(self, values: Sequence[np.ndarray], stop: Callable[[], bool] = lambda: False) -> Measured | None:
        """Measure dequantised coefficients, float32 (n, 64) for each plane. None if ``stop`` said so on the way."""
        losses = dict.fromkeys(self.shares, 0.0)
        gradients = {name: [np.zeros_like(plane.F) for plane in self._dct.planes] for name in self.shares}
        for tile in self._tiles:
            if stop():
                return None
            for name, loss in tile.measure(self._dct, values, gradients).items():
                losses[name] += loss
        return Measured(losses, gradients)


class _Tile:
    """A part of the picture, the core, in a window with its surroundings; ranges are in luma blocks."""

    def __init__(
        self, rgb: torch.Tensor, dct: DctPlanes, place: tuple[_Range, _Range], metrics: Sequence[str], keep: bool
    ) -> None:
        (self._rows, self._core_rows), (self._cols, self._core_cols) = place
        top, left = self._rows[0] * 8, self._cols[0] * 8
        self._x = rgb[..., top : self._rows[1] * 8, left : self._cols[1] * 8]
        self._height, self._width = self._x.shape[-2:]
        self._core_pixels = (min(8 * self._core_rows[1], dct.height) - 8 * self._core_rows[0]) * (
            min(8 * self._core_cols[1], dct.width) - 8 * self._core_cols[0]
        )
        self._factor = 2 if dct.subsampling == "4:2:0" else 1
        self._metrics, self._keep = metrics, keep
        self._losses: Mapping[str, Loss] | None = None

    def measure(
        self, dct: DctPlanes, values: Sequence[np.ndarray], into: Mapping[str, Sequence[np.ndarray]]
    ) -> dict[str, float]:
        """Return each loss: its mean over the window times the core's pixels. Write its gradient, summed over the
        window, to ``into`` for the core's blocks."""
        cut, inner = zip(*(self._cut(plane, i) for i, plane in enumerate(dct.planes)), strict=True)
        parts = [torch.from_numpy(v[c.ravel()]).requires_grad_() for v, c in zip(values, cut, strict=True)]
        window = tuple(Plane(p.detach().numpy(), *c.shape) for p, c in zip(parts, cut, strict=True))
        shown = decode(DctPlanes(window, self._height, self._width, dct.subsampling), parts)
        losses = self._losses or {name: LOSSES[name](self._x) for name in self._metrics}
        if self._keep:
            self._losses = losses
        found = {}
        pixels = self._height * self._width
        for name, loss in losses.items():
            seen = shown.detach().requires_grad_()
            total = loss(seen).sum()
            (by_pixel,) = torch.autograd.grad(total * pixels, seen)
            by_part = torch.autograd.grad(shown, parts, by_pixel, retain_graph=True)
            for g, c, core, whole in zip(by_part, cut, inner, into[name], strict=True):
                whole[c[core].ravel()] = g.numpy().reshape(*c.shape, 64)[core].reshape(-1, 64)
            found[name] = total.item() * self._core_pixels
        return found

    def _cut(self, plane: Plane, index: int) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Return the indices of the window's blocks in a plane, and the slices of the core's among them."""
        f = self._factor if index else 1
        (top, bottom), (left, right) = ((a // f, -(-b // f)) for a, b in (self._rows, self._cols))
        (core_top, core_bottom), (core_left, core_right) = (
            (a // f, -(-b // f)) for a, b in (self._core_rows, self._core_cols)
        )
        numbers = np.arange(plane.rows * plane.cols).reshape(plane.rows, plane.cols)[top:bottom, left:right]
        return numbers, (slice(core_top - top, core_bottom - top), slice(core_left - left, core_right - left))


_Range = tuple[tuple[int, int], tuple[int, int]]


def _places(dct: DctPlanes) -> Iterator[tuple[_Range, _Range]]:
    """((window, core) of rows, the same of columns) in luma blocks, for each tile."""
    luma = dct.planes[0]
    for rows in _cuts(luma.rows):
        for cols in _cuts(luma.cols):
            yield rows, cols


def _cuts(blocks: int) -> list[_Range]:
    """Return (window, core) of nearly equal parts of a side, cut at even blocks."""
    count = max(1, -(-blocks * 8 // TILE))
    edges = [2 * (-(-blocks // 2) * i // count) for i in range(count)] + [blocks]
    reach = AROUND // 8
    return [((max(0, a - reach), min(blocks, b + reach)), (a, b)) for a, b in pairwise(edges)]
