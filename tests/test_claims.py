"""Verdicts on curves that are better, worse or alike by construction: no sentence may say more than they show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from made_curves import PAPER, SEQUENTIAL, Factor, curve, figure_5
from repro.book.html import COLOURS
from repro.evaluation import BDRate, Curve, Difference, compare_at_rate
from repro.experiments import Experiment, PeerSweep, claims, experiments_of
from repro.experiments.claims import (
    METRICS,
    NOT,
    NOT_TESTABLE,
    NOT_YET,
    PARTLY,
    REPRODUCED,
    Gain,
    all_claims,
    comparisons,
    gain,
    gains,
    in_words,
    judge_baseline,
    judge_ms_ssim,
    ms_ssim_answer,
    numbers,
    savings,
    tables_beat_plain,
)

#: Errors 10 % smaller and larger; what noise of 5 % on the photos leaves no doubt about.
BETTER, WORSE = 0.9, 1 / 0.9


def ms_ssim_in_the_loss(worse: Mapping[str, Factor], *, noise: float = 0.05, **options: Any) -> dict[str, Curve]:
    """Figure 5 where the paper's encoder has these errors against the baseline's."""
    return figure_5(**{claims.PAPER: curve(claims.PAPER, worse, noise=noise, **options)})


def below(rate: float, factor: float) -> Factor:
    """``factor`` at rates below ``rate``, 1 from there on."""
    return lambda bpp: factor if bpp < rate else 1.0


# --- gains


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("mse", (3.0, 2.0, 5.0)), ("lpips", (3.0, 2.0, 5.0)), ("ms_ssim", (-3.0, -5.0, -2.0))],
)
def test_above_zero_is_better_in_every_metric(metric: str, expected: tuple[float, float, float]) -> None:
    """A difference of −3, in −5 to −2: good for an error, bad for a similarity."""
    found = gain(Difference(0.3, metric, 9.0, 6.0, -3.0, -5.0, -2.0, ("a", "b"), {}))
    assert (found.mean, found.low, found.high) == expected
    assert (found.bpp, found.metric, found.anchor, found.test, found.photos) == (0.3, metric, 9.0, 6.0, 2)


@pytest.mark.parametrize(
    ("low", "high", "clear"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.2, 0), (0, 0.1, 0), (-0.1, 0, 0)]
)
def test_clear_is_what_the_whole_interval_says(low: float, high: float, clear: int) -> None:
    assert Gain(0.3, "mse", (low + high) / 2, low, high, 1.0, 1.0, 24).clear == clear


def test_gains_are_paired_photo_by_photo() -> None:
    """Photos differ threefold and the encoders by a tenth, which an unpaired interval could not tell from zero."""
    found = gains(curve("a"), curve("b", {"mse": BETTER, "ms_ssim": WORSE}), [0.3, 0.4])
    assert [(g.metric, g.bpp) for g in found] == [(m, r) for m in METRICS for r in (0.3, 0.4)]
    for g in found:
        expected = {"mse": 0.1 * g.anchor, "lpips": 0.0, "ms_ssim": -(WORSE - 1) * (1 - g.anchor)}[g.metric]
        assert g.mean == pytest.approx(expected, abs=1e-9) and g.photos == 24
        assert g.clear == {"mse": 1, "lpips": 0, "ms_ssim": -1}[g.metric]
    (back,) = gains(curve("b", {"mse": BETTER}), curve("a"), [0.3], ["mse"])
    assert (back.mean, back.clear) == (pytest.approx(-found[0].mean), -1)


def test_noise_on_the_photos_makes_no_difference_clear() -> None:
    found = gains(curve("a"), curve("b", noise=0.1), [0.3])
    assert [g.clear for g in found] == [0, 0, 0]
    assert all(abs(g.mean) < 0.1 * (g.high - g.low) for g in found)


@pytest.mark.parametrize("reaching", [11, 12, 13])
def test_a_comparison_needs_enough_photos(reaching: int) -> None:
    """All photos reach 0.3, ``reaching`` of 24 reach 0.5 bits per pixel."""
    short = curve("short", reach=dict.fromkeys(range(reaching, 24), 0.4))
    found = gains(curve("a"), short, [0.3, 0.5], ["mse"])
    expected = {0.3: 24} | ({0.5: reaching} if reaching >= claims.MIN_PHOTOS else {})
    assert {g.bpp: g.photos for g in found} == expected
    assert {g.bpp: g.photos for g in gains(short, curve("a"), [0.3, 0.5], ["mse"])} == expected, "either may fall short"


def test_a_small_set_must_be_reached_whole() -> None:
    whole, short = curve("a", photos=4), curve("b", photos=4, reach={2: 0.4})
    assert [g.bpp for g in gains(whole, short, [0.3, 0.5], ["mse"])] == [0.3]


# --- words


def figure(mean: float, low: float, high: float) -> BDRate:
    return BDRate("mse", mean, low, high, {}, {}, None)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (figure(-12.34, -14.2, -10.1), "12.3 % fewer bits (95 % interval 10.1 to 14.2)"),
        (figure(12.34, 10.1, 14.2), "12.3 % more bits (95 % interval 10.1 to 14.2)"),
        (figure(-1.2, -3.0, 0.5), "about as many bits (-1.2 %, 95 % interval -3.0 to +0.5)"),
        (figure(0.0, 0.0, 0.0), "about as many bits (+0.0 %, 95 % interval +0.0 to +0.0)"),
        (figure(math.nan, math.nan, math.nan), "no quality in common"),
    ],
)
def test_savings_in_words(found: BDRate, words: str) -> None:
    assert in_words(found) == words


def test_words_of_measured_savings() -> None:
    """The test needs 0.8 times the bits for every quality: a fifth fewer."""
    for metric, found in savings(curve("a"), curve("b", saved=0.8)).items():
        assert in_words(found) == "20.0 % fewer bits (95 % interval 20.0 to 20.0)", metric
    back = savings(curve("b", saved=0.8), curve("a"))["lpips"]
    assert in_words(back) == "25.0 % more bits (95 % interval 25.0 to 25.0)"


# --- the paper's first two claims: better in MS-SSIM at every point, and no worse in the others

JUDGED: list[tuple[str, dict[str, Factor], str, str]] = [
    ("better in all", dict.fromkeys(METRICS, BETTER), REPRODUCED, REPRODUCED),
    ("better in MS-SSIM alone", {"ms_ssim": BETTER}, REPRODUCED, REPRODUCED),
    ("at the cost of MSE", {"ms_ssim": BETTER, "mse": WORSE}, REPRODUCED, PARTLY),
    ("at the cost of LPIPS at low rates", {"ms_ssim": BETTER, "lpips": below(0.26, WORSE)}, REPRODUCED, PARTLY),
    ("at the cost of both", {"ms_ssim": BETTER, "mse": WORSE, "lpips": WORSE}, REPRODUCED, NOT),
    ("better at low rates alone", {"ms_ssim": below(0.26, BETTER)}, PARTLY, REPRODUCED),
    ("alike", {}, NOT, REPRODUCED),
    ("better in the others", {"mse": BETTER, "lpips": BETTER}, NOT, REPRODUCED),
    ("worse in all", dict.fromkeys(METRICS, WORSE), NOT, NOT),
]


@pytest.mark.parametrize(("worse", "better", "harmless"), [c[1:] for c in JUDGED], ids=[c[0] for c in JUDGED])
def test_ms_ssim_in_the_loss_is_judged(worse: dict[str, Factor], better: str, harmless: str) -> None:
    curves = ms_ssim_in_the_loss(worse)
    first, second = judge_ms_ssim(curves)
    assert (first.number, first.verdict, second.number, second.verdict) == (1, better, 2, harmless)
    answer = ms_ssim_answer(curves, savings(curves[claims.BASELINE], curves[claims.PAPER]))
    assert answer.startswith(
        {
            REPRODUCED: "Yes. With MS-SSIM in the loss against without, MS-SSIM: better at",
            PARTLY: "In part. With MS-SSIM in the loss against without, MS-SSIM: better at",
            NOT: "No. With MS-SSIM in the loss against without, MS-SSIM: better at",
        }[better]
    )
    assert first.evidence in answer and second.evidence in answer
    assert answer.endswith(" at equal MS-SSIM.") and "\n" not in answer


def test_the_evidence_counts_rates() -> None:
    worse: dict[str, Factor] = {"ms_ssim": below(0.26, BETTER), "mse": WORSE}
    first, second = judge_ms_ssim(ms_ssim_in_the_loss(worse, points=65))
    # 0.26 bits per pixel of the file are 0.325 by the paper's counting: four of the eight rates lie below.
    assert first.evidence.startswith("MS-SSIM: better at 4, worse at 0 of 8 rates (0.25–0.42 bpp")
    assert second.evidence.startswith("MSE: better at 0, worse at 8 of 8 rates; LPIPS: better at 0, worse at 0 of 8")
    assert second.evidence.endswith("(0.25–0.42 bpp, paper's counting)")


def test_a_range_that_is_not_reached_is_not_judged() -> None:
    curves = ms_ssim_in_the_loss({"ms_ssim": BETTER}, rates=(0.5, 1.0))
    short = figure_5(**{claims.BASELINE: curve(claims.BASELINE, rates=(0.5, 1.0))})
    for claim in (*judge_ms_ssim(curves), judge_baseline(short)):
        assert (claim.verdict, claim.evidence) == (NOT_YET, "the curves do not reach these rates")
    saved = savings(curves[claims.BASELINE], curves[claims.PAPER])
    assert ms_ssim_answer(curves, saved).startswith("Unknown. Our curves do not reach the paper's range. In bits")


def test_the_paper_is_judged_in_the_papers_counting() -> None:
    """Files of equal size and quality, of which one's re-saved pictures are smaller: the paper would call it better."""
    curves = figure_5()
    kept = curve(claims.PAPER)
    fewer = {p: tuple({**q, "bpp_paper": 0.8 * (q["bpp_paper"] or 0)} for q in at) for p, at in kept.images.items()}
    curves[claims.PAPER] = Curve(claims.PAPER, fewer)
    assert [c.verdict for c in judge_ms_ssim(curves)] == [REPRODUCED, REPRODUCED]
    assert compare_at_rate(curves[claims.BASELINE], curves[claims.PAPER], 0.3, "mse").difference == pytest.approx(0)


