"""The ablations of chapter 10: files that differ in one thing each, and sweeps that measure them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from repro.data import photos
from repro.evaluation import measure, measure_many
from repro.experiments import PROFILES, EncoderSweep, PeerSweep, Store, everything, experiments_of, plan, run, sweeps
from repro.experiments.ablations import ABLATIONS, SETS, lam_of, mse_weights, rounded, set_folder
from repro.experiments.numerics import numerics_of, why_stale
from repro.experiments.registry import ABLATION_QUALITIES, COMPARED_QUALITIES
from repro.jpeg.codestream import decode, read
from repro.jpeg.tables import quality_tables
from repro.stages import decode as decode_planes
from repro.trellis import planes

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

QUICK = [name for name in ABLATIONS if name != "best" and (name not in SETS or set_folder(name).is_dir())]
SWEEP = EncoderSweep("annexk-420", (20, 50), "hdrplus")


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    """A part of a shipped photo whose sides are not whole blocks."""
    return np.ascontiguousarray(photos("sample").items[3].rgb()[80:261, 120:363])


@pytest.mark.parametrize("name", QUICK)
def test_higher_quality_costs_more_bits_and_loses_less(name: str, rgb: np.ndarray) -> None:
    small, large = (ABLATIONS[name].encode(rgb, quality) for quality in (15, 60))
    assert decode(small).shape == rgb.shape and len(small) < len(large)
    assert (measure(rgb, large)["mse"] or 0) < (measure(rgb, small)["mse"] or 0)
    assert ABLATIONS[name].peer or read(small).subsampling == ("4:4:4" if name == "tables-444" else "4:2:0")


def test_annex_k_is_what_libjpeg_has(rgb: np.ndarray) -> None:
    """The same tables, and nearly the same coefficients, as libjpeg rounds in between."""
    ours, theirs = (read(ABLATIONS[n].encode(rgb, 40)) for n in ("annexk-420", "pillow-420-progressive"))
    assert np.array_equal(ours.tables, theirs.tables)
    for a, b in zip(ours.planes, theirs.planes, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1 and (a != b).mean() < 0.02


def test_scans_change_no_pixel(rgb: np.ndarray) -> None:
    before, after = (ABLATIONS[name].encode(rgb, 30) for name in ("default", "default-scans"))
    assert len(after) <= len(before) and np.array_equal(decode(after), decode(before))


def test_the_trellis_reaches_a_lower_objective_than_rounding(rgb: np.ndarray) -> None:
    dct = planes.forward_dct(rgb)
    tables = quality_tables(40).astype(np.uint16)
    weights, lam = mse_weights(dct), lam_of(tables)

    def objective(z: list[np.ndarray]) -> float:
        error = sum(
            (w.profile * np.square(plane.F - numbers * planes.steps(tables, i))).sum()
            for i, (w, plane, numbers) in enumerate(zip(weights, dct.planes, z, strict=True))
        )
        return float(error) + lam * planes.bits(dct, z)

    assert objective(planes.trellis_quantize(dct, weights, tables, lam)) < objective(rounded(dct, tables))


@pytest.mark.parametrize(("plane", "place"), [(0, 1), (0, 30), (1, 0), (1, 5), (2, 0), (2, 12), (1, 40)])
def test_weights_are_what_an_error_costs_in_mse(plane: int, place: int) -> None:
    """One coefficient error in the middle of a uniform picture, decoded: the weight is its squared error over RGB."""
    dct = planes.forward_dct(np.full((96, 96, 3), 128, np.uint8))
    parts = [torch.from_numpy(p.F.copy()) for p in dct.planes]
    middle = dct.planes[plane].rows // 2 * dct.planes[plane].cols + dct.planes[plane].cols // 2
    parts[plane][middle, place] += 40.0
    shown = decode_planes(dct, parts)
    found = float((shown - 128).square().mean(1).sum())
    assert found == pytest.approx(1600 * float(mse_weights(dct)[plane].profile[place]), rel=1e-3)


def test_every_ablation_is_planned_where_it_should_be() -> None:
    assert ABLATIONS.keys() == ABLATION_QUALITIES.keys() | COMPARED_QUALITIES.keys()
    for profile in PROFILES:
        apart = [w for figure in ("beyond", "content-types") for w in experiments_of(figure, profile)]
        assert sum(isinstance(w, EncoderSweep) for w in everything(profile)) == len(apart), "none passes for another"
    wanted = [w for w in experiments_of("beyond", "cpu") if isinstance(w, EncoderSweep)]
    assert {w.encoder for w in wanted if w.evaluation == "check"} == ABLATIONS.keys()
    peer, ablation = PeerSweep("mozjpeg", (20,)), EncoderSweep("mozjpeg", (20,))
    assert peer.key != ablation.key
    assert numerics_of(ablation) == numerics_of(peer) != numerics_of(EncoderSweep("fast", (20,)))


def test_a_sweep_is_stored_with_where_it_came_from(store: Store, folder: Path) -> None:
    run(SWEEP, store, folder)
    result = store.load(SWEEP)
    assert result is not None and result["ablation"] == "annexk-420" and result["assets"] == {}
    made = result["provenance"]
    assert made["threads"] == 1 and {"command", "commit", "versions", "cpu", "date"} <= made.keys()
    assert made["data"]["evaluation"]["count"] == len(result["photos"])
    for photo in photos("hdrplus", folder):
        points = result["photos"][photo.name]["points"]
        assert [p["setting"] for p in points] == [20, 50]
        (expected,) = measure_many(
            photo.rgb(), [ABLATIONS["annexk-420"].encode(photo.rgb(), 50)], more=sweeps.WIDE_METRICS
        )
        assert all(points[1][k] == pytest.approx(v, rel=1e-4) for k, v in expected.items() if v is not None)
        assert points[1].keys() == {"setting", "seconds", *expected}
    assert plan([SWEEP], store) == [] and not (store.scratch / f"{SWEEP.key}.json").exists()


def interrupted(monkeypatch: pytest.MonkeyPatch, store: Store, folder: Path) -> list[list[int]]:
    """Run :data:`SWEEP` until its second photo fails; the list receives the qualities of each later call."""
    calls: list[list[int]] = []
    measure_photo: Callable = sweeps.measure_photo

    def counting(wanted: EncoderSweep, rgb: np.ndarray, qualities: list[int]) -> object:
        calls.append(list(qualities))
        if len(calls) == 2:
            raise RuntimeError("cut off")
        return measure_photo(wanted, rgb, qualities)

    monkeypatch.setattr(sweeps, "measure_photo", counting)
    with pytest.raises(RuntimeError):
        run(SWEEP, store, folder)
    assert store.read(SWEEP) is None, "half of it is no result"
    calls.extend([[]] * 2)  # so that no later call is the second
    del calls[:2]
    return calls


def test_a_sweep_resumes_where_it_was_cut_off(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = interrupted(monkeypatch, store, folder)
    run(SWEEP, store, folder)
    assert calls[2:] == [[20, 50]], "the first photo of two was kept"
    run(replace(SWEEP, qualities=(20, 35, 50)), store, folder)
    assert calls[3:] == [[35], [35]], "stored qualities are kept"


def test_another_model_set_makes_it_stale(store: Store, folder: Path) -> None:
    sweep = EncoderSweep("fast", (20,), "hdrplus")
    run(sweep, store, folder)
    result = store.load(sweep)
    assert result is not None
    assert set(result["assets"]) == {"models/trellis/SHA256SUMS"}
    other = result | {"assets": result["assets"] | {"models/trellis/SHA256SUMS": "0" * 64}}
    assert why_stale(sweep, other) == "made with other files of the package (models/trellis/SHA256SUMS)"
    assert "another version of the code (encoder, evaluation)" in why_stale(sweep, result | {"numerics": {}})
