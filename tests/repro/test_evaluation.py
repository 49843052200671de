"""Measuring files, reading curves, and the statistics: against numbers worked out apart from the code."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from repro import cli, codecs
from repro.errors import ReproError, UsageError
from repro.evaluation import (
    Curve,
    bd_rate,
    bootstrap_interval,
    compare_at_rate,
    evaluate_model,
    measure,
    measure_many,
    paper_bpp,
    rate_distortion,
    value_at_rate,
)
from repro.evaluation.measure import rgb_to_tensor
from repro.jpeg.codestream import decode, write
from repro.model import LearnedJPEG


@dataclass(frozen=True)
class Fake:
    """A photo that knows how often its pixels were asked for."""

    name: str
    sha256: str
    pixels: np.ndarray

    def rgb(self) -> np.ndarray:
        return self.pixels


def astronaut(height: int = 176, width: int = 200) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:height, :width])


def jpeg(rgb: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", **options)
    return stream.getvalue()


def power_law(name: str, scale: float = 1.0, rates: Any = (0.1, 0.2, 0.4, 0.8, 1.6), photos: int = 3) -> Curve:
    """MSE = 50 · k · (rate / scale)^-1.5: straight in decibels over log-rate. ``scale`` is the rate's ratio to 1."""
    return Curve(
        name,
        {
            f"photo{k}": tuple(
                {"setting": i, "bpp": r * scale, "mse": 50 * (k + 1) * r**-1.5} for i, r in enumerate(rates)
            )
            for k in range(photos)
        },
    )


# --- one file


def test_measure_by_hand() -> None:
    rgb = astronaut()
    made = jpeg(rgb, quality=30)
    shown = np.asarray(Image.open(io.BytesIO(made))).astype(float)
    got = measure(rgb, made)
    error = ((shown - rgb) ** 2).mean()
    assert got["bpp"] == 8 * len(made) / (176 * 200)
    assert got["mse"] == pytest.approx(error, rel=1e-5)
    assert got["psnr"] == pytest.approx(10 * math.log10(255**2 / error), abs=1e-4)
    luma = (shown - rgb) @ [0.299, 0.587, 0.114]
    assert got["psnr_y"] == pytest.approx(10 * math.log10(255**2 / (luma**2).mean()), abs=1e-3)
    assert 0 < (got["lpips"] or 0) < 1 and 0.5 < (got["ms_ssim"] or 0) < 1


def test_measure_many_is_measure_of_each() -> None:
    rgb = astronaut()
    files = [jpeg(rgb, quality=q) for q in (10, 60)]
    for many, one in zip(measure_many(rgb, files), (measure(rgb, f) for f in files), strict=True):
        assert many == pytest.approx(one, rel=1e-5)


@pytest.mark.parametrize(("side", "has_lpips"), [(1, False), (30, False), (31, True), (160, True)])
def test_small_pictures_lack_only_what_they_are_too_small_for(side: int, has_lpips: bool) -> None:
    rgb = astronaut(side, 170)
    got = measure(rgb, jpeg(rgb, quality=30))
    assert got["ms_ssim"] is None
    assert (got["lpips"] is not None) == has_lpips
    assert all(got[key] is not None for key in ("bpp", "bpp_paper", "mse", "psnr", "psnr_y"))


def test_a_grey_flat_picture_is_perfect() -> None:
    rgb = np.full((176, 176, 3), 128, np.uint8)
    got = measure(rgb, jpeg(rgb, quality=50))
    assert (got["mse"], got["lpips"], got["psnr"]) == (0, 0, math.inf)
    assert got["ms_ssim"] == pytest.approx(1)


def test_the_papers_counting_saves_the_decoded_picture_again() -> None:
    rgb = astronaut()
    made = jpeg(rgb, quality=30, subsampling=0, optimize=True)
    again = jpeg(decode(made), quality=30, subsampling=0)  # the same tables, by their quality
    assert measure(rgb, made)["bpp_paper"] == 8 * len(again) / (176 * 200)
    tables = [np.array(t).reshape(8, 8) for t in Image.open(io.BytesIO(made)).quantization.values()]  # type: ignore[attr-defined]
    assert paper_bpp(decode(made), tables) == 8 * len(again) / (176 * 200)


