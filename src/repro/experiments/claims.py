"""What the paper claims, and what the stored results say of it: verdicts that are computed, never typed.

A comparison is made photo by photo at equal rate (:func:`repro.evaluation.compare_at_rate`), so that its interval is of
the paired difference; a "gain" is a difference turned so that above zero the test encoder is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from repro.evaluation import BDRate, Curve, Difference, bd_rate, compare_at_rate
from repro.metrics import METRICS as ALL_METRICS

#: The three of the paper, in the order of its figures.
METRICS = ("mse", "lpips", "ms_ssim")
SHORT = {"mse": "MSE", "lpips": "LPIPS", "ms_ssim": "MS-SSIM"}
#: Section 6.4's range, in the paper's counting of bits.
PAPER_RATES = (0.25, 0.28, 0.30, 0.315, 0.33, 0.36, 0.39, 0.42)
#: The same and beyond, for a plot.
WIDER_RATES = (*PAPER_RATES, 0.46, 0.50, 0.55, 0.60)
#: Where learned tables have to beat plain JPEG, in bits of the file.
MATCHED_RATES = (0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
#: A comparison at one rate needs that many photos whose curves both reach it.
MIN_PHOTOS = 12

REPRODUCED, PARTLY, NOT, NOT_YET, NOT_TESTABLE = (
    "reproduced",
    "in part",
    "not reproduced",
    "not yet",
    "not testable",
)


@dataclass(frozen=True)
class Gain:
    """A :class:`Difference` turned so that above zero the test encoder is better; ``low``–``high`` is the interval."""

    bpp: float
    metric: str
    mean: float
    low: float
    high: float
    anchor: float
    test: float
    photos: int

    @property
    def clear(self) -> int:
        """1 where the interval lies above zero, −1 where below, 0 where it holds zero."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: its number in the book, where it stands, its words, our verdict and the evidence."""

    number: int
    where: str
    words: str
    verdict: str
    evidence: str = ""
    page: str = ""


def gain(difference: Difference) -> Gain:
    """``difference`` turned by which way its metric is better."""
    d, sign = difference, -1.0 if ALL_METRICS[difference.metric][1] == "lower" else 1.0
    low, high = sorted((sign * d.low, sign * d.high))
    return Gain(d.bpp, d.metric, sign * d.difference, low, high, d.anchor, d.test, len(d.photos))


def gains(anchor: Curve, test: Curve, rates: Iterable[float], metrics: Sequence[str] = METRICS) -> list[Gain]:
    """``test`` against ``anchor`` at each rate in each metric, where both reach it on :data:`MIN_PHOTOS` or more.

    A set of fewer photos than that, as the samples, must be reached whole.
    """
    enough = min(MIN_PHOTOS, len(anchor.images))
    found = (gain(compare_at_rate(anchor, test, rate, metric)) for metric in metrics for rate in rates)
    return [g for g in found if g.photos >= enough]


def savings(anchor: Curve, test: Curve) -> dict[str, BDRate]:
    """Metric → BD-rate of ``test`` against ``anchor``."""
    return {metric: bd_rate(anchor, test, metric) for metric in METRICS}


def in_words(found: BDRate) -> str:
    """ "12.3 % fewer bits (95 % interval 10.1 to 14.2)"; where zero lies inside, "about as many bits" and the same."""
    if math.isnan(found.mean):
        return "no quality in common"
    if found.low <= 0 <= found.high:
        return f"about as many bits ({found.mean:+.1f} %, 95 % interval {found.low:+.1f} to {found.high:+.1f})"
    low, high = sorted((abs(found.low), abs(found.high)))
    word = "fewer" if found.mean < 0 else "more"
    return f"{abs(found.mean):.1f} % {word} bits (95 % interval {low:.1f} to {high:.1f})"


def series(method: str, *, ms_ssim: bool = True, straight: bool = False) -> str:
    """The name under which :func:`~repro.experiments.stored_curves` gives a method's curve.

    ``ms_ssim``: with or without it in the loss; ``straight``: straight-through rounding in the place of the paper's.
    """
    return f"{method}, MSE + LPIPS" + (" + MS-SSIM" if ms_ssim else "") + (", straight-through" if straight else "")


#: Our best tables; the paper's encoder, and the baseline's. All with straight-through rounding: with the paper's,
#: training ends at a higher loss (chapter 5 shows by how much).
TABLES = series("tables", straight=True)
PAPER, BASELINE = series("vgg16", straight=True), series("vgg16", ms_ssim=False, straight=True)
#: The lines of the chapter's first plot, and of the paper's Fig. 5.
MAIN = ("pillow-444", "pillow-420-progressive", "mozjpeg-420", "jpegli-420", TABLES, PAPER)
FIGURE_5 = ("pillow-444", BASELINE, PAPER)


