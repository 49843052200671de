"""Section 6.5: ResNet-152 in place of VGG, without MS-SSIM in the loss (Figs. 8 and 9) and with it (Fig. 10)."""

from __future__ import annotations

from collections.abc import Iterable

from repro.evaluation import Gain
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.claim import NOT, NOT_YET, REPRODUCED, Judgement, claim, seeds
from repro.experiments.claims.loss import PORTRAIT_RATE, STANDARD
from repro.experiments.claims.own_rate import OwnRate
from repro.experiments.claims.verdicts import Seeds, judgement, paper_gains
from repro.experiments.paper import RESNETS
from repro.experiments.settings import Variant

#: Rates at which the paper finds ResNet lower without MS-SSIM in the loss, and better with it.
LOWER_RATES = (0.26, 0.27, 0.28, 0.29, 0.30, 0.31)
BETTER_RATES = (0.30, 0.32, 0.34, 0.36, 0.38)
_SHORT = {"vgg16": "VGG", "resnet152-block1": "ResNet block 1", "resnet152-block7": "ResNet block 7"}


def names(sigma: float) -> tuple[str, ...]:
    """The series of VGG and of ResNet at both depths, with the weight ``sigma`` of MS-SSIM in the loss."""
    return tuple(Variant(method, sigma=sigma).series for method in ("vgg16", *RESNETS))


@claim(6, "6.5, Fig. 8", "VGG and ResNet: “both methods are better than the traditional JPEG method”", figure="8")
def judge_standard(curves: Seeds) -> Judgement:
    """Each of the three, without MS-SSIM in the loss, is better than standard JPEG."""
    found = {_SHORT[m]: paper_gains(curves, STANDARD, s) for m, s in zip(_SHORT, names(0.0), strict=True)}
    return judgement(v.together(map(v.wins, found.values())), found)


@claim(7, "6.5, Fig. 8", "in MSE and LPIPS, ResNet and VGG are “almost identical”", figure="8")
def judge_alike(curves: Seeds) -> Judgement:
    """ResNet's means are within 2 % of VGG's, at one depth or the other."""
    vgg, *resnets = names(0.0)
    found = _both("{}", (paper_gains(curves, vgg, name, metrics=["mse", "lpips"]) for name in resnets))
    largest = {name: _largest(gains) for name, gains in found.items()}
    evidence = f"against VGG, largest difference: {'; '.join(f'{n} {words}' for n, words in largest.items())}"
    said = f"{evidence} ({v.rates_in_words(found)})" if any(found.values()) else v.UNREACHED
    return Judgement(v.either(map(v.alike, found.values())), said, v.effects(found))


@claim(8, "6.5, Fig. 8", "in MS-SSIM, “the score of ResNet is lower than VGG in bpp interval [0.26, 0.31]”", figure="8")
def judge_lower(curves: Seeds) -> Judgement:
    """VGG is better at every rate than ResNet at one depth or the other."""
    vgg, *resnets = names(0.0)
    found = _both("VGG against {}", (paper_gains(curves, name, vgg, LOWER_RATES, ["ms_ssim"]) for name in resnets))
    return judgement(v.either(map(v.wins, found.values())), found)


@claim(9, "6.5, Fig. 9", "“no obvious difference in raw eyes at the same bit rate”", figure="9", on=seeds("8"))
def judge_eyes(curves: Seeds) -> Judgement:
    """In colour, block edges and LPIPS there is no clear difference, or none above 2 %."""
    vgg, *resnets = names(0.0)
    seen = ["lpips", "mse_chroma", "blocking"]
    found = _both("{}", (paper_gains(curves, vgg, name, [PORTRAIT_RATE], seen) for name in resnets))
    every = [g for gains in found.values() for g in gains]
    apart = [REPRODUCED if g.clear == 0 or abs(g.mean) <= 0.02 * abs(g.anchor) else NOT for g in every]
    verdict = v.together(apart) if all(found.values()) else NOT_YET
    return judgement(verdict, found, "by metrics, not by eye: ")


@claim(
    10,
    "6.5, Fig. 10",
    "“after adding MS-SSIM, ResNet performs better than VGG in the bpp interval [0.3 to 0.38]”",
    figure="10",
    twice=True,
)
def judge_better(curves: Seeds | OwnRate) -> Judgement:
    """ResNet is better in all three metrics, at one depth or the other."""
    vgg, *resnets = names(1000.0)
    found = _both("{} against VGG", (paper_gains(curves, vgg, name, BETTER_RATES) for name in resnets))
    return judgement(v.either(map(v.wins, found.values())), found)


@claim(
    11,
    "6.5, 7",
    "combining ResNet and MS-SSIM gives “a better overall performance than the two changes alone”",
    figure="10",
)
def judge_both(curves: Seeds) -> Judgement:
    """Both changes together beat each alone in MS-SSIM, at no cost in the others, at one depth or the other."""
    found, verdicts = {}, []
    for method in RESNETS:
        both, alone = Variant(method).series, (Variant("vgg16").series, Variant(method, sigma=0.0).series)
        each = [paper_gains(curves, one, both) for one in alone]
        verdicts.append(v.improves([g for part in each for g in part] if all(each) else []))
        for against, gains in zip(("VGG", "itself without MS-SSIM"), each, strict=True):
            found[f"{_SHORT[method]} against {against}"] = gains
    return judgement(v.either(verdicts), found)


def _both(label: str, found: Iterable[list[Gain]]) -> dict[str, list[Gain]]:
    """The gains of both depths, named by ``label`` with the name of the depth filled in."""
    return {label.format(_SHORT[m]): gains for m, gains in zip(RESNETS, found, strict=True)}


def _largest(found: list[Gain]) -> str:
    """The largest of the gains by absolute value, in per cent of the anchor's: "-1.4 %"."""
    relative = [100 * g.mean / abs(g.anchor) for g in found]
    return f"{max(relative, key=abs):+.1f} %" if relative else "unknown"
