"""Chapter 10: rungs are files, sweeps go on and go stale, savings are judged, pictures can be read."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from bookkit import curtain, html
from chapters import beyond as fig
from chapters import comparison, failures, style, trellis
from made_curves import curve
from repro.codecs import save_with_tables
from repro.data import Photo, PhotoSet, photos
from repro.encoder import models
from repro.errors import ReproError, UsageError
from repro.evaluation import Curve, bd_rate, measure, measure_many
from repro.experiments import PROFILES, EncoderSweep, PeerSweep, Store, beyond, everything, experiments_of, plan, run
from repro.experiments import ablations as ladder
from repro.experiments import rungs as rungs_module
from repro.experiments.bench import BENCH
from repro.experiments.estimate import Estimate
from repro.experiments.grafts import GRAFTS, rung_of
from repro.experiments.numerics import numerics_of, why_stale
from repro.experiments.registry import GRAFT_QUALITIES, RUNG_PHOTOS, RUNG_QUALITIES, TRIED_QUALITIES
from repro.jpeg.codestream import decode, read
from repro.jpeg.tables import quality_tables
from repro.trellis import decoder, planes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

QUICK = [name for name in (*ladder.RUNGS, "fast-lpips") if name not in ("default", "best")]
SWEEP = EncoderSweep("annexk-420", (20, 50), "hdrplus")


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo, of sides that are not whole blocks."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


# --- the rungs


@pytest.mark.parametrize("name", QUICK)
def test_a_rung_makes_a_file_and_more_bits_at_higher_quality(name: str, rgb: np.ndarray) -> None:
    small, large = (ladder.get(name).encode(rgb, quality) for quality in (15, 60))
    assert decode(small).shape == rgb.shape and len(small) < len(large)
    assert (measure(rgb, large)["mse"] or 0) < (measure(rgb, small)["mse"] or 0)
    assert ladder.get(name).peer or read(small).subsampling == ("4:4:4" if name == "tables-444" else "4:2:0")


def test_annex_k_is_what_libjpeg_has(rgb: np.ndarray) -> None:
    """The same tables, and nearly the same numbers: libjpeg rounds on the way."""
    ours, theirs = (read(ladder.get(n).encode(rgb, 40)) for n in ("annexk-420", "pillow-420-progressive"))
    assert np.array_equal(ours.tables, theirs.tables)
    for a, b in zip(ours.planes, theirs.planes, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1 and (a != b).mean() < 0.02


def test_scans_change_no_pixel(rgb: np.ndarray) -> None:
    before, after = (ladder.get(name).encode(rgb, 30) for name in ("annexk-420", "annexk-scans"))
    assert len(after) <= len(before) and np.array_equal(decode(after), decode(before))


def test_a_graft_has_our_tables_and_their_trellis(rgb: np.ndarray) -> None:
    data, tables = rung_of("mozjpeg-learned").encode(rgb, 30), models.load(models.TRELLIS).at(30).tables
    found, plain = read(data), read(save_with_tables(rgb, tables, subsampling=2))
    assert np.array_equal(found.tables, tables) and found.subsampling == "4:2:0"
    assert sum((a != 0).sum() for a in found.planes) < 0.9 * sum((a != 0).sum() for a in plain.planes)
    assert rung_of("mozjpeg-learned").hashes().keys() == {"models/trellis/model.json"}
    with pytest.raises(UsageError, match="unknown rung 'worst'"):
        rung_of("worst")


def test_the_trellis_finds_less_than_rounding(rgb: np.ndarray) -> None:
    analysed = planes.analyse(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None])
    tables = quality_tables(40).numpy()
    weights, lam = ladder.mse_weights(analysed), ladder.lam_of(tables)

    def objective(z: list[np.ndarray]) -> float:
        error = sum(
            (w.by_frequency * np.square(plane.F - numbers * planes.steps(tables, i))).sum()
            for i, (w, plane, numbers) in enumerate(zip(weights, analysed.planes, z, strict=True))
        )
        return float(error) + lam * planes.bits(analysed, z)

    assert objective(planes.optimise(analysed, weights, tables, lam)) < objective(ladder.rounded(analysed, tables))


@pytest.mark.parametrize(("plane", "place"), [(0, 1), (0, 30), (1, 0), (1, 5), (2, 0), (2, 12), (1, 40)])
def test_weights_are_what_mse_says(plane: int, place: int) -> None:
    """One error in the middle of an even picture, decoded: the sum of squares over RGB that the weight foretells."""
    analysed = planes.analyse(torch.full((1, 3, 96, 96), 128.0))
    parts = [torch.from_numpy(p.F.copy()) for p in analysed.planes]
    middle = analysed.planes[plane].rows // 2 * analysed.planes[plane].cols + analysed.planes[plane].cols // 2
    parts[plane][middle, place] += 40.0
    shown = decoder.decode(analysed, parts)
    found = float((shown - 128).square().mean(1).sum())
    assert found == pytest.approx(1600 * float(ladder.mse_weights(analysed)[plane].by_frequency[0, place]), rel=1e-3)


def test_a_rung_depends_on_its_files() -> None:
    for name, rung in ladder.RUNGS.items():
        assert rung.hashes().keys() == set(rung.assets) and all(len(d) == 64 for d in rung.hashes().values())
        assert bool(rung.assets) == (name in ("tables-444", *beyond.EFFORTS))
    with pytest.raises(UsageError, match="unknown rung 'worst'; choose from pillow-420-progressive"):
        ladder.get("worst")


# --- which sweeps there are


def test_every_rung_is_measured_on_both_sets() -> None:
    assert RUNG_QUALITIES.keys() == ladder.RUNGS.keys() == fig.RUNG_LOOKS.keys()
    assert TRIED_QUALITIES.keys() == ladder.TRIED.keys() and GRAFT_QUALITIES.keys() == GRAFTS.keys()
    for qualities in RUNG_QUALITIES.values():
        assert len(qualities) == 6 and list(qualities) == sorted(set(qualities)) and qualities[0] >= 1
    for profile in ("cpu", "paper"):
        wanted = experiments_of("beyond", profile)
        assert {(w.ablation, w.evaluation) for w in wanted if isinstance(w, EncoderSweep)} == {
            *((rung, split) for rung in ladder.RUNGS for split in RUNG_PHOTOS),
            *((rung, RUNG_PHOTOS[-1]) for rung in (*ladder.TRIED, *GRAFTS)),
        }
    smoke = experiments_of("beyond", "smoke")
    assert all(isinstance(w, EncoderSweep) and len(w.qualities) == 2 and w.evaluation == "sample" for w in smoke)


def test_no_sweep_is_taken_for_another() -> None:
    for profile in PROFILES:
        wanted = everything(profile)
        apart = [w for figure in ("beyond", "kinds") for w in experiments_of(figure, profile)]
        assert sum(isinstance(w, EncoderSweep) for w in wanted) == len(apart)
    peer, rung = PeerSweep("mozjpeg-420", (20,)), EncoderSweep("mozjpeg-420", (20,))
    store = Store(Path("data"), Path("runs"))
    assert peer.key != rung.key and store.result_path(peer) != store.result_path(rung)
    assert rung.describe() == "mozjpeg-420 on kodak at 1 qualities"
    assert numerics_of(rung) == numerics_of(peer) != numerics_of(EncoderSweep("fast", (20,)))


# --- a sweep


def test_a_sweep_is_stored_with_where_it_came_from(store: Store, folder: Path) -> None:
    run(SWEEP, store, folder)
    result = store.load(SWEEP)
    assert result is not None and store.result_path(SWEEP).parent.name == "ablations"
    assert result["ablation"] == "annexk-420" and result["seconds"] > 0 and result["assets"] == {}
    made = result["provenance"]
    assert made["threads"] == 1 and {"command", "commit", "versions", "cpu", "date"} <= made.keys()
    assert made["data"]["evaluation"]["count"] == len(result["photos"])
    for photo in photos("hdrplus", folder):
        points = result["photos"][photo.name]["points"]
        assert [p["setting"] for p in points] == [20, 50]
        data = ladder.get("annexk-420").encode(photo.rgb(), 50)
        (expected,) = measure_many(photo.rgb(), [data], more=["ssimulacra2"])
        assert all(points[1][k] == pytest.approx(v, rel=1e-4) for k, v in expected.items() if v is not None)
        assert points[1].keys() == {"setting", "seconds", *expected}
    assert plan([SWEEP], store) == [] and not (store.scratch / f"{SWEEP.key}.json").exists()
    assert Estimate(store).seconds(SWEEP) == pytest.approx(result["seconds"], rel=0.01)


def test_a_sweep_goes_on_where_it_was_cut_off(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = counted(monkeypatch, fail_at=2)
    with pytest.raises(RuntimeError):
        run(SWEEP, store, folder)
    assert store.read(SWEEP) is None, "half of it is no result"
    measured.clear()
    run(SWEEP, store, folder)
    assert len(measured) == len(photos("hdrplus", folder)) - 1, "the first photo was kept"
    measured.clear()
    run(replace(SWEEP, qualities=(20, 35, 50)), store, folder)
    assert measured and all(due == [35] for due in measured), "stored qualities are kept"


def test_what_other_code_left_is_not_gone_on_with(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = counted(monkeypatch, fail_at=2)
    with pytest.raises(RuntimeError):
        run(SWEEP, store, folder)
    part = store.scratch / f"{SWEEP.key}.json"
    part.write_text(json.dumps(json.loads(part.read_text()) | {"numerics": {"encoder": 0, "evaluation": 1}}))
    measured.clear()
    run(SWEEP, store, folder)
    assert len(measured) == len(photos("hdrplus", folder))


def test_another_model_set_makes_it_stale(store: Store, folder: Path) -> None:
    sweep = EncoderSweep("fast", (20,), "hdrplus")
    run(sweep, store, folder)
    result = store.load(sweep)
    assert result is not None and set(result["assets"]) == {
        "models/trellis/model.json",
        "trellis/sensitivity.safetensors",
    }
    other = result | {"assets": result["assets"] | {"models/trellis/model.json": "0" * 64}}
    assert why_stale(sweep, other) == "made with other files of the package (models/trellis/model.json)"
    assert "another version of the code (encoder, evaluation)" in why_stale(sweep, result | {"numerics": {}})


def counted(monkeypatch: pytest.MonkeyPatch, fail_at: int) -> list[list[int]]:
    """The qualities of each call that measures a photo; the call ``fail_at`` fails."""
    calls: list[list[int]] = []
    measure_rung, made = rungs_module.measure_rung, []

    def counting(wanted: EncoderSweep, rgb: np.ndarray, qualities: Any) -> Any:
        made.append(1)
        calls.append(list(qualities))
        if len(made) == fail_at:
            raise RuntimeError("cut off")
        return measure_rung(wanted, rgb, qualities)

    monkeypatch.setattr(rungs_module, "measure_rung", counting)
    return calls


# --- the judgement


def rung_curve(name: str, factor: float = 1.0, seconds: float = 1.0, photos: int = 8, **worse: float) -> Curve:
    """A curve of ``factor`` times the bits, with a score that grows with the logarithm of the rate, and times."""
    made = curve(name, worse, saved=factor, photos=photos, points=6)
    images = {
        photo: tuple(
            {**p, "ssimulacra2": 60 + 40 * np.log10((p["bpp"] or 0) / factor) - i, "seconds": seconds} for p in points
        )
        for i, (photo, points) in enumerate(made.images.items())
    }
    return Curve(name, images)


FACTORS = {
    "pillow-420-progressive": 1.0,
    "mozjpeg-420": 0.9,
    "jpegli-420": 0.85,
    "tables-444": 0.95,
    "annexk-420": 0.98,
    "annexk-scans": 0.96,
    "annexk-trellis": 0.88,
    "fast": 0.8,
    "default": 0.75,
    "best": 0.6,
}

TRIED = {"fast-lpips": 0.79, "default-still": 0.78, "mozjpeg-learned": 0.89}


@pytest.fixture(scope="module")
def judged() -> beyond.Ladder:
    return beyond.Ladder({name: rung_curve(name, f, 1 / f) for name, f in FACTORS.items()})


@pytest.mark.parametrize("metric", beyond.METRICS)
def test_a_saving_is_what_was_saved(metric: str, judged: beyond.Ladder) -> None:
    found = judged.saving("default", "mozjpeg-420", metric)
    assert found.metric == metric and found.mean == pytest.approx(100 * (0.75 / 0.9 - 1), abs=0.5)
    assert found.low <= found.mean <= found.high and len(found.per_image) == 8


def test_the_paper_metrics_are_compared_as_elsewhere(judged: beyond.Ladder) -> None:
    one, other = judged.curves["mozjpeg-420"], judged.curves["best"]
    assert beyond.saving(one, other, "lpips") == bd_rate(one, other, "lpips", window=(0.2, 0.6))


def test_the_harder_peer_is_chosen_metric_by_metric(judged: beyond.Ladder) -> None:
    assert {judged.harder(metric) for metric in beyond.METRICS} == {"jpegli-420"}
    curves = judged.curves | {"mozjpeg-420": rung_curve("mozjpeg", 0.9, lpips=0.5)}
    mixed = beyond.Ladder(curves)
    assert mixed.harder("lpips") == "mozjpeg-420" and mixed.harder("mse") == "jpegli-420"
    assert mixed.saving("best", beyond.BETTER, "lpips") == mixed.saving("best", "mozjpeg-420", "lpips")


def test_what_was_asked_is_judged_by_the_mean(judged: beyond.Ladder) -> None:
    found = {(one.effort, one.metric): one for one in beyond.judged(judged)}
    assert len(found) == sum(len(limits) for *_, limits in beyond.TARGETS) == 11
    fast, default, best = found["fast", "mse"], found["default", "lpips"], found["best", "lpips"]
    assert (fast.anchor, fast.verdict) == ("pillow-420-progressive", "reached"), "20 % against 15"
    assert (default.anchor, default.verdict) == ("jpegli-420", "not reached"), "12 % against 20"
    assert best.found.mean == pytest.approx(100 * (0.6 / 0.85 - 1), abs=0.5) and best.verdict == "not reached"
    empty = replace(best, found=replace(best.found, mean=float("nan")))
    assert empty.verdict == "not measured"
    reached = sum(one.verdict == "reached" for one in found.values())
    assert beyond.tally([judged, judged]) == (2 * reached, 22)


def test_words_for_every_comparison(judged: beyond.Ladder) -> None:
    said = beyond.words(judged)
    assert len(said) == 3 * 4 * 4
    assert said["fast_pillow_mse"].startswith("20.0 % fewer bits")
    assert said["best_better_mse"] == said["best_jpegli_mse"] != said["best_mozjpeg_mse"]


def test_losers_come_first() -> None:
    curves = {name: rung_curve(name) for name in ("mozjpeg-420", "default")}
    worse = dict(curves["default"].images)
    worse["photo03"] = tuple({**p, "bpp": 1.2 * (p["bpp"] or 0)} for p in worse["photo03"])
    worse["photo05"] = tuple({**p, "bpp": 0.8 * (p["bpp"] or 0)} for p in worse["photo05"])
    made = beyond.Ladder(curves | {"default": Curve("default", worse)})
    ranked = made.losses("default", "mozjpeg-420", "lpips")
    assert ranked[0] == ("photo03", pytest.approx(20, abs=0.5)) and ranked[-1][0] == "photo05"
    assert made.lost("default", "mozjpeg-420", "lpips") == "1 of the 8"
    assert made.lost_everywhere("default", "mozjpeg-420") == "1 of the 8 each time"
    several = iter(["1 of the 8", "none of the 8", "2 of the 8", "1 of the 8"])
    with mock.patch.object(beyond.Ladder, "lost", lambda *_: next(several)):
        told = made.lost_everywhere("default", "mozjpeg-420")
    assert told == "1 of the 8, none of the 8, 2 of the 8 and 1 of the 8"


def test_times_are_the_benchmark_s_where_it_is_stored(judged: beyond.Ladder, store: Store) -> None:
    seconds, how = beyond.times(judged, store)
    assert seconds["best"] == pytest.approx((1 / 0.6, 0)) and "one thread" in how
    rows = [{"name": name, "mean": 2.0, "standard_error": 0.1} for name in FACTORS]
    for kept, expected in ((rows[:-1], "one thread"), (rows, "two threads")):
        (store.data / "results").mkdir(parents=True, exist_ok=True)
        (store.data / BENCH).write_text(json.dumps({"ladder": {"rows": kept, "provenance": {}}}))
        seconds, how = beyond.times(judged, store)
        assert expected in how
    assert set(seconds.values()) == {(2.0, 0.1)}


def write_results(store: Store, evaluation: str) -> None:
    """Results of every rung as they would be stored, but for their photos."""
    for rung, factor in {**FACTORS, **TRIED}.items():
        sweep = EncoderSweep(rung, (RUNG_QUALITIES | TRIED_QUALITIES | GRAFT_QUALITIES)[rung], evaluation)
        points = rung_curve(rung, factor).images
        kept = {
            photo: {
                "sha256": "0",
                "seconds": 6.0,
                "points": [{**p, "setting": q} for p, q in zip(of, sweep.qualities, strict=True)],
            }
            for photo, of in points.items()
        }
        made = {
            "commit": "0123456789abcdef",
            "modified": False,
            "cpu": "a processor",
            "gpu": None,
            "cores": 2,
            "threads": 1,
            "date": "2026-01-01T00:00:00",
            "versions": {"torch": "2"},
            "data": {"evaluation": {"source": "made", "sha256": known_hash(evaluation)}},
        }
        result = {
            "name": rung,
            "ablation": rung,
            "evaluation": evaluation,
            "photos": kept,
            "seconds": 48.0,
            "numerics": numerics_of(sweep),
            "assets": rung_of(rung).hashes(),
            "provenance": made,
        }
        store.result_path(sweep).parent.mkdir(parents=True, exist_ok=True)
        store.result_path(sweep).write_text(json.dumps(result))


def known_hash(evaluation: str) -> str:
    from repro.data.sets import hashes_of

    return next(iter(hashes_of(evaluation)), "")


def test_stored_results_make_the_ladder(store: Store, judged: beyond.Ladder) -> None:
    write_results(store, "check")
    found = beyond.stored("check", store=store)
    assert found.curves.keys() == FACTORS.keys() | TRIED.keys() and len(found.made) == len(found.curves)
    assert found.saving("best", "fast", "mse").mean == pytest.approx(judged.saving("best", "fast", "mse").mean)
    assert found.measured == "8 photos"
    told = beyond.origin([found])
    assert told["time"] == "10 min" and told["measured on"] == "made" and "model.json" in told["shipped files"]


def test_what_is_missing_is_named_but_at_smoke(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReproError, match=r"ablations/pillow.*no stored result; run `repro reproduce --figure beyond`"):
        beyond.stored("kodak", store=store)
    made = beyond.Ladder({"fast": rung_curve("fast")})
    monkeypatch.setattr(beyond, "stand_in", lambda: made)
    assert beyond.stored("kodak", "smoke", store) is made
    assert made.measured == "parts of 8 shipped photos, which stand in for results that are not stored"
    assert "nothing here is a finding" in beyond.origin([made])["results"]


def test_a_stand_in_has_every_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: qualities for name, qualities in RUNG_QUALITIES.items() if name in QUICK}
    monkeypatch.setattr(beyond, "RUNG_QUALITIES", few)
    monkeypatch.setattr(beyond, "TRIED_QUALITIES", {"fast-lpips": TRIED_QUALITIES["fast-lpips"]})
    monkeypatch.setattr(beyond, "GRAFT_QUALITIES", {})
    monkeypatch.setattr(beyond, "_FEW", 1)
    made = beyond.stand_in.__wrapped__()
    assert list(made.curves) == QUICK and made.made == ()
    for found in made.curves.values():
        assert all({"ssimulacra2", "seconds", "ms_ssim"} <= p.keys() for p in next(iter(found.images.values())))


# --- pictures and tables


def readable(figures: Mapping[str, Figure]) -> None:
    for name, made in figures.items():
        made.savefig(io.BytesIO(), format="png")
        written = [t for t in made.findobj(Text) if t.get_visible() and t.get_text().strip()]
        assert written and min(t.get_fontsize() for t in written) >= style.SMALLEST, name
        assert made.get_figwidth() <= style.WIDTH, name


@pytest.fixture(scope="module")
def chosen(rgb: np.ndarray) -> trellis.Choice:
    return trellis.choice(rgb, 30)


def test_the_figures_can_be_read(judged: beyond.Ladder, chosen: trellis.Choice) -> None:
    readable(
        {
            "ladder": fig.ladder_plot(judged.against_plain(), judged.seconds()),
            "curves": fig.curves_plot(judged),
            "block": trellis.block_plot(chosen.block),
            "worth": trellis.worth_plot(),
            "tables": trellis.tables_plot(30),
            "way": trellis.way_plot(trellis.Way((0, 1, 2), (1.0, 0.9, 0.8))),
        }
    )


def test_rungs_tell_apart_without_colour() -> None:
    assert len({look.marker for look in fig.RUNG_LOOKS.values()}) == len(fig.RUNG_LOOKS)
    assert beyond.CLIMB.keys() <= fig.RUNG_LOOKS.keys()


def test_tables_say_what_was_found(judged: beyond.Ladder) -> None:
    head, rows = fig.target_rows(beyond.judged(judged))
    assert len(head) == len(rows[0]) and rows[0][0] == "fast" and "(the harder)" in str(rows[-1][1])
    head, rows = fig.saving_rows(judged)
    assert len(rows) == len(FACTORS) - 1 and str(rows[-1][1]).startswith("-40.0 (")
    tried = beyond.Ladder({**judged.curves, **{name: rung_curve(name, f, 1 / f) for name, f in TRIED.items()}})
    assert [row[1][:5] for row in map(list, fig.tried_rows(tried)[1]) if isinstance(row[1], str)] == [
        "-20.0",
        "-21.0",
        "-22.0",
        "-25.0",
    ]
    steps = fig.step_rows(judged)[1]
    assert [row[0] for row in steps] == list(beyond.CLIMB.values())[1:] and str(steps[-1][1]).startswith("-20.0 (")
    assert fig.time_rows(judged.seconds())[1][0][1:] == ["1,000", "0"]
    assert html.table(head, rows).text.count("<tr>") == len(FACTORS)
    none = replace(judged.saving("fast", "best", "mse"), mean=float("nan"))
    assert fig.cell(none) == "–"


def test_a_block_s_numbers_are_those_of_the_photo(chosen: trellis.Choice) -> None:
    block = chosen.block
    assert (np.abs(block.chosen.ravel()[1:]) <= np.abs(block.rounded.ravel()[1:])).all()
    assert block.dropped > 0 and block.bits[1] < block.bits[0] and block.errors[1] >= block.errors[0]
    assert 8 <= (block.rounded.ravel()[1:] != 0).sum() <= 20 and (block.chosen.ravel()[1:] != 0).sum() >= 4
    assert 0 < chosen.bits_saved < 100 and chosen.error_added > 0 and 0 < chosen.zeroed < 100
    assert block.saved == pytest.approx(100 * (1 - block.bits[1] / block.bits[0])) and block.shrunk >= 0


def test_worth_and_tables_in_numbers() -> None:
    assert trellis.leaning("mse") == pytest.approx(1, abs=0.1) and trellis.leaning("ms_ssim") > 1
    said = trellis.table_words(30)
    assert said["steepness_learned"] < said["steepness_annexk"]


def test_the_way_down(rgb: np.ndarray) -> None:
    way = trellis.way(rgb[:48, :64], 30, 2)
    assert way.steps == (0, 1, 2) and 1 == way.objective[0] >= way.objective[1] >= way.objective[2]
    assert trellis.Way((0, 1, 2), (1.0, 0.95, 0.92)).half == 1


# --- one size, and losses


@pytest.fixture(scope="module")
def versions(rgb: np.ndarray) -> list[comparison.Version]:
    small = np.ascontiguousarray(rgb[:176, :176])
    made = [comparison.Version("original", small)]
    for label, quality in (("mozjpeg 4:2:0", 30), ("ours", 35)):
        data = ladder.get("mozjpeg-420").encode(small, quality)
        made.append(comparison.Version(label, decode(data), data, measure(small, data)))
    return made


def test_one_picture_by_every_encoder(rgb: np.ndarray) -> None:
    shown = failures.by_every_encoder(rgb[:64, :64], 1.5, failures.PEERS[:2])
    assert [v.label for v in shown] == ["original", "JPEG 4:2:0, progressive", "mozjpeg 4:2:0", "ours"]
    assert all(len(v.data) >= len(shown[-1].data) for v in shown[1:-1])


def test_a_curtain_over_encoders(versions: list[comparison.Version], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Photo, "rgb", lambda self: versions[0].pixels)
    monkeypatch.setattr(failures, "versions", lambda rgb, *how, **also: asked.append((*how, also)) or versions)
    at_hand = PhotoSet("made", "", "", tuple(Photo(name, Path(name), "0") for name in ("x.png", *failures.SHOWN)))
    made = failures.by_photo(at_hand, 20, 3)
    assert list(made.pictures) == ["kodim04", "kodim05", "kodim15"], "those that were named, in order, as many as asked"
    assert asked == [(None, {"peers": failures.PEERS, "ours": ("trellis",), "quality": 20})] * 3
    first = made.pictures["kodim04"]
    assert list(first) == ["original", "mozjpeg 4:2:0", "ours"] and set(failures.FIRST) <= set(first)
    assert first["original"][0] is versions[0].pixels and first["original"][1] == "24 bpp, as it is"
    assert first["ours"][0] == versions[2].data and re.fullmatch(
        r"\d\.\d{3} bpp · LPIPS \d\.\d{3} · MS-SSIM \d\.\d{3}", first["ours"][1]
    )
    assert made.crops["kodim04"] == (140, 20, 36, 156), "a part inside the photo"
    assert failures.BEFORE_AFTER == ("JPEG 4:2:0, progressive", "ours")
    assert curtain({"one": first}, {"one": made.crops["kodim04"]}, start=failures.FIRST).text.count("<img") == 3


def test_what_is_shown_is_in_the_photos() -> None:
    for name, (top, left) in failures.SHOWN.items():
        upright = name in ("kodim04.png", "kodim19.png")
        height, width = {"k": (768, 512) if upright else (512, 768), "a": (512, 512), "c": (400, 600)}[name[0]]
        assert top + 336 <= height and left + 448 <= width


def test_losses_are_where_ours_is_worse(
    rgb: np.ndarray, versions: list[comparison.Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(versions[0].pixels).save(tmp_path / "photo03", "PNG")
    monkeypatch.setattr(Photo, "rgb", lambda self: versions[0].pixels)
    monkeypatch.setattr(failures, "by_every_encoder", lambda *_: versions)
    at_hand = PhotoSet("made", "", "", (Photo("photo03", tmp_path / "photo03", "0"),))
    curves = {name: rung_curve(name) for name in ("mozjpeg-420", "default")}
    found = failures.worst(beyond.Ladder(curves), at_hand, 0.4)
    assert [one.name for one in found] == ["photo03"] and found[0].percent == pytest.approx(0, abs=0.1)
    made = failures.gallery(found)
    readable({"loss": made.frames[0]})  # type: ignore[dict-item]
    assert made.labels == ["photo03"], "there is no room for more beside a slider"
    assert made.alts[0].startswith("photo03: ") and made.alts[0].count("MSE") == 2
    elsewhere = PhotoSet("made", "", "", (Photo("other", tmp_path / "photo03", "0"),))
    (other,) = failures.worst(beyond.Ladder(curves), elsewhere, 0.4)
    assert other.percent is None and other.words == "other: in the place of photos that are not at hand, no loser"


def test_the_worst_square_is_found() -> None:
    more = np.zeros((400, 500))
    more[230:330, 290:400] = 1
    box = failures._most(more, 200)
    assert (box.height, box.width) == (200, 200) and box.of(more).sum() == more.sum()
    assert failures._most(np.ones((100, 90)), 200) == (0, 0, 100, 90)
    original = np.zeros((64, 80, 3), np.uint8)
    theirs, ours = original.copy(), original.copy()
    theirs[:16], ours[48:, 64:] = 9, 9
    shown = [comparison.Version(name, pixels) for name, pixels in (("o", original), ("a", theirs), ("b", ours))]
    assert failures.where_worse(shown, 16) == (48, 64, 16, 16)


# --- the benchmark


def test_rungs_are_timed(monkeypatch: pytest.MonkeyPatch, rgb: np.ndarray) -> None:
    import ladder as timed

    few = {name: ladder.RUNGS[name] for name in ("mozjpeg-420", "fast")}
    monkeypatch.setattr(timed, "RUNGS", few)
    rows = timed.ladder(quick=True)
    assert [row["name"] for row in rows] == list(few)
    for row in rows:
        assert row["mean"] > 0 and row["standard_error"] == 0 and row["threads"] == 2
        assert row["bits_per_pixel"] == pytest.approx(timed.BPP, rel=0.2)
    two = timed._row(few["mozjpeg-420"], [rgb[:64], rgb[64:]], 1)
    assert two["standard_error"] > 0 and two["seconds"]["low"] <= two["mean"] <= two["seconds"]["high"]
