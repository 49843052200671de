"""Refining gives a better picture for the bits, never a worse one; tiles, time limits and small pictures."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from repro.data import photos
from repro.errors import UsageError
from repro.jpeg.codestream import decode, write
from repro.jpeg.tables import quality_tables
from repro.metrics import lpips
from repro.stages import to_tensor
from repro.torch_encoder import refine as refining
from repro.torch_encoder.refine import Descent, refine
from repro.trellis import planes
from repro.trellis.planes import DctPlanes, Weights

LAM = 120.0
TABLES = quality_tables(40)


def photo(height: int, width: int) -> np.ndarray:
    return photos("sample").items[0].rgb()[40 : 40 + height, 120 : 120 + width].copy()


def weights_of(dct: DctPlanes) -> list[Weights]:
    """MSE's in 4:2:0, twice."""
    return [
        Weights(np.full((1, 64), w, np.float32), np.zeros(len(plane.F), np.int64))
        for plane, w in zip(dct.planes, (2, 8, 7), strict=False)
    ]


def shown(dct: DctPlanes, z: list[np.ndarray]) -> torch.Tensor:
    data = write(planes.assemble(dct, z, TABLES))
    return to_tensor(decode(data)).float()


def test_a_picture_looks_better_for_the_bits() -> None:
    x = photo(192, 192)
    dct = planes.forward_dct(x)
    plain = planes.trellis_quantize(dct, weights_of(dct), TABLES, LAM)
    found = refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, Descent(steps=6))
    assert found.steps == 6 and found.after < found.before
    before, after = (lpips(to_tensor(x).float(), shown(dct, z)).item() for z in (plain, found.z))
    assert after < 0.93 * before
    assert planes.bits(dct, found.z) < 1.08 * planes.bits(dct, plain)


@pytest.mark.parametrize("skip_final_check", [False, True])
def test_steps_that_do_harm_are_not_kept(skip_final_check: bool) -> None:
    """Steps that are far too long: the trellis's own choice stays."""
    x = photo(168, 168)
    dct = planes.forward_dct(x)
    wild = Descent(steps=2, max_shift=0.5, damping=0.01, momentum=(0.0, 0.0), skip_final_check=skip_final_check)
    found = refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, wild)
    assert len(found.objective) == (2 if skip_final_check else 3) and min(found.objective[1:]) > found.before
    for ours, plain in zip(found.z, planes.trellis_quantize(dct, weights_of(dct), TABLES, LAM), strict=True):
        np.testing.assert_array_equal(ours, plain)


def test_tables_learned_again_on_the_way() -> None:
    """The objective falls further, and the numbers belong to the tables that come with them."""
    x = photo(192, 192)
    dct = planes.forward_dct(x)
    weights = weights_of(dct)
    once, again = (refine(to_tensor(x), dct, weights, TABLES, LAM, Descent(steps=6, table_updates=n)) for n in (0, 1))
    assert (once.tables == TABLES).all() and (again.tables != TABLES).any()
    assert again.after < once.after
    J = [d_of(x, dct, found) + LAM * planes.bits(dct, found.z) for found in (once, again)]
    assert J[1] < J[0]


def d_of(x: np.ndarray, dct: DctPlanes, found: refining.Refined) -> float:
    """The distortion of what a real decoder shows, in sum over pixels."""
    pixels = decode(write(planes.assemble(dct, found.z, found.tables)))
    y = to_tensor(pixels).float()
    how = Descent()
    loss = refining.Distortion(refining.LossWeights(1.0, gamma=how.gamma, sigma=how.sigma))
    return float(loss(to_tensor(x).float(), y)["d"]) * x[..., 0].size


def test_tiles_see_what_the_whole_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of MSE the gradient is the very same; only at the borders of windows chroma is filtered otherwise."""
    x = photo(200, 328)
    dct = planes.forward_dct(x)
    z = planes.trellis_quantize(dct, weights_of(dct), TABLES, LAM)
    Q = [planes.steps(TABLES, i).astype(np.float32) for i in range(3)]
    how = Descent(gamma=0.0, sigma=0.0)

    def gradient() -> tuple[float, list[np.ndarray]]:
        rgb = to_tensor(x).float()
        tiles = [refining._Tile(rgb, dct, place, how) for place in refining._places(dct)]
        found = refining._gradient(tiles, dct, z, Q, None)
        assert found is not None
        return found

    whole = gradient()
    monkeypatch.setattr(refining, "TILE", 128)
    assert len(list(refining._places(dct))) == 6
    parts = gradient()
    for a, b in zip(whole[1], parts[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(a).max())


def test_tiles_cover_every_block_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refining, "TILE", 64)
    for size in ((1, 1), (40, 200), (129, 65), (250, 16)):
        dct = planes.forward_dct(np.zeros((*size, 3), np.uint8))
        count = np.zeros((dct.planes[0].rows, dct.planes[0].cols), int)
        for (rows, core_rows), (cols, core_cols) in refining._places(dct):
            count[slice(*core_rows), slice(*core_cols)] += 1
            assert rows[0] <= core_rows[0] < core_rows[1] <= rows[1] and cols[0] <= core_cols[0]
            assert not (core_rows[0] % 2 or core_cols[0] % 2 or rows[0] % 2 or cols[0] % 2), "4:2:0's units stay whole"
        assert (count == 1).all()


@pytest.mark.parametrize("size", [(1, 1), (9, 20), (40, 64), (170, 40)])
@pytest.mark.parametrize("channels, subsampling", [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")])
def test_small_and_grey_pictures(size: tuple[int, int], channels: int, subsampling: str) -> None:
    """Where a metric finds the picture too small it is left out."""
    x = photo(*size)[..., 0] if channels == 1 else photo(*size)
    dct = planes.forward_dct(x, subsampling)
    found = refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, Descent(steps=1))
    assert [len(z) for z in found.z] == [len(plane.F) for plane in dct.planes]
    write(planes.assemble(dct, found.z, TABLES))


def test_time_is_kept() -> None:
    x = photo(192, 192)
    dct = planes.forward_dct(x)
    for steps in (1, 2):  # what is compiled or read at first is no part of the time
        start = time.monotonic()
        refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, Descent(steps=steps))
    enough = time.monotonic() - start  # for two steps, on a machine that does other work too
    start = time.monotonic()
    found = refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, Descent(steps=10_000), deadline=start + enough)
    assert time.monotonic() - start < 10 * enough
    assert 0 < found.steps < 10_000
    at_once = refine(to_tensor(x), dct, weights_of(dct), TABLES, LAM, Descent(steps=5), deadline=start)
    assert at_once.steps == 0
    plain = planes.trellis_quantize(dct, weights_of(dct), TABLES, LAM)
    for ours, expected in zip(at_once.z, plain, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"max_shift": 0.0},
        {"max_shift": 0.6},
        {"damping": 0.0},
        {"momentum": (1.0, 0.5)},
        {"momentum": (0.5, 1.0)},
        {"table_updates": 21},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="refine"):
        Descent(**bad)  # type: ignore[arg-type]