def same_coding(curves: Mapping[str, Curve]) -> tuple[Curve, Curve]:
    """(Pillow 4:4:4, learned tables), both as sequential files with Huffman tables made for them."""
    return curves["pillow-444"], curves[TABLES].counted("bpp_sequential")


def paper_counted(curves: Mapping[str, Curve]) -> tuple[Curve, Curve, Curve]:
    """Fig. 5's three lines in the paper's counting: standard JPEG, the baseline's loss, and the loss with MS-SSIM."""
    standard, without, with_it = (curves[name].counted("bpp_paper") for name in FIGURE_5)
    return standard, without, with_it


def judge_ms_ssim(curves: Mapping[str, Curve]) -> tuple[Claim, Claim]:
    """Section 6.4 on Fig. 5: better in MS-SSIM at every point of the range, and no worse in MSE and LPIPS."""
    _, without, with_it = paper_counted(curves)
    found = gains(without, with_it, PAPER_RATES)
    wins, others = ([g for g in found if (g.metric == "ms_ssim") == of] for of in (True, False))
    better = replace(CLAIMS[0], verdict=_wins(wins), evidence=_told(wins))
    harmless = replace(CLAIMS[1], verdict=_no_losses(others), evidence=_told(others))
    return better, harmless


def judge_baseline(curves: Mapping[str, Curve]) -> Claim:
    """Section 6.5: the learned encoder, without MS-SSIM in the loss, beats standard JPEG, in the paper's counting.

    The paper says so of VGG and of ResNet; with VGG alone at hand it is reproduced in part at most.
    """
    standard, without, _ = paper_counted(curves)
    found = gains(standard, without, PAPER_RATES)
    verdict = _wins(found)
    return replace(CLAIMS[2], verdict=PARTLY if verdict == REPRODUCED else verdict, evidence=_told(found))


def all_claims(curves: Mapping[str, Curve]) -> list[Claim]:
    """Every claim of the paper, judged where the stored results allow it."""
    return [*judge_ms_ssim(curves), judge_baseline(curves), *CLAIMS[3:]]


