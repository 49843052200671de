"""repro.plain, the oracle of all other tests, against SciPy, libjpeg, the metrics' own packages, and by hand."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from skimage.data import astronaut

from repro import plain
from repro.jpeg.huffman import code_lengths

PHOTO = torch.from_numpy(astronaut()[32:224, 128:320].copy()).permute(2, 0, 1)[None].float()
Q50 = torch.full((2, 8, 8), 16.0)


def noisy(x: torch.Tensor, sigma: float = 12.0) -> torch.Tensor:
    """The picture with Gaussian noise of deviation ``sigma``."""
    return (x + sigma * torch.randn(x.shape, generator=torch.manual_seed(0))).clamp(0, 255)


def test_colours_are_pillows_and_come_back():
    y = plain.rgb_to_ycbcr(PHOTO)
    pillow = np.asarray(Image.fromarray(PHOTO[0].permute(1, 2, 0).byte().numpy()).convert("YCbCr"))
    assert np.abs(y[0].permute(1, 2, 0).numpy() - pillow).max() < 1.01  # Pillow truncates
    assert torch.allclose(plain.ycbcr_to_rgb(y), PHOTO, atol=1e-3)


def test_blocks_come_back():
    blocks = plain.to_blocks(PHOTO)
    assert torch.equal(blocks[0, 1, 2, 3], PHOTO[0, 1, 16:24, 24:32])
    assert torch.equal(plain.from_blocks(blocks), PHOTO)


def test_the_dct_is_scipys_and_keeps_energy():
    samples = torch.randn(5, 8, 8, generator=torch.manual_seed(1))
    F = plain.dct(samples)
    assert np.allclose(F, dctn(samples.numpy(), axes=(1, 2), norm="ortho"), atol=1e-5)
    assert torch.allclose(plain.idct(F), samples, atol=1e-5)
    assert torch.allclose((F**2).sum(), (samples**2).sum())


def test_the_zigzag_is_the_standards():
    order = plain.zigzag(np.arange(64).reshape(8, 8))
    assert list(order[:12]) == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25] and order[-1] == 63  # T.81, Figure A.6
    assert sorted(order) == list(range(64))


def test_a_block_in_symbols():
    z = np.zeros(64, int)
    z[[0, 1, 4, 30]] = 5, -3, 1, 2
    assert plain.block_symbols(z, dc_before=7) == [(2, 2), (0x02, 2), (0x21, 1), (0xF0, 0), (0x92, 2), (0x00, 0)]


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_bits_are_those_of_libjpegs_file(quality):
    grey = Image.fromarray(astronaut()[64:128, 160:224]).convert("L")
    stream = io.BytesIO()
    grey.save(stream, "JPEG", quality=quality, optimize=True)
    data = stream.getvalue()
    lengths = code_lengths(data)
    from repro.jpeg.codestream import read

    before, bits = 0, 0
    for block in np.asarray(read(data).planes[0]).reshape(-1, 8, 8):
        z = plain.zigzag(block)
        bits += plain.block_bits(z, before, lengths[0, 0], lengths[1, 0])
        before = int(z[0])
    scan = data[data.index(b"\xff\xda") :]
    coded = scan[2 + int.from_bytes(scan[2:4], "big") : -2].replace(b"\xff\x00", b"\xff")
    assert math.ceil(bits / 8) == len(coded)


def test_third_order_rounding_rounds_and_its_derivative_is_that_of_the_cubic():
    z = torch.tensor([-1.7, -0.5, 0.0, 0.2, 0.499, 2.3], dtype=torch.float64, requires_grad=True)
    rounded = plain.round_third_order(z)
    assert torch.equal(rounded, z.detach().round())
    (slope,) = torch.autograd.grad(rounded.sum(), z)
    eps = 1e-6
    cubic = lambda v: v.round() + (v - v.round()) ** 3  # noqa: E731
    inner = (z.detach() - z.detach().round()).abs() < 0.49
    numeric = (cubic(z.detach() + eps) - cubic(z.detach() - eps)) / (2 * eps)
    assert torch.allclose(slope[inner], numeric[inner], atol=1e-5)
    (slope,) = torch.autograd.grad(plain.round_straight_through(z).sum(), z)
    assert torch.equal(slope, torch.ones_like(z))


@pytest.mark.parametrize("A", [1.0, 0.94, 0.5])
def test_third_order_rounding_pulls_the_step_where_attention_is_not_undone(A: float):
    """The book's eq-false-pull: −(3/2) F²A(1 − A)/Q + Q/6 for coefficients with a smooth density. The truth is Q/6,
    which the straight-through gradient gives for any A."""
    F = 400 * torch.randn(2_000_000, generator=torch.manual_seed(0), dtype=torch.float64)
    Q = torch.tensor(128.0, dtype=torch.float64, requires_grad=True)
    true = Q.item() / 6
    for rounding, mean in (
        (plain.round_third_order, -1.5 * F.square().mean().item() * A * (1 - A) / Q.item() + true),
        (plain.round_straight_through, true),
    ):
        (reported,) = torch.autograd.grad((F - Q * rounding(F * A / Q)).square().mean(), Q)
        assert reported.item() == pytest.approx(mean, abs=0.01 * abs(mean) + 0.3)


def test_with_attention_one_the_picture_is_quantised_as_by_hand():
    F = plain.forward_dct(PHOTO)
    z_hat = plain.quantise(F, torch.ones_like(F[:, :2]), Q50, torch.round)
    assert torch.equal(z_hat, (F / 16).round())
    assert plain.mse(PHOTO, plain.decode(z_hat, Q50)) < 16**2 / 12 * 2


def test_attention_fades_what_a_decoder_shows():
    F = plain.forward_dct(PHOTO)
    A = torch.full_like(F[:, :2], 0.5)
    ones = torch.ones(2, 8, 8)
    faded = plain.decode(plain.quantise(F, A, ones, torch.round), ones)
    assert faded.std() == pytest.approx(PHOTO.std().item() / 2, rel=0.02)


def test_eqs_7_and_9_by_hand():
    A = torch.stack([torch.full((1, 2, 2, 8, 8), 0.25), torch.full((1, 2, 2, 8, 8), 0.75)], dim=1)
    r = plain.rate(torch.full((2, 8, 8), 2.0), A)
    assert r.item() == pytest.approx(10 * 128 / 2 + 0.25 + 0.75)
    assert plain.loss(torch.tensor(3.0), r, 0.5).item() == pytest.approx(1.5 + r.item())


def test_ms_ssim_is_that_of_its_package():
    from pytorch_msssim import ms_ssim

    x, y = PHOTO[..., :176, :176], noisy(PHOTO)[..., :176, :176]
    assert plain.ms_ssim(x, y).item() == pytest.approx(ms_ssim(x, y, data_range=255).item(), rel=1e-5)
    assert plain.ms_ssim(x, x).item() == pytest.approx(1)


def test_lpips_is_that_of_its_package():
    from repro.metrics import LPIPS

    net = LPIPS().net
    x, y = PHOTO, noisy(PHOTO)
    features = [net.net(net.scaling_layer(v / 127.5 - 1)) for v in (x, y)]
    weights = [layer.model[1].weight.flatten() for layer in net.lins]
    with torch.no_grad():
        ours, theirs = plain.lpips(*features, weights), net(x / 127.5 - 1, y / 127.5 - 1)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_distortion_adds_its_terms_up():
    x, y = PHOTO, noisy(PHOTO)
    d = plain.distortion(x, y, lambda a, b: torch.tensor([0.5]), gamma=500, sigma=1000)
    assert d.item() == pytest.approx(plain.mse(x, y).item() + 250 + 1000 * (1 - plain.ms_ssim(x, y).item()), rel=1e-5)


@pytest.mark.parametrize("directions", [1, 2])
def test_a_recurrent_network_is_pytorchs_step_by_step(directions):
    torch.manual_seed(0)
    luma, chroma = (torch.nn.LSTM(64, 64, batch_first=True, bidirectional=directions == 2) for _ in range(2))
    F = 50 * torch.randn(1, 3, 2, 3, 8, 8)
    merge = None if directions == 1 else [torch.nn.Linear(128, 64) for _ in range(2)]
    A = plain.recurrent_attention(F, luma, chroma, merge)
    assert A.shape == (1, 2, 2, 3, 8, 8) and A.min() >= 0 and A.max() <= 1
    if directions == 1:
        h = c = torch.zeros(64)
        for block in F[0, 0].reshape(6, 64):
            h, c = plain.lstm_step(block / 128, h, c, luma)
        assert torch.allclose(A[0, 0, -1, -1].flatten(), (1 + h) / 2, atol=1e-5)


def test_min_max_stretches_each_map_to_its_ends():
    A = plain.min_max(torch.rand(2, 2, 3, 4, 8, 8) * 0.3 + 0.2)
    assert A.amin((2, 3, 4, 5)).eq(0).all() and A.amax((2, 3, 4, 5)).eq(1).all()


def test_a_convolutional_map_has_a_number_for_each_coefficient():
    trunk = torch.nn.AvgPool2d(8)
    head = torch.nn.Conv2d(3, 128, 1)
    A = plain.convolutional_attention(PHOTO, trunk, head)
    assert A.shape == (1, 2, 24, 24, 8, 8)
    seen = head(trunk((PHOTO / 255 - plain.IMAGENET_MEAN) / plain.IMAGENET_STD))
    assert A[0, 1, 5, 7, 2, 3].item() == pytest.approx(torch.sigmoid(seen[0, 64 + 2 * 8 + 3, 5, 7]).item())


def test_adam_by_hand_is_pytorchs():
    theta = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([theta], lr=0.1)
    value, m, v = 3.0, 0.0, 0.0
    for step in range(1, 6):
        adam.zero_grad()
        (theta**2).backward()
        adam.step()
        value, m, v = plain.adam_step(value, 2 * value, m, v, step, lr=0.1)
        assert value == pytest.approx(theta.item())


def test_a_training_goes_downhill():
    log_Q = torch.full((2, 8, 8), math.log(8.0), requires_grad=True)
    adam = torch.optim.Adam([log_Q], lr=0.05)
    ones = lambda x, F: torch.ones_like(F[:, :2])  # noqa: E731
    nothing = lambda x, y: torch.zeros(1)  # noqa: E731
    step = lambda: plain.training_step(PHOTO, log_Q, ones, nothing, adam, 0.02, plain.round_straight_through)  # noqa: E731
    losses = [step() for _ in range(15)]
    assert losses[-1] < 0.8 * losses[0] and log_Q.min() >= 0 and log_Q.max() <= math.log(255)


@given(st.floats(0.5, 0.99), st.integers(0, 10))
def test_bd_rate_of_fewer_bits_at_all_qualities_is_that_share(share, seed):
    rng = np.random.default_rng(seed)
    bpp = np.cumsum(rng.uniform(0.05, 0.3, 5))
    curve = np.stack([bpp, np.cumsum(rng.uniform(0.5, 3, 5)) + 25], axis=1)
    assert plain.bd_rate(curve, curve * [share, 1]) == pytest.approx(100 * (share - 1))


def test_bd_rate_is_that_of_its_package():
    from bjontegaard import bd_rate

    anchor = np.array([[0.2, 27.0], [0.4, 29.5], [0.7, 31.8], [1.2, 34.0]])
    test = np.array([[0.18, 27.3], [0.35, 29.9], [0.66, 32.0], [1.0, 33.6]])
    theirs = bd_rate(*anchor.T, *test.T, method="pchip", require_matching_points=False, min_overlap=0)
    assert plain.bd_rate(anchor, test) == pytest.approx(theirs, rel=1e-3)


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        low, high = plain.paired_bootstrap(rng.normal(1.0, 2.0, (1, 30)), draws=400, seed=seed)
        covered += low <= 1.0 <= high
    assert 0.87 <= covered / 200 <= 0.99


def test_the_bootstrap_draws_seeds_and_photos():
    """Differences only between seeds, or only between photos, widen the interval; without any it has no width."""
    spread = np.arange(6.0)
    low, high = plain.paired_bootstrap(spread[:, None] + np.zeros((6, 9)))
    assert low < spread.mean() < high
    assert plain.paired_bootstrap(spread[None] + np.zeros((3, 6))) == pytest.approx((low, high), abs=0.35)
    assert plain.paired_bootstrap(np.full((3, 9), 2.0)) == (2.0, 2.0)
