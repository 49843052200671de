"""Section 6.4: MS-SSIM in the loss (Fig. 5), its visible effect (Fig. 6), and the weights of its terms (Fig. 7)."""

from __future__ import annotations

from repro.experiments.claims.claim import Judgement, claim, seeds
from repro.experiments.claims.own_rate import PLAIN, OwnRate
from repro.experiments.claims.verdicts import Seeds, improves, judgement, no_losses, paper_gains, together, wins
from repro.experiments.settings import Variant

#: Rate of Fig. 6's portrait in bits per pixel, as the paper counts them.
PORTRAIT_RATE = 0.315
STANDARD = PLAIN
#: The paper's encoder, the baseline's, and Fig. 7's other two, all with straight-through rounding: with the paper's
#: rounding, training ends at a higher loss (chapter 5 shows by how much).
PAPER, BASELINE = Variant("vgg16").series, Variant("vgg16", sigma=0.0).series
NO_LPIPS, HALVED = Variant("vgg16", gamma=0.0).series, Variant("vgg16", gamma=250.0, sigma=500.0).series
FIGURE_5 = (STANDARD, BASELINE, PAPER)
FIGURE_7 = (BASELINE, HALVED, PAPER, NO_LPIPS)


@claim(
    1,
    "6.4, Fig. 5",
    "with MS-SSIM in the loss, “our approach outperforms the baseline at every point” in MS-SSIM (0.25–0.42 bpp)",
    figure="5",
    twice=True,
)
def judge_ms_ssim(curves: Seeds | OwnRate) -> Judgement:
    """Better in MS-SSIM at every point of the range."""
    found = paper_gains(curves, BASELINE, PAPER, metrics=["ms_ssim"])
    return judgement(wins(found), {"": found})


@claim(2, "6.4, Fig. 5", "“Without decreasing other metrics, we increase the MS-SSIM”", figure="5", twice=True)
def judge_harmless(curves: Seeds | OwnRate) -> Judgement:
    """No worse in MSE and LPIPS."""
    found = paper_gains(curves, BASELINE, PAPER, metrics=["mse", "lpips"])
    return judgement(no_losses(found), {"": found})


@claim(
    3,
    "6.4, Fig. 6",
    "“our result looks better in terms of color and pixel blocks” (0.315 bpp)",
    figure="6",
    on=seeds("5"),
    twice=True,
)
def judge_pictures(curves: Seeds | OwnRate) -> Judgement:
    """At the portrait's rate, colours are closer to the original and block edges show less."""
    found = paper_gains(curves, BASELINE, PAPER, [PORTRAIT_RATE], ["mse_chroma", "blocking"])
    return judgement(together(wins([g]) for g in found), {"": found}, "by metrics, not by eye: ")


@claim(
    4,
    "6.4, Fig. 7",
    "smaller weights are “better than the baseline but not as good as larger weights”",
    figure="7",
    on=seeds("5", "7"),
    twice=True,
)
def judge_weights(curves: Seeds | OwnRate) -> Judgement:
    """In MS-SSIM, smaller weights are better than none, and larger weights better than smaller."""
    pairs = {"smaller weights against none": (BASELINE, HALVED), "the largest against smaller": (HALVED, PAPER)}
    found = {name: paper_gains(curves, *of, metrics=["ms_ssim"]) for name, of in pairs.items()}
    return judgement(together(map(wins, found.values())), found)


@claim(
    5,
    "6.4, Fig. 7",
    "replacing LPIPS by MS-SSIM “improves the MS-SSIM score without decreasing other metrics”",
    figure="7",
    on=seeds("5", "7"),
    twice=True,
)
def judge_no_lpips(curves: Seeds | OwnRate) -> Judgement:
    """Better in MS-SSIM, no worse in the others."""
    found = paper_gains(curves, BASELINE, NO_LPIPS)
    return judgement(improves(found), {"": found})
