"""Samples of large pictures: the same blocks, whether pixels are cut or blocks are."""

from __future__ import annotations

import numpy as np
import pytest

from repro.trellis import planes, sampling
from repro.trellis.planes import Weights


def noise(channels: int, height: int, width: int) -> np.ndarray:
    shape = (height, width, 3)[: 2 if channels == 1 else 3]
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def told_apart(plane: planes.Plane) -> Weights:
    """A block's errors weigh as much as its number."""
    number = np.arange(len(plane.F), dtype=np.float32)
    return Weights(number[:, None], np.ones(64, np.float32), np.zeros(64, np.int64))


@pytest.mark.parametrize(("height", "width"), [(1600, 1200), (700, 701), (513, 2048), (4000, 6000), (64, 40000)])
def test_strips_are_a_part_from_top_to_bottom(height: int, width: int) -> None:
    rows = sampling.sampled_rows(height, width)
    seen = np.concatenate([np.arange(part.start, part.stop) for part in rows])
    assert np.all(np.diff(seen) > 0), "in order, and none twice"
    assert seen[0] == 0 and height - 16 <= seen[-1] < height
    assert all(part.start % 16 == 0 for part in rows)
    if len(seen) < height:
        assert len(seen) * width <= 1 << 20 or len(rows) == 1


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(700, 701), (1201, 1000)])
def test_blocks_of_a_part_are_those_of_its_pixels(height: int, width: int, channels: int, subsampling: str) -> None:
    x = noise(channels, height, width)
    strips = np.concatenate([x[rows] for rows in sampling.sampled_rows(height, width)])
    whole, cut = (planes.forward_dct(image, subsampling, sharp_chroma=False) for image in (x, strips))
    part, weights = sampling.sample_blocks(whole, [told_apart(plane) for plane in whole.planes])
    assert (part.height, part.width) == (cut.height, cut.width) and part.height < height
    for a, b, w, plane in zip(part.planes, cut.planes, weights, whole.planes, strict=True):
        assert (a.rows, a.cols) == (b.rows, b.cols)
        np.testing.assert_allclose(a.F, b.F, atol=1e-3)
        np.testing.assert_array_equal(plane.F[w.of_band[:, 0].astype(int)], a.F)


def test_a_small_picture_is_its_own_part() -> None:
    x = noise(3, 200, 300)
    dct = planes.forward_dct(x)
    weights = [told_apart(plane) for plane in dct.planes]
    assert sampling.sample_blocks(dct, weights) == (dct, weights)
