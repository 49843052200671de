"""What errors cost: their shares add up to the whole loss, and the network learns the weights that they imply."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_trellis import picture

from repro.data import photos
from repro.encoder import trellis_set
from repro.jpeg.transform import transform
from repro.stages import decode, to_tensor
from repro.training import sensitivity as training
from repro.training.sensitivity import LOSSES, Blend, Sample, blended, fit, measure, mse_profile, profile_of
from repro.trellis import planes, sensitivity
from repro.trellis.planes import DctPlanes

SET = trellis_set.load()


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """Part of a shipped photograph, 192 px square; MS-SSIM needs 161."""
    return np.ascontiguousarray(photos("sample").items[0].rgb()[100:292, 160:352])


def coded(dct: DctPlanes, lam: float) -> list[torch.Tensor]:
    """The coefficients of a crop as :func:`measure` codes them."""
    tables = SET.tables_at(lam, dct.subsampling)
    z = planes.trellis_quantize(dct, SET.network.weights(dct), tables, lam, rounds=1)
    return [torch.from_numpy((numbers * planes.steps(tables, i)).astype(np.float32)) for i, numbers in enumerate(z)]


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_shares_of_a_quadratic_loss_are_the_loss(subsampling: str) -> None:
    """Up to rounding: the gradient is linear along the path, so the mean of two is exact. No sample is clipped."""
    dct = planes.forward_dct((64 + picture(96, 96) / 2).astype(np.uint8), subsampling)
    original = decode(dct, [torch.from_numpy(plane.F) for plane in dct.planes])
    lam = 20.0
    sample = training._sample(dct, SET, lam, {"mse": lambda y: (y - original).square().mean()})
    whole = (decode(dct, coded(dct, lam)) - original).square().mean().item() * 96 * 96
    assert sum(float(share.sum()) for share in sample.shares["mse"]) == pytest.approx(whole, rel=1e-3)


def test_of_grey_each_share_is_the_squared_error() -> None:
    """True because the DCT is orthonormal."""
    dct = planes.forward_dct((64 + picture(64, 64, 1) / 2).astype(np.uint8))
    original = decode(dct, [torch.from_numpy(plane.F) for plane in dct.planes])
    sample = training._sample(dct, SET, 50.0, {"mse": lambda y: (y - original).square().mean()})
    (share,), (squares,) = sample.shares["mse"], sample.errors
    assert share.shape == (8, 8, 64)
    np.testing.assert_allclose(share, squares, rtol=1e-2, atol=1e-2)


def test_shares_of_a_metric_sum_to_what_coding_added_to_it(crop: np.ndarray) -> None:
    """Within a few per cent, with gradients at two nodes."""
    x = to_tensor(crop).float()
    samples = measure([crop], SET, ("ssimulacra2", "ms_ssim"))
    assert [s.subsampling for s in samples] == 4 * ["4:2:0"] + ["4:4:4"]
    for s in samples:
        dct = planes.forward_dct(crop, s.subsampling)
        before, after = (decode(dct, F) for F in ([torch.from_numpy(p.F) for p in dct.planes], coded(dct, s.lam)))
        for name in s.shares:
            loss = LOSSES[name](x)
            added = (loss(after) - loss(before)).item() * 192 * 192
            assert sum(float(share.sum()) for share in s.shares[name]) == pytest.approx(added, rel=0.04)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("plane", [0, 1, 2])
def test_an_error_of_one_coefficient_costs_in_mse_what_the_profile_says(plane: int, subsampling: str) -> None:
    """In the middle of a uniform picture, decoded, for every frequency."""
    dct = planes.forward_dct(np.full((96, 96, 3), 128, np.uint8), subsampling)
    still = [torch.from_numpy(p.F.copy()) for p in dct.planes]
    middle = dct.planes[plane].rows // 2 * dct.planes[plane].cols + dct.planes[plane].cols // 2
    for k in range(64):
        parts = [F.clone() for F in still]
        parts[plane][middle, k] += 40.0
        found = float((decode(dct, parts) - 128).square().mean(1).sum()) / 40**2
        assert found == pytest.approx(mse_profile(subsampling)[plane, k], rel=2e-3)


def made_samples(count: int, seed: int = 0) -> list[Sample]:
    """Samples of a photo's crops, in a metric half as large as MSE: errors of luma weigh less the more energy a block
    has in a middle band, and errors of chroma weigh the same everywhere."""
    rng = np.random.default_rng(seed)
    photo = photos("sample").items[0].rgb()
    found = []
    for i in range(count):
        top, left = rng.integers(0, 416, 2)
        dct = planes.forward_dct(photo[top : top + 96, left : left + 96], ("4:2:0", "4:4:4")[i % 2])
        features = sensitivity.features(dct)
        errors = [rng.exponential(9.0, (p.rows, p.cols, 64)).astype(np.float32) for p in dct.planes]
        weights = [np.exp(truth(features))[..., None], np.ones(1), np.ones(1)]
        shares = [0.5 * mse * e * w for mse, e, w in zip(mse_profile(dct.subsampling), errors, weights, strict=True)]
        found.append(Sample(features, dct.subsampling, float(rng.uniform(1, 100)), errors, {"made": shares}))
    return found


def truth(features: np.ndarray) -> np.ndarray:
    """The logarithm of luma's weights in made samples."""
    return 0.8 - 0.9 * features[..., 3]


