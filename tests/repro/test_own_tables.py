"""A picture's own tables: at the least-squares steps nothing moves; elsewhere the cost falls."""

from __future__ import annotations

import numpy as np
import pytest
from test_trellis import even, picture

from repro.data import photos
from repro.encoder import trellis_encoder, trellis_set
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder, with_one_for_chroma
from repro.jpeg.codestream import read
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.trellis import planes
from repro.trellis.own_tables import own_tables

LAM = 12.0


def cost(dct: planes.DctPlanes, z: list[np.ndarray], tables: np.ndarray) -> float:
    """λ · bits + squared error."""
    back = [numbers * planes.steps(tables, i) for i, numbers in enumerate(z)]
    errors = sum(float(np.square(plane.F - b).sum()) for plane, b in zip(dct.planes, back, strict=True))
    return LAM * planes.bits(dct, z) + errors


def test_steps_of_least_squares_stay() -> None:
    """The F are exact multiples of their steps."""
    tables = quality_tables(50).astype(np.uint16)
    dct = planes.forward_dct(picture(64, 64))
    z = [np.rint(p.F / planes.steps(tables, i)).astype(np.int16) for i, p in enumerate(dct.planes)]
    back = [(numbers * planes.steps(tables, i)).astype(np.float32) for i, numbers in enumerate(z)]
    exact = [plane._replace(F=F) for plane, F in zip(dct.planes, back, strict=True)]
    same = planes.DctPlanes(tuple(exact), dct.height, dct.width, dct.subsampling)
    np.testing.assert_array_equal(own_tables(same, even(same), tables, z), tables)


def test_a_step_moves_towards_its_numbers_and_no_further_than_a_limit() -> None:
    tables = np.full((1, 8, 8), 40, np.uint16)
    dct = planes.forward_dct(picture(256, 256, 1))
    z = [np.rint(dct.planes[0].F / 40).astype(np.int16)]
    F = 40.0 * z[0] * np.where(np.arange(64) == 1, 1.01, np.where(np.arange(64) == 2, 0.8, 1.0))
    plane = dct.planes[0]._replace(F=F.astype(np.float32))
    moved = own_tables(planes.DctPlanes((plane,), 256, 256, "grey"), even(dct), tables, z).reshape(64)[ZIGZAG]
    assert moved[1] in (44, 45)  # twelve times 1 %, a little less as there are few numbers
    assert moved[2] == round(40 * np.exp(-0.2))
    np.testing.assert_array_equal(moved[3:], 40)


@pytest.mark.parametrize("quality", [40, 75, 90])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_next_round_costs_less_with_them(quality: int, subsampling: str) -> None:
    dct = planes.forward_dct(photos("sample").items[1].rgb(), subsampling)
    tables, weights = quality_tables(quality), even(dct)
    first = planes.trellis_quantize(dct, weights, tables, LAM, rounds=1)
    moved = own_tables(dct, weights, tables, first)
    assert moved.shape == tables.shape and moved.min() >= 1 and not np.array_equal(moved, tables)
    again = planes.trellis_quantize(dct, weights, tables, LAM)
    fitted = planes.trellis_quantize(dct, weights, moved, LAM, start=first, rounds=1)
    assert cost(dct, fitted, moved) < 0.995 * cost(dct, again, tables)


def test_three_tables_are_fitted_apart() -> None:
    dct = planes.forward_dct(photos("sample").items[1].rgb())
    two = quality_tables(60)
    three = np.stack([two[0], two[1], two[1]])
    z = planes.trellis_quantize(dct, even(dct), three, LAM, rounds=1)
    moved = own_tables(dct, even(dct), three, z)
    assert moved.shape == (3, 8, 8) and not np.array_equal(moved[1], moved[2])


def test_only_large_pictures_have_a_table_for_cr(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TrellisEncoder(Picture(photos("sample").items[1].rgb()), trellis_set.load())
    assert len(read(encoder.encode(60)).tables) == 2
    monkeypatch.setattr(trellis_encoder, "_THIRD_TABLE", 0)
    assert len(read(encoder.encode(60)).tables) == 3


def test_a_shared_table_lies_halfway() -> None:
    tables = np.stack([np.full((8, 8), step, np.uint16) for step in (7, 10, 40)])
    shared = with_one_for_chroma(tables)
    assert shared.dtype == np.uint16 and shared[:, 0, 0].tolist() == [7, 20]
