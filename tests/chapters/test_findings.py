"""Words and rows of chapters 5 to 9 on curves that are better, worse or alike by construction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from chapters import findings
from made_curves import SEQUENTIAL, Factor, below, curve, curves_of, names_of
from repro.evaluation import BDRate, Curve
from repro.experiments.claims import CLAIMS, METRICS, Evidence, loss

BETTER, WORSE = 0.9, 1 / 0.9
COMPARISONS = {
    "ENCODERS": ("5", "ours"),
    "LOSS_TERMS": ("5", "7"),
    "RESNETS": ("5", "8", "10"),
    "NETWORKS": ("5", "10", "ours"),
}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((-12.34, -14.2, -10.1), "12.3 % fewer bits (95 % interval 10.1 to 14.2)"),
        ((12.34, 10.1, 14.2), "12.3 % more bits (95 % interval 10.1 to 14.2)"),
        ((-1.2, -3.0, 0.5), "about as many bits (-1.2 %, 95 % interval -3.0 to +0.5)"),
        ((math.nan, math.nan, math.nan), "no quality in common"),
    ],
)
def test_savings_in_words(found: tuple[float, float, float], words: str) -> None:
    assert findings.in_words(BDRate("mse", *found, {}, {})) == words
    assert words.startswith(findings.briefly(BDRate("mse", *found, {}, {})))


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_number_is_of_its_own_pair(name: str) -> None:
    """Each curve needs a different share of the bits, so no two pairs have the same answer."""
    comparisons: Mapping[str, findings.Comparison] = getattr(findings, name)
    saved = {series: 0.7 + 0.031 * i for i, series in enumerate(names_of(*COMPARISONS[name]))}
    curves = {series: curve(series, saved=share, photos=4) for series, share in saved.items()}
    compared = findings.compare(curves, comparisons)
    said = findings.words(comparisons, compared)
    for key, pair in comparisons.items():
        bits = (SEQUENTIAL if pair.counting == "bpp_sequential" else 1) * saved[pair.test] / saved[pair.anchor]
        for metric in METRICS:
            assert compared[pair.label][metric].mean == pytest.approx(100 * (bits - 1)), key
            assert said[f"{key}_{metric}"] == findings.in_words(compared[pair.label][metric])
    assert len(compared) == len(comparisons), "no label twice"


@pytest.mark.parametrize(
    ("worse", "starts", "ends"),
    [
        (dict.fromkeys(METRICS, BETTER), "Yes, it raises MS-SSIM at every rate", "costs nothing in MSE and LPIPS."),
        ({"ms_ssim": BETTER, "mse": WORSE}, "Yes, it raises", "and it costs something in MSE."),
        ({"ms_ssim": BETTER, "mse": WORSE, "lpips": WORSE}, "Yes, it raises", "and it makes MSE and LPIPS worse."),
        ({"ms_ssim": below(0.26, BETTER)}, "In part: it raises MS-SSIM at some rates", "in MSE and LPIPS."),
        ({}, "No, it does not raise MS-SSIM", "costs nothing in MSE and LPIPS."),
    ],
)
def test_the_question_of_chapter_5_is_answered(worse: dict[str, Factor], starts: str, ends: str) -> None:
    curves = curves_of("5", photos=12, changed={loss.PAPER: curve(loss.PAPER, worse, noise=0.05, photos=12)})
    answer, evidence = findings.ms_ssim_helps(curves)
    assert answer.startswith(starts) and answer.endswith(ends)
    judged = loss.judge_ms_ssim(curves), loss.judge_harmless(curves)
    assert evidence.startswith(
        f"At equal rate, {judged[0].evidence}; {judged[1].evidence}. In bits of the file itself: "
    )


def plain_and_tables(worse: Mapping[str, Factor], **options: Any) -> dict[str, Curve]:
    """Learned tables with these errors, at plain JPEG's sequential rates."""
    kept = curve(findings.TABLES, worse, **options)
    level = {p: tuple({**q, "bpp_sequential": q["bpp"]} for q in at) for p, at in kept.images.items()}
    return curves_of(changed={findings.TABLES: Curve(findings.TABLES, level)})


@pytest.mark.parametrize(
    ("worse", "options", "answer"),
    [
        (dict.fromkeys(METRICS, BETTER), {}, "Yes: every gain is above zero, and so is its whole interval."),
        (
            {"mse": BETTER, "lpips": BETTER, "ms_ssim": 0.995},
            {"noise": 0.05},
            "24 of 24 gains are above zero, 16 with their whole interval; 0 are unknown.",
        ),
        (
            {"mse": lambda bpp: WORSE if bpp < 0.33 else BETTER, "lpips": BETTER, "ms_ssim": BETTER},
            {"points": 65},
            "22 of 24 gains are above zero, 22 with their whole interval; 0 are unknown.",
        ),
        (
            dict.fromkeys(METRICS, BETTER),
            {"rates": (0.1, 0.43)},
            "12 of 24 gains are above zero, 12 with their whole interval; 12 are unknown.",
        ),
        ({}, {"rates": (0.7, 1.0)}, "0 of 24 gains are above zero, 0 with their whole interval; 24 are unknown."),
    ],
)
def test_tables_pass_only_where_they_were_tested(worse: Any, options: Any, answer: str) -> None:
    assert findings.tables_beat_plain(findings.matched_gains(plain_and_tables(worse, **options))) == answer


def test_tables_are_compared_as_sequential_files() -> None:
    """What progressive scans save is not due to the tables: if only the scans differ, nothing is gained."""
    curves = curves_of()
    _, (ours,) = findings.same_coding(curves)
    for q, p in zip(ours.images["photo00"], curves[findings.TABLES].images["photo00"], strict=True):
        assert q["bpp"] == pytest.approx(SEQUENTIAL * (p["bpp"] or 0))
    assert findings.tables_beat_plain(findings.matched_gains(curves)).startswith("0 of 24 gains")


def test_chapter_5_says_what_the_table_of_claims_says() -> None:
    """The chapter judges all figures' results together, the table only those of a claim; their seeds must agree."""
    stored = Evidence()
    curves = stored.seeds("5", "7", "ours")
    for number, said in {3: loss.judge_pictures, 4: loss.judge_weights, 5: loss.judge_no_lpips}.items():
        judge = CLAIMS[number].judge
        assert judge is not None and judge(stored) == said(curves)