# --- the third claim: better than standard JPEG


@pytest.mark.parametrize(
    ("worse", "verdict"),
    [
        (dict.fromkeys(METRICS, BETTER), PARTLY),  # the paper says so of ResNet, too
        ({"mse": BETTER}, PARTLY),
        ({"mse": BETTER, "ms_ssim": WORSE}, PARTLY),
        ({}, NOT),
        (dict.fromkeys(METRICS, WORSE), NOT),
    ],
)
def test_standard_jpeg_is_beaten_in_all_metrics_or_in_part(worse: dict[str, Factor], verdict: str) -> None:
    claim = judge_baseline(figure_5(**{claims.BASELINE: curve(claims.BASELINE, worse)}))
    assert (claim.number, claim.verdict) == (3, verdict)
    assert "of 8 rates" in claim.evidence


def test_every_claim_has_a_verdict_that_the_book_can_show() -> None:
    judged = all_claims(ms_ssim_in_the_loss(dict.fromkeys(METRICS, BETTER)))
    assert [c.number for c in judged] == list(range(1, 12))
    assert [c.verdict for c in judged] == [REPRODUCED, REPRODUCED, NOT] + [NOT_YET] * 7 + [NOT_TESTABLE]
    assert [(c.where, c.words, c.page) for c in judged] == [(c.where, c.words, c.page) for c in claims.CLAIMS]
    assert all(bool(c.evidence) != (c.verdict in (NOT_YET, NOT_TESTABLE)) for c in judged), "a verdict has its evidence"
    assert {REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE} == COLOURS.keys()
    assert all(c.verdict in COLOURS for c in claims.CLAIMS)


