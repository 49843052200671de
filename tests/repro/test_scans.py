"""Scans of one component each: no number changes, every file opens, and smooth pictures are smaller."""

from __future__ import annotations

import numpy as np
import pytest
from test_trellis import even, picture

from repro.jpeg import codestream
from repro.jpeg.codestream import Coefficients
from repro.jpeg.tables import quality_tables
from repro.trellis import planes, scans


def chosen(height: int, width: int, channels: int = 3, subsampling: str = "4:2:0") -> Coefficients:
    dct = planes.forward_dct(picture(height, width, channels), subsampling)
    tables = quality_tables(40)
    return planes.assemble(dct, planes.trellis_quantize(dct, even(dct), tables, 30.0), tables)


@pytest.mark.parametrize("size", [(1, 1), (8, 9), (17, 33), (64, 40), (96, 200)])
@pytest.mark.parametrize("channels, subsampling", [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")])
def test_every_file_holds_the_same_numbers(size: tuple[int, int], channels: int, subsampling: str) -> None:
    c = chosen(*size, channels, subsampling)
    apart, usual = scans.scans_apart(c), codestream.write(c)
    for data in (apart, scans.smallest(c)):
        np.testing.assert_array_equal(codestream.decode(data), codestream.decode(usual))
        for ours, theirs in zip(c.planes, codestream.read(data).planes, strict=True):
            np.testing.assert_array_equal(ours, theirs[: ours.shape[0], : ours.shape[1]])
    assert len(scans.smallest(c)) == min(len(apart), len(usual))


def test_luma_by_itself_is_smaller() -> None:
    """Where shades run slowly: a difference along a diagonal is larger than one to the side."""
    y, x = np.mgrid[:256, :256]
    shades = (128 + 90 * np.sin(x / 90) * np.cos(y / 20)).astype(np.uint8)[..., None].repeat(3, 2)
    dct, tables = planes.forward_dct(shades), quality_tables(80)
    c = planes.assemble(dct, planes.trellis_quantize(dct, even(dct), tables, 30.0), tables)
    assert len(scans.smallest(c)) < 0.95 * len(codestream.write(c))


def test_a_profile_is_kept() -> None:
    c = chosen(64, 64)
    data = scans.smallest(c, icc=b"profile" * 30)
    assert b"ICC_PROFILE" in data and len(data) > len(scans.smallest(c)) + 200


@pytest.mark.parametrize("channels", [1, 3])
def test_components_are_called_as_jfif_has_it(channels: int) -> None:
    c = chosen(64, 64, channels)
    for data in (scans.sequential(c), scans.smallest(c), scans.scans_apart(c)):
        frame = next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC1, 0xC2))
        assert (
            data[frame + 9] == channels
            and data[frame + 10 : frame + 10 + 3 * channels : 3] == bytes((1, 2, 3))[:channels]
        )
