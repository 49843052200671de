"""Savings of chapter 10: on curves with savings known by construction, and on stored results."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from encoder_curves import FACTORS, encoder_curve, write_results
from repro.errors import ReproError
from repro.evaluation import Curve
from repro.experiments import Store, beyond
from repro.experiments.bench import BENCH
from repro.experiments.beyond import HIGH, LOW, METRICS, RANGES, EncoderCurves
from repro.experiments.registry import PLAIN


@pytest.fixture(scope="module")
def encoders() -> EncoderCurves:
    return EncoderCurves({name: encoder_curve(name, factor, 1 / factor) for name, factor in FACTORS.items()})


@pytest.mark.parametrize("window", RANGES)
@pytest.mark.parametrize("metric", METRICS)
def test_a_saving_is_what_was_saved(metric: str, window: tuple[float, float], encoders: EncoderCurves) -> None:
    found = encoders.saving("default", "mozjpeg", metric, window)
    assert found.metric == metric and found.mean == pytest.approx(100 * (0.75 / 0.9 - 1), abs=0.5)
    assert found.low <= found.mean <= found.high and len(found.per_image) == 8 and found.covered == 1


def test_the_rival_is_the_strongest_in_each_metric(encoders: EncoderCurves) -> None:
    """Tuned peers count only in the metrics that agree with people."""
    assert {encoders.rival("fast", metric, LOW) for metric in ("ssimulacra2", "butteraugli")} == {"jpegli-420-noaq"}
    assert {encoders.rival("fast", metric, LOW) for metric in ("ms_ssim", "mse", "lpips")} == {"jpegli-420"}
    mixed = EncoderCurves({**encoders.curves, "mozjpeg": encoder_curve("mozjpeg", 0.9, lpips=0.5)})
    assert mixed.rival("best", "lpips", HIGH) == "mozjpeg" and mixed.rival("best", "mse", HIGH) == "jpegli-420"
    assert mixed.against_rival("best", "lpips", LOW) == mixed.saving("best", "mozjpeg", "lpips", LOW)


def test_a_rival_that_few_photos_reach_does_not_count(encoders: EncoderCurves) -> None:
    """On most photos it starts above the range. Where it can be compared, it covers part of the range."""
    strong = encoder_curve("jpegli-444", 0.7)
    images = {
        photo: tuple(p for p in points if (p["bpp"] or 0) > (0.4 if photo < "photo03" else 0.9))
        for photo, points in strong.images.items()
    }
    mixed = EncoderCurves({**encoders.curves, "jpegli-444": Curve("jpegli-444", images)})
    assert mixed.rival("default", "ssimulacra2", LOW) == "jpegli-420-noaq"
    assert mixed.rival("default", "ssimulacra2", HIGH) == "jpegli-444"
    found = mixed.saving("default", "jpegli-444", "ssimulacra2", LOW)
    assert len(found.missing) == 5 and found.covered < 0.7 and found.mean == pytest.approx(7.1, abs=0.5)


def test_targets_are_judged_by_the_mean(encoders: EncoderCurves) -> None:
    found = {(one.effort, one.window, one.metric): one for one in beyond.targets(encoders)}
    assert len(found) == 30 and sum(one.at_most is not None for one in found.values()) == 28
    fast, default = found["fast", LOW, "mse"], found["default", HIGH, "ssimulacra2"]
    assert (fast.rival, fast.verdict) == ("jpegli-420", "reached"), "6 % where none was asked"
    assert (default.rival, default.verdict) == ("jpegli-420-noaq", "reached"), "6.25 % against 6"
    assert found["default", LOW, "ssimulacra2"].verdict == "not reached", "and against 8"
    assert found["best", LOW, "lpips"].verdict == "reported"
    assert replace(fast, found=replace(fast.found, mean=float("nan"))).verdict == "not measured"


def test_blurred_errors_are_compared_at_equal_rate(encoders: EncoderCurves) -> None:
    found = encoders.blurred("default", 0.5)
    assert found.test / found.anchor == pytest.approx((0.75 / 0.9) ** 1.2, rel=0.01)


def test_losses_come_first() -> None:
    curves = {name: encoder_curve(name) for name in ("mozjpeg", "default")}
    worse = dict(curves["default"].images)
    for photo, factor in (("photo03", 1.2), ("photo05", 0.8)):
        worse[photo] = tuple({**p, "bpp": factor * (p["bpp"] or 0)} for p in worse[photo])
    made = EncoderCurves(curves | {"default": Curve("default", worse)})
    ranked = made.losses("default", "mozjpeg", "lpips", LOW)
    assert ranked[0] == ("photo03", pytest.approx(20, abs=0.5)) and ranked[-1][0] == "photo05"


def test_an_ablation_meets_default_at_its_own_qualities(store: Store) -> None:
    write_results(store, "check")
    found = beyond.stored("check", store)
    references = {name: found.default_for(name) for name in ("own-block", "best", "fast", "annexk-420")}
    assert references == {
        "own-block": "default-sparse",
        "best": "default-sparse",
        "fast": "default",
        "annexk-420": "default",
    }


def test_fewer_bytes_for_the_same_pixels_save_bits_in_every_metric() -> None:
    """The smallest scans change no pixel. Interpolating between curves of different qualities would hide that."""
    found = beyond.stored("check")
    for metric, window in itertools.product(beyond.METRICS, beyond.RANGES):
        saved = found.saving("default-scans", found.default_for("default-scans"), metric, window)
        assert saved.high < 0, (metric, window)


def test_times_are_those_of_the_benchmark(store: Store) -> None:
    rows = [{"name": name, "seconds_a_megapixel": [0.1, 0.2, 0.4]} for name in ("fast", "mozjpeg")]
    (store.data / "results").mkdir(parents=True)
    (store.data / BENCH).write_text(json.dumps({"efforts": {"rows": rows, "provenance": {}}}))
    assert beyond.benched(["fast", "best"], store) == {"fast": pytest.approx((0.2, 0.15, 0.3))}


def test_stored_results_make_the_curves(store: Store, encoders: EncoderCurves) -> None:
    with pytest.raises(ReproError, match=r"ablations/pillow.*no stored result; run `repro reproduce --figure beyond`"):
        beyond.stored("check", store)
    write_results(store, "check")
    found = beyond.stored("check", store)
    assert found.curves.keys() > FACTORS.keys() and len(found.results) == len(found.curves)
    compared = (made.saving("best", PLAIN, "mse", LOW).mean for made in (found, encoders))
    assert next(compared) == pytest.approx(next(compared), abs=0.1)