def test_coarse_tables_have_no_paper_counting(capfd: pytest.CaptureFixture[str]) -> None:
    made = codecs.get("mozjpeg-420").encode(astronaut(), 3)
    assert measure(astronaut(), made)["bpp_paper"] is None
    assert capfd.readouterr().err == ""  # libjpeg warns on standard error when it writes such tables


def test_what_cannot_be_measured_is_told() -> None:
    rgb = astronaut()
    with pytest.raises(ReproError, match=r"200×168 px.*200×176"):
        measure(rgb, jpeg(rgb[:168]))
    with pytest.raises(ReproError, match="not a readable JPEG"):
        measure(rgb, b"GIF89a")
    with pytest.raises(ReproError, match="not a readable JPEG"):
        measure(rgb, jpeg(rgb)[:500])
    png = io.BytesIO()
    Image.fromarray(rgb).save(png, "PNG")
    with pytest.raises(ReproError, match="not a JPEG file"):
        measure(rgb, png.getvalue())


# --- curves


def test_points_are_sorted_by_rate() -> None:
    curve = Curve("a", {"p": ({"setting": 2, "bpp": 0.9, "mse": 1.0}, {"setting": 1, "bpp": 0.3, "mse": 2.0})})
    assert [p["setting"] for p in curve.images["p"]] == [1, 2]
    with pytest.raises(UsageError, match="at least one point"):
        Curve("a", {"p": ()})


def test_mean_curve_averages_at_each_shared_setting() -> None:
    curve = Curve(
        "a",
        {
            "p": ({"setting": 1, "bpp": 0.2, "mse": 10.0, "ms_ssim": None}, {"setting": 2, "bpp": 0.4, "mse": 5.0}),
            "q": ({"setting": 1, "bpp": 0.6, "mse": 30.0, "ms_ssim": 0.9}, {"setting": 3, "bpp": 0.9, "mse": 2.0}),
        },
    )
    assert curve.mean().images["mean"] == ({"setting": 1, "bpp": pytest.approx(0.4), "mse": 20.0, "ms_ssim": None},)
    apart = Curve("b", {"p": ({"setting": 1, "bpp": 1.0},), "q": ({"setting": 2, "bpp": 1.0},)})
    with pytest.raises(ReproError, match="no mean curve"):
        apart.mean()


def test_runs_of_several_models_join() -> None:
    runs = {0.1: {"p": {"bpp": 0.2, "mse": 9.0}}, 0.01: {"p": {"bpp": 0.5, "mse": 4.0}}}
    joined = Curve.from_runs("learned", runs)
    assert [(p["setting"], p["mse"]) for p in joined.images["p"]] == [(0.1, 9.0), (0.01, 4.0)]
    with pytest.raises(UsageError, match="same photos"):
        Curve.from_runs("learned", runs | {1.0: {"q": {"bpp": 0.2, "mse": 9.0}}})


def test_another_counting_takes_the_place_of_bpp() -> None:
    curve = Curve("a", {"p": ({"bpp": 0.2, "bpp_paper": 0.5, "mse": 9.0}, {"bpp": 0.3, "bpp_paper": 0.7, "mse": 4.0})})
    assert value_at_rate(curve.counted("bpp_paper"), 0.7, "mse").mean == pytest.approx(4)
    with pytest.raises(UsageError, match="not all of its points have bpp_sequential"):
        curve.counted("bpp_sequential")


@pytest.mark.parametrize("bpp", [0.1, 0.13, 0.4, 0.77, 1.6])
def test_value_at_rate_is_exact_on_a_power_law(bpp: float) -> None:
    at = value_at_rate(power_law("a"), bpp, "mse")
    assert at.values == {f"photo{k}": pytest.approx(50 * (k + 1) * bpp**-1.5) for k in range(3)}
    assert at.mean == pytest.approx(100 * bpp**-1.5)


