"""Pairs of models at one λ, each compared with plain JPEG at its own rate, on curves with known differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from made_curves import PAPER as PAPER_BITS
from made_curves import Factor, curve
from repro.errors import ReproError
from repro.evaluation import gain_at_rate
from repro.evaluation.curves import Point
from repro.experiments import Store, paper
from repro.experiments.claims import (
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    Evidence,
    OwnRate,
    all_claims,
    loss,
    recurrent,
)
from repro.experiments.claims.loss import BASELINE, PAPER, STANDARD
from repro.experiments.claims.own_rate import COUNTING, MARGIN, OutOfReach, decibels, papers

PLAIN = curve("plain").counted(COUNTING)


def a_model(rate: float, worse: Mapping[str, Factor] | None = None, noise: float = 0.0) -> Mapping[str, Point]:
    """One model: a point per photo, with plain JPEG's errors but for ``worse``, at ``rate`` as the paper counts."""
    at = rate / PAPER_BITS
    return {photo: points[0] for photo, points in curve("m", worse, rates=(at, 1.0), noise=noise).images.items()}


def models(**series: Mapping[float, Mapping[str, Point]]) -> OwnRate:
    return OwnRate({papers(name): by_lambda for name, by_lambda in series.items()}, PLAIN, "repro reproduce")


def pair(first: float, second: float, worse: Mapping[str, Factor], lambdas: tuple[float, ...] = (0.01,)) -> OwnRate:
    """The paper's loss at rate ``second`` with these errors, the baseline at ``first`` with plain JPEG's errors. Each
    further λ has a quarter more bits."""
    by = {BASELINE: (first, {}), PAPER: (second, worse)}
    return models(
        **{
            name: {lam: a_model(rate * 1.25**i, of, 0.05) for i, lam in enumerate(lambdas)}
            for name, (rate, of) in by.items()
        }
    )


def test_the_papers_series_are_named_as_they_are_stored() -> None:
    assert papers(PAPER) == "vgg19, MSE + LPIPS + MS-SSIM" and papers(STANDARD) == STANDARD


@pytest.mark.parametrize("metric", ["mse", "lpips", "ms_ssim"])
def test_a_gain_is_what_was_put_in_at_whatever_rates(metric: str) -> None:
    """One has a tenth less error than plain JPEG, the other, at another rate, as much: the gain is that tenth."""
    found = pair(0.28, 0.34, {metric: 0.9})
    (gain,) = found.gains(BASELINE, PAPER, (0.25, 0.42), [metric])
    of_anchor = 1 - gain.anchor if metric == "ms_ssim" else gain.anchor
    assert gain.mean / of_anchor == pytest.approx(-math.log(0.9), rel=0.02) and gain.clear == 1
    assert gain.bpp == 0.34 and len(gain.photos) == 24
    (over_plain,) = found.gains(STANDARD, PAPER, (0.25, 0.42), [metric])
    assert over_plain.clear == 1
    (nothing,) = found.gains(STANDARD, BASELINE, (0.25, 0.42), [metric])
    assert nothing.clear == 0 and abs(nothing.mean) < 0.02 * abs(over_plain.mean)


def test_two_lambdas_make_a_curve() -> None:
    """Both are then compared at equal rate, as our models are, and no margin is needed."""
    found = pair(0.28, 0.30, {"mse": 0.98}, (0.01, 0.04))
    at = found.gains(BASELINE, PAPER, (0.25, 0.31, 0.33, 0.42), ["mse"])
    assert [g.bpp for g in at] == [0.31, 0.33] and all(g.clear == 1 for g in at)
    for factor in (0.98, 1.02):
        (alone,) = pair(0.28, 0.30, {"mse": factor}).gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])
        assert alone.clear == 0, "two per cent are less than the margin, whichever way"


