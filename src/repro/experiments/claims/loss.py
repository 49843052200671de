"""Section 6.4: MS-SSIM in the loss (Fig. 5), what one sees of it (Fig. 6), and the weights of its terms (Fig. 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from repro.evaluation import BDRate
from repro.evaluation.bdrate import Curves
from repro.experiments.claims import verdicts as v
from repro.experiments.settings import Variant

#: Section 6.4's range, in the paper's counting of bits.
PAPER_RATES = (0.25, 0.28, 0.30, 0.315, 0.33, 0.36, 0.39, 0.42)
#: The same and beyond, for a plot.
WIDER_RATES = (*PAPER_RATES, 0.46, 0.50, 0.55, 0.60)
#: Where Fig. 6 shows a portrait.
PORTRAIT_RATE = 0.315

STANDARD = "pillow-444"
#: The paper's encoder, the baseline's, and Fig. 7's other two, all with straight-through rounding: with the paper's,
#: training ends at a higher loss (chapter 5 shows by how much).
PAPER, BASELINE = Variant("vgg16").series, Variant("vgg16", sigma=0.0).series
NO_LPIPS, HALVED = Variant("vgg16", gamma=0.0).series, Variant("vgg16", gamma=250.0, sigma=500.0).series
#: The same two with the paper's rounding.
PAPER_THIRD, BASELINE_THIRD = (Variant("vgg16", "third-order", sigma=s).series for s in (1000.0, 0.0))
#: Rows of :func:`comparisons` that the text speaks of.
ADDED, ADDED_THIRD = "MS-SSIM in the loss\nagainst the baseline", "the same,\nboth the paper's rounding"
FIGURE_5 = (STANDARD, BASELINE, PAPER)
FIGURE_7 = (BASELINE, HALVED, PAPER, NO_LPIPS)

Seeds = Mapping[str, Curves]


def paper_counted(curves: Seeds, *names: str) -> list[Curves]:
    """The curves of these names, Fig. 5's three if none, in the paper's counting of bits."""
    return [v.counted(curves[name], "bpp_paper") for name in names or FIGURE_5]


def paper_gains(
    curves: Seeds, anchor: str, test: str, rates: Sequence[float] = PAPER_RATES, metrics: Sequence[str] = v.METRICS
) -> list[v.Gain]:
    """What ``test`` gains over ``anchor`` at equal rate, both in the paper's counting of bits."""
    first, second = (v.counted(curves[name], "bpp_paper") for name in (anchor, test))
    return v.gains(first, second, rates, metrics)


def judge_ms_ssim(curves: Seeds) -> v.Judged:
    """Fig. 5: better in MS-SSIM at every point of the range."""
    found = paper_gains(curves, BASELINE, PAPER, metrics=["ms_ssim"])
    return v.Judged(v.wins(found), v.told(found))


def judge_harmless(curves: Seeds) -> v.Judged:
    """Fig. 5: no worse in MSE and LPIPS."""
    found = paper_gains(curves, BASELINE, PAPER, metrics=["mse", "lpips"])
    return v.Judged(v.no_losses(found), v.told(found))


def judge_pictures(curves: Seeds) -> v.Judged:
    """Fig. 6: at the portrait's rate colours are nearer to the original's, and blocks show less."""
    found = paper_gains(curves, BASELINE, PAPER, [PORTRAIT_RATE], ["mse_chroma", "blocking"])
    verdict = v.together(v.wins([g]) for g in found) if found else v.NOT_YET
    return v.Judged(verdict, f"measured over all photos, not looked at: {v.told(found)}")


def judge_weights(curves: Seeds) -> v.Judged:
    """Fig. 7: smaller weights are better in MS-SSIM than none, larger ones better than smaller."""
    some, more = (paper_gains(curves, *of, metrics=["ms_ssim"]) for of in ((BASELINE, HALVED), (HALVED, PAPER)))
    evidence = f"smaller weights against none: {v.told(some)}; the largest against smaller: {v.told(more)}"
    return v.Judged(v.together([v.wins(some), v.wins(more)]), evidence)


def judge_no_lpips(curves: Seeds) -> v.Judged:
    """Fig. 7: MS-SSIM in the place of LPIPS improves MS-SSIM without decreasing the others."""
    found = paper_gains(curves, BASELINE, NO_LPIPS)
    return v.Judged(v.improves(found), v.told(found))


def ms_ssim_answer(curves: Seeds) -> str:
    """Chapter 5's question, answered in one sentence, for the paper's encoder (VGG attention)."""
    better, harmless = judge_ms_ssim(curves), judge_harmless(curves)
    if better.verdict == v.NOT_YET:
        return "Unknown: our curves do not reach the paper's range."
    word = {
        v.REPRODUCED: "Yes, it raises MS-SSIM at every rate of the paper's range that our curves reach",
        v.PARTLY: "In part: it raises MS-SSIM at some rates of the paper's range",
        v.NOT: "No, it does not raise MS-SSIM",
    }[better.verdict]
    if harmless.verdict == v.NOT:
        return f"{word}, and it makes MSE and LPIPS worse."
    paid = " and ".join(v.SHORT[metric] for metric in _price(curves))
    return f"{word}, {f'and it costs something in {paid}' if paid else 'and costs nothing in MSE and LPIPS'}."


def _price(curves: Seeds) -> list[str]:
    """What MS-SSIM in the loss makes worse: at some rate of the range, or over the whole curve in bits of the file."""
    others = [metric for metric in v.METRICS if metric != "ms_ssim"]
    lost = {g.metric for g in paper_gains(curves, BASELINE, PAPER, metrics=others) if g.clear < 0}
    saved = v.savings(curves[BASELINE], curves[PAPER])
    return [metric for metric in others if metric in lost or saved[metric].low > 0]


def ms_ssim_evidence(curves: Seeds) -> str:
    """What the answer rests on: rates counted, and bits of the file itself."""
    better, harmless = judge_ms_ssim(curves), judge_harmless(curves)
    saved = v.savings(curves[BASELINE], curves[PAPER])
    bits = ", ".join(f"{v.in_words(saved[metric])} at equal {v.SHORT[metric]}" for metric in v.METRICS)
    return f"At equal rate, {better.evidence}; {harmless.evidence}. In bits of the file itself: {bits}."


def comparisons(curves: Seeds) -> dict[str, dict[str, BDRate]]:
    """The BD-rates of Figs. 5 and 7, under what is compared, the test encoder first."""
    rows = {
        ADDED: (BASELINE, PAPER),
        ADDED_THIRD: (BASELINE_THIRD, PAPER_THIRD),
        "half the weights\nagainst the baseline": (BASELINE, HALVED),
        "MS-SSIM for LPIPS\nagainst the baseline": (BASELINE, NO_LPIPS),
        "all weights\nagainst half of them": (HALVED, PAPER),
    }
    return {label: v.savings(curves[anchor], curves[test]) for label, (anchor, test) in rows.items()}


def numbers(curves: Seeds, compared: Mapping[str, Mapping[str, BDRate]]) -> dict[str, str]:
    """What the prose of chapter 5 says of the loss, by glue name."""
    judged = {
        "pictures": judge_pictures(curves),
        "weights": judge_weights(curves),
        "no_lpips": judge_no_lpips(curves),
    }
    words = v.numbers_of({"loss": compared[ADDED], "loss_third": compared[ADDED_THIRD]})
    for name, found in judged.items():
        words |= {f"{name}_verdict": found.verdict, f"{name}_evidence": found.evidence}
    return words | {"ms_ssim_answer": ms_ssim_answer(curves), "ms_ssim_evidence": ms_ssim_evidence(curves)}
