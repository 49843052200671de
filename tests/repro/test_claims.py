"""Verdicts on curves that are better, worse or alike by construction: no verdict may say more than they show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_curves import PAPER as PAPER_BITS
from made_curves import Factor, below, curve, curves_of, names_of
from repro.errors import ReproError
from repro.evaluation import Curve, Gain
from repro.experiments import PeerSweep, Store, experiments_of
from repro.experiments.claims import (
    CLAIMS,
    METRICS,
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    Evidence,
    all_claims,
    gains,
    loss,
    recurrent,
    steps,
    trunks,
    verdicts,
)
from repro.experiments.claims.loss import BASELINE, HALVED, NO_LPIPS, PAPER, STANDARD
from repro.experiments.claims.recurrent import BILSTM, LSTM, STRETCHED
from repro.experiments.claims.verdicts import alike, either, no_losses, together, wins
from repro.experiments.registry import LSTM_RATES

#: Errors 10 % smaller and larger.
BETTER, WORSE = 0.9, 1 / 0.9
VGG, BLOCK_1, BLOCK_7 = trunks.names(0.0)
VGG_WITH, BLOCK_1_WITH, BLOCK_7_WITH = trunks.names(1000.0)
#: Just enough photos for a verdict.
FEW = verdicts.MIN_PHOTOS
UNREACHED = "the curves do not reach these rates"
#: From worst to best.
ORDER = (NOT, PARTLY, REPRODUCED)

Curves = dict[str, Curve]
#: Series → metric → factor of its errors.
Factors = Mapping[str, Mapping[str, Factor]]


# --- gains


def test_a_comparison_needs_enough_photos() -> None:
    """All photos reach 0.3 bits per pixel, some of 24 reach 0.5. In a set of fewer photos, all must reach the rate."""
    for reaching in (FEW - 1, FEW):
        short = curve("short", reach=dict.fromkeys(range(reaching, 24), 0.4))
        expected = [0.3, 0.5] if reaching >= FEW else [0.3]
        for pair in ((curve("a"), short), (short, curve("a"))):
            assert [g.bpp for g in gains(*pair, [0.3, 0.5], ["mse"])] == expected
    whole, part = curve("a", photos=4), curve("b", photos=4, reach={2: 0.4})
    assert [g.bpp for g in gains(whole, part, [0.3, 0.5], ["mse"])] == [0.3]


def test_seeds_that_disagree_leave_no_clear_gain() -> None:
    """One seed is a tenth better, one a tenth worse: on average they are alike, and nothing is known more precisely."""
    seeds = [curve("b", {"mse": BETTER}), curve("b", {"mse": 2 - BETTER})]
    (one,), (two,) = (gains(curve("a"), of, [0.3], ["mse"]) for of in (seeds[0], seeds))
    assert one.clear == 1 and two.clear == 0
    assert two.mean == pytest.approx(0, abs=1e-9) and two.low < 0 < two.high


# --- rules


def a_gain(clear: int, mean: float | None = None, metric: str = "mse", bpp: float = 0.3) -> Gain:
    """A gain that is clearly better (1), clearly worse (−1) or neither (0), of ``mean`` on an error of 10."""
    middle = float(clear) if mean is None else mean
    reach = 0.5 if clear else abs(middle) + 0.5
    return Gain(bpp, metric, middle, middle - reach, middle + reach, 10.0, 10.0, ("a",) * 24, {})


signs = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=6)


@given(signs, st.randoms())
def test_verdicts_on_points(clear: list[int], random: Any) -> None:
    """Reproduced if all points are better, not if none is, in any order. A win is no loss; better points never harm."""
    found = [a_gain(c) for c in clear]
    won, unhurt = wins(found), no_losses(found)
    assert (won == REPRODUCED) == (set(clear) == {1}) and (won == NOT) == (1 not in clear)
    assert (unhurt == REPRODUCED) == (-1 not in clear) and (unhurt == NOT) == (set(clear) == {-1})
    assert ORDER.index(won) <= ORDER.index(unhurt)
    shuffled = random.sample(found, len(found))
    assert (wins(shuffled), no_losses(shuffled)) == (won, unhurt)
    better = [a_gain(min(1, clear[0] + 1)), *found[1:]]
    assert ORDER.index(wins(better)) >= ORDER.index(won)
    assert ORDER.index(no_losses(better)) >= ORDER.index(unhurt)


@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=4))
def test_verdicts_on_parts(parts: list[str]) -> None:
    """Several parts together lie between the worst and the best of them. If either network may do, the best counts."""
    worst, best = min(parts, key=ORDER.index), max(parts, key=ORDER.index)
    assert either(parts) == best
    assert together(parts) == (best if worst == best else PARTLY)
    assert together([*parts, NOT_YET]) == NOT_YET == together([]) and either([*parts, NOT_YET]) == best


def test_alike_is_within_two_per_cent_however_sure_the_difference_is() -> None:
    for clear in (0, 1):
        for means, verdict in (((0.2, -0.2), REPRODUCED), ((0.2, 0.21), PARTLY), ((-0.3, 0.3), NOT), ((), NOT_YET)):
            assert alike([a_gain(clear, mean) for mean in means]) == verdict


# --- every claim, on curves whose factors tell the true verdict


class Truth:
    """What is known of the curves by construction: the factors of their errors, the same at all rates."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors

    def sign(self, anchor: str, test: str, metric: str = "ms_ssim") -> int:
        """1 if ``test`` is better, −1 if it is worse, 0 if they are alike."""
        a, b = (float(self.factors.get(name, {}).get(metric, 1.0)) for name in (anchor, test))  # type: ignore[arg-type]
        return (b < 0.99 * a) - (b > 1.01 * a)

    def better(self, anchor: str, *tests: str, metrics: Sequence[str] = ("ms_ssim",)) -> str:
        """Reproduced if all are better, not if none is."""
        return self._of([self.sign(anchor, test, metric) > 0 for test in tests for metric in metrics])

    def no_worse(self, anchor: str, test: str, metrics: Sequence[str] = ("mse", "lpips")) -> str:
        return self._of([self.sign(anchor, test, metric) >= 0 for metric in metrics])

    def improves(self, pairs: Sequence[tuple[str, str]]) -> str:
        """Better in MS-SSIM and no worse in the other metrics, over all pairs together."""
        won = self._of([self.sign(*pair) > 0 for pair in pairs])
        harmless = self._of([self.sign(*pair, metric) >= 0 for pair in pairs for metric in ("mse", "lpips")])
        return won if won in (NOT, harmless) else PARTLY

    def best(self, *verdicts: str) -> str:
        return max(verdicts, key=ORDER.index)

    @staticmethod
    def _of(held: Sequence[bool]) -> str:
        return REPRODUCED if all(held) else PARTLY if any(held) else NOT