def test_the_margin_is_what_our_own_models_show() -> None:
    """Our own models can also be compared at equal rate. The margin is twice the difference of both comparisons (root
    mean square), and no clear verdict of one is the opposite of the other's."""
    stored = Evidence()
    images, curves = stored.parts("5", "images"), stored.first("5")
    plain, off = stored.plain().counted(COUNTING), []
    for rounding in ("", ", straight-through"):
        anchor, test = f"vgg16, MSE + LPIPS{rounding}", f"vgg16, MSE + LPIPS + MS-SSIM{rounding}"
        for lam in images[test]:
            one = OwnRate({papers(name): {lam: images[name][lam]} for name in (anchor, test)}, plain, "")
            for metric in ("mse", "ms_ssim"):
                try:
                    (gain,) = one.gains(anchor, test, (0.25, 0.42), [metric])
                except ReproError:
                    continue
                pair_of = (curves[name].counted(COUNTING) for name in (anchor, test))
                equal = gain_at_rate(*pair_of, gain.bpp, metric)
                if min(len(gain.photos), len(equal.photos)) == len(images[test][lam]):
                    off.append(decibels(gain)[0] - decibels(equal)[0])
                    assert gain.clear * equal.clear >= 0
    assert len(off) >= 6 and 0.5 * MARGIN < 2 * np.sqrt(np.mean(np.square(off))) <= MARGIN


def test_rates_far_apart_or_out_of_the_range_are_not_compared() -> None:
    """The rates may differ by a factor of 1.25; the range is 0.25 to 0.42, and each rate may be as far outside."""
    for first, second in ((0.30, 0.37), (0.37, 0.30), (0.205, 0.205), (0.52, 0.52)):
        assert pair(first, second, {}).gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])
    for first, second in ((0.30, 0.38), (0.38, 0.30), (0.195, 0.195), (0.53, 0.53)):
        with pytest.raises(OutOfReach, match="lie outside of these rates, or too far apart, at any λ of the plan"):
            pair(first, second, {}).gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])


def test_rates_that_plain_jpeg_never_has_are_not_compared() -> None:
    """A pair far below plain JPEG's curve. If the plan has another λ, that may help."""
    tiny = replace(pair(0.001, 0.0011, {}), anywhere=True)
    said = r"no file of their rates, 0\.001 and 0\.0011 bpp, which differ by more than 2 %"
    with pytest.raises(OutOfReach, match=f"{said}, at any λ of the plan"):
        tiny.gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])
    both = {papers(PAPER): {0.01, 0.04}, papers(BASELINE): {0.01, 0.04}}
    with pytest.raises(ReproError, match=f"{said}; for other λ, run") as more:
        replace(tiny, planned=both).gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])
    assert not isinstance(more.value, OutOfReach)
    with pytest.raises(OutOfReach):  # the other λ is planned for only one of the two
        replace(tiny, planned={**both, papers(BASELINE): {0.01}}).gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])


@pytest.mark.parametrize("metric", ["mse", "ms_ssim"])
def test_there_two_models_of_one_rate_are_compared_directly(metric: str) -> None:
    found = replace(pair(0.001, 0.00101, {metric: 0.8}), anywhere=True)
    (gain,) = found.gains(BASELINE, PAPER, (0.25, 0.42), [metric])
    assert decibels(gain)[0] == pytest.approx(-10 * math.log10(0.8), abs=0.1) and gain.clear == 1


def test_what_is_missing_is_named() -> None:
    alone = models(**{PAPER: {0.01: a_model(0.3)}})
    with pytest.raises(ReproError, match=r"not stored: VGG-19, MSE \+ LPIPS; run `repro reproduce`"):
        alone.gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])
    apart = models(**{PAPER: {0.01: a_model(0.3)}, BASELINE: {0.04: a_model(0.3)}})
    with pytest.raises(ReproError, match=r"no λ has both VGG-19, .* and VGG-19, "):
        apart.gains(BASELINE, PAPER, (0.25, 0.42), ["mse"])


class AsStored(Evidence):
    """Evidence with made-up models by the paper's recipe, and none by ours."""

    found: OwnRate

    def compared(self, *figures: str) -> OwnRate:
        if self.profile != "paper":
            raise ReproError("results: none")
        return self.found


