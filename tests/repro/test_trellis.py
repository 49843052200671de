"""The trellis finds the best choice, counts the bits of real files, and the files hold what it chose."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from repro import stages
from repro.data import photos
from repro.errors import UsageError
from repro.jpeg.codes import optimal_code_lengths
from repro.jpeg.codestream import decode as jpeg_decode
from repro.jpeg.codestream import read
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.jpeg.writer import write
from repro.trellis import costs, planes
from repro.trellis import paths as trellis
from repro.trellis.costs import Band
from repro.trellis.planes import DctPlanes, Weights

RNG = np.random.default_rng(5)
#: Codes for a plane of ordinary blocks.
DC_BITS = costs.symbol_costs(optimal_code_lengths(np.pad(np.arange(12, 0, -1) ** 2, (0, 244))))
AC_BITS = costs.symbol_costs(optimal_code_lengths((1000 / (1 + np.arange(256))).astype(np.int64)))
#: For a plane where nearly every second coefficient is ±1: a zero and a 1 take fewer bits than a 1 alone.
EVERY_SECOND = costs.symbol_costs(
    optimal_code_lengths(np.where(np.arange(256) == 0x11, 9000, 1000 / (1 + np.arange(256))).astype(np.int64))
)
ONE_BAND = np.zeros(64, np.int64)


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth shades with an edge and some noise, uint8 (height, width) or (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 120 + 60 * np.sin(x / 17) + 40 * (y > x) + rng.normal(0, 6, (channels, height, width))
    return np.moveaxis(np.clip(base, 0, 255).astype(np.uint8), 0, -1).squeeze(-1 if channels == 1 else ())


def even(dct: DctPlanes) -> list[Weights]:
    """Weights that are 1 for every error."""
    return [Weights(np.ones((len(p.F), 1), np.float32), np.ones(64, np.float32), ONE_BAND) for p in dct.planes]


def cost_of(
    F: np.ndarray, w: np.ndarray, Q: np.ndarray, z: np.ndarray, lam: float, ac: np.ndarray, end: float
) -> float:
    """λ · bits + error of one block's AC, counted by hand. ``end``: bits of the symbol that ends the block early."""
    bits, run = 0.0, 0
    for value in z[1:]:
        if value == 0:
            run += 1
            continue
        bits += (run // 16) * ac[0xF0] + ac[16 * (run % 16) + int(abs(value)).bit_length()]
        run = 0
    bits += end if run else 0.0
    return lam * bits + float((w[1:] * (F[1:] - z[1:] * Q[1:]) ** 2).sum())


def choose(F: np.ndarray, w: np.ndarray, Q: np.ndarray, lam: float, ac: np.ndarray = AC_BITS) -> np.ndarray:
    """Choose all AC coefficients, in one sequential scan."""
    z = np.zeros(F.shape, np.int16)
    weights = Weights(np.ones((len(F), 1), np.float32), w, ONE_BAND)
    planes._choose_band(F, weights, Q, lam, Band(1, 63, ac, float(ac[0]), eob_runs=False), z, threads=1)
    return z


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ac", [AC_BITS, EVERY_SECOND], ids=["everyday", "every second"])
def test_no_other_choice_is_cheaper(ac: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    F = np.zeros((1, 64), np.float32)
    kept = rng.choice(np.arange(1, 64 if ac is AC_BITS else 8), 5, replace=False)
    F[0, kept] = rng.normal(0, 30, 5)
    Q = rng.uniform(8, 20, 64).astype(np.float32)
    w = rng.uniform(0.2, 2, 64).astype(np.float32)
    lam = float(rng.uniform(2, 60))
    found = choose(F, w, Q, lam, ac)[0]
    options = []
    for position in kept:
        nearest = int(abs(F[0, position]) / Q[position] + 0.5)
        options.append({0, nearest, max(0, nearest - 1), (1 << max(0, nearest.bit_length() - 1)) - 1})
    cheapest = np.inf
    for values in itertools.product(*options):
        z = np.zeros(64)
        z[kept] = np.array(values) * np.sign(F[0, kept])
        cheapest = min(cheapest, cost_of(F[0], w, Q, z, lam, ac, ac[0]))
    assert cost_of(F[0], w, Q, found, lam, ac, ac[0]) == pytest.approx(cheapest, rel=1e-5)


def test_bands_are_chosen_apart() -> None:
    """What is chosen in a band does not depend on coefficients outside it, which are not touched."""
    F = RNG.normal(0, 20, (40, 64)).astype(np.float32)
    w = np.ones((40, 1), np.float32), np.ones(64, np.float32), ONE_BAND
    Q = np.full(64, 12, np.float32)
    z, cost = np.full(F.shape, 7, np.int16), np.zeros((40, 2))
    trellis.choose_ac(F, *w, Q, AC_BITS, 9.0, z, 3, 20, AC_BITS[0], cost)
    assert (z[:, :3] == 7).all() and (z[:, 21:] == 7).all()
    F[:, :3] = F[:, 21:] = 0
    again = np.zeros_like(z)
    trellis.choose_ac(F, *w, Q, AC_BITS, 9.0, again, 3, 20, AC_BITS[0], cost)
    np.testing.assert_array_equal(z[:, 3:21], again[:, 3:21])
    assert np.count_nonzero(again) == np.count_nonzero(again[:, 3:21]) > 0
    np.testing.assert_allclose(cost[:, 0], np.square(F[:, 3:21]).sum(1), rtol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_ends_side_by_side_share_a_symbol_at_the_least_cost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks, lam = 9, 2.0
    cost, early = rng.uniform(0, 30, (blocks, 2)), rng.random(blocks) < 0.7
    ends = np.array([0.0, 2.0, 5.0, 5.5, 9.0])  # more than four cost as much as four

    def whole(keep: tuple[bool, ...]) -> float:
        total, ended = 0.0, 0
        for block, kept in enumerate(keep):
            total += cost[block, int(kept)]
            if kept:
                total += lam * ends[min(ended, 4)]
                ended = int(early[block])
            else:
                ended += 1
        return total + lam * ends[min(ended, 4)]

    found = trellis.choose_eob_runs(cost, early, ends, lam)
    best = min(whole(keep) for keep in itertools.product((False, True), repeat=blocks))
    assert whole(tuple(found)) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(4))
def test_of_a_progressive_scan_no_other_set_of_blocks_is_cheaper(seed: int) -> None:
    """Whether it pays to keep a block depends on its neighbours, as one symbol ends a run of neighbouring blocks:
    EOBn stands for 2ⁿ to 2ⁿ⁺¹ − 1 of them. With eight blocks, every set is tried."""
    rng = np.random.default_rng(seed)
    count, lam, Q = 8, 30.0, np.full(64, 16, np.float32)
    F = (rng.normal(0, 18, (count, 64)) * (np.arange(64) < 4)).astype(np.float32)
    weights = Weights(np.ones((count, 1), np.float32), np.ones(64, np.float32), ONE_BAND)
    band = Band(1, 3, AC_BITS, 9.0, eob_runs=True)

    def whole(blocks: np.ndarray) -> float:
        total, ended = 0.0, 0
        for wanted, z in zip(F, blocks, strict=True):
            if z.any():
                total += run_of(ended)
                ended = 0
            total += cost_of(wanted, weights.profile, Q, z, lam, AC_BITS, end=0.0)
            ended += int(z[band.last] == 0)
        return total + run_of(ended)

    def run_of(ended: int) -> float:
        return float(lam * AC_BITS[16 * (ended.bit_length() - 1)]) if ended else 0.0

    full = np.zeros(F.shape, np.int16)
    trellis.choose_ac(F, *weights, Q, AC_BITS, lam, full, 1, 3, band.eob, np.zeros((count, 2)))
    found = np.zeros_like(full)
    planes._choose_band(F, weights, Q, lam, band, found, threads=1)
    every_set = np.array(list(itertools.product((0, 1), repeat=count)), np.int16)
    cheapest = min(whole(full * kept[:, None]) for kept in every_set)
    assert whole(found) == pytest.approx(cheapest, rel=1e-5)


def test_where_bits_cost_nothing_the_nearest_number_is_chosen() -> None:
    F = RNG.normal(0, 40, (50, 64)).astype(np.float32)
    Q = RNG.uniform(3, 30, 64).astype(np.float32)
    z = choose(F, np.ones(64, np.float32), Q, 0.0)
    np.testing.assert_array_equal(z[:, 1:], np.rint(F / Q)[:, 1:])


def test_dc_takes_the_cheapest_path() -> None:
    F, w = np.array([31.0, 44.0, 12.0, 15.0]), np.array([1.0, 0.5, 2.0, 1.0])
    q, lam = 7.0, 9.0

    def cost(values: tuple[int, ...]) -> float:
        differences = np.diff(values, prepend=0)
        bits = sum(DC_BITS[int(abs(d)).bit_length()] for d in differences)
        return lam * bits + float((w * (F - np.array(values) * q) ** 2).sum())

    found = trellis.choose_dc(F, w, q, DC_BITS, lam)
    nearest = np.rint(F / q).astype(int)
    best = min(cost(v) for v in itertools.product(*(range(n - 2, n + 3) for n in nearest)))
    assert cost(tuple(found)) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
def test_dc_takes_the_cheapest_path_in_the_order_of_coding(seed: int) -> None:
    """4:2:0 codes together the four luma blocks that share a chroma block. In that order, and in blocks of unequal
    weights, no numbers near the nearest are cheaper."""
    rng, lam = np.random.default_rng(seed), 30.0
    shapes, orders, Q = [(3, 3), (2, 2), (2, 2)], [[0, 1, 3, 4, 2, 5, 6, 7, 8], [0, 1, 2, 3], [0, 1, 2, 3]], [7, 12, 12]
    F = [(rng.normal(0, 30, (len(order), 64)) * (np.arange(64) == 0)).astype(np.float32) for order in orders]
    w = [rng.uniform(0.2, 4, (len(order), 1)).astype(np.float32) for order in orders]
    nearest = [np.rint(f / q).astype(np.int16) for f, q in zip(F, Q, strict=True)]
    bits = costs.dc_costs([z.reshape(*shape, 64) for z, shape in zip(nearest, shapes, strict=True)])

    def cost(values: np.ndarray, i: int) -> np.ndarray:
        """(n,): costs of n choices for a plane's blocks, given in raster order."""
        sizes = np.ceil(np.log2(1 + abs(np.diff(values[:, orders[i]], prepend=0))))
        errors = w[i][:, 0] * (F[i][:, 0] - values * Q[i]) ** 2
        return np.asarray(lam * bits[i][sizes.astype(int)].sum(1) + errors.sum(1))

    dct = DctPlanes(tuple(planes.Plane(f, *shape) for f, shape in zip(F, shapes, strict=True)), 24, 24, "4:2:0")
    weights = [Weights(of_blocks, np.ones(64, np.float32), ONE_BAND) for of_blocks in w]
    tables = np.array([np.full((8, 8), 7), np.full((8, 8), 12)])
    found = planes.trellis_quantize(dct, weights, tables, lam, start=[z.copy() for z in nearest], rounds=1)
    for i, order in enumerate(orders):
        others = nearest[i][:, 0] + np.array(list(itertools.product((-1, 0, 1), repeat=len(order))))
        assert cost(found[i][None, :, 0], i)[0] <= cost(others, i).min() * (1 + 1e-5)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("progressive", [False, True])
def test_bits_are_close_to_those_of_a_file(subsampling: str, progressive: bool) -> None:
    """The coded data also have stuffing and whole bytes, and the file has headers."""
    photo = photos("sample").items[0].rgb()
    dct = planes.forward_dct(photo, subsampling, progressive=progressive)
    tables = quality_tables(75)
    chosen = planes.assemble(dct, z := planes.trellis_quantize(dct, even(dct), tables, 20.0), tables)
    data = write(chosen, scans="interleaved" if progressive else "sequential")
    spent = len(data) - data.index(b"\xff\xc4")
    assert 0.98 * spent < planes.bits(dct, z) / 8 < 1.001 * spent


def test_more_expensive_bits_are_fewer() -> None:
    dct = planes.forward_dct(picture(96, 96))
    tables = quality_tables(70)
    spent, errors = [], []
    for lam in (0.0, 5.0, 40.0, 300.0):
        z = planes.trellis_quantize(dct, even(dct), tables, lam, rounds=3)
        spent.append(planes.bits(dct, z))
        Q = tables.reshape(2, 64)[:, ZIGZAG]
        errors.append(
            sum(((n * Q[i and 1] - p.F) ** 2).sum() for i, (n, p) in enumerate(zip(z, dct.planes, strict=True)))
        )
    assert spent == sorted(spent, reverse=True) and spent[0] > 1.5 * spent[-1]
    assert errors == sorted(errors)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 16), (17, 33), (40, 8)])
