"""Where runs end, in the terms that training minimises: chapter 9's numbers, tables and pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chapters import steps as drawn
from repro.data.sets import hashes_of
from repro.errors import ReproError
from repro.experiments import Experiment, Store, Variant, experiments_of, objective, profile_of
from repro.experiments.numerics import numerics_of
from repro.losses import LossWeights

SPLITS = {"evaluation": "sample", "train": "train"}
RUN = profile_of("smoke").run(Variant("tables"), 0.02)


def result(e: Experiment, *, mse: float = 100.0, rate: float = 3.0, dc: float = 30.0) -> dict[str, Any]:
    """A result for two photos with mean MSE ``mse``, LPIPS 0.2 and MS-SSIM 0.95, at 0.4 bits per pixel."""
    photo = {"bpp": 0.4, "lpips": 0.2, "ms_ssim": 0.95}
    return {
        "experiment": json.loads(e.canonical),
        "images": {"a": {**photo, "mse": mse - 10}, "b": {**photo, "mse": mse + 10}},
        "log": [{"step": 1.0, "rate": 99.0, "loss": 9.0}, {"step": 2.0, "rate": rate, "loss": 7.0}],
        "tables": [[[dc] * 8] * 8] * 2,
        "numerics": numerics_of(e),
        "provenance": {"data": {use: {"sha256": min(hashes_of(split))} for use, split in SPLITS.items()}},
    }


def put(store: Store, *runs: Experiment, **options: float) -> None:
    for e in runs:
        path = store.result_path(e)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result(e, **options)))


def test_the_objective_is_equation_7_on_files() -> None:
    found = objective.outcome(RUN, result(RUN))
    assert found.objective == pytest.approx(0.02 * (100 + 500 * 0.2 + 1000 * 0.05) + 3.0), "r as it was logged last"
    assert (found.bpp, found.mse, found.ms_ssim, found.dc) == pytest.approx((0.4, 100, 0.95, 30))
    alone = replace(RUN, loss=LossWeights(lam=0.1, gamma=0.0, sigma=0.0))
    assert objective.outcome(alone, result(alone)).objective == pytest.approx(0.1 * 100 + 3.0)


def test_runs_are_paired_with_twice_their_steps(store: Store) -> None:
    twice = [e for e in experiments_of("ours", "smoke") if isinstance(e, Experiment) and e.series.endswith("the steps")]
    once = [replace(e, recipe=replace(e.recipe, steps=e.recipe.steps // 2)) for e in twice]
    assert len(twice) == 5
    with pytest.raises(ReproError, match="no stored result; run `repro reproduce`"):
        objective.doublings("smoke", store)
    put(store, *once)
    put(store, *twice, mse=90.0)
    pairs = objective.doublings("smoke", store)
    for (a, b), short, long in zip(pairs, once, twice, strict=True):
        assert (a.experiment.key, b.experiment.key) == (short.key, long.key) and b.objective < a.objective
    head, rows = drawn.doubling_rows(pairs)
    assert len(rows) == 5 and all(len(row) == len(head) for row in rows) and rows[0][1] == "2 → 4"


def test_ends_are_by_series_and_lambda_of_the_first_seed(store: Store) -> None:
    wanted = [e for e in experiments_of("13", "smoke") if isinstance(e, Experiment)]
    put(store, *wanted)
    found = objective.ends("13", profile="smoke", store=store)
    assert {(name, lam) for name, runs in found.items() for lam in runs} == {(e.series, e.loss.lam) for e in wanted}