@pytest.mark.parametrize(
    ("worse", "lambdas", "verdict"),
    [
        ({"ms_ssim": 0.9}, (0.01,), PARTLY),
        ({"ms_ssim": 0.9}, (0.01, 0.04), REPRODUCED),
        ({}, (0.01,), NOT),
        ({"ms_ssim": 1.1}, (0.01, 0.04), NOT),
    ],
)
def test_one_lambda_can_refute_but_not_confirm(
    worse: dict[str, Factor], lambdas: tuple[float, ...], verdict: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AsStored, "found", pair(0.30, 0.31, worse, lambdas), raising=False)
    first, *_ = all_claims(AsStored("cpu", store))
    assert first.verdict == NOT_YET and first.by_paper is not None
    assert first.by_paper.verdict == verdict
    assert ("at one λ alone" in first.by_paper.evidence) == (verdict == PARTLY)


def test_one_lambda_confirms_a_claim_on_one_rate(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fig. 6 shows pictures at 0.315 bits per pixel only."""
    better = pair(0.30, 0.31, {"mse_chroma": 0.8, "blocking": 0.8})
    monkeypatch.setattr(AsStored, "found", better, raising=False)
    by_paper = all_claims(AsStored("cpu", store))[2].by_paper
    assert by_paper is not None and by_paper.verdict == REPRODUCED and "at one λ alone" not in by_paper.evidence


def test_both_recipes_are_judged_by_the_same_functions() -> None:
    better = pair(0.30, 0.31, {"ms_ssim": 0.9, "mse": 1.1})
    assert loss.judge_ms_ssim(better).verdict == REPRODUCED and loss.judge_harmless(better).verdict == PARTLY
    low = models(**{name: {0.01: a_model(0.27, {"ms_ssim": 1.2})} for name in (recurrent.LSTM, recurrent.BILSTM)})
    assert recurrent.judge_low_rates(low).verdict == REPRODUCED, "clearly worse than plain JPEG"


def test_what_no_run_of_the_plan_can_test_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """LSTMs below plain JPEG's rates at every λ cannot be tested against it, but can be compared with each other."""
    tiny = models(**{name: {0.01: a_model(0.001)} for name in (recurrent.LSTM, recurrent.BILSTM)})
    monkeypatch.setattr(AsStored, "found", replace(tiny, anywhere=True), raising=False)
    of = {c.number: c.by_paper for c in all_claims(AsStored("cpu", store))}
    assert of[20] is not None and of[20].verdict == NOT_TESTABLE and "0.001 bpp" in of[20].evidence
    assert of[17] is not None and of[17].verdict == NOT


def test_without_runs_the_command_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evidence, "plain", lambda self: curve("plain"))
    for c in all_claims(Evidence("cpu", store)):
        if c.number in (1, 2, 3, 4, 5, 16, 17, 18):
            assert c.by_paper is not None and c.by_paper.verdict == NOT_YET
            assert "repro reproduce --profile paper --figure" in c.by_paper.evidence


def test_first_steps_are_told_and_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs have begun, far from the claim's rates: they are shown as evidence, and the verdict waits."""
    with_it, without = paper.first_pair_begun()
    errors = {with_it: {"ms_ssim": 0.8}, without: {}}
    begun = [(run, {"images": a_model(0.7, worse, 0.05)}) for run, worse in errors.items()]
    monkeypatch.setattr(Evidence, "by_the_paper", lambda self: [])
    monkeypatch.setattr(Evidence, "begun", lambda self: begun)
    monkeypatch.setattr(Evidence, "plain", lambda self: curve("plain"))
    first, weights = (c.by_paper for c in all_claims(Evidence()) if c.number in (1, 4))
    assert first is not None and first.verdict == NOT_YET and first.effects
    assert "repro reproduce --profile paper --figure 5" in first.evidence
    assert first.evidence.endswith("after 6,000 of 20,000 steps: better in MS-SSIM (0.70 bpp, paper's counting)")
    assert weights is not None and weights.verdict == NOT_YET and not weights.effects, "a third model is missing"
