"""What chapters 5, 6 and 9 compare in bits at equal quality, and the results in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from repro.evaluation import BDRate, Curve, Gain, as_seeds
from repro.experiments.claims import (
    METRICS,
    NOT,
    NOT_YET,
    PAPER_RATES,
    PARTLY,
    REPRODUCED,
    SHORT,
    Seeds,
    counted,
    gains,
    loss,
    savings,
    trunks,
)
from repro.experiments.claims.loss import BASELINE, HALVED, NO_LPIPS, PAPER, STANDARD
from repro.experiments.claims.verdicts import paper_gains
from repro.experiments.settings import Variant

#: The paper's range of rates, in its own counting, and higher rates, for a plot.
WIDER_RATES = (*PAPER_RATES, 0.46, 0.50, 0.55, 0.60)
#: Bits per pixel of the file at which learned tables must beat plain JPEG.
MATCHED_RATES = (0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
#: Our best tables; the same tables, the paper's encoder and the baseline's, all with the paper's rounding.
TABLES, TABLES_THIRD = (Variant("tables", rounding).series for rounding in ("straight-through", "third-order"))
PAPER_THIRD, BASELINE_THIRD = (Variant("vgg16", "third-order", sigma=s).series for s in (1000.0, 0.0))
#: The lines of chapter 5's first plot.
MAIN_LINES = (STANDARD, "pillow-420-progressive", "mozjpeg-420", "jpegli-420", TABLES, PAPER)


class Comparison(NamedTuple):
    """Two series and the label of their comparison in plots and tables. ``counting`` says how the test's bits count."""

    label: str
    anchor: str
    test: str
    counting: str = "bpp"


#: Chapter 5: glue name → comparison. Plain JPEG is sequential, so its comparison counts the tables' sequential files.
ENCODERS = {
    "tables_plain": Comparison("learned tables\nagainst plain JPEG", STANDARD, TABLES, "bpp_sequential"),
    "tables_pillow420": Comparison("learned tables\nagainst JPEG 4:2:0, progressive", "pillow-420-progressive", TABLES),
    "tables_mozjpeg": Comparison("learned tables\nagainst mozjpeg", "mozjpeg-420", TABLES),
    "tables_jpegli": Comparison("learned tables\nagainst jpegli", "jpegli-420", TABLES),
    "rounding": Comparison("tables, straight-through\nagainst the paper's rounding", TABLES_THIRD, TABLES),
    "attention": Comparison("VGG against tables", TABLES, PAPER),
    "attention_third": Comparison("VGG against tables,\nboth the paper's rounding", TABLES_THIRD, PAPER_THIRD),
}
LOSS_TERMS = {
    "loss": Comparison("MS-SSIM in the loss\nagainst the baseline", BASELINE, PAPER),
    "loss_third": Comparison("the same,\nboth the paper's rounding", BASELINE_THIRD, PAPER_THIRD),
    "halved": Comparison("half the weights\nagainst the baseline", BASELINE, HALVED),
    "replaced": Comparison("MS-SSIM for LPIPS\nagainst the baseline", BASELINE, NO_LPIPS),
    "doubled": Comparison("all weights\nagainst half of them", HALVED, PAPER),
}
#: Chapter 6: ResNet against VGG at both depths.
RESNETS = {
    f"block{block}_{words.partition(' ')[0]}": Comparison(f"ResNet block {block}\nagainst VGG, {words}", vgg, resnet)
    for words, sigma in (("without MS-SSIM", 0.0), ("with MS-SSIM", 1000.0))
    for vgg, *resnets in [trunks.names(sigma)]
    for block, resnet in zip((1, 7), resnets, strict=True)
}
_TRAINED, _RANDOM, _RANDOM_TRAINED = (
    Variant("vgg16", trunk_trained=trained, pretrained=pretrained).series
    for trained, pretrained in ((True, True), (False, False), (True, False))
)
#: Chapter 9: what training the trunk and pretraining it are worth, at two λ.
NETWORKS = {
    "trained": Comparison("VGG, trunk trained\nagainst frozen", PAPER, _TRAINED),
    "random": Comparison("VGG, random and frozen\nagainst pretrained and frozen", PAPER, _RANDOM),
    "random_trained": Comparison("VGG, random and trained\nagainst pretrained and trained", _TRAINED, _RANDOM_TRAINED),
    "trained_tables": Comparison("VGG, trunk trained\nagainst tables alone", TABLES, _TRAINED),
    "resnet_trained": Comparison(
        "ResNet block 7, trunk trained\nagainst frozen",
        Variant("resnet152-block7").series,
        Variant("resnet152-block7", trunk_trained=True).series,
    ),
}


