"""Dead leaves: pictures of discs that occlude one another, with the statistics of photographs.

Lee, Mumford and Huang, "Occlusion models for natural images: a statistical study of a scale-invariant dead leaves
model", IJCV 41, 2001: discs fall at random places. Their radii have density r^-3, which makes the picture look alike at
every scale and gives it a power spectrum near 1/f² (steeper near the smallest leaf's size, as with a lens).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from repro.errors import UsageError

#: Pictures are drawn this many times larger and then averaged down, so that edges are as smooth as a lens makes them.
OVERSAMPLING = 2
#: Smallest radius, in pixels of the large drawing. With 2 px in the picture, the power spectrum between 0.02 and 0.4
#: cycles per pixel falls as steeply as that of photographs (slope near -2.5; with half that radius, -2.1).
SMALLEST_RADIUS = 4.0
#: Mean number of discs over a pixel. A share e^-8 of the pixels stays bare and shows the leaf below all others.
LAYERS = 8.0


def dead_leaves(size: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """A picture, uint8 (size, size, 3), coloured like the shipped photos; the same ``seed`` gives the same picture."""
    if size < 1:
        raise UsageError(f"size is {size}; a picture needs at least 1 pixel")
    rng = np.random.default_rng(seed)
    canvas = size * OVERSAMPLING
    radii = _radii(canvas, rng)
    depth = rng.permutation(len(radii)).astype(np.int32) + 1  # 0 is the background; the largest is on top
    centres = (rng.random((len(radii), 2)) * (canvas + 2 * radii[:, None]) - radii[:, None]).astype(np.float32)
    top = np.zeros((canvas, canvas), np.int32)  # the depth of the leaf that each pixel shows
    for disc in zip(centres, radii, depth, strict=True):
        _draw(top, *disc)
    palette = _palette()
    colours = palette[rng.integers(len(palette), size=len(radii) + 1)]
    fine = colours[top].reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3)
    return np.round(fine.mean((1, 3))).astype(np.uint8)


def _radii(canvas: int, rng: np.random.Generator) -> np.ndarray:
    """Radii of all discs that touch the canvas: density r^-3 on [SMALLEST_RADIUS, canvas], mean cover LAYERS."""
    low, high = SMALLEST_RADIUS, float(canvas)
    # A disc of radius r touches the canvas from (canvas + 2r)² places, so the density is r^-3 times that factor. Draw
    # too many radii from r^-3 by inversion, and keep each with probability (its factor) / (the largest factor).
    per_area = LAYERS / (np.pi * np.log(high / low))
    largest = (canvas + 2 * high) ** 2
    count = rng.poisson(per_area * (low**-2 - high**-2) / 2 * largest)
    radii = (low**-2 - rng.random(count) * (low**-2 - high**-2)) ** -0.5
    return radii[rng.random(count) * largest < (canvas + 2 * radii) ** 2].astype(np.float32)


def _draw(top: np.ndarray, centre: np.ndarray, radius: float, depth: int) -> None:
    """Draw one disc within its bounding square."""
    low = np.clip(np.floor(centre - radius), 0, len(top)).astype(int)
    high = np.clip(np.ceil(centre + radius), 0, len(top)).astype(int)
    rows = (np.arange(low[0], high[0]) + 0.5 - centre[0]) ** 2
    columns = (np.arange(low[1], high[1]) + 0.5 - centre[1]) ** 2
    view = top[low[0] : high[0], low[1] : high[1]]
    np.maximum(view, depth, out=view, where=rows[:, None] + columns <= radius**2)


@lru_cache(maxsize=1)
def _palette() -> np.ndarray:
    """Colours for the leaves, uint8 (n, 3): every 97th pixel of the shipped photographs for training."""
    from repro.data.sets import shipped

    return np.concatenate([photo.rgb().reshape(-1, 3)[::97] for photo in shipped("train")])