@pytest.mark.parametrize("metric", ["mse", "lpips", "ms_ssim", "psnr", "psnr_y"])
def test_value_at_a_measured_rate_is_the_measured_value(metric: str) -> None:
    values = {"ms_ssim": (0.8, 0.93, 0.99), "psnr": (25.0, 29.0, 31.0), "psnr_y": (25.0, 29.0, 31.0)}
    points = zip((0.2, 0.5, 0.8), values.get(metric, (0.4, 0.2, 0.1)), strict=True)
    curve = Curve("a", {"p": tuple({"bpp": r, metric: v} for r, v in points)})
    assert value_at_rate(curve, 0.5, metric).mean == pytest.approx(values.get(metric, (0, 0.2))[1])
    between = value_at_rate(curve, 0.3, metric).mean
    low, high = sorted(values.get(metric, (0.4, 0.2))[:2])
    assert low < between < high


def test_nothing_is_extrapolated() -> None:
    curve = Curve("a", {"p": power_law("a").images["photo0"], "short": power_law("a").images["photo0"][1:]})
    at = value_at_rate(curve, 0.15, "mse")
    assert list(at.values) == ["p"]
    assert at.missing == {"short": "was measured from 0.200 to 1.600 bpp"}
    with pytest.raises(ReproError, match=r"no mean mse at 0.15 bpp: short was measured from 0.200"):
        _ = at.mean
    with pytest.raises(UsageError, match="above 0"):
        value_at_rate(curve, 0, "mse")
    with pytest.raises(UsageError, match="unknown metric 'vmaf'"):
        value_at_rate(curve, 0.2, "vmaf")


def test_perfect_points_do_not_break_a_curve() -> None:
    points = tuple({"bpp": r, "mse": m} for r, m in ((0.2, 9.0), (0.4, 4.0), (5.0, 0.0)))
    assert value_at_rate(Curve("a", {"p": points}), 0.4, "mse").mean == pytest.approx(4)
    assert value_at_rate(Curve("a", {"p": points}), 1.0, "mse").missing


# --- savings


@pytest.mark.parametrize("scale", [0.8, 1.25])
@pytest.mark.parametrize("window", [None, (0.2, 0.6), (0.15, 1.0)])
def test_bd_rate_of_a_constant_saving_is_that_saving(scale: float, window: Any) -> None:
    """At every quality the test needs ``scale`` times the bits; both curves are straight, so no method may differ."""
    result = bd_rate(power_law("anchor"), power_law("test", scale), "mse", window=window)
    assert result.per_image == {f"photo{k}": pytest.approx(100 * (scale - 1)) for k in range(3)}
    assert (result.mean, result.low, result.high) == pytest.approx((100 * (scale - 1),) * 3)
    assert result.of_mean == pytest.approx(100 * (scale - 1))
    assert not result.missing


def test_bd_rate_agrees_with_an_integral_done_by_hand() -> None:
    """Savings that grow with quality: mean of log-rate differences over the shared decibels, by the trapezoid rule."""
    decibels = np.linspace(28, 40, 9)
    log_anchor = 0.05 * (decibels - 34) + 0.001 * (decibels - 34) ** 2
    log_test = log_anchor - 0.01 * (decibels - 25) - 0.002 * (decibels - 34)

    def curve(name: str, log_rate: np.ndarray) -> Curve:
        points = zip(10**log_rate, decibels, strict=True)
        return Curve(name, {"p": tuple({"setting": d, "bpp": float(r), "psnr": float(d)} for r, d in points)})

    fine = np.linspace(28, 40, 20_001)
    gap = -0.01 * (fine - 25) - 0.002 * (fine - 34)
    expected = 100 * 10 ** (np.trapezoid(gap, fine) / 12) - 100
    result = bd_rate(curve("anchor", log_anchor), curve("test", log_test), "psnr")
    assert result.mean == pytest.approx(expected, abs=0.05)


def test_bd_rate_there_and_back_cancels() -> None:
    one, two = power_law("one"), power_law("two", 0.7, rates=(0.13, 0.3, 0.5, 1.2))
    there, back = bd_rate(one, two, "mse").mean, bd_rate(two, one, "mse").mean
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)