# --- learned tables against plain JPEG


def plain_and_tables(worse: Mapping[str, Factor], **options: Any) -> dict[str, Curve]:
    """Learned tables with these errors, at the sequential rates of which plain JPEG is measured."""
    kept = curve(claims.TABLES, worse, **options)
    level = {p: tuple({**q, "bpp_sequential": q["bpp"]} for q in at) for p, at in kept.images.items()}
    return figure_5(**{claims.TABLES: Curve(claims.TABLES, level)})


def test_tables_that_always_win_have_passed() -> None:
    told = tables_beat_plain(plain_and_tables(dict.fromkeys(METRICS, BETTER)))
    assert told == "Passed: every gain is above zero, and so is its whole interval."


def test_tables_that_win_on_average_have_passed_in_the_mean() -> None:
    worse = {"mse": BETTER, "lpips": BETTER, "ms_ssim": 0.995}
    told = tables_beat_plain(plain_and_tables(worse, noise=0.05))
    assert told == "Passed in the mean at every rate, though 8 of 24 intervals touch zero."


def test_tables_that_lose_somewhere_have_not_passed() -> None:
    worse: dict[str, Factor] = {"mse": lambda bpp: WORSE if bpp < 0.33 else BETTER, "lpips": BETTER, "ms_ssim": BETTER}
    told = tables_beat_plain(plain_and_tables(worse, points=65))
    assert told == "Not passed: no gain in MSE at 0.25 bpp, MSE at 0.30 bpp."


def test_tables_are_not_said_to_pass_where_they_were_not_tested() -> None:
    told = tables_beat_plain(plain_and_tables(dict.fromkeys(METRICS, BETTER), rates=(0.1, 0.43)))
    assert told == "Passed where it could be tested. 12 could not be compared."
    worse = {"mse": WORSE, "lpips": BETTER, "ms_ssim": BETTER}
    told = tables_beat_plain(plain_and_tables(worse, rates=(0.1, 0.33)))
    assert told == "Not passed: no gain in MSE at 0.25 bpp, MSE at 0.30 bpp. 18 could not be compared."