def test_a_blend_sums_to_mse_and_counts_chroma_as_it_says() -> None:
    """The shares are MSE's in another unit, which differs between λ: the unit drops out."""

    def mse_shares(s: Sample) -> list[np.ndarray]:
        return [p * e for p, e in zip(mse_profile(s.subsampling), s.errors, strict=True)]

    samples = [replace(s, shares={"made": [s.lam**0.3 * of for of in mse_shares(s)]}) for s in made_samples(32)]
    for s, costs in zip(samples, blended(samples, Blend({"made": 0.8}, {"made": 0.5})), strict=True):
        luma, *chroma = mse_shares(s)
        np.testing.assert_allclose(costs[0], luma, rtol=0.02)
        for found, mse in zip(costs[1:], chroma, strict=True):
            np.testing.assert_allclose(found, (0.2 + 0.8 * 0.5) * mse, rtol=0.02)


def test_the_profile_is_shares_over_squared_errors() -> None:
    samples = made_samples(8)
    wanted = np.linspace(3, 1, 64)
    found = profile_of(samples, [[wanted * e for e in s.errors] for s in samples])
    assert found.shape == (2, 3, 64) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), rtol=0.1)  # the profile is smoothed


def test_the_network_finds_the_weights_that_made_the_costs() -> None:
    samples = made_samples(48)
    network = fit(samples, Blend({"made": 1.0}, {}), (1, 1), epochs=60, batch=8)
    constant = fit(samples, Blend({"made": 1.0}, {}), (1, 1), constant=True, epochs=20, batch=8)
    dct = planes.forward_dct(photos("sample").items[1].rgb()[:96, :96])
    expected = truth(sensitivity.features(dct)).reshape(-1, 1)
    off = np.log(network.weights(dct)[0].of_band) - expected
    assert np.std(expected) > 0.3 and np.std(off) < 0.2 * np.std(expected)
    for weights in constant.weights(dct):
        np.testing.assert_allclose(weights.of_band.std(0), 0, atol=1e-5)
    for weights in network.weights(dct)[1:]:
        assert np.std(np.log(weights.of_band)) < 0.15, "chroma's errors weigh the same everywhere"


def test_sharp_chroma_comes_back_with_less_error(crop: np.ndarray) -> None:
    """Through the decoder's interpolation, without any other loss."""
    x = to_tensor(crop).float()
    errors = []
    for sharp in (True, False):
        dct = planes.forward_dct(crop, "4:2:0", sharp_chroma=sharp)
        F = transform(crop, "4:2:0", sharp_chroma=sharp)
        assert all(np.array_equal(a.F, b.reshape(-1, 64)) for a, b in zip(dct.planes, F, strict=True))
        errors.append((decode(dct, [torch.from_numpy(plane.F) for plane in dct.planes]) - x).square().mean().item())
    assert errors[0] < 0.85 * errors[1]
