"""The loss that a descent follows is what the metrics say of a decoder's picture, and its gradient is the true one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from repro.data import photos
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables
from repro.jpeg.writer import write
from repro.metrics import ms_ssim, mse
from repro.metrics.ssimulacra2 import Ssimulacra2
from repro.stages import to_tensor
from repro.torch_encoder import blended_loss
from repro.torch_encoder.blended_loss import BlendedLoss, Measured
from repro.training.sensitivity import Blend
from repro.trellis import planes
from repro.trellis.planes import DctPlanes

TABLES = quality_tables(40)


def photo(height: int, width: int) -> np.ndarray:
    return photos("sample").items[0].rgb()[40 : 40 + height, 120 : 120 + width].copy()


def rounded(dct: DctPlanes) -> list[np.ndarray]:
    """Quantised coefficients by plain rounding."""
    return [np.rint(plane.F / planes.steps(TABLES, i)).astype(np.int16) for i, plane in enumerate(dct.planes)]


def dequantised(z: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [numbers * planes.steps(TABLES, i).astype(np.float32) for i, numbers in enumerate(z)]


def measure(x: np.ndarray, dct: DctPlanes, values: Sequence[np.ndarray]) -> Measured:
    found = BlendedLoss(to_tensor(x), dct, Blend()).measure(values)
    assert found is not None
    return found


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_losses_are_those_of_the_file(subsampling: str) -> None:
    """The losses of what a real decoder shows, up to its rounding."""
    x = photo(176, 200)
    dct = planes.forward_dct(x, subsampling)
    z = rounded(dct)
    original, shown = (to_tensor(pixels).float() for pixels in (x, decode(write(planes.assemble(dct, z, TABLES)))))
    expected = {
        "mse": mse(original, shown),
        "ms_ssim": 1 - ms_ssim(original, shown),
        "ssimulacra2": Ssimulacra2(original).raw(shown),
    }
    found = measure(x, dct, dequantised(z)).losses
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value) * 176 * 200, rel=0.03), name


def test_gradients_are_differences() -> None:
    """Central differences, along the line to the original."""
    x = photo(168, 168)
    dct = planes.forward_dct(x)
    values = dequantised(rounded(dct))
    way = [np.float32(0.02) * (plane.F - v) for v, plane in zip(values, dct.planes, strict=True)]
    here = measure(x, dct, values)
    there, back = (
        measure(x, dct, [v + np.float32(sign) * w for v, w in zip(values, way, strict=True)]) for sign in (1, -1)
    )
    for name, gradient in here.gradients.items():
        slope = sum(float(np.vdot(g, w)) for g, w in zip(gradient, way, strict=True))
        assert (there.losses[name] - back.losses[name]) / 2 == pytest.approx(slope, rel=0.02), name


def test_tiles_see_what_the_whole_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of MSE is the same, except that chroma is filtered differently at the borders of windows.
    SSIMULACRA 2 takes 4-norms over each window, so its gradients agree only in direction."""
    x = photo(336, 464)
    dct = planes.forward_dct(x)
    values = dequantised(rounded(dct))
    whole = measure(x, dct, values)
    monkeypatch.setattr(blended_loss, "TILE", 256)
    assert len(list(blended_loss._places(dct))) == 4
    parts = measure(x, dct, values)
    for a, b in zip(whole.gradients["mse"], parts.gradients["mse"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(a).max())
    a, b = (np.concatenate([g.ravel() for g in found.gradients["ssimulacra2"]]) for found in (whole, parts))
    assert a @ b > 0.95 * np.linalg.norm(a) * np.linalg.norm(b)


def test_tiles_cover_every_block_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blended_loss, "TILE", 64)
    for size in ((1, 1), (40, 200), (129, 65), (250, 16)):
        dct = planes.forward_dct(np.zeros((*size, 3), np.uint8))
        count = np.zeros((dct.planes[0].rows, dct.planes[0].cols), int)
        for (rows, core_rows), (cols, core_cols) in blended_loss._places(dct):
            count[slice(*core_rows), slice(*core_cols)] += 1
            assert rows[0] <= core_rows[0] < core_rows[1] <= rows[1] and cols[0] <= core_cols[0]
            assert not (core_rows[0] % 2 or core_cols[0] % 2 or rows[0] % 2 or cols[0] % 2), "4:2:0's units stay whole"
        assert (count == 1).all()


def test_ms_ssim_is_left_out_where_it_does_not_fit() -> None:
    for side, metrics in ((160, {"mse", "ssimulacra2"}), (161, {"mse", "ssimulacra2", "ms_ssim"})):
        x = photo(side, 200)
        dct = planes.forward_dct(x)
        assert measure(x, dct, dequantised(rounded(dct))).losses.keys() == metrics


def test_time_is_up_between_tiles() -> None:
    x = photo(120, 120)
    dct = planes.forward_dct(x)
    assert BlendedLoss(to_tensor(x), dct, Blend()).measure(dequantised(rounded(dct)), lambda: True) is None
