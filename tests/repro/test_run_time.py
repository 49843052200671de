"""Run time: event files are read, missing codecs are named, and verdicts follow from the stored times."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import factorised
import inference
import training
from repro.experiments import bench
from repro.experiments.claims import NOT, NOT_YET, PARTLY, REPRODUCED, times

STORED = bench.load()


def spread(median: float, wide: float = 0.02) -> dict[str, float]:
    return {"median": median, "low": median * (1 - wide), "high": median * (1 + wide)}


def trained(ratio: float, precision: str = "32-true", block: int = 1, wide: float = 0.02) -> dict[str, Any]:
    """A row of the table ``training``."""
    return {
        "method": f"resnet152-block{block}",
        "program": "train",
        "trunk": "trained",
        "precision": precision,
        "steps_per_second": spread(ratio),
        "ratio": spread(ratio, wide),
    }


def coder(name: str, mean: float, error: float, task: str = "encode") -> dict[str, Any]:
    """A row of the table ``inference``."""
    return {
        "name": f"{name}, {task}",
        "coder": name,
        "task": task,
        "mean": mean,
        "standard_error": error,
        "relative_deviation": 0.1,
        "seconds_by_photo": [mean - error, mean + error],
        "bits_per_pixel": 1.0,
        "operations_per_pixel": 1000.0,
        "remark": "made up",
    }


def tables(**rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {"rows": found, "provenance": {}} for name, found in rows.items()}


def coders(ours: tuple[float, float], balle: tuple[float, float], prior: tuple[float, float]) -> dict[str, Any]:
    names = (times.OURS, *times.LEARNED)
    return tables(inference=[coder(n, *v) for n, v in zip(names, (ours, balle, prior), strict=True)])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([trained(1.57)], REPRODUCED),
        ([trained(1.40, wide=0.01)], PARTLY),
        ([trained(3.3), trained(0.7, block=7)], PARTLY),
        ([trained(0.7), trained(0.9, block=7)], NOT),
        ([trained(1.01, wide=0.05)], NOT),  # not clearly faster
        ([trained(0.9), trained(1.57, "bf16-mixed")], NOT),
        ([trained(1.57, "bf16-mixed")], NOT_YET),
        ([trained(1.57) | {"trunk": "frozen"}], NOT_YET),
        ([], NOT_YET),
    ],
)
def test_training_speed(rows: list[dict[str, Any]], expected: str) -> None:
    verdict, evidence, _ = times.judge_training(tables(training=rows))
    assert verdict == expected and evidence and "\n" not in evidence


@pytest.mark.parametrize(
    ("balle", "prior", "expected"),
    [(2.0, 2.0, REPRODUCED), (1.9, 2.5, PARTLY), (2.5, 1.9, PARTLY), (1.9, 0.1, NOT)],
)
def test_inference_time(balle: float, prior: float, expected: str) -> None:
    verdict, evidence, _ = times.judge_inference(coders((1.0, 0.1), (balle, 0.1), (prior, 0.1)))
    assert verdict == expected and "VGG-19 attention 1 s" in evidence and "\n" not in evidence


def test_the_interval_of_a_ratio_of_times_is_of_both_errors() -> None:
    """Standard errors of 1/10 and 1/20 of the means: the logarithm reaches 1.96 times their root sum of squares."""
    effect, _ = times.judge_inference(coders((1.0, 0.1), (2.0, 0.1), (2.0, 0.1))).effects
    reach = 1.96 * np.sqrt(0.1**2 + 0.05**2)
    assert effect.points == (pytest.approx((np.log(2), np.log(2) - reach, np.log(2) + reach)),)


@pytest.mark.parametrize(
    ("balle", "prior", "expected"),
    [(0.2, 0.2, REPRODUCED), (0.05, 0.2, PARTLY), (0.2, 0.05, PARTLY), (0.05, 0.1, NOT)],
)
def test_stability(balle: float, prior: float, expected: str) -> None:
    verdict, evidence, _ = times.judge_stability(coders((1.0, 0.1), (1.0, balle), (1.0, prior)))
    assert verdict == expected and "100 ms (10.0 % of the mean)" in evidence


@pytest.mark.parametrize("judge", [times.judge_inference, times.judge_stability])
def test_without_a_codec_there_is_no_verdict(judge: Any) -> None:
    stored = coders((1.0, 0.1), (2.0, 0.1), (2.0, 0.1))
    stored["inference"]["rows"][1] = {"coder": times.LEARNED[0], "task": "encode", "remark": "pip install x"}
    assert judge(stored)[:2] == (NOT_YET, "not timed: Ballé et al. 2017")
    assert judge({})[0] == NOT_YET


def test_event_files_are_read(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as board:
        for step, at in ((3, 10.0), (6, 16.0), (9, 17.5)):
            board.add_scalar("loss", 1.0, step, walltime=at)
            board.add_scalar("another", 1.0, step, walltime=at + 100)
    assert training.seconds_a_step(tmp_path) == [2.0, 0.5]


def test_a_training_is_stopped_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real training loop, as short as possible: two crops, no trunk."""
    crops = torch.randint(0, 256, (2, 3, 168, 168), dtype=torch.uint8)
    setting = training.Setting("train", "frozen", "32-true", False)
    monkeypatch.setattr(training, "RECIPE", training.replace(training.RECIPE, batch=2))
    begun = time.time()
    found = training.logged(setting, "tables", crops, 2 * training.LOG_EVERY, folder=tmp_path)
    assert len(found) == 1 and 0 < found[0] < time.time() - begun


def test_coders_are_timed_by_the_photo() -> None:
    rows = inference.inference(quick=True)
    assert [row["task"] for row in rows] == ["encode", "decode"]
    for row in rows:
        assert len(row["seconds_by_photo"]) == 2 and row["mean"] == pytest.approx(np.mean(row["seconds_by_photo"]))
        assert row["standard_error"] == pytest.approx(np.std(row["seconds_by_photo"], ddof=1) / 2**0.5)
        assert bench.cells(row)
    assert rows[1]["mean"] < rows[0]["mean"]


def test_a_codec_that_cannot_be_installed_is_a_row_with_the_line_that_would(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: str) -> None:
        raise OSError("no network")

    monkeypatch.setattr(factorised, "Factorised", broken)
    with ExitStack() as stack:
        found, missing = inference.begin(stack)
    assert not found and len(missing) == 2 * len(inference.LEARNED)
    assert all("no network" in row["remark"] and factorised.INSTALL in row["remark"] for row in missing)


def test_the_stored_times_have_every_method_and_coder() -> None:
    rows = times.training_rows(STORED)
    settings = {times.setting_of(row) for row in rows}
    assert {(times.setting_of(r), r["method"]) for r in rows} == {(s, m) for s in settings for m in training.METHODS}
    assert {"plain", "train"} == {row["program"] for row in rows}
    assert {row["coder"] for row in STORED["inference"]["rows"]} == set(inference.CODERS)
    assert set(times.coded(STORED, "decode")) | {"VGG-16 attention", times.OURS} >= set(times.coded(STORED))
    assert {inference.TABLES, inference.VGG19, *inference.LEARNED} == {times.TABLES, times.OURS, *times.LEARNED}
    assert not STORED["inference"]["provenance"]["modified"]
    for judge in (times.judge_training, times.judge_inference, times.judge_stability):
        verdict, evidence, _ = judge(STORED)
        assert verdict in (REPRODUCED, PARTLY, NOT, NOT_YET) and evidence
