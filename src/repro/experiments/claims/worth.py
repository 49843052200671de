"""What the paper does not ask: what of the gain is the tables', the network's, its training's, the rounding's."""

from __future__ import annotations

from repro.evaluation import BDRate, Curve
from repro.evaluation.bdrate import Curves
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.loss import PAPER, PAPER_THIRD, STANDARD, Seeds
from repro.experiments.settings import Variant

#: Our best tables, and those of the paper's rounding.
TABLES, TABLES_THIRD = Variant("tables").series, Variant("tables", "third-order").series
#: The lines of chapter 5's first plot.
MAIN = (STANDARD, "pillow-420-progressive", "mozjpeg-420", "jpegli-420", TABLES, PAPER)
#: Where learned tables have to beat plain JPEG, in bits of the file.
MATCHED_RATES = (0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)


def same_coding(curves: Seeds) -> tuple[Curves, Curves]:
    """(Pillow 4:4:4, learned tables), both as sequential files with Huffman tables made for them."""
    return curves[STANDARD], v.counted(curves[TABLES], "bpp_sequential")


def comparisons(curves: Seeds) -> dict[str, dict[str, BDRate]]:
    """The BD-rates that chapter 5 draws, under what is compared, the test encoder first."""
    plain, sequential = same_coding(curves)
    ours = curves[TABLES]
    rows = {
        "learned tables\nagainst plain JPEG": (plain, sequential),
        "learned tables\nagainst JPEG 4:2:0, progressive": (curves["pillow-420-progressive"], ours),
        "learned tables\nagainst mozjpeg": (curves["mozjpeg-420"], ours),
        "learned tables\nagainst jpegli": (curves["jpegli-420"], ours),
        "tables, straight-through\nagainst the paper's rounding": (curves[TABLES_THIRD], ours),
        "VGG against tables": (ours, curves[PAPER]),
        "VGG against tables,\nboth the paper's rounding": (curves[TABLES_THIRD], curves[PAPER_THIRD]),
    }
    return {label: v.savings(anchor, test) for label, (anchor, test) in rows.items()}


#: Glue names of the rows of :func:`comparisons`.
ROW_NAMES = {
    "learned tables\nagainst plain JPEG": "tables_plain",
    "learned tables\nagainst JPEG 4:2:0, progressive": "tables_pillow420",
    "learned tables\nagainst mozjpeg": "tables_mozjpeg",
    "learned tables\nagainst jpegli": "tables_jpegli",
    "tables, straight-through\nagainst the paper's rounding": "rounding",
    "VGG against tables": "attention",
    "VGG against tables,\nboth the paper's rounding": "attention_third",
}


def numbers(curves: Seeds, compared: dict[str, dict[str, BDRate]]) -> dict[str, str]:
    """What the prose of chapter 5 and the start page say, by glue name: savings in words, and answers."""
    named = {ROW_NAMES[label]: row for label, row in compared.items()}
    return v.numbers_of(named) | {"must_reach": tables_beat_plain(curves)}


def first_seed(curves: Seeds) -> tuple[Curve, Curve]:
    """:func:`same_coding` of the first seed: the others have fewer λ, so that all together reach fewer rates."""
    plain, learned = ([of] if isinstance(of, Curve) else of for of in same_coding(curves))
    return plain[0], learned[0]


def matched_gains(curves: Seeds) -> list[v.Gain]:
    """What learned tables of the :func:`first_seed` gain over plain JPEG at :data:`MATCHED_RATES`."""
    plain, learned = first_seed(curves)
    return v.gains(plain, learned, MATCHED_RATES)


def tables_beat_plain(curves: Seeds) -> str:
    """Whether learned tables gain in all three metrics at every one of :data:`MATCHED_RATES`, in a sentence."""
    found, asked = matched_gains(curves), len(v.METRICS) * len(MATCHED_RATES)
    unknown = asked - len(found)
    if not found:
        return f"Not tested: all {asked} comparisons lie outside of the curves."
    if not unknown and all(g.clear > 0 for g in found):
        return "Yes: every gain is above zero, and so is its whole interval."
    if not unknown and all(g.mean > 0 for g in found):
        open_ones = sum(g.clear <= 0 for g in found)
        return f"Yes in the mean, though {open_ones} of {asked} intervals hold zero."
    lost = [f"{v.SHORT[g.metric]} at {g.bpp:.2f} bpp" for g in found if g.mean <= 0]
    short = f" {unknown} of {asked} comparisons lie outside of the curves." if unknown else ""
    return f"No: no gain in {', '.join(lost)}.{short}" if lost else f"Yes, wherever the curves reach.{short}"


def network_comparisons(curves: Seeds) -> dict[str, dict[str, BDRate]]:
    """What a network's training and its start are worth, at two λ: BD-rates, the test encoder first.

    ``curves`` of "ours" and of Figs. 5 and 10.
    """
    frozen, trained = curves[PAPER], curves[Variant("vgg16", trunk_trained=True).series]
    random, both = (curves[Variant("vgg16", trunk_trained=t, pretrained=False).series] for t in (False, True))
    deep = Variant("resnet152-block7").series
    rows = {
        "VGG, trunk trained\nagainst frozen": (frozen, trained),
        "VGG, random and frozen\nagainst pretrained and frozen": (frozen, random),
        "VGG, random and trained\nagainst pretrained and trained": (trained, both),
        "VGG, trunk trained\nagainst tables alone": (curves[TABLES], trained),
        "ResNet block 7, trunk trained\nagainst frozen": (
            curves[deep],
            curves[Variant("resnet152-block7", trunk_trained=True).series],
        ),
    }
    return {label: v.savings(anchor, test) for label, (anchor, test) in rows.items()}


def named_parts(parts: dict[str, dict[str, BDRate]]) -> dict[str, dict[str, BDRate]]:
    """The rows of :func:`network_comparisons` by glue name, in its order."""
    names = ("trained", "random", "random_trained", "trained_tables", "resnet_trained")
    return dict(zip(names, parts.values(), strict=True))


def attention_saving(curves: Seeds) -> dict[str, BDRate]:
    """What frozen VGG attention needs against tables alone, metric by metric, all seeds."""
    return v.savings(curves[TABLES], curves[PAPER])
