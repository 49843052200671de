"""Savings of chapter 10 on curves that save by construction, and where stored results replace what was measured."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from encoder_curves import FACTORS, encoder_curve, write_results
from repro.errors import ReproError
from repro.evaluation import Curve
from repro.experiments import Store, beyond
from repro.experiments.bench import BENCH
from repro.experiments.beyond import BETTER_PEER, METRICS, EncoderCurves


@pytest.fixture(scope="module")
def encoders() -> EncoderCurves:
    return EncoderCurves({name: encoder_curve(name, factor, 1 / factor) for name, factor in FACTORS.items()})


@pytest.mark.parametrize("metric", METRICS)
def test_a_saving_is_what_was_saved(metric: str, encoders: EncoderCurves) -> None:
    found = encoders.saving("default", "mozjpeg-420", metric)
    assert found.metric == metric and found.mean == pytest.approx(100 * (0.75 / 0.9 - 1), abs=0.5)
    assert found.low <= found.mean <= found.high and len(found.per_image) == 8


def test_the_better_peer_is_chosen_metric_by_metric(encoders: EncoderCurves) -> None:
    assert {encoders.better_peer(metric) for metric in METRICS} == {"jpegli-420"}
    mixed = EncoderCurves({**encoders.curves, "mozjpeg-420": encoder_curve("mozjpeg", 0.9, lpips=0.5)})
    assert mixed.better_peer("lpips") == "mozjpeg-420" and mixed.better_peer("mse") == "jpegli-420"
    assert mixed.saving("best", BETTER_PEER, "lpips") == mixed.saving("best", "mozjpeg-420", "lpips")


def test_targets_are_judged_by_the_mean(encoders: EncoderCurves) -> None:
    found = {(one.effort, one.metric): one for one in beyond.targets(encoders)}
    assert len(found) == sum(len(limits) for *_, limits in beyond.TARGETS) == 11
    fast, default, best = found["fast", "mse"], found["default", "lpips"], found["best", "lpips"]
    assert (fast.anchor, fast.verdict) == ("pillow-420-progressive", "reached"), "20 % against 15"
    assert (default.anchor, default.verdict) == ("jpegli-420", "not reached"), "12 % against 20"
    assert best.found.mean == pytest.approx(100 * (0.6 / 0.85 - 1), abs=0.5) and best.verdict == "not reached"
    assert replace(best, found=replace(best.found, mean=float("nan"))).verdict == "not measured"


def test_losses_come_first() -> None:
    curves = {name: encoder_curve(name) for name in ("mozjpeg-420", "default")}
    worse = dict(curves["default"].images)
    for photo, factor in (("photo03", 1.2), ("photo05", 0.8)):
        worse[photo] = tuple({**p, "bpp": factor * (p["bpp"] or 0)} for p in worse[photo])
    made = EncoderCurves(curves | {"default": Curve("default", worse)})
    ranked = made.losses("default", "mozjpeg-420", "lpips")
    assert ranked[0] == ("photo03", pytest.approx(20, abs=0.5)) and ranked[-1][0] == "photo05"


def test_times_are_means_over_photos_unless_the_benchmark_has_them_all(store: Store, encoders: EncoderCurves) -> None:
    assert encoders.seconds()["best"] == (pytest.approx(1 / 0.6), pytest.approx(0))
    rows = [{"name": name, "mean": 2.0, "standard_error": 0.1} for name in FACTORS]
    (store.data / "results").mkdir(parents=True)
    for kept, expected in ((rows[:-1], None), (rows, dict.fromkeys(FACTORS, (2.0, 0.1)))):
        (store.data / BENCH).write_text(json.dumps({"ablations": {"rows": kept, "provenance": {}}}))
        assert beyond.benched_seconds(FACTORS, store) == expected


def test_stored_results_make_the_curves(store: Store, encoders: EncoderCurves) -> None:
    with pytest.raises(ReproError, match=r"ablations/pillow.*no stored result; run `repro reproduce --figure beyond`"):
        beyond.stored("check", store=store)
    write_results(store, "check")
    found = beyond.stored("check", store=store)
    assert found.curves.keys() > FACTORS.keys() and len(found.results) == len(found.curves)
    assert found.saving("best", "fast", "mse").mean == pytest.approx(encoders.saving("best", "fast", "mse").mean)


def test_parts_of_photos_replace_what_is_missing_at_smoke(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond, "ABLATION_QUALITIES", {"mozjpeg-420": (9, 14, 22, 34, 50, 72), "fast": (5, 9, 60)})
    monkeypatch.setattr(beyond, "ALTERNATIVE_QUALITIES", {})
    monkeypatch.setattr(beyond, "_FEW", 1)
    monkeypatch.setattr(beyond, "_stand_in", beyond._stand_in.__wrapped__)
    made = beyond.stored("kodak", "smoke", store)
    assert list(made.curves) == ["mozjpeg-420", "fast"] and made.results == ()
    ((_, points),) = made.curves["mozjpeg-420"].images.items()
    assert [p["setting"] for p in points] == [14, 50] and {"ssimulacra2", "seconds", "ms_ssim"} <= points[0].keys()