SEEN = ("lpips", "mse_chroma", "blocking")


def seen_apart(truth: Truth) -> str:
    return truth._of([truth.sign(VGG, block, metric) == 0 for block in (BLOCK_1, BLOCK_7) for metric in SEEN])


#: Number of a claim → the figures it is judged on, the series and metrics that matter, and the true verdict.
TRUE: dict[int, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], Callable[[Truth], str]]] = {
    1: (("5",), (BASELINE, PAPER), ("ms_ssim", "mse"), lambda t: t.better(BASELINE, PAPER)),
    2: (("5",), (BASELINE, PAPER), METRICS, lambda t: t.no_worse(BASELINE, PAPER)),
    3: (("5",), (PAPER,), SEEN, lambda t: t.better(BASELINE, PAPER, metrics=SEEN[1:])),
    4: (
        ("5", "7"),
        (BASELINE, HALVED, PAPER),
        ("ms_ssim",),
        lambda t: t._of([t.sign(BASELINE, HALVED) > 0, t.sign(HALVED, PAPER) > 0]),
    ),
    5: (("5", "7"), (NO_LPIPS,), METRICS, lambda t: t.improves([(BASELINE, NO_LPIPS)])),
    6: (("8",), (VGG, BLOCK_7), METRICS, lambda t: t.better(STANDARD, VGG, BLOCK_1, BLOCK_7, metrics=METRICS)),
    7: (
        ("8",),
        (BLOCK_1, BLOCK_7),
        METRICS,
        lambda t: t.best(*(t._of([t.sign(VGG, b, m) == 0 for m in ("mse", "lpips")]) for b in (BLOCK_1, BLOCK_7))),
    ),
    8: (
        ("8",),
        (VGG, BLOCK_1, BLOCK_7),
        ("ms_ssim", "mse"),
        lambda t: t.best(*(t.better(b, VGG) for b in (BLOCK_1, BLOCK_7))),
    ),
    9: (("8",), (BLOCK_1, BLOCK_7), (*SEEN, "mse"), seen_apart),
    10: (
        ("10",),
        (BLOCK_1_WITH, BLOCK_7_WITH),
        METRICS,
        lambda t: t.best(*(t.better(VGG_WITH, b, metrics=METRICS) for b in (BLOCK_1_WITH, BLOCK_7_WITH))),
    ),
    11: (
        ("8", "10"),
        (BLOCK_1, BLOCK_1_WITH, BLOCK_7_WITH),
        METRICS,
        lambda t: t.best(
            t.improves([(VGG_WITH, BLOCK_1_WITH), (BLOCK_1, BLOCK_1_WITH)]),
            t.improves([(VGG_WITH, BLOCK_7_WITH), (BLOCK_7, BLOCK_7_WITH)]),
        ),
    ),
    16: (
        ("15",),
        (LSTM, BILSTM),
        ("ms_ssim", "mse"),
        lambda t: t._of([t.sign(n, recurrent.CNN) > 0 for n in (LSTM, BILSTM)]),
    ),
    17: (("15",), (LSTM, BILSTM), ("ms_ssim",), lambda t: t.better(BILSTM, LSTM)),
    18: (("15",), (LSTM, STRETCHED), ("ms_ssim",), lambda t: t.better(STRETCHED, LSTM)),
    20: (("15",), (LSTM, BILSTM), ("ms_ssim",), lambda t: t._of([t.sign(STANDARD, n) <= 0 for n in (LSTM, BILSTM)])),
}