def compare(curves: Seeds, comparisons: Mapping[str, Comparison]) -> dict[str, dict[str, BDRate]]:
    """Label → metric → BD-rate of the test encoder."""
    return {c.label: savings(curves[c.anchor], counted(curves[c.test], c.counting)) for c in comparisons.values()}


def words(names: Iterable[str], compared: Mapping[str, Mapping[str, BDRate]]) -> dict[str, str]:
    """For glue: ``{name}_{metric}`` → the saving in words, and ``{name}_{metric}_brief`` without its interval."""
    rows = zip(names, compared.values(), strict=True)
    each = {f"{name}_{metric}": found for name, row in rows for metric, found in row.items()}
    said = {name: in_words(found) for name, found in each.items()}
    return said | {f"{name}_brief": briefly(found) for name, found in each.items()}


def in_words(found: BDRate) -> str:
    """ "12.3 % fewer bits (95 % interval 10.1 to 14.2)"; "about as many bits (…)" if the interval holds zero.

    "no quality in common" if no photo can be compared.
    """
    if math.isnan(found.mean):
        return "no quality in common"
    if found.low <= 0 <= found.high:
        return f"about as many bits ({found.mean:+.1f} %, 95 % interval {found.low:+.1f} to {found.high:+.1f})"
    low, high = sorted((abs(found.low), abs(found.high)))
    word = "fewer" if found.mean < 0 else "more"
    return f"{abs(found.mean):.1f} % {word} bits (95 % interval {low:.1f} to {high:.1f})"


def briefly(found: BDRate) -> str:
    """:func:`in_words` without the interval, for a page that repeats another page's result: "12.3 % fewer bits"."""
    return in_words(found).partition(" (")[0]


def same_coding(curves: Seeds) -> tuple[list[Curve], list[Curve]]:
    """(Pillow 4:4:4, learned tables), seed by seed, both as sequential files with Huffman tables made for them."""
    return as_seeds(curves[STANDARD]), counted(curves[TABLES], "bpp_sequential")


def matched_gains(curves: Seeds) -> list[Gain]:
    """Gains of learned tables over plain JPEG at :data:`MATCHED_RATES`, in the :func:`same_coding`.

    Only the first seed counts: the others have fewer λ, so all seeds together would reach fewer rates.
    """
    (plain, *_), (learned, *_) = same_coding(curves)
    return gains(plain, learned, MATCHED_RATES)


def tables_beat_plain(found: Sequence[Gain]) -> str:
    """A sentence that says whether learned tables gain in all three metrics at all of :data:`MATCHED_RATES`."""
    asked = len(METRICS) * len(MATCHED_RATES)
    better, clear = sum(g.mean > 0 for g in found), sum(g.clear > 0 for g in found)
    if clear == asked:
        return "Yes: every gain is above zero, and so is its whole interval."
    unknown = asked - len(found)
    return f"{better} of {asked} gains are above zero, {clear} with their whole interval; {unknown} are unknown."


def ms_ssim_helps(curves: Seeds) -> tuple[str, str]:
    """Chapter 5's question answered for the paper's encoder (VGG attention): a sentence, and its evidence."""
    better, harmless = loss.judge_ms_ssim(curves), loss.judge_harmless(curves)
    saved = savings(curves[BASELINE], curves[PAPER])  # over all qualities that both reach, in bits of the file
    bits = ", ".join(f"{in_words(saved[metric])} at equal {SHORT[metric]}" for metric in METRICS)
    evidence = f"At equal rate, {better.evidence}; {harmless.evidence}. In bits of the file itself: {bits}."
    if better.verdict == NOT_YET:
        return "Unknown: our curves do not reach the paper's range.", evidence
    answer = {
        REPRODUCED: "Yes, it raises MS-SSIM at every rate of the paper's range that our curves reach",
        PARTLY: "In part: it raises MS-SSIM at some rates of the paper's range",
        NOT: "No, it does not raise MS-SSIM",
    }[better.verdict]
    others = [metric for metric in METRICS if metric != "ms_ssim"]
    lost = {g.metric for g in paper_gains(curves, BASELINE, PAPER, metrics=others) if g.clear < 0}
    by_rate = [f"in {SHORT[m]}" for m in others if m in lost]
    by_file = [f"(in bits of the file) in {SHORT[m]}" for m in others if m not in lost and saved[m].low > 0]
    paid = " and ".join(by_rate + by_file)
    price = f"and it costs something {paid}" if paid else "and costs nothing in MSE and LPIPS"
    if harmless.verdict == NOT:
        price = "and it makes MSE and LPIPS worse"
    return f"{answer}, {price}.", evidence