def test_beaten_points_are_left_out() -> None:
    """A model that is worse at a higher rate makes rate no function of quality: that point must not count."""
    good = power_law("good", 0.8)
    bad = {photo: (*points, {"setting": 9, "bpp": 0.5, "mse": 1e4}) for photo, points in good.images.items()}
    assert bd_rate(power_law("a"), Curve("bad", bad), "mse").mean == pytest.approx(-20)


def test_photos_without_a_figure_are_named() -> None:
    anchor = power_law("a", photos=2)
    test = Curve(
        "t", anchor.images | {"photo1": tuple({"setting": i, "bpp": 9.0 + i, "mse": 1e-3 / (i + 1)} for i in range(5))}
    )
    result = bd_rate(anchor, test, "mse")
    assert result.per_image == {"photo0": pytest.approx(0)}
    assert result.missing == {"photo1": "has no quality that both curves reach"}
    with pytest.raises(UsageError, match=r"same photos \(photo1"):
        bd_rate(anchor, power_law("b", photos=1), "mse")
    with pytest.raises(UsageError, match="window"):
        bd_rate(anchor, anchor, "mse", window=(0.6, 0.2))
    nowhere = bd_rate(anchor, anchor, "mse", window=(3.0, 4.0))
    assert math.isnan(nowhere.mean) and len(nowhere.missing) == 2 and nowhere.of_mean is None


def test_bootstrap_interval_has_the_width_that_theory_gives() -> None:
    sample = np.random.default_rng(0).normal(5, 2, 400)
    low, high = bootstrap_interval(list(sample))
    assert low < sample.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * sample.std() / math.sqrt(400), rel=0.1)
    assert bootstrap_interval(list(sample)) == (low, high)
    assert bootstrap_interval(list(sample), seed=1) != (low, high)
    assert bootstrap_interval([3.0, 3.0]) == (3, 3)
    assert all(math.isnan(v) for v in bootstrap_interval([]))


def test_differences_are_paired() -> None:
    """Photos differ a hundredfold, encoders by exactly 10 %: a paired interval on ratios' differences stays tight."""
    anchor = power_law("a", photos=5)
    better = Curve(
        "b",
        {photo: tuple({**p, "mse": (p["mse"] or 0) - 3} for p in points) for photo, points in anchor.images.items()},
    )
    gap = compare_at_rate(anchor, better, 0.4, "mse")
    assert (gap.difference, gap.low, gap.high) == pytest.approx((-3, -3, -3))
    assert gap.anchor - gap.test == pytest.approx(3)
    short = Curve("s", dict(anchor.images) | {"photo2": anchor.images["photo2"][2:]})
    partial = compare_at_rate(anchor, short, 0.2, "mse")
    assert "photo2" not in partial.photos and partial.missing == {"photo2": "s was measured from 0.400 to 1.600 bpp"}


# --- several seeds

#: What MSE is multiplied by, and what bits are, in each of three seeds of an encoder.
ERRORS, RATES = (0.8, 0.9, 1.3), (0.7, 0.8, 1.2)


def wrong_by(factor: float, name: str = "test") -> Curve:
    """:func:`power_law` with so many times the error at every rate."""
    images = power_law(name).images
    return Curve(
        name, {k: tuple({**p, "mse": factor * (p["mse"] or 0)} for p in points) for k, points in images.items()}
    )


def test_a_difference_over_seeds_is_the_mean_of_the_pairs() -> None:
    anchors = [wrong_by(f, "anchor") for f in (1.0, 1.1, 0.9)]
    tests = [wrong_by(f) for f in ERRORS]
    pairs = [compare_at_rate(a, b, 0.4, "mse") for a, b in zip(anchors, tests, strict=True)]
    together = compare_at_rate(anchors, tests, 0.4, "mse")
    assert together.per_seed == pytest.approx([p.difference for p in pairs])
    assert together.difference == pytest.approx(np.mean([p.difference for p in pairs]))
    assert together.anchor == pytest.approx(np.mean([p.anchor for p in pairs]))
    assert together.test == pytest.approx(np.mean([p.test for p in pairs]))
    assert together.photos == pairs[0].photos and not together.missing
    assert together.low < together.difference < together.high