@pytest.mark.parametrize("number", TRUE)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_verdict_is_what_the_curves_were_made_to_show(number: int, data: st.DataObject) -> None:
    figures, series, metrics, true = TRUE[number]
    factor = st.sampled_from([BETTER, 1.0, WORSE])
    factors = {name: {metric: data.draw(factor, f"{name} {metric}") for metric in metrics} for name in series}
    curves = curves_of(*figures, photos=FEW, changed={n: curve(n, of, photos=FEW) for n, of in factors.items()})
    judge = CLAIMS[number].judge
    assert judge is not None
    verdict, evidence, _ = judge(Made(curves=curves))
    assert verdict == true(Truth(factors)), evidence
    assert evidence and "\n" not in evidence and "paper's counting" in evidence


@pytest.mark.parametrize("number", TRUE)
def test_a_range_that_is_not_reached_is_not_judged(number: int) -> None:
    """If no curve that a claim names reaches its rates, the verdict is "not yet", with the reason."""
    figures, *_ = TRUE[number]
    out_of_reach = {name: curve(name, rates=(0.5, 1.0), photos=FEW) for name in names_of(*figures)}
    judge = CLAIMS[number].judge
    assert judge is not None
    verdict, evidence, _ = judge(Made(curves=out_of_reach))
    assert verdict == NOT_YET and UNREACHED in evidence


@pytest.mark.parametrize(
    ("number", "rates"), [(1, "0.25–0.42"), (3, "0.315"), (8, "0.26–0.31"), (10, "0.30–0.38"), (20, "0.25–0.30")]
)
def test_a_claim_is_judged_at_the_rates_that_it_names(number: int, rates: str) -> None:
    judge = CLAIMS[number].judge
    assert judge is not None
    assert f"({rates} bpp," in judge(Made(curves=curves_of(*TRUE[number][0], photos=FEW))).evidence