def test_tables_that_could_not_be_compared_have_not_passed() -> None:
    told = tables_beat_plain(plain_and_tables({}, rates=(0.7, 1.0)))
    assert not told.startswith("Passed") and "24" in told


def test_tables_are_compared_as_sequential_files() -> None:
    """Progressive scans save bits that are not the tables' doing: alike but for them, nothing is gained."""
    _, ours = claims.same_coding(figure_5())
    points = zip(ours.images["photo00"], figure_5()[claims.TABLES].images["photo00"], strict=True)
    assert all(q["bpp"] == pytest.approx(SEQUENTIAL * (p["bpp"] or 0)) for q, p in points)
    assert tables_beat_plain(figure_5()).startswith("Not passed: no gain in MSE at 0.25 bpp")
    for counted in claims.paper_counted(figure_5()):
        assert counted.images["photo00"][0]["bpp"] == pytest.approx(0.1 * PAPER)


# --- all comparisons

#: Glue name → (anchor, test), as the prose of the chapter reads: the test encoder's bits against the anchor's.
PAIRS = {
    "tables_plain": ("pillow-444", claims.TABLES),
    "tables_pillow420": ("pillow-420-progressive", claims.TABLES),
    "tables_mozjpeg": ("mozjpeg-420", claims.TABLES),
    "tables_jpegli": ("jpegli-420", claims.TABLES),
    "rounding": ("tables, MSE + LPIPS + MS-SSIM", "tables, MSE + LPIPS + MS-SSIM, straight-through"),
    "attention": (claims.TABLES, "vgg16, MSE + LPIPS + MS-SSIM, straight-through"),
    "attention_third": ("tables, MSE + LPIPS + MS-SSIM", "vgg16, MSE + LPIPS + MS-SSIM"),
    "loss": ("vgg16, MSE + LPIPS, straight-through", "vgg16, MSE + LPIPS + MS-SSIM, straight-through"),
    "loss_third": ("vgg16, MSE + LPIPS", "vgg16, MSE + LPIPS + MS-SSIM"),
}
#: Every curve at another share of the bits, so that no two pairs have one answer.
SAVED = {name: 0.7 + 0.05 * i for i, name in enumerate(figure_5())}


def test_every_number_is_of_its_own_pair() -> None:
    curves = {name: curve(name, saved=saved) for name, saved in SAVED.items()}
    compared = comparisons(curves)
    told = numbers(curves, compared)
    assert told.keys() == {f"{name}_{m}" for name in PAIRS for m in METRICS} | {"must_reach", "ms_ssim_answer"}
    for (name, (anchor, test)), row in zip(PAIRS.items(), compared.values(), strict=True):
        extra = SEQUENTIAL if name == "tables_plain" else 1.0
        expected = 100 * (extra * SAVED[test] / SAVED[anchor] - 1)
        for metric in METRICS:
            assert row[metric].mean == pytest.approx(expected), (name, metric)
            assert told[f"{name}_{metric}"] == in_words(row[metric])
    assert told["must_reach"] == tables_beat_plain(curves)
    assert told["ms_ssim_answer"] == ms_ssim_answer(curves, savings(curves[claims.BASELINE], curves[claims.PAPER]))


def test_labels_name_the_pair_that_they_stand_for() -> None:
    labels = dict(zip(PAIRS, comparisons(figure_5()), strict=True))
    assert "plain JPEG" in labels["tables_plain"] and "4:2:0, progressive" in labels["tables_pillow420"]
    assert "mozjpeg" in labels["tables_mozjpeg"] and "jpegli" in labels["tables_jpegli"]
    assert labels["rounding"].startswith("tables, straight-through\nagainst the paper's rounding")
    assert labels["attention"] == "VGG against tables" and "MS-SSIM in the loss\nagainst without" in labels["loss"]
    assert all("both the paper's rounding" in labels[name] for name in ("attention_third", "loss_third"))


def test_the_names_are_those_of_the_variants() -> None:
    assert claims.TABLES == "tables, MSE + LPIPS + MS-SSIM, straight-through"
    assert PAIRS["loss"][::-1] == (claims.PAPER, claims.BASELINE)
    assert claims.FIGURE_5 == ("pillow-444", claims.BASELINE, claims.PAPER)


@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_the_registry_makes_the_curves_that_are_judged(profile: str) -> None:
    wanted = experiments_of("5", profile)
    made = {e.series for e in wanted if isinstance(e, Experiment)} | {
        e.codec for e in wanted if isinstance(e, PeerSweep)
    }
    assert made == figure_5().keys()
    assert {*claims.MAIN, *claims.FIGURE_5, *(name for pair in PAIRS.values() for name in pair)} <= made