def test_a_bd_rate_over_seeds_is_the_mean_of_the_pairs() -> None:
    anchors = [power_law("anchor", s) for s in (1.0, 1.1, 0.9)]
    tests = [power_law("test", s) for s in RATES]
    pairs = [bd_rate(a, b) for a, b in zip(anchors, tests, strict=True)]
    together = bd_rate(anchors, tests)
    assert together.per_seed == pytest.approx([p.mean for p in pairs])
    assert together.per_seed == pytest.approx([100 * (t / a - 1) for a, t in zip((1.0, 1.1, 0.9), RATES, strict=True)])
    assert together.mean == pytest.approx(np.mean([p.mean for p in pairs]))
    assert together.of_mean == pytest.approx(np.mean([p.of_mean for p in pairs]))
    for photo, figure in together.per_image.items():
        assert figure == pytest.approx(np.mean([p.per_image[photo] for p in pairs]))


def test_one_seed_in_a_list_is_that_seed() -> None:
    one, other = power_law("anchor"), power_law("test", 0.8)
    for ask in (bd_rate, lambda a, b: compare_at_rate(a, b, 0.4, "mse")):
        assert ask([one], [other]) == ask(one, other) == ask([one], other)
        assert len(ask(one, other).per_seed) == 1


def test_the_interval_widens_where_seeds_differ() -> None:
    """Three seeds of one mean: all alike, and apart. Photos differ in neither."""
    alike, apart = ([power_law("test", s) for s in scales] for scales in ((0.9,) * 3, (0.8, 0.9, 1.0)))
    narrow, wide = (bd_rate(power_law("anchor"), seeds) for seeds in (alike, apart))
    assert narrow.mean == pytest.approx(wide.mean) == pytest.approx(-10)
    assert (narrow.low, narrow.high) == pytest.approx((-10, -10))
    assert (wide.low, wide.high) == pytest.approx((-20, 0)), "a seed drawn three times"
    errors = [wrong_by(f) for f in (0.8, 0.9, 1.0)]
    narrow_gap, wide_gap = (compare_at_rate(power_law("anchor"), s, 0.4, "mse") for s in ([wrong_by(0.9)] * 3, errors))
    assert narrow_gap.difference == pytest.approx(wide_gap.difference)
    assert wide_gap.low < narrow_gap.low < narrow_gap.high < wide_gap.high


def test_seeds_and_photos_are_both_drawn() -> None:
    """The width that theory gives for two independent draws: variances of the two means add up."""
    rng = np.random.default_rng(0)
    of_photos, of_seeds = rng.normal(0, 2, 100), rng.normal(0, 2, 40)
    low, high = bootstrap_interval(of_seeds[:, None] + of_photos)
    expected = math.sqrt(of_photos.var() / 100 + of_seeds.var() / 40)
    assert high - low == pytest.approx(2 * 1.96 * expected, rel=0.1)
    assert bootstrap_interval([[1.0, 2.0, 3.0]]) == bootstrap_interval([1.0, 2.0, 3.0])


def test_one_anchor_stands_against_every_seed() -> None:
    anchor, tests = power_law("anchor"), [power_law("test", s) for s in RATES]
    assert bd_rate(anchor, tests) == bd_rate([anchor] * 3, tests)
    assert bd_rate(anchor, tests).per_seed == pytest.approx([100 * (s - 1) for s in RATES])
    gap, back = compare_at_rate(anchor, tests, 0.4, "mse"), compare_at_rate(tests, anchor, 0.4, "mse")
    assert gap == compare_at_rate([anchor] * 3, tests, 0.4, "mse")
    assert gap.per_seed == pytest.approx([-d for d in back.per_seed]) and len(gap.per_seed) == 3


