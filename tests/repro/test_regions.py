"""A photo region by region: every pixel once, windows of one size, and exactly the whole picture's coefficients."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from repro import attention, regions
from repro.model import LearnedJPEG, ModelSettings

sides = st.one_of(st.integers(1, 40), st.integers(1, 3000))


@given(sides, sides, st.sampled_from([0, 24, 72]))
@settings(max_examples=150, deadline=None)
def test_regions_cover_each_pixel_once(height: int, width: int, reach: int) -> None:
    x = torch.empty(1, 1, height, width, dtype=torch.uint8)
    whole = (height + -height % 8, width + -width % 8)
    windows = set()
    for cut in (regions.strips(x), [tile for tile, _ in regions.tiles(x, reach)]):
        seen = np.zeros((whole[0] // 8, whole[1] // 8), int)
        for top, bottom, left, right in cut:
            assert all(edge % 8 == 0 for edge in (top, bottom, left, right))
            seen[top // 8 : bottom // 8, left // 8 : right // 8] += 1
        assert (seen == 1).all()
    for tile, window in regions.tiles(x, reach):
        windows.add((window.bottom - window.top, window.right - window.left))
        for start, end, low, high, side in [(*tile[:2], *window[:2], whole[0]), (*tile[2:], *window[2:], whole[1])]:
            assert 0 <= low <= max(0, start - reach) and min(side, end + reach) <= high <= side
            assert end - start <= regions.TILE_SIDE
    assert len(windows) == 1


def test_wide_pictures_are_cut_too() -> None:
    x = torch.empty(1, 3, 700, 65_500, dtype=torch.uint8)
    assert max((b - t) * (r - left) for t, b, left, r in regions.strips(x)) <= 1 << 20
    assert all(w.bottom - w.top <= 700 and w.right - w.left <= 600 for _, w in regions.tiles(x, 24))


@functools.cache
def model_of(method: str) -> LearnedJPEG:
    torch.manual_seed(0)
    model = LearnedJPEG(ModelSettings(method=method, pretrained=False)).eval()
    model.tables.set(torch.full((2, 8, 8), 6.0))
    if isinstance(model.attention, attention.ConvolutionalAttention):
        model.attention.head.weight.data *= 30  # random features are small: make the maps vary
    return model


#: Strips, full rows and tiles, at several sizes; with many tiles, trunks whose receptive fields differ.
CASES = [(m, s) for m in ("tables", "bilstm", "vgg16") for s in ((300, 451), (129, 67), (1, 300), (700, 40), (1, 1))]
CASES += [(m, s) for m in attention.CONVOLUTIONAL if m != "vgg16" for s in ((300, 451), (129, 67))]


@pytest.mark.parametrize(("method", "size"), CASES)
def test_coefficients_by_regions_are_those_of_the_whole(
    method: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "STRIP_PIXELS", 1 << 15)
    monkeypatch.setattr(regions, "TILE_SIDE", 128)
    model = model_of(method)
    rgb = np.tile(data.astronaut(), (2, 1, 1))[: size[0], : size[1]]
    x = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        F, A = model.transform_and_attend(x)
    steps = model.integer_tables()[[0, 1, 1]].view(1, 3, 1, 1, 8, 8)
    whole = ((F if A is None else F * A[:, [0, 1, 1]]) / steps).round()[0].numpy()
    found = model.coefficients(x)
    assert (found.height, found.width) == size
    for a, b in zip(found.planes, whole, strict=True):
        assert np.array_equal(a, b)


def test_a_photo_in_bytes_is_the_photo_in_floats() -> None:
    x = torch.from_numpy(data.astronaut()[:50, :70].copy()).permute(2, 0, 1)[None]
    for method in ("tables", "bilstm"):
        model = LearnedJPEG(ModelSettings(method=method))
        for parts in zip(
            attention.attend(model.attention, x), attention.attend(model.attention, x.float()), strict=True
        ):
            assert torch.equal(parts[0].F, parts[1].F)
