"""What large pictures cost: memory and CPU time of whole processes."""

from __future__ import annotations

import pytest

from encode import EXPONENT, PEAK_MIB, cost

pytest.importorskip("resource")


@pytest.mark.slow
def test_fifty_megapixels_stay_under_two_and_a_half_gigabytes(tmp_path):
    small, large = (cost(tmp_path, *size, model="tables") for size in ((1500, 2000), (5774, 8660)))
    assert large["peak_mib"] < PEAK_MIB
    pixels = (5774 * 8660) / (1500 * 2000)
    assert large["cpu_seconds"][0] / small["cpu_seconds"][0] < 1.25 * pixels**EXPONENT  # a busy machine is no clock
    assert cost(tmp_path, 5774, 8660, model="tables", effort="fast")["peak_mib"] < 1000


@pytest.mark.slow
def test_attention_over_a_wide_picture_keeps_to_its_tiles(tmp_path):
    """The target rate needs the features several times; they are kept."""
    assert cost(tmp_path, 40, 30_000, model="vgg16", bpp=1.0)["peak_mib"] < 1200


@pytest.mark.slow
def test_a_look_at_a_large_picture_goes_tile_by_tile(tmp_path):
    """Coefficients, targets and weights of all blocks stay: about 100 bytes a pixel; machines differ by tens of MiB."""
    assert cost(tmp_path, 2000, 3000, model="trellis", effort="default")["peak_mib"] < 2200