def test_seeds_that_cannot_be_paired_are_refused() -> None:
    two, three = [power_law("a")] * 2, [power_law("b")] * 3
    for one, other, says in ((two, three, "2 and 3 seeds"), (three, two, "3 and 2 seeds")):
        with pytest.raises(UsageError, match=f"{says} cannot be paired; give as many of both, or one"):
            bd_rate(one, other)
        with pytest.raises(UsageError, match=f"{says} cannot be paired"):
            compare_at_rate(one, other, 0.4, "mse")
    fewer = [power_law("a"), power_law("a", photos=2)]
    with pytest.raises(UsageError, match="not of the same photos"):
        bd_rate(fewer, power_law("b"))
    with pytest.raises(UsageError, match="not of the same photos"):
        compare_at_rate(fewer, fewer, 0.4, "mse")


def test_a_photo_that_one_seed_does_not_reach_is_left_out_of_all() -> None:
    whole, rates = power_law("whole"), (0.1, 0.2, 0.4)
    short = Curve("short", whole.images | {"photo1": power_law("short", rates=rates).images["photo1"]})
    gap = compare_at_rate(power_law("anchor"), [whole, short], 0.8, "mse")
    assert gap.photos == ("photo0", "photo2") and gap.missing == {
        "photo1": "short was measured from 0.100 to 0.400 bpp"
    }
    assert len(gap.per_seed) == 2
    nowhere = {**whole.images, "photo1": ({"setting": 0, "bpp": 0.4, "mse": 1.0},)}
    saved = bd_rate(power_law("anchor"), [whole, Curve("point", nowhere)])
    assert saved.per_image.keys() == {"photo0", "photo2"} and "fewer than two points" in saved.missing["photo1"]
    never = compare_at_rate(power_law("anchor"), [whole, whole], 5.0, "mse")
    assert math.isnan(never.difference) and math.isnan(never.anchor) and not never.per_seed


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.integers(1, 3),
    photos=st.integers(1, 4),
    errors=st.lists(st.floats(0.05, 500), min_size=12, max_size=12),
    rate=st.floats(0.2, 0.8),
)
def test_equal_curves_differ_by_exactly_nothing(seeds: int, photos: int, errors: list[float], rate: float) -> None:
    def curve(name: str, seed: int) -> Curve:
        """Three points of each photo, errors in any order."""
        points = np.roll(errors, seed).reshape(4, 3)[:photos]
        return Curve(
            name,
            {
                f"p{i}": tuple({"bpp": r, "mse": e} for r, e in zip((0.2, 0.4, 0.8), row, strict=True))
                for i, row in enumerate(points)
            },
        )

    one, other = ([curve(name, seed) for seed in range(seeds)] for name in ("one", "other"))
    gap = compare_at_rate(one, other, rate, "mse")
    assert (gap.difference, gap.low, gap.high) == (0, 0, 0) and gap.per_seed == (0,) * seeds
    assert gap.anchor == gap.test and len(gap.photos) == photos


@settings(max_examples=15, deadline=None)
@given(seeds=st.integers(1, 3), steps=st.lists(st.floats(1.05, 3.0), min_size=4, max_size=4))
def test_equal_curves_save_exactly_nothing(seeds: int, steps: list[float]) -> None:
    rates = np.cumprod([0.1, *steps])
    one, other = ([power_law(name, rates=rates, photos=2)] * seeds for name in ("one", "other"))
    saved = bd_rate(one, other)
    assert (saved.mean, saved.low, saved.high, saved.of_mean) == (0, 0, 0, 0)
    assert saved.per_seed == (0,) * seeds and set(saved.per_image.values()) == {0}


# --- sweeps


def photos() -> list[Fake]:
    return [Fake("a", "1", astronaut()), Fake("b", "2", astronaut(184, 170)[::-1])]


def test_a_sweep_measures_real_files() -> None:
    encode = codecs.get("pillow-444").encode
    curve = rate_distortion("peer", photos(), encode, [80, 20])
    for photo in photos():
        for point, quality in zip(curve.images[photo.name], (20, 80), strict=True):
            expected = measure(photo.rgb(), encode(photo.rgb(), quality))
            assert point == pytest.approx({"setting": quality, "seconds": point["seconds"], **expected}, rel=1e-5)
            assert (point["seconds"] or 0) > 0