@pytest.mark.parametrize(("noise", "verdict"), [(0.2, REPRODUCED), (0.0, PARTLY)])
def test_no_obvious_difference_is_one_of_which_photos_disagree(noise: float, verdict: str) -> None:
    """Four per cent worse on average: more than two per cent count as a difference only if it is clear."""
    worse = curve(BLOCK_1, dict.fromkeys(SEEN, 1.04), noise=noise, photos=FEW)
    assert trunks.judge_eyes(curves_of("8", photos=FEW, changed={BLOCK_1: worse})).verdict == verdict


def test_effects_are_shares_of_the_error() -> None:
    """For MS-SSIM, the error is its distance from 1."""
    (effect,) = verdicts.effects({"": gains(curve("a"), curve("b", {"ms_ssim": BETTER}), [0.3], ["ms_ssim"])})
    assert effect.points[0][0] == pytest.approx(0.1, abs=0.005)


def test_better_at_some_rates_is_better_in_part() -> None:
    """0.26 bits per pixel of the file are 0.325 by the paper's counting; four of the eight rates lie below."""
    ours = curve(PAPER, {"ms_ssim": below(0.26, BETTER), "mse": WORSE}, noise=0.05, points=65)
    curves = curves_of("5", changed={PAPER: ours})
    judged = loss.judge_ms_ssim(curves)
    assert judged[:2] == (PARTLY, "better in MS-SSIM at 4 of 8 rates (0.25–0.42 bpp, paper's counting)")
    assert [(e.column, len(e.points)) for e in judged.effects] == [("MS-SSIM", 8)]
    harmless = loss.judge_harmless(curves).evidence
    assert harmless.startswith("worse in MSE at all 8 rates, no clear difference in LPIPS (")
    short = curves_of("5", changed={PAPER: curve(PAPER, {"ms_ssim": BETTER}, rates=(0.1, 0.3 / PAPER_BITS))})
    assert loss.judge_ms_ssim(short).evidence == "better in MS-SSIM at all 3 rates (0.25–0.30 bpp, paper's counting)"


def test_the_paper_is_judged_in_the_papers_counting() -> None:
    """Files of equal size and quality, but one's re-saved images are smaller: the paper would call it better."""
    kept = curve(PAPER)
    fewer = {p: tuple({**q, "bpp_paper": 0.8 * (q["bpp_paper"] or 0)} for q in at) for p, at in kept.images.items()}
    curves = curves_of("5") | {PAPER: Curve(PAPER, fewer)}
    assert loss.judge_ms_ssim(curves).verdict == REPRODUCED
    assert [g.mean for g in gains(curves[BASELINE], curves[PAPER], [0.3])] == pytest.approx([0, 0, 0])


def flat(rate: float) -> float:
    """The factor that keeps an error falling as rate^-1.2 at its value at 0.28 bits, which the paper counts as 0.35."""
    return max(rate / 0.28, 1.0) ** 1.2


def rising(share: float) -> Factor:
    """A factor by which, above that rate, MS-SSIM rises by only this ``share`` of its usual rise."""
    return lambda rate: share + (1 - share) * flat(rate)


