"""Section 6.5: ResNet-152 in the place of VGG, without MS-SSIM in the loss (Figs. 8 and 9) and with it (Fig. 10)."""

from __future__ import annotations

from repro.evaluation import Gain
from repro.experiments.claims import verdicts as v
from repro.experiments.claims.claim import NOT, NOT_YET, REPRODUCED, Judgement, claim, seeds
from repro.experiments.claims.loss import PORTRAIT_RATE, STANDARD
from repro.experiments.claims.verdicts import Seeds, describe, paper_gains
from repro.experiments.paper import RESNETS
from repro.experiments.settings import Variant

#: Ranges that the paper names: where ResNet is lower without MS-SSIM in the loss, and better with it.
LOWER_RATES = (0.26, 0.27, 0.28, 0.29, 0.30, 0.31)
BETTER_RATES = (0.30, 0.32, 0.34, 0.36, 0.38)
_SHORT = {"vgg16": "VGG", "resnet152-block1": "ResNet block 1", "resnet152-block7": "ResNet block 7"}


def names(sigma: float) -> tuple[str, ...]:
    """The curves of VGG and of both depths of ResNet, with or without MS-SSIM in the loss."""
    return tuple(Variant(method, sigma=sigma).series for method in ("vgg16", *RESNETS))


@claim(
    6,
    "6.5, Fig. 8",
    "VGG and ResNet: “both methods are better than the traditional JPEG method”",
    figure="8",
    on=seeds("8"),
)
def judge_standard(curves: Seeds) -> Judgement:
    """Each of the three, without MS-SSIM in the loss, is better than standard JPEG."""
    found = [paper_gains(curves, STANDARD, name) for name in names(0.0)]
    evidence = "; ".join(f"{_SHORT[m]}: {describe(g)}" for m, g in zip(("vgg16", *RESNETS), found, strict=True))
    return Judgement(v.together(v.wins(g) for g in found), evidence)


@claim(7, "6.5, Fig. 8", "in MSE and LPIPS, ResNet and VGG are “almost identical”", figure="8", on=seeds("8"))
def judge_alike(curves: Seeds) -> Judgement:
    """Within 2 % of VGG, at one depth or the other."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, vgg, name, metrics=["mse", "lpips"]) for name in resnets]
    sizes = "; ".join(f"{_SHORT[m]} {_relative(g)}" for m, g in zip(RESNETS, found, strict=True))
    evidence = f"{_each('{} against VGG', found)}; gains in per cent: {sizes}"
    return Judgement(v.either(v.alike(g) for g in found), evidence)


@claim(
    8,
    "6.5, Fig. 8",
    "in MS-SSIM, “the score of ResNet is lower than VGG in bpp interval [0.26, 0.31]”",
    figure="8",
    on=seeds("8"),
)
def judge_lower(curves: Seeds) -> Judgement:
    """VGG is better at every rate than one depth or the other."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, name, vgg, LOWER_RATES, ["ms_ssim"]) for name in resnets]
    return Judgement(v.either(v.wins(g) for g in found), _each("VGG against {}", found))


@claim(9, "6.5, Fig. 9", "“no obvious difference in raw eyes at the same bit rate”", figure="9", on=seeds("8"))
def judge_eyes(curves: Seeds) -> Judgement:
    """Colour, block edges and LPIPS: none clearly apart, or by no more than 2 %."""
    vgg, *resnets = names(0.0)
    found = [paper_gains(curves, vgg, n, [PORTRAIT_RATE], ["lpips", "mse_chroma", "blocking"]) for n in resnets]
    apart = [REPRODUCED if g.clear == 0 or abs(g.mean) <= 0.02 * abs(g.anchor) else NOT for f in found for g in f]
    evidence = f"measured over all photos: {_each('{}', found)}"
    return Judgement(v.together(apart) if all(found) else NOT_YET, evidence)


@claim(
    10,
    "6.5, Fig. 10",
    "“after adding MS-SSIM, ResNet performs better than VGG in the bpp interval [0.3 to 0.38]”",
    figure="10",
    on=seeds("10"),
)
def judge_better(curves: Seeds) -> Judgement:
    """Better in all three metrics, at one depth or the other."""
    vgg, *resnets = names(1000.0)
    found = [paper_gains(curves, vgg, name, BETTER_RATES) for name in resnets]
    return Judgement(v.either(v.wins(g) for g in found), _each("{} against VGG", found))


@claim(
    11,
    "6.5, 7",
    "combining ResNet and MS-SSIM gives “a better overall performance than the two changes alone”",
    figure="10",
    on=seeds("10"),
)
def judge_both(curves: Seeds) -> Judgement:
    """Both changes together beat each alone, in MS-SSIM, and cost nothing in the others."""
    found = []
    for method in RESNETS:
        both, alone = Variant(method).series, (Variant("vgg16").series, Variant(method, sigma=0.0).series)
        each = [paper_gains(curves, one, both) for one in alone]
        found.append([g for part in each for g in part] if all(each) else [])
    evidence = _each("{} with MS-SSIM against VGG with, and itself without", found)
    return Judgement(v.either(v.improves(g) for g in found), evidence)


def _each(label: str, found: list[list[Gain]]) -> str:
    """The evidence of both depths, ``label`` with the name of each."""
    return "; ".join(f"{label.format(_SHORT[m])}: {describe(g)}" for m, g in zip(RESNETS, found, strict=True))


def _relative(found: list[Gain]) -> str:
    """The middle and the extremes of the gains in per cent, "+1.2 % (−0.3 to +2.0 %)"."""
    if not found:
        return "no rate in common"
    relative = sorted(100 * g.mean / abs(g.anchor) for g in found)
    return f"{relative[len(relative) // 2]:+.1f} % ({relative[0]:+.1f} to {relative[-1]:+.1f} %)"