def test_a_model_is_measured_on_its_own_files() -> None:
    model = LearnedJPEG()
    images = evaluate_model(model, photos())
    coefficients = model.coefficients(rgb_to_tensor(astronaut(), "cpu"))
    expected = measure(astronaut(), write(coefficients)) | {
        "bpp_sequential": 8 * len(write(coefficients, progressive=False)) / (176 * 200)
    }
    assert images["a"] == pytest.approx(expected, rel=1e-5)
    assert (images["a"]["bpp"] or 0) < (images["a"]["bpp_sequential"] or 0)
    assert set(images) == {"a", "b"}


# --- repro evaluate


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    Image.fromarray(astronaut()).save(tmp_path / "a.png")
    (tmp_path / "a.jpg").write_bytes(jpeg(astronaut(), quality=30))
    return str(tmp_path / "a.png"), str(tmp_path / "a.jpg")


def test_command_prints_a_table(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", *pair, *pair]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "bpp", "MSE", "PSNR", "dB", "PSNR-Y", "dB", "LPIPS", "MS-SSIM"]
    expected = measure(astronaut(), jpeg(astronaut(), quality=30))
    assert lines[1] == lines[2] and f"{expected['bpp']:.4f}" in lines[1] and f"{expected['mse']:.2f}" in lines[1]


def test_command_prints_json(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", "--json", *pair]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == pair[1] and row["original"] == pair[0]
    assert row["mse"] == pytest.approx(measure(astronaut(), jpeg(astronaut(), quality=30))["mse"])


def test_command_takes_small_and_perfect_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = np.full((1, 1, 3), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "one.png")
    (tmp_path / "one.jpg").write_bytes(jpeg(grey))
    files = [str(tmp_path / "one.png"), str(tmp_path / "one.jpg")]
    assert cli.run(["evaluate", *files]) == 0
    shown = capsys.readouterr()
    assert "–" in shown.out and "too small" in shown.err
    assert cli.run(["evaluate", "--json", *files]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["psnr"], row["ms_ssim"]) == (None, None)


def test_command_takes_the_encoders_view_of_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grey, and turned by EXIF: what `repro encode` would have read, and so nothing is off but the JPEG's rounding."""
    grey = Image.fromarray(astronaut()[..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter
    grey.save(tmp_path / "grey.png", exif=exif)
    (tmp_path / "grey.jpg").write_bytes(jpeg(np.asarray(grey.transpose(Image.Transpose.ROTATE_270)), quality=99))
    assert cli.run(["evaluate", "--json", str(tmp_path / "grey.png"), str(tmp_path / "grey.jpg")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["psnr"] > 45


def test_command_tells_bad_input(pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    png, jpg = pair
    Path(tmp_path / "empty.jpg").touch()
    Image.fromarray(astronaut(80)).save(tmp_path / "other.png")
    for arguments, code, says in [
        ([png, jpg, png], 2, "a.png: has no partner"),
        ([png, str(tmp_path / "none.jpg")], 1, "none.jpg: cannot be read (No such file"),
        ([str(tmp_path / "none.png"), jpg], 1, "none.png: "),
        ([png, str(tmp_path)], 1, "cannot be read (Is a directory)"),
        ([str(tmp_path), jpg], 1, f"{tmp_path}: "),
        ([png, str(tmp_path / "empty.jpg")], 1, "empty.jpg: not a readable JPEG"),
        ([str(tmp_path / "empty.jpg"), jpg], 1, "empty.jpg: "),
        ([str(tmp_path / "other.png"), jpg], 1, "a.jpg: the file shows 200×176 px, the original has 200×80"),
        ([png, png], 1, "a.png: not a JPEG file"),
    ]:
        assert cli.run(["evaluate", *arguments]) == code, says
        shown = capsys.readouterr()
        assert says in shown.err and shown.err.count("\n") == 1 and not shown.out