def _wins(found: Sequence[Gain]) -> str:
    """At every point better, and clearly so: reproduced. At some: in part."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) > 0 else PARTLY if max(clear) > 0 else NOT


def _no_losses(found: Sequence[Gain]) -> str:
    """At no point clearly worse: reproduced. At every: not."""
    clear = [g.clear for g in found]
    if not clear:
        return NOT_YET
    return REPRODUCED if min(clear) >= 0 else NOT if max(clear) < 0 else PARTLY


def _told(found: Sequence[Gain]) -> str:
    """How many points of each metric are clearly better or worse, and the range of rates that could be compared."""
    if not found:
        return "the curves do not reach these rates"
    parts = []
    for metric in dict.fromkeys(g.metric for g in found):
        clear = [g.clear for g in found if g.metric == metric]
        parts.append(f"{SHORT[metric]}: better at {clear.count(1)}, worse at {clear.count(-1)} of {len(clear)} rates")
    rates = [g.bpp for g in found]
    return f"{'; '.join(parts)} ({min(rates):g}–{max(rates):g} bpp, paper's counting)"


_WITH_AND_WITHOUT = "VGG, MS-SSIM in the loss\nagainst without"


def comparisons(curves: Mapping[str, Curve]) -> dict[str, dict[str, BDRate]]:
    """The BD-rates that chapter 5 draws, under what is compared, the test encoder first."""
    plain, sequential = same_coding(curves)
    ours = curves[TABLES]
    rows = {
        "learned tables\nagainst plain JPEG": (plain, sequential),
        "learned tables\nagainst JPEG 4:2:0, progressive": (curves["pillow-420-progressive"], ours),
        "learned tables\nagainst mozjpeg": (curves["mozjpeg-420"], ours),
        "learned tables\nagainst jpegli": (curves["jpegli-420"], ours),
        "tables, straight-through\nagainst the paper's rounding": (curves[series("tables")], ours),
        "VGG against tables": (ours, curves[PAPER]),
        "VGG against tables,\nboth the paper's rounding": (curves[series("tables")], curves[series("vgg16")]),
        _WITH_AND_WITHOUT: (curves[BASELINE], curves[PAPER]),
        "the same,\nboth the paper's rounding": (curves[series("vgg16", ms_ssim=False)], curves[series("vgg16")]),
    }
    return {label: savings(anchor, test) for label, (anchor, test) in rows.items()}


def numbers(curves: Mapping[str, Curve], compared: Mapping[str, Mapping[str, BDRate]]) -> dict[str, str]:
    """What the prose of chapter 5 and the start page say, by glue name: savings in words, and answers."""
    learned = ("rounding", "attention", "attention_third", "loss", "loss_third")
    names = (*(f"tables_{anchor}" for anchor in ("plain", "pillow420", "mozjpeg", "jpegli")), *learned)
    words = {
        f"{name}_{metric}": in_words(found)
        for name, row in zip(names, compared.values(), strict=True)
        for metric, found in row.items()
    }
    return words | {
        "must_reach": tables_beat_plain(curves),
        "ms_ssim_answer": ms_ssim_answer(curves, compared[_WITH_AND_WITHOUT]),
    }


def tables_beat_plain(curves: Mapping[str, Curve]) -> str:
    """Whether learned tables gain in all three metrics at every one of :data:`MATCHED_RATES`, in a sentence."""
    found = gains(*same_coding(curves), MATCHED_RATES)
    unknown = len(METRICS) * len(MATCHED_RATES) - len(found)
    full = len(found) == len(METRICS) * len(MATCHED_RATES)
    if not found:
        return f"Not tested: all {unknown} comparisons lie outside of the curves."
    if full and all(g.clear > 0 for g in found):
        return "Passed: every gain is above zero, and so is its whole interval."
    if full and all(g.mean > 0 for g in found):
        open_ones = sum(g.clear <= 0 for g in found)
        return f"Passed in the mean at every rate, though {open_ones} of {len(found)} intervals touch zero."
    lost = [f"{SHORT[g.metric]} at {g.bpp:.2f} bpp" for g in found if g.mean <= 0]
    short = f" {unknown} could not be compared." if unknown else ""
    return f"Not passed: no gain in {', '.join(lost)}.{short}" if lost else f"Passed where it could be tested.{short}"


def ms_ssim_answer(curves: Mapping[str, Curve], saved: Mapping[str, BDRate]) -> str:
    """Chapter 5's question, answered in a few sentences, for the paper's encoder (VGG attention)."""
    better, harmless = judge_ms_ssim(curves)
    word = {REPRODUCED: "Yes", PARTLY: "In part", NOT: "No", NOT_YET: "Unknown"}[better.verdict]
    told = f"With MS-SSIM in the loss against without, {better.evidence}; {harmless.evidence}"
    if better.verdict == NOT_YET:
        told = "Our curves do not reach the paper's range"
    bits = ", ".join(f"{in_words(saved[metric])} at equal {SHORT[metric]}" for metric in METRICS)
    return f"{word}. {told}. In bits of the file itself: {bits}."


_HERE = "../notebooks/05_first_experiment.html#ch-first-experiment"
#: The paper's claims; :func:`all_claims` fills in the verdicts that results exist for.
CLAIMS = (
    Claim(1, "6.4, Fig. 5", "“our approach outperforms the baseline at every point” in MS-SSIM", NOT_YET, page=_HERE),
    Claim(2, "6.4, Fig. 5", "“Without decreasing other metrics, we increase the MS-SSIM”", NOT_YET, page=_HERE),
    Claim(3, "6.5, Fig. 8", "VGG only: “better than the traditional JPEG method”", NOT_YET, page=_HERE),
    Claim(4, "6.4, Fig. 6", "“our result looks better in terms of color and pixel blocks”", NOT_YET),
    Claim(5, "6.4, Fig. 7", "weights of 500 and 1000 are best; MS-SSIM can replace LPIPS", NOT_YET),
    Claim(6, "6.5, Fig. 8–10", "ResNet is no better than VGG, but better once MS-SSIM is in the loss", NOT_YET),
    Claim(7, "6.5, Fig. 11", "training with ResNet is “about 57%” faster", NOT_YET),
    Claim(8, "6.6, Fig. 12", "“far less inference time” than the end-to-end model of Ballé et al.", NOT_YET),
    Claim(9, "6.7, Fig. 13, 14", "with more steps bits fall, MSE rises and MS-SSIM falls", NOT_YET),
    Claim(10, "6.8, Fig. 15", "LSTM attention is worse than convolutional attention", NOT_YET),
    Claim(11, "6.1", "trained on HDR+, whose photos we do not have", NOT_TESTABLE),
)