@pytest.mark.parametrize("channels, subsampling", [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")])
def test_a_file_holds_what_was_chosen(size: tuple[int, int], channels: int, subsampling: str) -> None:
    x = picture(*size, channels)
    dct = planes.forward_dct(x, subsampling)
    tables = quality_tables(80)
    chosen = planes.assemble(dct, planes.trellis_quantize(dct, even(dct), tables, 4.0), tables)
    data = write(chosen)
    for ours, theirs in zip(chosen.planes, read(data).planes, strict=True):
        np.testing.assert_array_equal(ours, theirs[: ours.shape[0], : ours.shape[1]])
    shown = jpeg_decode(data) if channels == 3 else jpeg_decode(data)[..., 0]
    assert np.abs(shown.astype(float) - x).mean() < 9


@pytest.mark.parametrize("progressive", [False, True])
def test_threads_choose_the_same(progressive: bool) -> None:
    dct = planes.forward_dct(picture(72, 120), progressive=progressive)
    tables = quality_tables(50)
    one, three = (planes.trellis_quantize(dct, even(dct), tables, 12.0, threads=n) for n in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_weight_is_what_the_frequency_and_the_block_say_of_it() -> None:
    rng = np.random.default_rng(2)
    of_band, profile = rng.uniform(size=(10, 3)).astype(np.float32), rng.uniform(size=64).astype(np.float32)
    band = np.repeat([0, 1, 2], [1, 9, 54])
    weights = Weights(of_band, profile, band)
    for part in (slice(None), slice(None, None, 3), slice(4, 6)):
        expected = [[profile[k] * of_band[n, band[k]] for k in range(64)] for n in range(10)[part]]
        np.testing.assert_array_equal(weights.each(part), np.array(expected, np.float32))


def test_heavier_errors_are_smaller() -> None:
    """In its upper band, every other block weighs 25 times as much, and there alone it keeps more."""
    dct = planes.forward_dct(picture(128, 128, 1))
    tables = quality_tables(60)
    of_band = np.ones((256, 2), np.float32)
    of_band[:, 1] = np.where(np.arange(256) % 2, 5.0, 0.2)
    weights = [Weights(of_band, np.ones(64, np.float32), np.repeat([0, 1], [10, 54]))]
    (z,) = planes.trellis_quantize(dct, weights, tables, 30.0)
    light, heavy = z[::2], z[1::2]
    assert np.count_nonzero(heavy[:, 10:]) > 2 * np.count_nonzero(light[:, 10:])
    assert np.count_nonzero(heavy[:, :10]) == pytest.approx(np.count_nonzero(light[:, :10]), rel=0.1)


def test_numbers_fit_the_standard_whatever_is_wanted() -> None:
    dct = planes.DctPlanes((planes.Plane(np.full((4, 64), 3000, np.float32), 2, 2),), 16, 16, "grey")
    (z,) = planes.trellis_quantize(dct, even(dct), np.ones((2, 8, 8), np.int64), 0.0)
    assert z.max() == 1023


def test_unknown_subsampling_is_refused() -> None:
    with pytest.raises(UsageError, match="choose '4:2:0' or '4:4:4'"):
        planes.forward_dct(picture(8, 8), "4:1:1")


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (40, 24)])
@pytest.mark.parametrize("channels, subsampling", [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")])
def test_decoding_is_libjpegs(size: tuple[int, int], channels: int, subsampling: str) -> None:
    dct = planes.forward_dct(picture(*size, channels), subsampling)
    tables = quality_tables(60)
    z = planes.trellis_quantize(dct, even(dct), tables, 8.0)
    shown = stages.to_tensor(jpeg_decode(write(planes.assemble(dct, z, tables))))
    Q = torch.from_numpy(tables.reshape(2, 64)[:, ZIGZAG]).float()
    ours = stages.decode(dct, [torch.from_numpy(n).float() * Q[i and 1] for i, n in enumerate(z)])
    assert ours.shape == shown.shape
    assert (ours - shown).abs().max() < 3


def test_decoding_has_the_gradient_of_small_steps() -> None:
    dct = planes.forward_dct(picture(17, 20))
    rng = np.random.default_rng(1)
    values = [torch.from_numpy(rng.normal(0, 8, plane.F.shape)).requires_grad_() for plane in dct.planes]
    assert torch.autograd.gradcheck(lambda *c: stages.decode(dct, c).sum(dim=(0, 1, 3)), values, fast_mode=True)