@pytest.mark.parametrize(
    ("lstm", "bilstm", "verdict"),
    [(flat, rising(0.45), REPRODUCED), (flat, rising(0.55), PARTLY), (rising(0.55), 1.0, NOT)],
)
def test_saturation_is_to_rise_by_less_than_half(lstm: Factor, bilstm: Factor, verdict: str) -> None:
    made = {
        name: curve(name, {"ms_ssim": worse}, noise=0.05, photos=FEW, points=65)
        for name, worse in ((LSTM, lstm), (BILSTM, bilstm))
    }
    judged = recurrent.judge_saturation(curves_of("15", photos=FEW, changed=made))
    assert judged.verdict == verdict
    rise = (
        0.01
        * (1 + 2 * np.arange(FEW) // 2 / FEW).mean()
        * ((recurrent.HIGH_RATES[0] / PAPER_BITS) ** -1.2 - (recurrent.HIGH_RATES[1] / PAPER_BITS) ** -1.2)
    )
    assert float(re.findall(r"standard JPEG \+(0\.\d{4})", judged.evidence)[0]) == pytest.approx(rise, rel=0.1)


def test_photos_that_end_early_do_not_make_a_curve_saturate() -> None:
    """The easier half of the photos of two networks end between the two rates; on the others nothing is saturated."""
    early = dict.fromkeys(range(24 - FEW), 0.32)  # 0.40 by the paper's counting
    short = {name: curve(name, reach=early) for name in (LSTM, BILSTM)}
    judged = recurrent.judge_saturation(curves_of("15", changed=short))
    assert judged.verdict == NOT and f"on the {FEW} photos that reach both" in judged.evidence


# --- snapshots during training, and learning rates

FALLS, RISES = [5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]
#: Ends lower, but rises at half of its steps.
WAVERS = [5.0, 6.0, 3.0, 4.0, 1.0]
#: Fall at three of four steps, and at five of seven.
MOSTLY_FALLS, LESS_SO = [5.0, 4.0, 4.5, 2.0, 1.0], [8.0, 7.0, 7.5, 6.0, 5.0, 5.5, 4.0, 1.0]


def on_the_way(bpp: Sequence[float], mse: Sequence[float], ms_ssim: Sequence[float]) -> steps.Means:
    values = {"bpp": bpp, "mse": mse, "ms_ssim": ms_ssim}
    return {"step": np.arange(len(bpp)) * 10, **{name: np.array(v, dtype=float) for name, v in values.items()}}


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        (on_the_way(FALLS, RISES, FALLS), REPRODUCED),
        (on_the_way(FALLS, RISES, MOSTLY_FALLS), REPRODUCED),
        (on_the_way(LESS_SO, LESS_SO[::-1], LESS_SO), PARTLY),
        (on_the_way(FALLS, RISES, WAVERS), PARTLY),
        (on_the_way(FALLS, FALLS, RISES), PARTLY),
        (on_the_way(RISES, FALLS, RISES), NOT),
    ],
)
def test_directions_are_judged_on_the_way_and_at_the_end(run: steps.Means, verdict: str) -> None:
    assert steps.judge_directions({"with attention": run}).verdict == verdict
    both = steps.judge_directions({"with": run, "without": on_the_way(FALLS, RISES, FALLS)})
    assert both.verdict == (REPRODUCED if verdict == REPRODUCED else PARTLY), "every run counts"
    assert both.evidence.endswith(
        "without: bits per pixel 5.00 → 1.00, MSE 1.0 → 5.0, MS-SSIM 5.0000 → 1.0000 "
        "(all of the changes go the paper's way)"
    )


def a_log(losses: Sequence[float] | np.ndarray) -> list[dict[str, float]]:
    return [{"step": 10.0 * (i + 1), "loss": float(value)} for i, value in enumerate(losses)]


DOWN = np.linspace(10, 5, 60)
FOUR_UP, SIX_UP = (np.repeat([10, 10 * end], 30) for end in (1.04, 1.06))
UP_AGAIN = np.concatenate([np.linspace(10, 5, 30), np.linspace(5, 9, 30)])


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ((DOWN + 1, UP_AGAIN, UP_AGAIN), REPRODUCED),
        ((DOWN + 1, DOWN, UP_AGAIN), PARTLY),
        ((DOWN + 1, FOUR_UP, SIX_UP), PARTLY),  # the limit is five per cent
        ((FOUR_UP, SIX_UP, SIX_UP), REPRODUCED),
        ((DOWN + 1, DOWN, DOWN), NOT),
        ((UP_AGAIN, UP_AGAIN, UP_AGAIN), NOT),  # all overshoot, so the learning rate is not the reason
    ],
)
def test_overshooting_is_to_end_above_the_least(losses: tuple[np.ndarray, ...], verdict: str) -> None:
    logs = {rate: a_log(of) for rate, of in zip(LSTM_RATES, losses, strict=True)}
    assert recurrent.judge_rates(logs).verdict == verdict
    assert recurrent.judge_rates(dict(reversed(logs.items()))).verdict == verdict, "in whatever order"
    assert recurrent.judge_rates({**logs, 1e-5: a_log(DOWN - 3)}).evidence.endswith("; 1e-5 ends lowest")


