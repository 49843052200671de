"""Measuring files, reading curves, and the statistics, against numbers calculated separately from the code."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from repro import cli, codecs, plain
from repro.encoder import colour
from repro.encoder.images import open_picture
from repro.errors import ReproError, UsageError
from repro.evaluation import (
    Curve,
    bd_rate,
    evaluate_model,
    gain_at_rate,
    measure,
    measure_many,
    paper_bpp,
    rate_distortion,
    value_at_rate,
)
from repro.evaluation.curves import DECIBELS
from repro.evaluation.measure import rgb_to_tensor
from repro.jpeg.codestream import decode, write
from repro.metrics import METRICS
from repro.model import LearnedJPEG


@dataclass(frozen=True)
class Fake:
    """A photo."""

    name: str
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
    """MSE = 50 · k · (rate / scale)^-1.5 on photo k, straight in decibels over log-rate; rates are times ``scale``."""
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


@pytest.mark.parametrize(
    ("side", "missing"),
    [
        (1, {"ms_ssim", "ssimulacra2", "lpips", "dists"}),
        (30, {"ms_ssim", "ssimulacra2", "lpips"}),
        (112, {"ms_ssim", "ssimulacra2"}),
        (160, {"ms_ssim"}),
    ],
)
def test_small_pictures_lack_only_what_they_are_too_small_for(side: int, missing: set[str]) -> None:
    rgb = astronaut(side, 170)
    (got,) = measure_many(rgb, [jpeg(rgb, quality=30)], more=["ssimulacra2", "dists"])
    assert {key for key, value in got.items() if value is None} == missing


def test_the_papers_counting_saves_the_decoded_picture_again() -> None:
    rgb = astronaut()
    made = jpeg(rgb, quality=30, subsampling=0, optimize=True)
    again = jpeg(decode(made), quality=30, subsampling=0)  # the same tables, from the same quality
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
    assert value_at_rate(curve.counted("bpp_paper"), 0.7, "mse").values == {"p": pytest.approx(4)}
    with pytest.raises(UsageError, match="not all of its points have bpp_sequential"):
        curve.counted("bpp_sequential")


@pytest.mark.parametrize("bpp", [0.1, 0.13, 0.4, 0.77, 1.6])
def test_value_at_rate_is_exact_on_a_power_law(bpp: float) -> None:
    at = value_at_rate(power_law("a"), bpp, "mse")
    assert at.values == {f"photo{k}": pytest.approx(50 * (k + 1) * bpp**-1.5) for k in range(3)}


@pytest.mark.parametrize("metric", DECIBELS)
def test_curves_pass_through_their_points_and_rise_between(metric: str) -> None:
    values = (0.4, 0.2, 0.1) if METRICS[metric].better == "lower" else (0.8, 0.93, 0.99)
    points = zip((0.2, 0.5, 0.8), values, strict=True)
    curve = Curve("a", {"p": tuple({"bpp": r, metric: v} for r, v in points)})
    assert value_at_rate(curve, 0.5, metric).values["p"] == pytest.approx(values[1])
    low, high = sorted(values[:2])
    assert low < value_at_rate(curve, 0.3, metric).values["p"] < high


def test_nothing_is_extrapolated() -> None:
    curve = Curve("a", {"p": power_law("a").images["photo0"], "short": power_law("a").images["photo0"][1:]})
    at = value_at_rate(curve, 0.15, "mse")
    assert list(at.values) == ["p"]
    assert at.missing == {"short": "was measured from 0.200 to 1.600 bpp"}
    with pytest.raises(UsageError, match="above 0"):
        value_at_rate(curve, 0, "mse")
    with pytest.raises(UsageError, match="unknown metric 'vmaf'"):
        value_at_rate(curve, 0.2, "vmaf")


def test_perfect_points_do_not_break_a_curve() -> None:
    points = tuple({"bpp": r, "mse": m} for r, m in ((0.2, 9.0), (0.4, 4.0), (5.0, 0.0)))
    assert value_at_rate(Curve("a", {"p": points}), 0.4, "mse").values == {"p": pytest.approx(4)}
    assert value_at_rate(Curve("a", {"p": points}), 1.0, "mse").missing


@pytest.mark.parametrize("errors", [(4.0, 9.0), (9.0, 4.0)])
def test_of_equal_rates_the_best_point_stays(errors: tuple[float, float]) -> None:
    curve = Curve("a", {"p": tuple({"bpp": 0.4, "mse": error} for error in errors)})
    assert value_at_rate(curve, 0.4, "mse").values == {"p": pytest.approx(4)}


# --- savings


@pytest.mark.parametrize("scale", [0.8, 1.25])
@pytest.mark.parametrize("window", [None, (0.2, 0.6), (0.15, 1.0)])
def test_bd_rate_of_a_constant_saving_is_that_saving(scale: float, window: Any) -> None:
    """At every quality the test needs ``scale`` times the bits. Both curves are straight, so no method may differ."""
    result = bd_rate(power_law("anchor"), power_law("test", scale), "mse", window=window)
    assert result.per_image == {f"photo{k}": pytest.approx(100 * (scale - 1)) for k in range(3)}
    assert (result.mean, result.low, result.high) == pytest.approx((100 * (scale - 1),) * 3)
    assert not result.missing


@settings(max_examples=30, deadline=None)
@given(
    rates=st.lists(st.floats(1.2, 2.5), min_size=8, max_size=8),
    gains=st.lists(st.floats(0.5, 5), min_size=8, max_size=8),
)
def test_bd_rate_is_the_plain_one(rates: list[float], gains: list[float]) -> None:
    """For any two rising, overlapping curves, the package ``bjontegaard`` agrees with :func:`repro.plain.bd_rate`."""
    curves = {}
    for i, name in enumerate(("anchor", "test")):
        bpp = np.cumprod([0.1 * (1 + i), *rates[4 * i : 4 * i + 4]])
        decibels = 28 + np.cumsum([i, *gains[4 * i : 4 * i + 4]])
        curves[name] = np.stack([bpp, decibels], 1)
    assume(min(c[-1, 1] for c in curves.values()) > max(c[0, 1] for c in curves.values()) + 0.5)
    made = [
        Curve(name, {"p": tuple({"setting": r, "bpp": r, "psnr": d} for r, d in points.tolist())})
        for name, points in curves.items()
    ]
    expected = plain.bd_rate(*curves.values())
    assert bd_rate(*made, "psnr").mean == pytest.approx(expected, rel=5e-3, abs=0.05)


def test_a_window_is_covered_where_both_curves_have_points() -> None:
    whole, upper = power_law("whole"), power_law("upper", rates=(0.4, 0.8, 1.6))
    for pair in ((whole, upper), (upper, whole)):
        assert bd_rate(*pair, window=(0.2, 0.8)).covered == pytest.approx(0.5)


def test_beaten_points_are_left_out() -> None:
    """With a model that is worse at a higher rate, rate is no function of quality: that point must not count."""
    good = power_law("good", 0.8)
    bad = {photo: (*points, {"setting": 9, "bpp": 0.5, "mse": 1e4}) for photo, points in good.images.items()}
    assert bd_rate(power_law("a"), Curve("bad", bad), "mse").mean == pytest.approx(-20)


def test_photos_that_cannot_be_compared_are_named() -> None:
    anchor = power_law("a", photos=2)
    far = tuple({"setting": i, "bpp": 9.0 + i, "mse": 1e-3 / (i + 1)} for i in range(5))
    result = bd_rate(anchor, Curve("t", {**anchor.images, "photo1": far}), "mse")
    assert result.per_image == {"photo0": pytest.approx(0)}
    assert result.missing == {"photo1": "has no quality that both curves reach"}
    with pytest.raises(UsageError, match=r"same photos \(photo1"):
        bd_rate(anchor, power_law("b", photos=1), "mse")
    with pytest.raises(UsageError, match="window"):
        bd_rate(anchor, anchor, "mse", window=(0.6, 0.2))
    nowhere = bd_rate(anchor, anchor, "mse", window=(3.0, 4.0))
    assert math.isnan(nowhere.mean) and len(nowhere.missing) == 2


# --- gains


def test_gains_are_paired() -> None:
    """Photos differ fivefold, encoders by exactly 3: a paired interval has no width."""
    anchor = power_law("a", photos=5)
    better = Curve("b", {k: tuple({**p, "mse": (p["mse"] or 0) - 3} for p in of) for k, of in anchor.images.items()})
    gain = gain_at_rate(anchor, better, 0.4, "mse")
    assert (gain.mean, gain.low, gain.high) == pytest.approx((3, 3, 3)) and gain.clear == 1
    assert gain.anchor - gain.test == pytest.approx(3)
    short = Curve("s", {**anchor.images, "photo2": anchor.images["photo2"][2:]})
    partial = gain_at_rate(anchor, short, 0.2, "mse")
    assert "photo2" not in partial.photos and partial.missing == {"photo2": "s was measured from 0.400 to 1.600 bpp"}
    assert partial.clear == 0


# --- several seeds

#: Scales of the bits in each of three seeds of two encoders.
ANCHORS, TESTS = (1.0, 1.1, 0.9), (0.7, 0.8, 1.2)


@pytest.mark.parametrize("compare", [bd_rate, lambda a, b: gain_at_rate(a, b, 0.4, "mse")])
def test_seeds_are_paired_and_averaged(compare: Any) -> None:
    anchors, tests = ([power_law("c", s) for s in scales] for scales in (ANCHORS, TESTS))
    pairs = [compare(a, b) for a, b in zip(anchors, tests, strict=True)]
    together = compare(anchors, tests)
    assert together.per_seed == pytest.approx([p.mean for p in pairs])
    assert together.mean == pytest.approx(np.mean([p.mean for p in pairs]))
    assert together.low < together.mean < together.high
    assert compare(anchors[:1], tests[:1]) == compare(anchors[0], tests[0]) == compare(anchors[:1], tests[0])
    assert compare(anchors[0], tests) == compare(anchors[:1] * 3, tests), "one alone stands against each"


def test_seeds_are_compared_at_the_settings_that_all_of_them_have() -> None:
    """If more settings of one seed counted, the mean over seeds would mix different ranges of rates."""
    anchor, whole = power_law("anchor"), power_law("test")
    kept = {p["setting"] for p in whole.images["photo0"][1:3]}
    uneven = {
        p: tuple({**q, "bpp": q["bpp"] * (1 if q["setting"] in kept else 3)} for q in at)
        for p, at in whole.images.items()
    }
    short = Curve("short", {photo: tuple(q for q in at if q["setting"] in kept) for photo, at in uneven.items()})
    found = bd_rate(anchor, [Curve("long", uneven), short])
    assert found.per_seed == pytest.approx((0, 0)) and bd_rate(anchor, Curve("long", uneven)).mean > 1


def test_seeds_that_cannot_be_paired_are_refused() -> None:
    two, three = [power_law("a")] * 2, [power_law("b")] * 3
    for one, other, says in ((two, three, "2 and 3 seeds"), (three, two, "3 and 2 seeds")):
        with pytest.raises(UsageError, match=f"{says} cannot be paired; give as many of both, or one"):
            bd_rate(one, other)
    fewer = [power_law("a"), power_law("a", photos=2)]
    with pytest.raises(UsageError, match="not of the same photos"):
        gain_at_rate(fewer, fewer, 0.4, "mse")


def test_a_photo_that_one_seed_does_not_reach_is_left_out_of_all() -> None:
    whole = power_law("whole")
    short = Curve("short", {**whole.images, "photo1": whole.images["photo1"][:3]})
    gain = gain_at_rate(power_law("anchor"), [whole, short], 0.8, "mse")
    assert gain.photos == ("photo0", "photo2") and len(gain.per_seed) == 2
    assert gain.missing == {"photo1": "short was measured from 0.100 to 0.400 bpp"}
    point = Curve("point", {**whole.images, "photo1": whole.images["photo1"][:1]})
    saved = bd_rate(power_law("anchor"), [whole, point])
    assert saved.per_image.keys() == {"photo0", "photo2"} and "fewer than two points" in saved.missing["photo1"]
    never = gain_at_rate(power_law("anchor"), [whole, whole], 5.0, "mse")
    assert math.isnan(never.mean) and math.isnan(never.anchor) and not never.per_seed and never.clear == 0


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.integers(1, 3),
    photos=st.integers(1, 4),
    errors=st.lists(st.floats(0.05, 500), min_size=12, max_size=12),
    rate=st.floats(0.2, 0.8),
)
def test_equal_curves_differ_by_exactly_nothing(seeds: int, photos: int, errors: list[float], rate: float) -> None:
    """For any order of the errors, and any number of seeds and photos."""
    curves = []
    for seed in range(seeds):
        rows = np.roll(errors, seed).reshape(4, 3)[:photos].tolist()
        points = [
            tuple({"bpp": r, "mse": e, "setting": r} for r, e in zip((0.2, 0.4, 0.8), row, strict=True)) for row in rows
        ]
        curves.append(Curve("c", {f"p{i}": of for i, of in enumerate(points)}))
    gain = gain_at_rate(curves, curves, rate, "mse")
    assert (gain.mean, gain.low, gain.high) == (0, 0, 0) and gain.per_seed == (0,) * seeds
    assert gain.anchor == gain.test and len(gain.photos) == photos
    assert set(bd_rate(curves, curves).per_image.values()) <= {0}


# --- sweeps


def photos() -> list[Fake]:
    return [Fake("a", astronaut()), Fake("b", astronaut(184, 170)[::-1])]


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


def test_command_prints_a_table_or_json(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    (expected,) = measure_many(astronaut(), [jpeg(astronaut(), quality=30)], more=["ssimulacra2"])
    assert cli.run(["evaluate", *pair, *pair]) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = ("file", "bpp", "MSE", "PSNR dB", "PSNR-Y dB", "LPIPS", "MS-SSIM", "SSIMULACRA 2")
    assert lines[0].split() == " ".join(titles).split()
    assert lines[1] == lines[2] and f"{expected['bpp']:.4f}" in lines[1] and f"{expected['mse']:.2f}" in lines[1]
    assert cli.run(["evaluate", "--json", *pair]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row.pop("original"), row.pop("file")) == pair and row == pytest.approx(expected)


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
    assert (row["psnr"], row["ms_ssim"]) == (None, None), "JSON has no infinity"


def test_command_reads_the_original_as_the_encoder_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The original is grey and turned by EXIF: only the JPEG's rounding remains."""
    grey = Image.fromarray(astronaut()[..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn
    grey.save(tmp_path / "grey.png", exif=exif)
    (tmp_path / "grey.jpg").write_bytes(jpeg(np.asarray(grey.transpose(Image.Transpose.ROTATE_270)), quality=99))
    assert cli.run(["evaluate", "--json", str(tmp_path / "grey.png"), str(tmp_path / "grey.jpg")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["psnr"] > 45


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_command_compares_upright_pictures(
    orientation: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An encoder that keeps pixels and tag scores like one that turns the pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(astronaut()[:, :200])
    stored.save(tmp_path / "a.png", exif=exif)
    stored.save(tmp_path / "tag.jpg", exif=exif, quality=90)
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}[orientation]
    stored.transpose(turn).save(tmp_path / "turned.jpg", quality=90)
    pairs = [str(tmp_path / name) for name in ("a.png", "tag.jpg", "a.png", "turned.jpg")]
    assert cli.run(["evaluate", "--json", *pairs]) == 0
    rows = json.loads(capsys.readouterr().out)
    tag, turned = (row["psnr"] for row in rows)
    as_stored = measure(np.asarray(stored), (tmp_path / "tag.jpg").read_bytes())
    assert rows[0]["bpp_paper"] == as_stored["bpp_paper"], "turned pixels would be other blocks"
    raw = np.asarray(stored).astype(float) - np.asarray(Image.open(tmp_path / "tag.jpg"))
    assert tag == pytest.approx(20 * np.log10(255) - 10 * np.log10((raw**2).mean()), abs=1e-3)
    assert abs(tag - turned) < 0.5


def test_command_compares_in_one_colour_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file keeps the profile; in the other the colours are converted and there is none."""
    profile = colour.ColourSpace(colour.ADOBE_RGB, 2.2).profile(grey=False)
    Image.fromarray(astronaut()).save(tmp_path / "a.png", icc_profile=profile)
    Image.fromarray(astronaut()).save(tmp_path / "keep.jpg", icc_profile=profile, quality=95)
    converted = open_picture(tmp_path / "a.png", icc="srgb").samples
    Image.fromarray(converted).save(tmp_path / "srgb.jpg", quality=95)
    assert np.abs(converted.astype(int) - astronaut()).mean() > 2
    pairs = [str(tmp_path / name) for name in ("a.png", "keep.jpg", "a.png", "srgb.jpg")]
    assert cli.run(["evaluate", "--json", *pairs]) == 0
    assert all(row["psnr"] > 35 for row in json.loads(capsys.readouterr().out))


def test_command_tells_what_it_measures(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png, jpg = pair
    whole = Path(jpg).read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    clear = Image.open(png).convert("RGBA")
    clear.putalpha(100)
    clear.save(tmp_path / "clear.png")
    assert cli.run(["evaluate", png, jpg]) == 0 and capsys.readouterr().err == ""
    assert cli.run(["evaluate", str(tmp_path / "clear.png"), str(tmp_path / "half.jpg")]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"repro: note: {tmp_path / 'clear.png'}: has transparent parts; set on white"
    assert second.startswith(f"repro: note: {tmp_path / 'half.jpg'}: seems damaged inside")


def test_command_names_bad_input(pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    png, jpg = pair
    (tmp_path / "empty.jpg").touch()
    for arguments, code, says in [
        ([png, jpg, png], 2, "a.png: is not part of a pair"),
        ([png, str(tmp_path / "none.jpg")], 1, "none.jpg: no such file"),
        ([str(tmp_path), jpg], 1, f"{tmp_path}: "),
        ([png, str(tmp_path / "empty.jpg")], 1, "empty.jpg: is empty"),
        ([png, png], 1, "a.png: not a JPEG file"),
    ]:
        assert cli.run(["evaluate", *arguments]) == code, says
        shown = capsys.readouterr()
        assert says in shown.err and shown.err.count("\n") == 1 and not shown.out