# --- all claims


@dataclass(frozen=True)
class Made(Evidence):
    """Made-up evidence, without results for the figure ``missing``."""

    curves: Mapping[str, Any] = field(default_factory=dict)
    logs: Mapping[float, recurrent.Log] | None = None
    missing: str = ""

    def seeds(self, *figures: str) -> Mapping[str, Any]:
        if self.missing in figures:
            raise ReproError(f"data/results/x.json: figure {self.missing} is not there")
        return self.curves

    def on_the_way(self) -> dict[str, steps.Means]:
        return {"with attention": on_the_way(FALLS, RISES, FALLS)}

    def lstm_logs(self) -> dict[float, recurrent.Log]:
        return {rate: a_log(DOWN) for rate in LSTM_RATES}

    @property
    def times(self) -> dict[str, Any]:
        return {}


def test_every_claim_is_judged_on_what_it_names() -> None:
    whole = Made(curves=curves_of("5", "7", "8", "10", "15", photos=2))
    verdicts_of = {c.number: c.verdict for c in all_claims(whole)}
    assert list(verdicts_of) == list(range(1, 23))
    assert {n for n, v in verdicts_of.items() if v == NOT_YET} == {12, 13, 14}, "nothing was timed"
    assert verdicts_of[22] == NOT_TESTABLE and verdicts_of[15] == REPRODUCED
    needs = {"5": {1, 2, 3, 4, 5}, "7": {4, 5}, "8": {6, 7, 8, 9}, "10": {10, 11}, "15": {16, 17, 18, 20, 21}}
    for figure, numbers in needs.items():
        reason = f"figure {figure} is not there"
        assert {c.number for c in all_claims(replace(whole, missing=figure)) if c.evidence == reason} == numbers


# --- evidence from a store


def test_an_empty_store_says_which_command_fills_it(store: Store) -> None:
    for c in all_claims(Evidence("cpu", store)):
        assert c.verdict == NOT_TESTABLE or (c.verdict == NOT_YET and re.search(r"run `[^`]+`", c.evidence)), c


def test_logs_and_snapshots_are_found_by_what_they_are_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.experiments.store.why_stale", lambda wanted, result: "")
    place = Store(tmp_path, tmp_path / "runs")
    for wanted in (e for figure in ("13", "15") for e in experiments_of(figure, "smoke")):
        if isinstance(wanted, PeerSweep):
            points = [{"setting": q} for q in wanted.qualities]
            content: dict[str, Any] = {"name": wanted.encoder, "photos": {"a": {"sha256": "", "points": points}}}
        else:
            content = {"experiment": json.loads(wanted.canonical), "log": [{"loss": wanted.recipe.lr_network}]}
            point = {"bpp": 1, "mse": len(wanted.model.method), "ms_ssim": 0}
            content["snapshots"] = {"20": {"a": point, "b": point | {"bpp": 2}}, "0": {"a": point, "b": point}}
        place.result_path(wanted).parent.mkdir(parents=True, exist_ok=True)
        place.result_path(wanted).write_text(json.dumps(content))
    found = Evidence("smoke", place)
    assert found.lstm_logs() == {rate: [{"loss": rate}] for rate in LSTM_RATES}
    way = found.on_the_way()
    assert {name: run["mse"].tolist() for name, run in way.items()} == {
        "with attention": [len("vgg16")] * 2,
        "without attention": [len("tables")] * 2,
    }
    assert way["with attention"]["step"].tolist() == [0, 20] and way["with attention"]["bpp"].tolist() == [1, 1.5]
